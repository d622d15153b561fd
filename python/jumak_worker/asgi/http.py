"""An HTTP exchange by the ASGI specification (HTTP 2.5): ``receive``, ``send``, and the order of messages.

Runs on the event loop. Invariants: the head waits for the first content, so an error before it still becomes a 500. A response whose
content comes at once is one frame. Every exchange ends with exactly one of RESPONSE with END, END, FAILED, or a client that has gone.
The hot path is ``run`` (``exchange.py``), ``receive`` and ``send``: measure before changing them.
Not here: which part of which file is sent (``files.py``), header fields (``response_head.py``).
"""

from __future__ import annotations

from typing import Any, Optional

from ..links.content import Content
from ..wire import framing, multiplex
from ..wire.multiplex import MAX_COMPLETE, MAX_CONTENT
from . import files, response_head
from .exchange import COMPLETE, NOTHING, SENDING, STARTED, TRAILERS
from .exchange import ClientDisconnected, Exchange, ExchangeLink, ProtocolError, no_message

_encode_head = response_head.encode


class HttpExchange(Exchange):
    __slots__ = (
        "body",
        "content",
        "head",
        "declared",
        "sent",
        "no_content",
        "has_trailers",
        "trailers",
        "swallows",
        "file_opened",
    )

    #: All content, until the application has taken it; None: it follows, or was taken.
    body: Optional[bytes]
    #: Content that follows, until the application has taken its end.
    content: Optional[Content]
    head: bytes
    declared: Optional[int]
    file_opened: Optional[bool]
    trailers: bytes

    # Not a constructor, which costs 1 % more of the worker's time for a small request.
    def begin(self, link: ExchangeLink, number: int, scope: dict, body: Optional[bytes], now: float) -> None:
        """Called once. ``body``: all content of the request; None: it follows. ``now``: perf_counter."""
        self.link = link
        self.number = number
        self.scope = scope
        self.task = None
        self.started_at = now
        self.state = NOTHING
        self.status = 0
        self.is_gone = self.is_cancelled = False
        self.credit = multiplex.WINDOW
        self.waiters = None
        self.body = body
        self.content = Content() if body is None else None
        #: HEAD, 204, 304: content is dropped.
        self.no_content = "method" in scope and scope["method"] == "HEAD"
        #: Messages after the end are dropped without a line in the log.
        self.swallows = False

    # -- receive

    async def receive(self) -> dict:
        while self.state is not COMPLETE and not self.is_gone:
            body = self.body
            if body is not None:
                self.body = None
                return {"type": "http.request", "body": body, "more_body": False}
            content = self.content
            if content is not None and content.has_news():
                body = content.take(self.link, self.number)
                if content.is_complete:
                    self.content = None
                return {"type": "http.request", "body": body, "more_body": self.content is not None}
            await self.wait()
        return {"type": "http.disconnect"}

    def add_content(self, data: bytes) -> None:
        if self.content is None:
            raise framing.WireError("content of a request that has none")
        self.content.add(data)
        if self.waiters:
            self.wake()

    def end_content(self) -> None:
        if self.content is not None:
            self.content.end()
            if self.waiters:
                self.wake()

    # -- send

    async def send(self, message: dict) -> None:
        if self.is_gone:
            raise ClientDisconnected("the client has gone")
        try:
            kind = message["type"]
        except (TypeError, KeyError):
            raise no_message(message) from None
        if kind == "http.response.body":
            body = message.get("body", b"")
            if type(body) is not bytes:
                body = _as_bytes(body)
            if self.state is STARTED and not message.get("more_body"):
                size = len(body)
                declared = self.declared
                if size <= MAX_COMPLETE and not self.has_trailers and (declared is None or declared == size):
                    self._send_complete(body)
                    return
            await self._send_body(body, bool(message.get("more_body")))
        elif kind == "http.response.start":
            if self.state is not NOTHING:
                return self._out_of_order(kind, "after the response was started")
            status = message.get("status")
            self.status = status if type(status) is int and 200 <= status <= 599 else response_head.check_status(status)
            self.head, self.declared = _encode_head(message.get("headers", ()))
            self.sent = 0
            self.has_trailers = bool(message.get("trailers"))
            if status == 204 or status == 304:
                self.no_content = True
            self.state = STARTED
        else:
            await self._send_rare(kind, message)

    def _send_complete(self, body: bytes) -> None:
        """Head and all content in one frame, which needs no credit."""
        if self.declared is None:
            self._declare(len(body))
        if self.no_content:
            body = b""
        self.link.complete(self.number, self.started_at, self.status, self.head, body)
        self.state = COMPLETE
        if self.task is not None or self.waiters:
            self.over()

    def _declare(self, size: int) -> None:
        """All content is known: adds the content-length that the application did not give. For HEAD, an application may send no
        content because none was asked for."""
        if self.status not in (204, 304) and (size or not self.no_content):
            self.declared = size
            self.head += b"\0content-length\0%d" % size

    async def _send_body(self, body: bytes, more: bool) -> None:
        """Content of a response that is not complete at once."""
        state = self.state
        if state is not STARTED and state is not SENDING:
            return self._out_of_order("http.response.body", "before http.response.start")
        if self.no_content:
            # The client waits for no more. What the application still sends is dropped.
            self.swallows = more or self.has_trailers
            self._send_complete(b"")
            return
        self._count(len(body), more)
        await self.write_content(body)
        if not more:
            self._end_body()

    def _count(self, size: int, more: bool) -> None:
        """Compares content with Content-Length, before any of it is sent. Raises ProtocolError."""
        sent = self.sent + size
        if self.declared is None:
            if not more and self.state is STARTED:
                self._declare(size)
        elif sent > self.declared:
            raise ProtocolError("the response has more content than its Content-Length of %d" % self.declared)
        elif sent < self.declared and not more:
            raise ProtocolError("the response ended after %d bytes, but its Content-Length is %d" % (sent, self.declared))
        self.sent = sent

    def _end_body(self) -> None:
        if self.state is COMPLETE or self.is_gone:
            return  # another task of the application has ended it
        if self.has_trailers:
            self.state = TRAILERS
            self.trailers = b""
        else:
            self._end(b"")

    def _end(self, trailers: bytes) -> None:
        self.link.write(multiplex.end(self.number, self.micros(), trailers))
        self.over()

    def write_head(self, body: bytes = b"") -> None:
        flags = multiplex.RESPONSE_TRAILERS if self.has_trailers else 0
        self.link.write(multiplex.response(self.number, self.status, flags, 0, self.head, body))
        self.state = SENDING

    async def write_content(self, body: bytes) -> None:
        """Writes the head, if it was not written, and content while there is credit. Raises ClientDisconnected."""
        position = 0
        if self.link.is_congested:
            await self.writable()
        if self.state is STARTED:
            piece = body[:MAX_CONTENT]
            self.credit -= len(piece)
            self.write_head(piece)
            position = len(piece)
        size = len(body)
        while position < size:
            if self.credit <= 0 or self.link.is_congested or self.is_gone:
                await self.writable(position)
            piece = body[position : position + MAX_CONTENT]
            self.credit -= len(piece)
            self.link.write(multiplex.chunk(self.number, piece))
            position += len(piece)

    # -- rare messages

    async def _send_rare(self, kind: Any, message: dict) -> None:
        if kind == "http.response.early_hint":
            return self._send_early_hint(message)
        if kind == "http.response.trailers":
            return self._send_trailers(message)
        if kind == "http.response.pathsend" or kind == "http.response.zerocopysend":
            if self.state is not STARTED and self.state is not SENDING:
                return self._out_of_order(kind, "before http.response.start")
            if self.no_content:
                return await self._send_body(b"", False)
            with files.open_region(message, self.declared, self.sent) as region:
                more = kind == "http.response.zerocopysend" and bool(message.get("more_body"))
                self._count(region.length, more)
                await self._send_file(region)
            if not more:
                self._end_body()
            return
        raise ProtocolError("there is no message of type %r to send in an HTTP request" % (kind,))

    async def _send_file(self, region: files.Region) -> None:
        """Returns when the descriptor is no longer needed. Raises ClientDisconnected."""
        if not region.length:
            return await self.write_content(b"")
        if self.state is SENDING:
            await self.writable()
        else:
            self.write_head()
        self.file_opened = None if self.link.offers_files else False
        if self.link.offers_files:
            self.link.write(multiplex.file(self.number, *region))
        while self.file_opened is None:
            if self.is_gone:
                raise ClientDisconnected("the client has gone")
            await self.wait()
        sent = region.length if self.file_opened else 0
        while sent < region.length:
            data = await files.read(self.link.loop, region, sent)
            await self.write_content(data)
            sent += len(data)

    def _send_early_hint(self, message: dict) -> None:
        links = message.get("links", ())
        if isinstance(links, (str, bytes)):
            raise TypeError("the links of http.response.early_hint must be a list of bytes, not %r" % (links,))
        head, _ = _encode_head([(b"link", link) for link in links])
        # After the head of the response it has no meaning, and may be ignored.
        if self.state is NOTHING or self.state is STARTED:
            self.link.write(multiplex.inform(self.number, 103, head))

    def _send_trailers(self, message: dict) -> None:
        if self.state is not TRAILERS:
            return self._out_of_order("http.response.trailers", "where none are due")
        head, _ = _encode_head(message.get("headers", ()))
        self.trailers += head
        if len(self.trailers) > framing.MAX_RESPONSE_HEAD:
            raise ValueError("the trailers are %d bytes long, at most %d" % (len(self.trailers), framing.MAX_RESPONSE_HEAD))
        if not message.get("more_trailers"):
            self._end(self.trailers[1:])

    def _out_of_order(self, kind: str, when: str) -> None:
        if self.state is not COMPLETE:
            raise ProtocolError("%s was sent %s" % (kind, when))
        # "Any further messages on the channel will be ignored". One line in the log is enough.
        if not self.swallows:
            self.swallows = True
            self.complain("%s was sent after the response was complete: it is ignored" % kind)

    def returned(self) -> None:
        if self.state is NOTHING:
            what = "the application returned without starting a response"
        elif self.state is TRAILERS:
            what = "the application returned without the trailers that it had announced"
        else:
            what = "the application returned without completing its response (more_body was not false)"
        self.complain(what)
        self.fail(what)


def _as_bytes(body: Any) -> bytes:
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    what = "None" if body is None else "%s: %.100r" % (type(body).__name__, body)
    raise TypeError("the body of http.response.body must be bytes, not %s" % what)
