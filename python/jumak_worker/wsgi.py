"""One request in a worker, by PEP 3333: environ, start_response, write, the iterable, and close().

A ``Call`` belongs to one request and is never used again: an application may keep ``start_response`` or ``environ``, and finds
that they lead nowhere. Every call ends in exactly one END, RESPONSE with END, or FAILED, or the link is gone.
"""

from __future__ import annotations

import io
import marshal
import sys
import types
from time import perf_counter
from typing import TYPE_CHECKING, Callable, Optional

from . import __version__, files, response_head, tracebacks, wire
from .body import BodyStream

if TYPE_CHECKING:
    from .link import Link

#: Content that is complete at once goes in one frame with its head up to this size.
_ONE_FRAME = 256 * 1024
_loads = marshal.loads


class LinkClosed(ConnectionError):
    """The gateway closed the link: the client has gone. Raised by whatever sends next, ``write`` included."""


class ErrorStream(io.TextIOBase):
    """``wsgi.errors``: the worker's log. Each call is one write, so that lines of several threads do not mix."""

    def write(self, text: str) -> int:
        sys.stderr.write(text)
        return len(text)

    def writelines(self, lines) -> None:  # type: ignore[override]
        sys.stderr.write("".join(lines))

    def flush(self) -> None:
        sys.stderr.flush()

    def writable(self) -> bool:
        return True


def base_environ(threads: int, multiprocess: bool) -> dict:
    """What is the same for every request of a worker."""
    return {
        "wsgi.version": (1, 0),
        "wsgi.errors": ErrorStream(),
        "wsgi.multithread": threads > 1,
        "wsgi.multiprocess": multiprocess,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": files.FileWrapper,
        # Content always ends by itself, chunked or not: read() without a size is safe.
        "wsgi.input_terminated": True,
        "SERVER_SOFTWARE": "jumak/" + __version__,
    }


