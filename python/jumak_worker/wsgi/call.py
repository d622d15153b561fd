"""One WSGI request by PEP 3333: calls the application, iterates over what it returns, closes it, and tells its errors.

Runs in the thread of a slot; the hot path. A ``Call`` belongs to one request and is never used again: an application may keep
``start_response`` or ``environ``, and they lead nowhere. Invariants: each call ends in exactly one of END, RESPONSE with END, FAILED, or a
closed link. It keeps no reference to the environ, which refers to it: such a cycle would keep the memory of each request until
the next collection. Not here: what the application sends (``response.py``), the link (``link.py``).
"""

from __future__ import annotations

from time import perf_counter
from types import GeneratorType
from typing import Any, Callable, Optional, Protocol, Union

from ..output import failure_report, tracebacks, unlogged
from ..output.log import report
from ..wire.framing import LinkClosed, WireError
from . import files
from .body import BodyStream
from .response import ONE_FRAME, Response, ResponseLink, describe, not_bytes


class CallLink(ResponseLink, Protocol):
    """What a call needs of its link."""

    is_closed: bool
    is_thread: bool
    offers_files: bool

    def after_close(self) -> None: ...

    def offer_file(self, status: int, head: bytes, region: files.FileRegion) -> bool: ...

    def failed(self, micros: int, reason: str, report: str) -> None: ...

    def hand_over(self, flags: int) -> int: ...

    def watch(self, fd: int, on_end: Callable[[], None]) -> Callable[[], None]: ...


class Call(Response):
    """One request: runs the application and sends what it answers."""

    # No `__dict__`, and `run` instead of a constructor: together 5 % of the worker's time for a small request.
    __slots__ = ()
    link: CallLink

    def run(
        self, link: CallLink, application: Callable, method: str, environ: dict, stream: Optional[BodyStream]
    ) -> None:
        """Returns when the link is at the next request. Raises LinkClosed and WireError only."""
        self.link = link
        self.method = method
        self.status = 0
        self.declared = None
        self.no_content = False
        self.head_sent = False
        self.too_long = False
        self.over = False
        environ["wsgi.early_hints"] = self.early_hints
        self.started_at = perf_counter()
        try:
            result = application(environ, self.start_response)
            kind = type(result)
            if kind is list or kind is tuple:
                is_one = len(result) == 1 and type(result[0]) is bytes
                self._send_whole(result[0] if is_one else _join(result))
            else:
                try:
                    self._send_result(result, stream)
                finally:
                    close = getattr(result, "close", None)
                    if close is not None:
                        close()
                        link.after_close()
        except WireError:
            raise
        except BaseException as error:  # SystemExit too: a request does not end its worker
            if link.is_closed:
                # Nobody is left to be told, and the application is not to blame for its error.
                self.lost(error, environ)
                raise LinkClosed("the client has gone") from None
            self._fail(error, environ)
        finally:
            self.over = True
        if self.too_long:
            what = "the response has more content than its Content-Length of %s: the rest was cut off"
            self._complain(what % self.declared, environ)
        if stream is not None:
            stream.finish()

    # -- what it returned

    def _send_result(self, result: Any, body: Optional[BodyStream]) -> None:
        """``result``: any iterable but a list or a tuple."""
        is_file = type(result) is files.FileWrapper
        if is_file and self._send_file(result, body):
            return
        if isinstance(result, (bytes, str)) or not (hasattr(result, "__iter__") or hasattr(result, "__getitem__")):
            raise TypeError("the application returned %s: it must return an iterable of bytes" % describe(result))
        if self.status and self.no_content:
            # The head is known and nobody wants the content: it is not even made.
            self._finish()
            return
        iterator = iter(result)
        single = self.declared is None and hasattr(result, "__len__") and len(result) == 1
        # A generator may work slowly between its chunks and after the last: each chunk is sent at once. Other iterators
        # (a framework's response object) may yield the whole content at once: then head, content and end share a frame.
        may_hold = type(iterator) is not GeneratorType
        held = None
        for chunk in iterator:
            if not isinstance(chunk, bytes):
                raise not_bytes("the application yielded", chunk)
            if held is not None:
                self._send_chunk(held)
                held = None
            if is_file and self.declared is not None:
                # The application wants only this much of a file: what is beyond is no mistake.
                chunk = chunk[: self.declared - self.sent]
                if not chunk:
                    break
            if may_hold and chunk and not self.head_sent and len(chunk) <= ONE_FRAME:
                if self.declared == len(chunk) or (single and self.declared is None):
                    held = chunk
                    continue
            self._send_chunk(chunk)
            if self.status and self.no_content or self.too_long:
                break
        if held is not None and self.status:
            self._send_whole(held)
        else:
            self._send_chunk(held or b"")
            self._finish()

    def _send_file(self, wrapper: "files.FileWrapper", body: Optional[BodyStream]) -> bool:
        """Lets the gateway send a real file by itself. False: it is no real file, nothing of
        it is to be sent, or the gateway is another user."""
        if not self.status or self.head_sent or self.no_content:
            return False
        region = files.file_region(wrapper.filelike, self.declared)
        if region is None or (self.declared is not None and region.length < self.declared):
            return False
        if body is not None:
            body.finish()  # frames of content come before the answer to the offer
        self._declare(region.length)
        if not self.link.offers_files:
            return False
        self.head_sent = True
        if not self.link.offer_file(self.status, self.head, region):
            return False
        self.sent = region.length
        self._finish()
        return True

    # -- errors

    def lost(self, error: BaseException, environ: dict) -> None:
        """The link is closed, so nobody hears of this error of the application."""

    def _fail(self, error: BaseException, environ: dict) -> None:
        """An error of the application: its traceback in the log; a 500 for the client, or a cut where the head has gone."""
        self._complain(tracebacks.format_exception(error), environ)
        if not self.over:
            self.over = True
            self.link.failed(self._micros(), tracebacks.one_line(error), failure_report.encode(error))

    def _complain(self, what: str, environ: dict) -> None:
        report("application error in %s\n%s" % (self._describe(environ), what))

    def tell_unlogged(self, environ: dict) -> None:
        """The status is 5xx: the log has a line about it, from the application or from us."""
        request = str(environ.get("HTTP_X_REQUEST_ID", ""))
        unlogged.tell(self._describe(environ), request, self.status, self.started_at)

    def _describe(self, environ: dict) -> str:
        # As it came, not decoded: a line break stays an escape. Without the query, which may have secrets.
        return "%s %s" % (self.method, str(environ.get("RAW_URI", "")).partition("?")[0])


def _join(parts: Union[list, tuple]) -> bytes:
    for part in parts:
        if not isinstance(part, bytes):
            raise not_bytes("the application returned a %s with" % type(parts).__name__, part)
    return b"".join(parts)
