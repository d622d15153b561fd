"""The link of a gateway to a worker of an ASGI application: frames in, exchanges and their tasks out. The worker's hot path.

Runs on the event loop. One read brings the requests of many clients. Each is started in place (an eager task), so most have
answered when the read is used up, and all that was written meanwhile leaves in one write; what is written later leaves at the
end of the loop's turn. Neither is held while a request computes for long.
Invariants: the link is always read; what the other side may make us keep is bounded by credit. A gateway that breaks the rules
loses the link. Not here: what a message means (``http.py``, ``websocket.py``), who listens (``worker.py``).
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from asyncio import Task
from time import perf_counter
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from .. import __version__
from ..wire import framing, multiplex
from ..process import osprocess
from .http import HttpExchange
from .websocket import WebSocketExchange
from ..process.errors import report
from .exchange import COMPLETE
from ..process.output import task_request
from ..wire.framing import WireError

if TYPE_CHECKING:
    from .worker import AsgiWorker

#: What was written waits at most this long (seconds) for the rest of its batch, judged before each request.
_HOLD = 1e-3
#: Content of many exchanges in one turn leaves in writes of about this size.
_EARLY_FLUSH = 32 * 1024
#: Bytes that the gateway has not read: then `send` waits, whatever the credit. A gateway that runs takes them at once.
_CONGESTED = 4 * 1024 * 1024
_set_request = task_request.set
#: Tasks that begin at once, within the call that makes them.
_HAS_EAGER = sys.version_info >= (3, 12)

_frame_at = multiplex.FRAME.unpack_from
_request_at = multiplex.REQUEST_HEAD.unpack_from
_FRAME_HEADER = multiplex.FRAME_HEADER
_REQUEST_HEAD = multiplex.REQUEST_HEAD.size
_REQUEST_FIXED = multiplex.REQUEST_FIXED
_REQUEST = framing.REQUEST
_BODY_FOLLOWS = framing.REQUEST_BODY_FOLLOWS
_pack_response = multiplex.RESPONSE_HEAD.pack
_RESPONSE = framing.RESPONSE
_RESPONSE_FIXED = multiplex.RESPONSE_FIXED
_MAX_MICROS = framing.MAX_MICROS


class Link(asyncio.Protocol):
    def __init__(self, worker: "AsgiWorker") -> None:
        self.worker = worker
        self.loop = worker.loop
        #: Those that the gateway knows: number → exchange.
        self.exchanges: Dict[int, HttpExchange] = {}
        #: The gateway does not read.
        self.is_congested = False
        #: None when the link is closed.
        self.transport: Any = None
        self._is_greeted = False
        #: Frames to write, their bytes, and whether somebody will.
        self._out: List[bytes] = []
        self._size = 0
        self._will_flush = False
        self._held_since = 0.0
        #: The begin of a frame, and how much of it has not come.
        self._pieces: List[bytes] = []
        self._missing = 0

    # -- the connection

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.set_write_buffer_limits(high=_CONGESTED)
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, framing.SEND_BUFFER)
        osprocess.finish_before_peer(connection)
        self.worker.links.add(self)
        self.write(multiplex.hello(__version__, self.worker.number, self.worker.slots))

    def connection_lost(self, _error: Optional[Exception]) -> None:
        self.transport = None
        for exchange in list(self.exchanges.values()):
            exchange.gone()
        self.worker.link_closed(self)

    def close(self) -> None:
        """By ourselves; what was written still leaves."""
        self._flush()
        if self.transport is not None:
            self.transport.close()

    def _abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def forget(self) -> None:
        """In a forked process: the connection is the parent's."""
        transport, self.transport = self.transport, None
        if transport is not None:
            try:
                os.close(transport.get_extra_info("socket").fileno())
            except (OSError, AttributeError):
                pass  # an application may have closed what was not its own

    def left(self, exchange: HttpExchange) -> None:
        self.worker.left(exchange)

    def pause_writing(self) -> None:
        self.is_congested = True

    def resume_writing(self) -> None:
        self.is_congested = False
        for exchange in list(self.exchanges.values()):
            if exchange.waiters:
                exchange.wake()

    # -- writing

    def write(self, frame: bytes) -> None:
        """A frame. Those of one turn of the loop leave together."""
        self._out.append(frame)
        self._added(len(frame))

    def complete(self, number: int, started_at: float, status: int, head: bytes, body: bytes) -> None:
        """A response with all its content. Its pieces are put together with those of its batch."""
        size = len(head)
        length = _RESPONSE_FIXED + size + len(body)
        micros = int((perf_counter() - started_at) * 1e6)
        if micros > _MAX_MICROS:
            micros = _MAX_MICROS
        fixed = _pack_response(length, _RESPONSE, number, status, True, micros, size)
        self._out += fixed, head, body
        self._added(length)

    def _added(self, size: int) -> None:
        self._size += size
        if self._size > _EARLY_FLUSH:
            self._write_out()
        elif not self._will_flush:
            self._will_flush = True
            self.loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._will_flush = False
        if self._out:
            self._write_out()

    def _write_out(self) -> None:
        out = self._out
        if self.transport is not None:
            self.transport.write(out[0] if len(out) == 1 else b"".join(out))
        out.clear()
        self._size = 0

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
        # Whoever has promised to write has its turn later, and finds nothing left.
        self._will_flush = True
        self._held_since = perf_counter()
        try:
            self._read(data)
        except WireError as error:
            _set_request(b"")
            report("the link to the gateway was closed: %s" % error)
            self._abort()
        except BaseException:
            # A signal handler of the application, or an error of ours: where the next frame begins is not known any more.
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
        # The task takes the context of now.
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
            return  # it has ended, the gateway did not know yet
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
