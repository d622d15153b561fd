"""The socket of one link: frames in, frames out, and complete responses that are held for the rest of their batch.

Runs in the thread of a slot; blocking. The hot path of the worker: one ``recv`` brings a batch of requests, one ``send`` takes their
responses. ``src/apps/wire/frames.ts`` says which responses may be held for a batch, and which never.
Invariants: held responses are sent before the thread waits for the gateway. After a failed read or write nothing more is sent: which part
of a frame has passed is unknown. Not here: what the frames mean (``link.py``).
"""

from __future__ import annotations

import os
import socket
from time import perf_counter
from typing import List, Optional

from ..output.log import report
from ..wire import framing
from ..wire.framing import LinkClosed, WireError
from . import ends

_RECEIVE = 64 * 1024
#: Seconds. A complete response waits at most this long for the next ones of its batch; looked at when each is complete.
_HOLD = 250e-6
#: As in ``src/apps/pool/dispatch-rules.ts``. Nothing is held before and after a request of another method, so that the gateway knows
#: which requests were never started.
IDEMPOTENT = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"))
#: Content up to this size is copied behind its frame header; more is sent from where it is.
_COPIED = 8 * 1024
#: Beyond this, held responses are sent before their batch is complete: so the bytes stay in the processor's cache.
_MAX_HELD = 32 * 1024
#: Less content in all is copied together; more is sent from where it is. One system call takes at most 1,024 pieces.
_GATHERED = 8 * 1024
_MAX_PIECES = 1000

_frame_at = framing.FRAME.unpack_from
_pack_response = framing.RESPONSE_HEAD.pack
_FRAME_HEADER = framing.FRAME_HEADER
_RESPONSE = framing.RESPONSE
_RESPONSE_FIXED = framing.RESPONSE_FIXED
_MAX_MICROS = framing.MAX_MICROS


