"""The response to one WSGI request: ``start_response``, ``write``, early hints, and what goes on the wire for them.

Runs in the thread of a slot, mostly within code of the application; the hot path. Invariants: the head waits for the first content
that is not empty (PEP 3333); content and Content-Length agree, or the response says that it failed; after ``over`` nothing is sent.
Not here: what the application returned, and its errors (``call.py``); the bytes of a head (``response_head.py``).
"""

from __future__ import annotations

from time import perf_counter
from typing import Any, Callable, Optional, Protocol

from ..wire import framing
from . import response_head

#: Complete content up to this size goes in one frame with its head.
ONE_FRAME = 256 * 1024
_known_heads = response_head.cache.known


class ResponseLink(Protocol):
    """What a response needs of its link."""

    def complete(self, method: str, started_at: float, status: int, head: bytes, body: bytes) -> None: ...

    def inform(self, status: int, head: bytes) -> None: ...

    def send_head(self, status: int, head: bytes, content: bytes) -> None: ...

    def send_content(self, data: bytes) -> None: ...

    def end(self, micros: int) -> None: ...

    def broken(self, error: BaseException) -> BaseException: ...


class Response:
    __slots__ = ("link", "method", "started_at", "status", "head", "declared", "no_content")
    __slots__ += ("head_sent", "sent", "too_long", "over")

    # Set by `Call.run`, where there is a call less for each request.
    link: ResponseLink
    method: str
    #: perf_counter.
    started_at: float
    #: 0: start_response was not called yet, and there is no `head`.
    status: int
    head: bytes
    #: Content-Length as the application gave it, or as we know it; None: unknown.
    declared: Optional[int]
    #: HEAD, 204, 304: content is dropped.
    no_content: bool
    head_sent: bool
    #: Bytes of content that were sent, or dropped.
    sent: int
    #: There was more content than Content-Length.
    too_long: bool
    #: The response is complete or broken off: nothing may be sent any more.
    over: bool

    # -- what the application calls

    def start_response(self, status: str, headers: list, exc_info: Any = None) -> Callable[[bytes], None]:
        if exc_info:
            try:
                if self.head_sent:
                    # Too late for another response: the error is raised again, and cuts this one (PEP 3333).
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
        # Everything is set anew: the page of an error may replace a 204.
        self.head, self.declared, self.status, no_content = known or response_head.make(status, headers)
        self.no_content = no_content or self.method == "HEAD"
        self.sent = 0
        return self.write

    def write(self, data: bytes) -> None:
        """The callable that start_response returns: sends at once."""
        if self.over:
            raise RuntimeError("write() was called after the end of the response")
        if not isinstance(data, bytes):
            raise not_bytes("write() was given", data)
        self._send_chunk(data)

    def early_hints(self, headers: list) -> None:
        """``environ["wsgi.early_hints"]([("Link", "</a.css>; rel=preload; as=style")])``: a 103 before the response."""
        if self.head_sent or self.over:
            return
        head, declared = response_head.encode("Early Hints", headers)
        if declared is not None:
            raise ValueError("early hints cannot have a Content-Length")
        self.link.inform(103, head)

    # -- what goes on the wire

    def _send_whole(self, body: bytes) -> None:
        """The common case: ``body`` is all content, so its length is known."""
        size = len(body)
        declared = self.declared
        if self.head_sent or not self.status or (declared != size and declared is not None and not self.no_content):
            self._send_chunk(body)  # after write(), or against the rules
            self._finish()
            return
        if declared is None and not self.sent:
            self._declare(size)
        if size > ONE_FRAME:
            self._send_chunk(body)
            self._finish()
            return
        try:
            self.head_sent = self.over = True
            self.link.complete(self.method, self.started_at, self.status, self.head, b"" if self.no_content else body)
        except BaseException as error:
            # A signal handler raised it. If this response is lost, the gateway must not take the next one for it.
            raise self.link.broken(error) from None

    def _declare(self, size: int) -> None:
        """All content is known: adds the Content-Length that the application did not give."""
        if self.declared is not None or self.status in (204, 304):
            return
        # For HEAD, an application may return no content because none was asked for.
        if size or not self.no_content:
            self.declared = size
            self.head += b"\0Content-Length\0%d" % size

    def _send_chunk(self, data: bytes) -> None:
        """Sends content, the head before it. Content beyond Content-Length is cut off."""
        if not data:
            return  # the head waits for the first content that is not empty (PEP 3333)
        if not self.status:
            raise AssertionError("the application sent content before it called start_response")
        if self.no_content:
            # So `_send_whole` knows that its `body` is not all content, and declares no length (HEAD).
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
        self.link.send_head(self.status, self.head, data)

    def _finish(self) -> None:
        """All content was sent: sends the end. Raises where there was less content than promised."""
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
        self.link.end(self._micros())

    def _send_head(self) -> None:
        self.head_sent = True
        self.link.send_head(self.status, self.head, b"")

    def _micros(self) -> int:
        return min(framing.MAX_MICROS, int((perf_counter() - self.started_at) * 1e6))


def describe(value: object) -> str:
    return "None" if value is None else "%s (%.100r)" % (type(value).__name__, value)


def not_bytes(what: str, value: object) -> TypeError:
    return TypeError("%s %s: it must be bytes" % (what, describe(value)))
