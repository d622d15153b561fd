"""The link of the gateway to a worker of an ASGI application: frames in, exchanges and their tasks out. The worker's hot path.

Runs on the event loop. One read brings the requests of many clients. Each request starts in place (an eager task), so most are
answered at the end of the read, and all that was written by then leaves in one write. When requests compute for long, it leaves
earlier: before the next request starts (``_HOLD``). What is written after the read leaves at the end of the loop's turn.
Invariants: the link is always read. Credit bounds what the gateway can make us keep. A gateway that breaks the rules loses the link.
Not here: what is written (``connection.py``), what a message means (``http.py``, ``websocket.py``), who listens (``worker.py``).
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from asyncio import Task
from time import perf_counter
from typing import Any, Callable, Dict, List, Optional, Protocol, Set

from .. import __version__
from ..output.log import report
from ..output.streams import task_request
from ..system import osprocess
from ..wire import framing, multiplex
from ..wire.framing import WireError
from .connection import Connection
from .exchange import COMPLETE, Exchange
from .http import HttpExchange
from .scopes import Scopes
from .websocket import WebSocketExchange

#: Seconds. What was written waits at most this long for the rest of its batch; looked at before each request.
_HOLD = 1e-3
#: Bytes that the gateway has not read. Beyond that `send` waits, whatever the credit; a gateway that runs reads them at once.
_CONGESTED = 4 * 1024 * 1024
_set_request = task_request.set
#: Whether a task can begin at once, within the call that makes it.
_HAS_EAGER = sys.version_info >= (3, 12)

_frame_at = multiplex.FRAME.unpack_from
_request_at = multiplex.REQUEST_HEAD.unpack_from
_FRAME_HEADER = multiplex.FRAME_HEADER
_REQUEST_HEAD = multiplex.REQUEST_HEAD.size
_REQUEST_FIXED = multiplex.REQUEST_FIXED
_REQUEST = framing.REQUEST
_BODY_FOLLOWS = framing.REQUEST_BODY_FOLLOWS


class LinkOwner(Protocol):
    """What a link needs of the worker that it belongs to."""

    application: Callable[..., Any]
    number: int
    slots: int
    offers_files: bool
    loop: asyncio.AbstractEventLoop
    scopes: Scopes
    running: Set[Exchange]
    links: "Set[Link]"
    most_links: int
    has_threads: bool

    def left(self, exchange: Exchange) -> None: ...

    def link_closed(self, link: "Link") -> None: ...


class Link(Connection):
    def __init__(self, worker: LinkOwner) -> None:
        super().__init__(worker.loop)
        self.worker = worker
        #: The exchanges that the gateway knows, by number.
        self.exchanges: Dict[int, HttpExchange] = {}
        self.offers_files = worker.offers_files
        self._is_greeted = False
        self._held_since = 0.0
        #: The beginning of a frame, and how many bytes of the frame have not come.
        self._pieces: List[bytes] = []
        self._missing = 0

    # -- the connection

    def connection_made(self, transport: Any) -> None:
        if len(self.worker.links) >= self.worker.most_links:
            report("a link of the gateway was refused: %d are open" % len(self.worker.links))
            transport.abort()
            return
        self.transport = transport
        transport.set_write_buffer_limits(high=_CONGESTED)
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, framing.SEND_BUFFER)
        osprocess.finish_before_peer(connection, self.worker.has_threads)
        self.worker.links.add(self)
        self.write(multiplex.hello(__version__, self.worker.number, self.worker.slots))

    def connection_lost(self, _error: Optional[Exception]) -> None:
        self.transport = None
        for exchange in list(self.exchanges.values()):
            exchange.gone()
        self.worker.link_closed(self)

    def _abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def forget(self) -> None:
        """In a forked process: the connection belongs to the parent."""
        transport, self.transport = self.transport, None
        if transport is not None:
            try:
                os.close(transport.get_extra_info("socket").fileno())
            except (OSError, AttributeError):
                pass  # the application may have closed what was not its own

    def left(self, exchange: Exchange) -> None:
        """The task of an exchange has ended."""
        self.worker.left(exchange)

    def pause_writing(self) -> None:
        self.is_congested = True

    def resume_writing(self) -> None:
        self.is_congested = False
        for exchange in list(self.exchanges.values()):
            if exchange.waiters:
                exchange.wake()

    # -- reading

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._pieces.append(data)
            self._missing -= len(data)
            if self._missing > 0:
                return
            data = b"".join(self._pieces)
            self._pieces.clear()
            self._missing = 0
        # A call of `_flush` that is due already comes later, and finds nothing left.
        self._will_flush = True
        self._held_since = perf_counter()
        try:
            self._read(data)
        except WireError as error:
            _set_request(b"")
            report("the link to the gateway was closed: %s" % error)
            self._abort()
        except BaseException:
            # A signal handler of the application raised it, or it is an error of ours: where the next frame begins is unknown.
            self._abort()
            raise
        finally:
            _set_request(b"")
            self._flush()

    def _read(self, data: bytes) -> None:
        position = 0
        size = len(data)
        while size - position >= _FRAME_HEADER:
            start = position
            if size - start >= _REQUEST_HEAD:
                length, kind, number, flags, head_length, names_length = _request_at(data, start)
            else:
                length, kind, number = _frame_at(data, start)
            position = start + _FRAME_HEADER + length
            if position > size:
                if length > framing.MAX_PAYLOAD:
                    raise WireError("a frame of %d bytes" % length)
                self._keep(data[start:], position - size)
                return
            if kind == _REQUEST and self._is_greeted:
                if length < _REQUEST_FIXED:
                    raise WireError("a request of %d bytes" % length)
                names_at = start + _REQUEST_HEAD
                values_at = names_at + names_length
                head_end = names_at + head_length
                if not values_at <= head_end <= position:
                    raise WireError("a request with a head longer than itself")
                self._request(data, number, flags, names_at, values_at, head_end, position)
            else:
                _set_request(b"")
                self._other(kind, number, data[start + _FRAME_HEADER : position])
        if position < size:
            self._keep(data[position:], _FRAME_HEADER - (size - position))

    def _keep(self, data: bytes, missing: int) -> None:
        self._pieces.append(data)
        self._missing = missing

    def _request(
        self, data: bytes, number: int, flags: int, names_at: int, values_at: int, head_end: int, end: int
    ) -> None:
        now = perf_counter()
        if self._out and now - self._held_since > _HOLD:
            self._write_out()
            self._held_since = now
        worker = self.worker
        try:
            scope = worker.scopes.make(data, names_at, values_at, head_end)
        except ValueError as error:
            raise WireError("a request whose head cannot be read: %r" % error) from None
        if number in self.exchanges:
            raise WireError("a request with the number of another one: %d" % number)
        if scope["type"] == "http":
            exchange = HttpExchange()
            if flags:
                if flags != _BODY_FOLLOWS:
                    raise WireError("request flags %d" % flags)
                body = None
            else:
                body = data[head_end:end] if head_end < end else b""
            exchange.begin(self, number, scope, body, now)
        else:
            exchange = WebSocketExchange()
            exchange.begin(self, number, scope, b"", now)
        # The task copies the context of this moment.
        _set_request(scope["headers"][0][1])
        coroutine = exchange.run(worker.application, scope)
        if _HAS_EAGER:
            task = Task(coroutine, loop=self.loop, eager_start=True)
            if task.done():
                return
        else:
            task = self.loop.create_task(coroutine)
        exchange.task = task
        worker.running.add(exchange)
        if exchange.state is not COMPLETE:
            self.exchanges[number] = exchange

    def _other(self, kind: int, number: int, payload: bytes) -> None:
        if not self._is_greeted:
            return self._greet(kind, payload)
        if kind == multiplex.PING:
            return self.write(multiplex.pong(_number(kind, payload)))
        exchange = self.exchanges.get(number)
        if exchange is None:
            return  # it has ended, and the gateway did not know that yet
        if kind == multiplex.CREDIT:
            exchange.add_credit(_number(kind, payload))
        elif kind == framing.BODY:
            exchange.add_content(payload)
        elif kind == framing.BODY_END and not payload:
            exchange.end_content()
        elif kind == multiplex.MESSAGE and isinstance(exchange, WebSocketExchange) and payload:
            exchange.add_message(payload[0], payload[1:])
        elif kind == framing.FILE_OPENED:
            exchange.file_opened = framing.parse_opened(payload)
            exchange.wake()
        elif kind == multiplex.DISCONNECT and len(payload) >= 2:
            exchange.disconnected(int.from_bytes(payload[:2], "little"), payload[2:].decode("utf-8", "replace"))
        elif kind == multiplex.CANCEL and not payload:
            exchange.cancel()
        else:
            raise WireError("frame %d of %d bytes where none is expected" % (kind, len(payload)))

    def _greet(self, kind: int, payload: bytes) -> None:
        build = framing.parse_hello(payload) if kind == framing.HELLO else None
        if build is None:
            raise WireError("frame %d instead of the gateway's hello" % kind)
        if build != __version__:
            raise WireError("the gateway is build %s, this worker is build %s: restart jumak" % (build, __version__))
        self._is_greeted = True


def _number(kind: int, payload: bytes) -> int:
    if len(payload) != 4:
        raise WireError("frame %d of %d bytes" % (kind, len(payload)))
    return int.from_bytes(payload, "little")
