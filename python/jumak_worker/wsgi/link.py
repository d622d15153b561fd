"""One link: the connection of a gateway to one slot (thread) of this worker. Blocking; one request after the other.

The hot path of the worker: one ``recv`` brings a batch of requests, one ``send`` takes their responses. What may be
held for a batch, and what never, is said in ``src/apps/wire/frames.ts``. Not here: what a response is (``wsgi.py``),
and where links come from (``lifecycle.py``).
"""

from __future__ import annotations

import socket
from io import BufferedReader, BytesIO
from threading import get_ident
from time import perf_counter
from typing import Callable, List, Optional, Tuple

from .. import __version__
from ..wire import framing
from .body import BUFFER, BodyStream
from .environ import Environs
from ..process.errors import report
from ..process.output import ThreadOutput, of_this_thread
from ..wire.framing import LinkClosed, WireError
from .application import Call

_RECEIVE = 64 * 1024
#: A complete response waits at most this long (seconds) for the next ones of its batch, judged at the end of each.
_HOLD = 250e-6
#: As in ``src/apps/pool/dispatch-rules.ts``. Before and after a request of another method nothing is held, so that the gateway
#: knows what was never started.
_IDEMPOTENT = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"))
#: Content up to this size is copied behind its frame header; more goes out from where it is.
_COPIED = 64 * 1024
#: So much content does not wait for more of its batch: what is in flight stays in the processor's cache.
_MAX_HELD = 32 * 1024
#: Less than this in all is copied together, more goes out from where it is; a system call takes 1,024 pieces at most.
_GATHERED = 8 * 1024
_MAX_PIECES = 1000

_frame_at = framing.FRAME.unpack_from
_request_at = framing.REQUEST_HEAD.unpack_from
_pack_response = framing.RESPONSE_HEAD.pack
_FRAME_HEADER = framing.FRAME_HEADER
_REQUEST = framing.REQUEST
_REQUEST_HEAD = framing.REQUEST_HEAD.size
_REQUEST_FIXED = _REQUEST_HEAD - _FRAME_HEADER
_BODY_FOLLOWS = framing.REQUEST_BODY_FOLLOWS
_RESPONSE = framing.RESPONSE
_RESPONSE_FIXED = framing.RESPONSE_FIXED
_MAX_MICROS = framing.MAX_MICROS


