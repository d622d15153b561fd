"""The stream of one link that carries many exchanges: frames out, gathered into few writes, and how far the gateway is behind.

Runs on an event loop, or in the hub and the greenlets of gevent; the worker's hot path. What is written within one read, or one turn of
the loop, leaves in one write.
Invariant: after the transport has gone nothing is written, and nothing raises. Not here: what comes in (``link.py``).
"""

from __future__ import annotations

from time import perf_counter
from typing import Any, Callable, List

from ..wire import framing, multiplex

#: Content of many exchanges in one turn leaves in writes of about this size (bytes).
_EARLY_FLUSH = 32 * 1024

_pack_response = multiplex.RESPONSE_HEAD.pack
_RESPONSE = framing.RESPONSE
_RESPONSE_FIXED = multiplex.RESPONSE_FIXED
_MAX_MICROS = framing.MAX_MICROS


class Connection:
    def __init__(self, call_soon: Callable[[Callable[[], None]], Any]) -> None:
        """``call_soon``: calls a function in the next turn of the loop."""
        self._call_soon = call_soon
        #: The gateway does not read.
        self.is_congested = False
        #: Has ``write``, ``close`` and ``abort``, as asyncio's. None when the link is closed.
        self.transport: Any = None
        #: Frames to write, their bytes, and whether a call of `_flush` is due.
        self._out: List[bytes] = []
        self._size = 0
        self._will_flush = False

    def write(self, frame: bytes) -> None:
        """Writes a frame. The frames of one turn of the loop leave together."""
        self._out.append(frame)
        self._added(len(frame))

    def complete(self, number: int, started_at: float, status: int, head: bytes, body: bytes) -> None:
        """Writes a response with all its content. Its pieces are joined together with the rest of its batch."""
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
            self._call_soon(self._flush)

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

    def close(self) -> None:
        """Closes it from our side. What was written still leaves."""
        self._flush()
        if self.transport is not None:
            self.transport.close()
