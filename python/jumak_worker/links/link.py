"""A link of the gateway to a worker that runs many exchanges at once: frames in. The worker's hot path.

Runs on an event loop, or in gevent's hub. One read brings the requests of many clients. Each request starts in place, so most
are answered at the end of the read, and all that was written by then leaves in one write. When requests compute for long, it leaves
earlier: before the next request starts (``_HOLD``). What is written after the read leaves at the end of the loop's turn.
Invariants: the link is always read. Credit bounds what the gateway can make us keep. A gateway that breaks the rules loses the link.
Not here: what is written (``connection.py``), how a request is run and what its messages mean (``asgi/``, ``greenlets/``).
"""

from __future__ import annotations

from time import perf_counter
from typing import Any, Callable, Dict, List

from .. import __version__
from ..output.log import report
from ..wire import framing, multiplex
from ..wire.framing import WireError
from .connection import Connection

#: Seconds. What was written waits at most this long for the rest of its batch; looked at before each request.
_HOLD = 1e-3
#: Bytes that the gateway has not read. Beyond that whoever writes waits, whatever the credit; a gateway that runs reads them at once.
CONGESTED = 4 * 1024 * 1024
#: Links beyond those of the gateway's threads. While the application blocks the loop, a thread may die and come back many times, and
#: its old links are seen to be closed only afterwards. As many as asyncio lets wait.
SPARE_LINKS = 100

_frame_at = multiplex.FRAME.unpack_from
_request_at = multiplex.REQUEST_HEAD.unpack_from
_FRAME_HEADER = multiplex.FRAME_HEADER
_REQUEST_HEAD = multiplex.REQUEST_HEAD.size
_REQUEST_FIXED = multiplex.REQUEST_FIXED
_REQUEST = framing.REQUEST


class MultiplexedLink(Connection):
    def __init__(self, call_soon: Callable[[Callable[[], None]], Any]) -> None:
        super().__init__(call_soon)
        #: The exchanges that the gateway knows, by number.
        self.exchanges: Dict[int, Any] = {}
        self._is_greeted = False
        self._held_since = 0.0
        #: The beginning of a frame, and how many bytes of the frame have not come.
        self._pieces: List[bytes] = []
        self._missing = 0

    # -- for subclasses

    def request(
        self, data: bytes, number: int, flags: int, now: float, names_at: int, values_at: int, head_end: int, end: int
    ) -> None:
        """A REQUEST. Names, values and content are in ``data``: from ``names_at``, ``values_at``, and ``head_end`` to ``end``. ``now``:
        perf_counter. Raises WireError."""
        raise NotImplementedError

    def rare(self, exchange: Any, kind: int, payload: bytes) -> bool:
        """A frame that not every kind of exchange has. False: it is not expected."""
        return False

    def attach(self, token: int) -> None:
        """This connection is for the socket of a handshake. Raises WireError."""
        raise WireError("a connection for a socket that nobody has asked for")

    def between_requests(self) -> None:
        """What follows belongs to no request."""

    # -- the connection

    def connection_lost(self, _error: Any) -> None:
        self.transport = None
        for exchange in list(self.exchanges.values()):
            exchange.gone()

    def _abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

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
            self.between_requests()
            report("the link to the gateway was closed: %s" % error)
            self._abort()
        except BaseException:
            # A signal handler of the application raised it, or it is an error of ours: where the next frame begins is unknown.
            self._abort()
            raise
        finally:
            self.between_requests()
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
                if number in self.exchanges:
                    raise WireError("a request with the number of another one: %d" % number)
                now = perf_counter()
                if self._out and now - self._held_since > _HOLD:
                    self._write_out()
                    self._held_since = now
                self.request(data, number, flags, now, names_at, values_at, head_end, position)
            else:
                self.between_requests()
                self._other(kind, number, data[start + _FRAME_HEADER : position])
        if position < size:
            self._keep(data[position:], _FRAME_HEADER - (size - position))

    def _keep(self, data: bytes, missing: int) -> None:
        self._pieces.append(data)
        self._missing = missing

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
        elif kind == framing.FILE_OPENED:
            exchange.file_opened = framing.parse_opened(payload)
            exchange.wake()
        elif kind == multiplex.DISCONNECT and len(payload) >= 2:
            exchange.disconnected(int.from_bytes(payload[:2], "little"), payload[2:].decode("utf-8", "replace"))
        elif kind == multiplex.CANCEL and not payload:
            exchange.cancel()
        elif not self.rare(exchange, kind, payload):
            raise WireError("frame %d of %d bytes where none is expected" % (kind, len(payload)))

    def _greet(self, kind: int, payload: bytes) -> None:
        if kind == multiplex.ATTACH:
            return self.attach(_number(kind, payload))
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