class Link:
    """``serve`` runs all requests of one connection; the rest is for the one that runs: its content, its response."""

    #: What the thread prints that runs ``serve``.
    output: ThreadOutput

    def __init__(self, sock: socket.socket, application: Callable, environs: Environs, worker: int, slots: int) -> None:
        self._socket = sock
        self._application = application
        self._environs = environs
        self._worker = worker
        self._slots = slots
        #: Received; what is before `_position` is used up, its last frame begins at `_start`.
        self._data = b""
        self._start = 0
        self._position = 0
        #: Complete responses, in pieces, that wait to be sent with the next ones.
        self.held: List[bytes] = []
        self._held_since = 0.0
        #: Bytes of content in them.
        self._held_size = 0
        #: Nothing can be sent or read any more.
        self.is_closed = False
        #: A signal handler of the application wants the worker to leave.
        self._exit: Optional[SystemExit] = None

    def serve(self) -> None:
        """Until the gateway closes the link or breaks its rules (WireError), or a handler leaves (SystemExit)."""
        self.output = of_this_thread()
        try:
            self._say_hello()
            self._run_requests()
        except LinkClosed:
            pass
        finally:
            self.is_closed = True
            self.output.end_request()
        if self._exit is not None:
            raise self._exit

    def _say_hello(self) -> None:
        self.send(framing.hello(__version__, self._worker, self._slots, get_ident()))
        kind = self._next_frame()
        build = framing.parse_hello(self.payload()) if kind == framing.HELLO else None
        if build is None:
            raise WireError("frame %d instead of the gateway's hello" % kind)
        if build != __version__:
            raise WireError("the gateway is build %s, this worker is build %s: restart jumak" % (build, __version__))

    def _run_requests(self) -> None:
        """One after the other, until the link is closed."""
        application, environs, output = self._application, self._environs, self.output
        # Closed it may also be in a process that the application forked in the middle of a batch.
        while not self.is_closed:
            data, start = self._data, self._position
            if len(data) - start < _REQUEST_HEAD:
                data, start = self._await_request()
            length, kind, flags, head_length, names_length = _request_at(data, start)
            end = start + _FRAME_HEADER + length
            if end > len(data):
                data, start = self._await_request()
                end = start + _FRAME_HEADER + length
            names_at = start + _REQUEST_HEAD
            values_at = names_at + names_length
            head_end = names_at + head_length
            if kind != _REQUEST or not values_at <= head_end <= end:
                raise _bad_request(kind, length)
            self._position = end
            try:
                environ = environs.make(data, names_at, values_at, head_end)
                method = environ["REQUEST_METHOD"]
                output.request = environ["HTTP_X_REQUEST_ID"]
            except (ValueError, KeyError) as error:
                raise WireError("a request whose head cannot be read: %r" % error) from None
            stream = None
            if flags:
                if flags != _BODY_FOLLOWS:
                    raise WireError("request flags %d" % flags)
                stream = BodyStream(self)
                environ["wsgi.input"] = BufferedReader(stream, BUFFER)  # type: ignore[arg-type]
            else:
                environ["wsgi.input"] = BytesIO(data[head_end:end]) if head_end < end else BytesIO()
            if self.held and method not in _IDEMPOTENT:
                # A request that must not be repeated is preceded by all that is held.
                self.flush()
            call = Call()
            call.run(self, application, method, environ, stream)
            if output.partial:
                output.finish()
            if call.status >= 500:
                call.tell_unlogged(environ)
            output.request = ""
            # The memory of a request goes with it, not when the next one comes.
            del environ, stream, call

    def _await_request(self) -> Tuple[bytes, int]:
        """Waits for the whole of the next request; returns what was received, and where it begins in that."""
        kind = self._next_frame()
        length = self._position - self._start
        if kind != _REQUEST or length < _REQUEST_FIXED:
            raise _bad_request(kind, length)
        self._position = self._start - _FRAME_HEADER
        return self._data, self._position

    # -- reading

    def _next_frame(self) -> int:
        """Waits for a whole frame; returns its type, and `payload` is its content."""
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
        """Reads until `wanted` bytes are there, from `_position`, which becomes 0. What is held is sent first."""
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

    def next_content(self) -> bytes:
        """Content of the running request, not empty; empty when all of it was read."""
        while True:
            kind = self._next_frame()
            if kind == framing.BODY_END and self._position == self._start:
                return b""
            if kind != framing.BODY:
                self.is_closed = True  # the application may catch this
                raise WireError("frame %d within the content of a request" % kind)
            if self._position > self._start:
                return self.payload()

    def wait_file_opened(self) -> bool:
        """After FILE: whether the gateway holds the file. Requests that were sent ahead stay for later."""
        ahead = []
        while self._next_frame() == _REQUEST:
            ahead.append(self._data[self._start - _FRAME_HEADER : self._position])
        kind = _frame_at(self._data, self._start - _FRAME_HEADER)[1]
        if kind != framing.FILE_OPENED:
            raise WireError("frame %d while a file was offered" % kind)
        opened = framing.parse_opened(self.payload())
        if ahead:
            ahead.append(self._data[self._position :])
            self._data, self._position = b"".join(ahead), 0
        return opened

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
            or method not in _IDEMPOTENT
            or now - self._held_since > _HOLD
            or self._held_size > _MAX_HELD
        ):
            self.flush()

    def after_close(self) -> None:
        """The application had more to do after its response was complete: what is held may be overdue."""
        if self.held and perf_counter() - self._held_since > _HOLD:
            self.flush()

    def flush(self) -> None:
        held = self.held
        if self._held_size < _GATHERED or len(held) > _MAX_PIECES:
            self.send(b"")
        else:
            self._gather(held)

    def _gather(self, held: List[bytes]) -> None:
        """Sends what is held without copying it together."""
        self._check_open()
        try:
            sent = self._socket.sendmsg(held)
            rest = sum(map(len, held)) - sent
            if rest:  # a signal came
                self._socket.sendall(b"".join(held)[-rest:])
        except BaseException as error:
            raise self.broken(error) from None
        finally:
            held.clear()

    def send(self, data: bytes) -> None:
        """Sends now, what is held first."""
        try:
            if self.held:
                self.held.append(data)
                data = b"".join(self.held)
                self.held.clear()
            self._check_open()
            self._socket.sendall(data)
        except BaseException as error:
            raise self.broken(error) from None

    def send_content(self, data: bytes) -> None:
        """CHUNK frames."""
        size = len(data)
        if size <= _COPIED:
            self.send(framing.chunk_header(size) + data)
            return
        view = memoryview(data)
        try:
            for start in range(0, size, framing.MAX_CHUNK):
                piece = view[start : start + framing.MAX_CHUNK]
                self.send(framing.chunk_header(len(piece)))
                self.send(piece)  # type: ignore[arg-type]
        except BaseException as error:
            raise self.broken(error) from None

    def _check_open(self) -> None:
        """An application that caught the error of a link goes on as if nothing was, on a socket that may be sound."""
        if self.is_closed:
            raise LinkClosed("the client has gone: the link is closed")

    def broken(self, error: BaseException) -> BaseException:
        """What to raise instead. The link ends here: which part of a frame has passed is unknown, none may follow."""
        if isinstance(error, LinkClosed):
            return error
        was_closed, self.is_closed = self.is_closed, True
        if isinstance(error, OSError) and error.errno is not None:
            return LinkClosed("the client has gone: %s" % error)
        if isinstance(error, SystemExit):
            # It came between two requests, or so near the end of one that it is not the application's own.
            self._exit = error
        elif not was_closed:
            # A time limit made with SIGALRM, say; its TimeoutError has no errno.
            report(
                "the link to the gateway was closed: a signal handler of the application raised %s"
                % type(error).__name__
            )
        return error


def _bad_request(kind: int, length: int) -> WireError:
    """What is wrong with a frame of this type, and this length of its payload."""
    if kind != _REQUEST:
        return WireError("frame %d where a request was expected" % kind)
    if length < _REQUEST_FIXED:
        return WireError("a request of %d bytes" % length)
    return WireError("a request with a head longer than itself")