class Call:
    """One request: runs the application and sends what it answers."""

    __slots__ = (
        "link",
        "environ",
        "status",
        "head",
        "declared",
        "sent",
        "head_sent",
        "over",
        "is_head",
        "no_content",
        "started_at",
        "too_long",
    )

    def __init__(self, link: "Link") -> None:
        self.link = link
        self.environ: Optional[dict] = None
        self.status = 0
        self.head = b""
        #: Content-Length of the application; None: not declared.
        self.declared: Optional[int] = None
        #: Bytes of content sent.
        self.sent = 0
        self.head_sent = False
        #: The response is complete or broken off: nothing may be sent any more.
        self.over = False
        self.is_head = False
        #: HEAD, 204, 304: content is swallowed.
        self.no_content = False
        self.too_long = False
        self.started_at = 0.0

    def run(self, application: Callable, base: dict, head: bytes, body) -> None:
        """``body``: the content as bytes, or a BodyStream."""
        self.started_at = perf_counter()
        environ = self.environ = base.copy()
        environ.update(_loads(head))
        environ["wsgi.input"] = io.BytesIO(body) if type(body) is bytes else io.BufferedReader(body, 65536)
        environ["wsgi.early_hints"] = self.early_hints
        method = environ["REQUEST_METHOD"]
        self.is_head = method == "HEAD"
        self.link.before_start(method)
        result = None
        try:
            try:
                result = application(environ, self.start_response)
                self._send_result(result)
            finally:
                self._close(result)
        except LinkClosed:
            self.over = True
            raise
        except wire.WireError:
            self.over = True
            raise
        except BaseException as error:  # SystemExit too: a request does not end its worker
            self._fail(error)
        if type(body) is BodyStream:
            body.finish()

    # -- what the application calls

    def start_response(self, status: str, headers: list, exc_info=None) -> Callable[[bytes], None]:
        if exc_info:
            try:
                if self.head_sent:
                    # Too late for another answer: the error goes on, and cuts the response (PEP 3333).
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self.status:
            raise AssertionError("start_response was called a second time without exc_info")
        code, reason = response_head.parse_status(status)
        self.head, self.declared = response_head.encode(reason, headers)
        self.status = code
        self.no_content = self.is_head or code == 204 or code == 304
        return self.write

    def write(self, data: bytes) -> None:
        """The callable that start_response returns: sends at once."""
        if self.over:
            raise RuntimeError("write() was called after the end of the response")
        if type(data) is not bytes:
            raise _not_bytes("write() was given", data)
        self._send_chunk(data)

    def early_hints(self, headers: list) -> None:
        """``environ["wsgi.early_hints"]([("Link", "</a.css>; rel=preload; as=style")])``: a 103 before the response."""
        if self.head_sent or self.over:
            return
        head, _ = response_head.encode("", headers)
        self.link.send(wire.inform(103, head))

    # -- what it returned

    def _send_result(self, result) -> None:
        kind = type(result)
        if (kind is list or kind is tuple) and not self.head_sent and self._send_list(result):
            return
        if result is None:
            raise TypeError("the application returned None: it must return an iterable of bytes")
        if kind is files.FileWrapper and self._send_file(result):
            return
        if self.status and self.is_head:
            # The head is known and the content unwanted: it is not even made.
            self._finish()
            return
        self._send_iterable(result)

    def _send_list(self, parts) -> bool:
        """The common case: everything is here at once. False: not for one frame, goes the general way."""
        if not self.status:
            raise AssertionError("the application returned without calling start_response")
        try:
            body = parts[0] if len(parts) == 1 and type(parts[0]) is bytes else b"".join(parts)
        except TypeError:
            raise _not_bytes("the response body has", next(part for part in parts if type(part) is not bytes)) from None
        size = len(body)
        if size > _ONE_FRAME or (self.declared is not None and self.declared != size and not self.no_content):
            return False
        self._send_complete(body)
        return True

    def _send_complete(self, body: bytes) -> None:
        head = self.head
        if self.declared is None and self.status != 204 and self.status != 304 and (body or not self.is_head):
            head += b"\0Content-Length\0%d" % len(body)
        if self.no_content:
            body = b""
        self.head_sent = self.over = True
        self.link.complete(wire.response(self.status, True, self._micros(), head, body), self.environ)

    def _send_iterable(self, result) -> None:
        iterator = iter(result)
        # A generator may do slow work between its chunks and after the last: what it has yielded leaves at once. Other
        # iterators (a framework's response object) may yield one whole body: then head, body and end share a frame.
        held = None
        may_hold = type(iterator) is not types.GeneratorType
        for chunk in iterator:
            if type(chunk) is not bytes:
                raise _not_bytes("the application yielded", chunk)
            if held is not None:
                self._send_chunk(held)
                held = None
            if not chunk:
                continue
            if may_hold and not self.head_sent and self.declared == len(chunk) <= _ONE_FRAME:
                held = chunk
                continue
            self._send_chunk(chunk)
            if self.is_head or self.too_long:
                break
        if held is not None:
            self._send_complete(held)
        else:
            self._finish()

    def _send_chunk(self, data: bytes) -> None:
        """Sends content, the head before it; what is beyond Content-Length is cut off."""
        if not self.status:
            raise AssertionError("content came before start_response was called")
        if not data or self.no_content:
            # PEP 3333: the head waits for the first content that is not empty. HEAD, 204 and 304 have none.
            return
        if self.declared is not None and self.sent + len(data) > self.declared:
            self.too_long = True
            data = data[: self.declared - self.sent]
        self.sent += len(data)
        if self.head_sent:
            self.link.send_content(data)
        else:
            self.head_sent = True
            first = data if len(data) <= wire.MAX_CHUNK else b""
            self.link.send(wire.response(self.status, False, 0, self.head, first))
            if not first:
                self.link.send_content(data)

    def _send_file(self, wrapper: "files.FileWrapper") -> bool:
        """Lets the gateway send a real file by itself. False: it is none, or nothing of it is to be sent."""
        if not self.status or self.head_sent or self.no_content:
            return False
        region = files.file_region(wrapper.filelike, self.declared)
        if region is None or (self.declared is not None and region.length < self.declared):
            return False
        head = self.head
        if self.declared is None:
            head += b"\0Content-Length\0%d" % region.length
            self.declared = region.length
        self.head_sent = True
        offer = wire.file(region.fd, region.offset, region.length, region.device, region.inode)
        self.link.send(wire.response(self.status, False, 0, head, b"") + offer)
        if not self.link.wait_file_opened():
            return False
        self.sent = region.length
        self._finish()
        return True

    def _finish(self) -> None:
        """The application is done: the end, or the complaint that it was not what was promised."""
        if not self.status:
            raise AssertionError("the application returned without calling start_response")
        if self.too_long:
            self._complain("the response has more content than its Content-Length of %d; the rest was cut off" % self.declared)
        elif self.declared is not None and self.sent < self.declared and not self.no_content:
            raise AssertionError(
                "the response ended after %d bytes, its Content-Length is %d" % (self.sent, self.declared)
            )
        if self.head_sent:
            self.over = True
            self.link.send(wire.end(self._micros()))
        else:
            self._send_complete(b"")

    # -- ends

    def _close(self, result) -> None:
        close = getattr(result, "close", None)
        if close is not None:
            close()

    def _fail(self, error: BaseException) -> None:
        """An error of the application: its traceback to the log, a 500 or a cut to the client."""
        self._complain(tracebacks.format_exception(error))
        if not self.over:
            self.over = True
            self.link.send(wire.failed(self._micros(), "%s: %s" % (type(error).__name__, error)))

    def _complain(self, what: str) -> None:
        environ = self.environ or {}
        where = "%s %s" % (environ.get("REQUEST_METHOD", "?"), environ.get("RAW_URI", "?"))
        sys.stderr.write("application error in %s\n%s\n" % (where, what))

    def _micros(self) -> int:
        return min(0xFFFFFFFF, int((perf_counter() - self.started_at) * 1e6))


def _not_bytes(what: str, value: object) -> TypeError:
    return TypeError("%s %s, it must be bytes: %.100r" % (what, type(value).__name__, value))