class Connection:
    #: A request has a thread, not a greenlet.
    is_thread = True
    watch = staticmethod(ends.watch)

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        #: What was received. Everything before `_position` is used up; the last frame begins at `_start`.
        self._data = b""
        self._start = 0
        self._position = 0
        #: Complete responses, in pieces, which wait for the next ones.
        self.held: List[bytes] = []
        self._held_since = 0.0
        #: Bytes of content in them.
        self._held_size = 0
        #: Nothing can be sent or read any more.
        self.is_closed = False
        #: A signal handler of the application wants the worker to leave.
        self._exit: Optional[SystemExit] = None

    # -- reading

    def _next_frame(self) -> int:
        """Waits for a whole frame and returns its type; `payload` is its content."""
        position = self._position
        have = len(self._data) - position
        if have < _FRAME_HEADER:
            self._receive(_FRAME_HEADER)
            position = 0
            have = len(self._data)
        length, kind = _frame_at(self._data, position)
        if have < _FRAME_HEADER + length:
            if length > framing.MAX_PAYLOAD:
                raise WireError("a frame of %d bytes" % length)
            self._receive(_FRAME_HEADER + length)
            position = 0
        self._start = position + _FRAME_HEADER
        self._position = self._start + length
        return kind

    def payload(self) -> bytes:
        return self._data[self._start : self._position]

    def _receive(self, wanted: int) -> None:
        """Reads until there are `wanted` bytes from `_position`, which becomes 0. Sends held responses first."""
        if self.held:
            self.flush()
        self._check_open()
        pieces = [self._data[self._position :]] if self._position < len(self._data) else []
        missing = wanted - sum(map(len, pieces))
        try:
            while missing > 0:
                piece = self._socket.recv(max(missing, _RECEIVE))
                if not piece:
                    self.is_closed = True
                    raise LinkClosed("the client has gone: the gateway closed the link")
                pieces.append(piece)
                missing -= len(piece)
        except BaseException as error:
            raise self.broken(error) from None
        self._data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._position = 0

    # -- writing

    def complete(self, method: str, started_at: float, status: int, head: bytes, body: bytes) -> None:
        """Sends a complete response, or holds it for its batch."""
        now = perf_counter()
        micros = int((now - started_at) * 1e6)
        if micros > _MAX_MICROS:
            micros = _MAX_MICROS
        held = self.held
        if not held:
            self._held_since = now
            self._held_size = 0
        size = len(head)
        length = len(body)
        self._held_size += length
        held += _pack_response(_RESPONSE_FIXED + size + length, _RESPONSE, status, True, micros, size), head, body
        if (
            self._position == len(self._data)
            or method not in IDEMPOTENT
            or now - self._held_since > _HOLD
            or self._held_size > _MAX_HELD
        ):
            self.flush()

    def after_close(self) -> None:
        """The application did more after its response was complete: held responses may be late."""
        if self.held and perf_counter() - self._held_since > _HOLD:
            self.flush()

    def flush(self) -> None:
        held = self.held
        if self._held_size < _GATHERED or len(held) > _MAX_PIECES:
            self.send(b"")
        else:
            self._gather(held)

    def _gather(self, pieces: list) -> None:
        """Sends what is bytes or views, without joining it, and clears the list."""
        self._check_open()
        try:
            rest = sum(map(len, pieces)) - self._socket.sendmsg(pieces)
            if rest:  # a signal came
                self._send_rest(pieces, rest)
        except BaseException as error:
            raise self.broken(error) from None
        finally:
            pieces.clear()

    def _send_rest(self, pieces: list, rest: int) -> None:
        """The last ``rest`` bytes."""
        left = []
        for piece in reversed(pieces):
            if rest <= 0:
                break
            view = memoryview(piece)
            left.append(view[max(0, len(view) - rest) :])
            rest -= len(view)
        for view in reversed(left):
            self._socket.sendall(view)

    def send(self, data: bytes) -> None:
        """Sends held responses and ``data`` at once."""
        try:
            if self.held:
                self.held.append(data)
                data = b"".join(self.held)
                self.held.clear()
            self._check_open()
            self._socket.sendall(data)
        except BaseException as error:
            raise self.broken(error) from None

    def inform(self, status: int, head: bytes) -> None:
        self.send(framing.inform(status, head))

    def send_head(self, status: int, head: bytes, content: bytes) -> None:
        """Begins a response whose content, or the rest of it, follows."""
        fits = len(content) <= framing.MAX_CHUNK
        self.send(framing.response(status, False, 0, head, content if fits else b""))
        if not fits:
            self.send_content(content)

    def end(self, micros: int) -> None:
        self.send(framing.end(micros))

    def failed(self, micros: int, reason: str, report_of: str) -> None:
        self.send(framing.failed(micros, reason, report_of))

    def send_content(self, data: bytes) -> None:
        """Sends CHUNK frames."""
        size = len(data)
        if size <= _COPIED:
            self.send(framing.chunk_header(size) + data)
            return
        if self.held:
            self.flush()
        view = memoryview(data)
        for start in range(0, size, framing.MAX_CHUNK):
            piece = view[start : start + framing.MAX_CHUNK]
            self._gather([framing.chunk_header(len(piece)), piece])

    def hand_over(self, flags: int) -> int:
        """Tells the gateway (TAKEN), and returns the only descriptor of the connection: it is the caller's from now on."""
        self.send(framing.taken(flags))
        self.is_closed = True
        return self._socket.detach()

    # -- the end

    def _check_open(self) -> None:
        """An application that has caught the error of a broken link goes on, and the socket itself may still work."""
        if self.is_closed:
            raise LinkClosed("the client has gone: the link is closed")

    def broken(self, error: BaseException) -> BaseException:
        """The link ends here, because a frame may have passed in part. Returns the error to raise in place of ``error``."""
        if isinstance(error, LinkClosed):
            return error
        was_closed, self.is_closed = self.is_closed, True
        if isinstance(error, OSError) and error.errno is not None:
            return LinkClosed("the client has gone: %s" % error)
        if isinstance(error, SystemExit):
            # Raised between two requests, or so near the end of one that it is not the request's own.
            self._exit = error
        elif not was_closed:
            # For example a time limit made with SIGALRM: its TimeoutError has no errno.
            report(
                "the link to the gateway was closed: a signal handler of the application raised %s"
                % type(error).__name__
            )
        return error
