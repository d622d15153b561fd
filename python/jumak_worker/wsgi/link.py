"""One link: what the gateway says to one slot of this worker. Requests one after the other, each run in place.

Runs in the thread of its slot: the main thread, or one of ``worker.py``'s. The hot path of the worker: measure before changing it.
Invariants: ``serve`` returns or raises only when nothing of the link can be used any more. A gateway that breaks the rules of the
wire loses the link (WireError). Not here: bytes and batches (``connection.py``), what a response is (``call.py``, ``response.py``),
where links come from (``worker.py``), a slot that has several links (``slot.py``).
"""

from __future__ import annotations

import socket
from io import BufferedReader, BytesIO
from threading import get_ident
from typing import Callable, Tuple, Union

from .. import __version__
from ..output.streams import ThreadOutput, of_this_thread
from ..wire import framing
from ..wire.framing import LinkClosed, WireError
from .body import BUFFER, BodyStream
from .call import Call
from .connection import IDEMPOTENT, Connection
from .environ import Environs
from .files import FileRegion
from .handshake import Handshake

_frame_at = framing.FRAME.unpack_from
_request_at = framing.REQUEST_HEAD.unpack_from
_FRAME_HEADER = framing.FRAME_HEADER
_REQUEST = framing.REQUEST
_REQUEST_HEAD = framing.REQUEST_HEAD.size
_REQUEST_FIXED = _REQUEST_HEAD - _FRAME_HEADER
_BODY_FOLLOWS = framing.REQUEST_BODY_FOLLOWS
_HANDSHAKE = framing.REQUEST_HANDSHAKE


class Link(Connection):
    """``serve`` runs all requests of one connection. The rest is for the request that runs: its content, its response."""

    #: The output of the thread that runs ``serve``.
    output: ThreadOutput

    def __init__(
        self,
        sock: socket.socket,
        application: Callable,
        environs: Environs,
        worker: int,
        slots: int,
        offers_files: bool = True,
    ) -> None:
        super().__init__(sock)
        #: Bytes that are to come of the frame of content that is being read.
        self._content_left = 0
        #: The gateway opens our files: it is the same user.
        self.offers_files = offers_files
        self._application = application
        self._environs = environs
        self._worker = worker
        self._slots = slots

    def serve(self) -> None:
        """Until the gateway closes the link or breaks its rules (WireError), or a signal handler leaves (SystemExit)."""
        self.output = of_this_thread()
        try:
            self._say_hello()
            self._await_hello()
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

    def _await_hello(self) -> None:
        kind = self._next_frame()
        build = framing.parse_hello(self.payload()) if kind == framing.HELLO else None
        if build is None:
            raise WireError("frame %d instead of the gateway's hello" % kind)
        if build != __version__:
            raise WireError("the gateway is build %s, this worker is build %s: restart jumak" % (build, __version__))

    def _run_requests(self) -> None:
        """One after the other, until the link is closed. A ``SlotLink`` returns when no more of them have come."""
        application, environs, output = self._application, self._environs, self.output
        # A process that the application forks in the middle of a batch finds it closed too.
        while not self.is_closed:
            data, start = self._data, self._position
            if len(data) - start < _REQUEST_HEAD:
                data, start = self._await_request()
                if not data:
                    return
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
            call = Call()
            stream = None
            if flags:
                if flags == _BODY_FOLLOWS:
                    stream = BodyStream(self)
                    environ["wsgi.input"] = BufferedReader(stream, BUFFER)  # type: ignore[arg-type]
                elif flags == _HANDSHAKE:
                    if not head_end == end == len(data):
                        raise WireError("a handshake with content, or with something behind it")
                    environ["wsgi.input"] = BytesIO()
                    call = Handshake(environ)
                else:
                    raise WireError("request flags %d" % flags)
            else:
                environ["wsgi.input"] = BytesIO(data[head_end:end]) if head_end < end else BytesIO()
            if self.held and method not in IDEMPOTENT:
                # Held responses are sent before a request that must not be repeated.
                self.flush()
            call.run(self, application, method, environ, stream)
            if output.partial:
                output.finish()
            if call.status >= 500:
                call.tell_unlogged(environ)
            output.request = ""
            # The memory of a request is freed with it, not when the next one comes.
            del environ, stream, call

    def _await_request(self) -> Tuple[bytes, int]:
        """Waits for the whole next request; returns what was received, and where the request begins in it."""
        kind = self._next_frame()
        length = self._position - self._start
        if kind != _REQUEST or length < _REQUEST_FIXED:
            raise _bad_request(kind, length)
        self._position = self._start - _FRAME_HEADER
        return self._data, self._position

    # -- for the request that runs

    def next_content(self) -> Union[bytes, memoryview]:
        """Content of the running request, as it comes; empty at its end."""
        while not self._content_left:
            if len(self._data) - self._position < _FRAME_HEADER:
                self._receive(_FRAME_HEADER)
            length, kind = _frame_at(self._data, self._position)
            if kind != framing.BODY and (kind != framing.BODY_END or length) or length > framing.MAX_PAYLOAD:
                self.is_closed = True  # the application may catch this
                raise WireError("frame %d of %d bytes within the content of a request" % (kind, length))
            self._position += _FRAME_HEADER
            if kind == framing.BODY_END:
                return b""
            self._content_left = length
        if self._position == len(self._data):
            self._receive(1)
        piece = memoryview(self._data)[self._position : self._position + self._content_left]
        self._position += len(piece)
        self._content_left -= len(piece)
        return piece

    def offer_file(self, status: int, head: bytes, region: FileRegion) -> bool:
        """Sends the head of a response whose content is a file. Whether the gateway has opened the file: then it sends it by itself.
        Requests that were sent ahead are kept for later."""
        self.send(framing.response(status, False, 0, head, b"") + framing.file(*region))
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


def _bad_request(kind: int, length: int) -> WireError:
    """What is wrong with a frame of this type and this length."""
    if kind != _REQUEST:
        return WireError("frame %d where a request was expected" % kind)
    if length < _REQUEST_FIXED:
        return WireError("a request of %d bytes" % length)
    return WireError("a request with a head longer than itself")
