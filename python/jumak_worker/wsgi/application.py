"""One request in a worker, by PEP 3333: environ, start_response, write, the iterable, and close().

A ``Call`` belongs to one request and is never used again: an application may keep ``start_response`` or ``environ``,
and finds that they lead nowhere. Every call ends in exactly one of END, RESPONSE with END, FAILED, or a closed link. It
keeps no reference to the environ, which refers to it: a cycle would keep each request's memory until a collection.
"""

from __future__ import annotations

from time import perf_counter
from types import GeneratorType
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from ..loading import failure_report, sources
from . import files, response_head
from ..process import tracebacks, unlogged
from ..wire import framing
from .body import BodyStream
from ..process.errors import report
from ..wire.framing import LinkClosed, WireError

if TYPE_CHECKING:
    from .link import Link

#: Content that is complete at once goes in one frame with its head up to this size.
_ONE_FRAME = 256 * 1024
_known_heads = response_head.cache.known


class Call:
    """One request: runs the application and sends what it answers."""

    # Slots, and `run` instead of a constructor: 5 % of the worker's time for a small request.
    __slots__ = ("link", "method", "started_at", "status", "head", "declared", "no_content")
    __slots__ += ("head_sent", "sent", "too_long", "over")
    head: bytes

    def run(
        self, link: "Link", application: Callable, method: str, environ: dict, stream: Optional[BodyStream]
    ) -> None:
        """Returns when the link is at the next request. Raises LinkClosed and WireError only."""
        self.link = link
        self.method = method
        #: 0: start_response was not called yet, and there is no `head`.
        self.status = 0
        #: Content-Length as the application gave it, or as we know it; None: unknown.
        self.declared: Optional[int] = None
        #: HEAD, 204, 304: content is swallowed.
        self.no_content = False
        self.head_sent = False
        #: There was more content than Content-Length.
        self.too_long = False
        #: The response is complete or broken off: nothing may be sent any more.
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
                # Nobody is there to be told, and whatever the application made of that is no error of it.
                raise LinkClosed("the client has gone") from None
            self._fail(error, environ)
        finally:
            self.over = True
        if self.too_long:
            what = "the response has more content than its Content-Length of %s: the rest was cut off"
            self._complain(what % self.declared, environ)
        if stream is not None:
            stream.finish()

    # -- what the application calls

    def start_response(self, status: str, headers: list, exc_info: Any = None) -> Callable[[bytes], None]:
        if exc_info:
            try:
                if self.head_sent:
                    # Too late for another answer: the error goes on, and cuts the response (PEP 3333).
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # else a cycle through the traceback's frames
        elif self.status:
            raise AssertionError("start_response was called a second time without exc_info")
        known = None
        if type(headers) is list:
            try:
                known = _known_heads.get((status, tuple(headers)))
            except TypeError:
                pass  # one of the headers is a list
        # All of it in both cases: an error's page may take the place of a 204.
        self.head, self.declared, self.status, no_content = known or response_head.make(status, headers)
        self.no_content = no_content or self.method == "HEAD"
        #: Bytes of its content that were sent, or swallowed.
        self.sent = 0
        return self.write

    def write(self, data: bytes) -> None:
        """The callable that start_response returns: sends at once."""
        if self.over:
            raise RuntimeError("write() was called after the end of the response")
        if not isinstance(data, bytes):
            raise _not_bytes("write() was given", data)
        self._send_chunk(data)

    def early_hints(self, headers: list) -> None:
        """``environ["wsgi.early_hints"]([("Link", "</a.css>; rel=preload; as=style")])``: a 103 before the response."""
        if self.head_sent or self.over:
            return
        head, declared = response_head.encode("Early Hints", headers)
        if declared is not None:
            raise ValueError("early hints cannot have a Content-Length")
        self.link.send(framing.inform(103, head))

    # -- what it returned

    def _send_whole(self, body: bytes) -> None:
        """The common case: all content is here at once, so its length is known."""
        size = len(body)
        declared = self.declared
        if self.head_sent or not self.status or (declared != size and declared is not None and not self.no_content):
            self._send_chunk(body)  # after write(), or against the rules
            self._finish()
            return
        if declared is None and not self.sent:
            self._declare(size)
        if size > _ONE_FRAME:
            self._send_chunk(body)
            self._finish()
            return
        try:
            self.head_sent = self.over = True
            self.link.complete(self.method, self.started_at, self.status, self.head, b"" if self.no_content else body)
        except BaseException as error:
            # A signal handler's. If the response is lost by it, the gateway must not take the next one for it.
            raise self.link.broken(error) from None

    def _declare(self, size: int) -> None:
        """All content is known: says so for an application that did not."""
        if self.declared is not None or self.status in (204, 304):
            return
        # For HEAD, no content may also mean that none was made.
        if size or not self.no_content:
            self.declared = size
            self.head += b"\0Content-Length\0%d" % size

    def _send_result(self, result: Any, body: Union[bytes, BodyStream]) -> None:
        """Any iterable that is not a list."""
        is_file = type(result) is files.FileWrapper
        if is_file and self._send_file(result, body):
            return
        if isinstance(result, (bytes, str)) or not (hasattr(result, "__iter__") or hasattr(result, "__getitem__")):
            raise TypeError("the application returned %s: it must return an iterable of bytes" % _describe(result))
        if self.status and self.no_content:
            # The head is known and the content unwanted: it is not even made.
            self._finish()
            return
        iterator = iter(result)
        single = self.declared is None and hasattr(result, "__len__") and len(result) == 1
        # A generator may do slow work between its chunks and after the last: what it has yielded leaves at once. Other
        # iterators (a framework's response object) may yield one whole body: then head, body and end share a frame.
        may_hold = type(iterator) is not GeneratorType
        held = None
        for chunk in iterator:
            if not isinstance(chunk, bytes):
                raise _not_bytes("the application yielded", chunk)
            if held is not None:
                self._send_chunk(held)
                held = None
            if is_file and self.declared is not None:
                # The application asked for this much of a file, which is no mistake.
                chunk = chunk[: self.declared - self.sent]
                if not chunk:
                    break
            if may_hold and chunk and not self.head_sent and len(chunk) <= _ONE_FRAME:
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

    def _send_chunk(self, data: bytes) -> None:
        """Sends content, the head before it; what is beyond Content-Length is cut off."""
        if not data:
            return  # the head waits for the first content that is not empty (PEP 3333)
        if not self.status:
            raise AssertionError("the application sent content before it called start_response")
        if self.no_content:
            # HEAD. `_send_whole` sees that its `body` is not all of the content, and so declares no length.
            self.sent += len(data)
            return
        if self.declared is not None and self.sent + len(data) > self.declared:
            self.too_long = True
            data = data[: self.declared - self.sent]
            if not data:
                return
        self.sent += len(data)
        if self.head_sent:
            self.link.send_content(data)
            return
        self.head_sent = True
        fits = len(data) <= framing.MAX_CHUNK
        self.link.send(framing.response(self.status, False, 0, self.head, data if fits else b""))
        if not fits:
            self.link.send_content(data)

    def _send_file(self, wrapper: "files.FileWrapper", body: Union[bytes, BodyStream]) -> bool:
        """Lets the gateway send a real file by itself. False: it is none, or nothing of it is to be sent."""
        if not self.status or self.head_sent or self.no_content:
            return False
        region = files.file_region(wrapper.filelike, self.declared)
        if region is None or (self.declared is not None and region.length < self.declared):
            return False
        if type(body) is BodyStream:
            body.finish()  # its frames are in front of the answer that is awaited
        self._declare(region.length)
        self.head_sent = True
        offer = framing.file(region.fd, region.offset, region.length, region.device, region.inode)
        self.link.send(framing.response(self.status, False, 0, self.head, b"") + offer)
        if not self.link.wait_file_opened():
            return False
        self.sent = region.length
        self._finish()
        return True

    def _finish(self) -> None:
        """All content was sent: the end, or the complaint that it was not what was promised."""
        if not self.status:
            raise AssertionError("the application returned without calling start_response")
        if self.declared is not None and self.sent < self.declared and not self.no_content:
            if not self.head_sent:
                self._send_head()
            raise AssertionError(
                "the response ended after %d bytes, but its Content-Length is %d" % (self.sent, self.declared)
            )
        if not self.head_sent:
            self._send_whole(b"")
            return
        self.over = True
        self.link.send(framing.end(self._micros()))

    def _send_head(self) -> None:
        self.head_sent = True
        self.link.send(framing.response(self.status, False, 0, self.head, b""))

    # -- errors

    def _fail(self, error: BaseException, environ: dict) -> None:
        """An error of the application: its traceback to the log; a 500 to the client, a cut when the head is gone."""
        self._complain(tracebacks.format_exception(error), environ)
        if not self.over:
            self.over = True
            report_of = "" if sources.current is None else failure_report.encode(error)
            self.link.send(framing.failed(self._micros(), tracebacks.one_line(error), report_of))

    def _complain(self, what: str, environ: dict) -> None:
        report("application error in %s\n%s" % (self._describe(environ), what))

    def tell_unlogged(self, environ: dict) -> None:
        """Its status is 5xx: the log should say so, if the application has not."""
        request = str(environ.get("HTTP_X_REQUEST_ID", ""))
        unlogged.tell(self._describe(environ), request, self.status, self.started_at)

    def _describe(self, environ: dict) -> str:
        # As it came, not decoded, for a line break must stay an escape; without the query, which may hold secrets.
        return "%s %s" % (self.method, str(environ.get("RAW_URI", "")).partition("?")[0])

    def _micros(self) -> int:
        return min(framing.MAX_MICROS, int((perf_counter() - self.started_at) * 1e6))


def _join(parts: Union[list, tuple]) -> bytes:
    for part in parts:
        if not isinstance(part, bytes):
            raise _not_bytes("the application returned a %s with" % type(parts).__name__, part)
    return b"".join(parts)


def _describe(value: object) -> str:
    return "None" if value is None else "%s (%.100r)" % (type(value).__name__, value)


def _not_bytes(what: str, value: object) -> TypeError:
    return TypeError("%s %s: it must be bytes" % (what, _describe(value)))
