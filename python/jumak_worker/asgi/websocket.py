"""A WebSocket by the ASGI specification (HTTP 2.5): ``receive``, ``send``, and the order of messages.

Runs on the event loop. First the application receives ``websocket.connect``. Then it accepts, or closes (a 403), or sends a response of
its own (``websocket.http.response``: from there on it is an HTTP exchange). Then messages go both ways until one side closes.
Invariants: messages are delivered whole, and all of those that came before the client's close. Credit bounds what the application has
not taken. A message that is longer than the window comes only while the application waits for it.
Not here: frames, pings and the close handshake, which are the gateway's.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Deque, List, Optional, Tuple, Union

from ..links.content import CREDIT_STEP
from ..wire import framing, multiplex
from ..wire.multiplex import MAX_CONTENT, MESSAGE_BINARY, MESSAGE_COST, MESSAGE_MORE, MESSAGE_TEXT
from . import response_head
from .exchange import COMPLETE, NOTHING, OPEN, ClientDisconnected, ExchangeLink, ProtocolError, no_message
from .http import HttpExchange

#: RFC6455§7.4.1: the close has no code; the connection broke.
_NO_STATUS = 1005
_ABNORMAL = 1006
_DENIAL = ("websocket.http.response.start", "websocket.http.response.body")


class WebSocketExchange(HttpExchange):
    __slots__ = (
        "is_connected",
        "messages",
        "parts",
        "owed",
        "taken",
        "granted",
        "receivers",
        "is_writing",
        "close_code",
        "close_reason",
    )

    def begin(self, link: ExchangeLink, number: int, scope: dict, body: Optional[bytes], now: float) -> None:
        super().begin(link, number, scope, body, now)
        #: The application has had `websocket.connect`.
        self.is_connected = False
        self.messages: Deque[Tuple[Union[str, bytes], int]] = deque()
        #: The frames of a message that is not complete, and their bytes that were not given back as credit.
        self.parts: List[bytes] = []
        self.owed = 0
        #: What the application has taken of complete messages, and was not given back.
        self.taken = 0
        #: How many tasks of the application wait for a message.
        self.receivers = 0
        #: Bytes that the gateway may still send.
        self.granted = multiplex.WINDOW
        self.status = 0
        #: A message of several frames is being written.
        self.is_writing = False
        self.close_code: Optional[int] = None
        self.close_reason = ""

    # -- from the client

    def add_message(self, flags: int, data: bytes) -> None:
        if self.state is not OPEN:
            return  # the application has closed, and the gateway did not know that yet
        kind = flags & ~MESSAGE_MORE
        if kind != MESSAGE_TEXT and kind != MESSAGE_BINARY:
            raise framing.WireError("message flags %d" % flags)
        if self.granted <= 0:
            raise framing.WireError("a message beyond its credit")
        self.granted -= len(data) if flags & MESSAGE_MORE else len(data) + MESSAGE_COST
        if flags & MESSAGE_MORE:
            self.parts.append(data)
            self.owed += len(data)
            if self.receivers:
                self._pay()
            return
        cost = len(data) + MESSAGE_COST
        if self.parts:
            self.parts.append(data)
            data = b"".join(self.parts)
            self.parts = []
            cost += self.owed
            self.owed = 0
        try:
            message: Union[str, bytes] = data.decode() if kind == MESSAGE_TEXT else data
        except UnicodeDecodeError as error:
            raise framing.WireError("a text message that is no UTF-8: %s" % error) from None
        self.messages.append((message, cost))
        if self.waiters:
            self.wake()

    def _pay(self) -> None:
        """Gives credit for the part of a message that has come, because a message may be longer than the window."""
        self.link.write(multiplex.credit(self.number, self.owed))
        self.granted += self.owed
        self.owed = 0

    def disconnected(self, code: int, reason: str) -> None:
        self.close_code, self.close_reason = code or _NO_STATUS, reason
        self.gone()

    def gone(self) -> None:
        if self.close_code is None:
            self.close_code = _ABNORMAL
        super().gone()

    # -- receive

    async def receive(self) -> dict:
        if not self.is_connected:
            self.is_connected = True
            return {"type": "websocket.connect"}
        while not self.messages:
            if self.is_gone or self.state is COMPLETE:
                code = _ABNORMAL if self.close_code is None else self.close_code
                return {"type": "websocket.disconnect", "code": code, "reason": self.close_reason}
            if self.owed:
                self._pay()
            self.receivers += 1
            try:
                await self.wait()
            finally:
                self.receivers -= 1
        message, cost = self.messages.popleft()
        self.taken += cost
        if self.taken >= CREDIT_STEP and not self.is_gone:
            self.link.write(multiplex.credit(self.number, self.taken))
            self.granted += self.taken
            self.taken = 0
        return {"type": "websocket.receive", "text" if type(message) is str else "bytes": message}

    # -- send

    async def send(self, message: dict) -> None:
        if self.is_gone:
            raise ClientDisconnected("the client has gone")
        try:
            kind = message["type"]
        except (TypeError, KeyError):
            raise no_message(message) from None
        if kind == "websocket.send":
            if self.state is not OPEN:
                raise self._unexpected(kind)
            text, data = message.get("text"), message.get("bytes")
            if (text is None) is (data is None):
                raise ValueError("websocket.send must have either 'text' or 'bytes'")
            if text is not None:
                if not isinstance(text, str):
                    raise TypeError("the text of websocket.send must be a str, not %s" % type(text).__name__)
                data, flags = text.encode(), MESSAGE_TEXT
            else:
                if not isinstance(data, (bytes, bytearray, memoryview)):
                    raise TypeError("the bytes of websocket.send must be bytes, not %s" % type(data).__name__)
                data, flags = bytes(data), MESSAGE_BINARY
            size = len(data)
            if size <= MAX_CONTENT and not self.is_writing and self.credit > 0 and not self.link.is_congested:
                self.credit -= size + MESSAGE_COST
                self.link.write(multiplex.message(self.number, flags, data))
            else:
                await self._write_message(data, flags)
        elif kind == "websocket.accept":
            self._accept(message)
        elif kind == "websocket.close":
            self._close(message)
        elif kind in _DENIAL:
            if self.state is OPEN:
                raise self._unexpected(kind)
            await super().send({**message, "type": kind[len("websocket.") :]})
        else:
            raise ProtocolError("there is no message of type %r to send in a WebSocket" % (kind,))

    async def _write_message(self, data: bytes, kind: int) -> None:
        # The frames of a message follow each other: messages of other tasks wait.
        while self.is_writing:
            await self.wait()
            if self.is_gone:
                raise ClientDisconnected("the client has gone")
            if self.state is not OPEN:
                raise self._unexpected("websocket.send")
        if self.credit <= 0 or self.link.is_congested:
            await self.writable()
        if len(data) > MAX_CONTENT:
            self.is_writing = True
            try:
                data = await self._write_parts(data, kind | MESSAGE_MORE)
            finally:
                self.is_writing = False
                self.wake()
        self.credit -= len(data) + MESSAGE_COST
        self.link.write(multiplex.message(self.number, kind, data))

    async def _write_parts(self, data: bytes, flags: int) -> bytes:
        """Writes all frames but the last; returns the content of the last."""
        position = 0
        while len(data) - position > MAX_CONTENT:
            self.credit -= MAX_CONTENT
            self.link.write(multiplex.message(self.number, flags, data[position : position + MAX_CONTENT]))
            position += MAX_CONTENT
            if self.credit <= 0 or self.link.is_congested:
                await self.writable(position)
        return data[position:]

    def _accept(self, message: dict) -> None:
        if self.state is not NOTHING:
            raise self._unexpected("websocket.accept")
        subprotocol = message.get("subprotocol")
        if subprotocol is None:
            subprotocol = ""
        if not isinstance(subprotocol, str):
            raise TypeError("the subprotocol of websocket.accept must be a str, not %s" % type(subprotocol).__name__)
        offered = (self.scope or {}).get("subprotocols") or ()
        if subprotocol and subprotocol not in offered:
            raise ValueError("the client has not offered the subprotocol %r: %r" % (subprotocol, list(offered)))
        head, _ = response_head.encode(message.get("headers") or ())
        if b"\0sec-websocket-protocol\0" in head.lower():
            raise ValueError("websocket.accept takes the subprotocol as 'subprotocol', not as a header")
        self.state = OPEN
        self.link.write(multiplex.accept(self.number, subprotocol.encode("latin-1") + head))

    def _close(self, message: dict) -> None:
        code, reason = message.get("code", 1000), message.get("reason")
        if code is None:
            code = 1000
        if not isinstance(code, int) or not 1000 <= code <= 4999:
            raise ValueError("the code of websocket.close must be between 1000 and 4999: %r" % (code,))
        if reason is not None and not isinstance(reason, str):
            raise TypeError("the reason of websocket.close must be a str, not %s" % type(reason).__name__)
        if self.state is NOTHING:
            self._deny()
        elif self.state is OPEN:
            self.close_code, self.close_reason = code, reason or ""
            self.link.write(multiplex.close(self.number, code, reason or ""))
            self.messages.clear()
            self.over()
        else:
            raise self._unexpected("websocket.close")

    def _deny(self) -> None:
        self.link.write(multiplex.response(self.number, 403, framing.RESPONSE_END, self.micros(), b"\0content-length\0" b"0", b""))
        self.over()

    def _unexpected(self, kind: Any) -> ProtocolError:
        when = {NOTHING: "before websocket.accept", OPEN: "after websocket.accept", COMPLETE: "after the WebSocket was closed"}
        return ProtocolError("%s was sent %s" % (kind, when.get(self.state, "after the start of a response")))

    def _kind(self) -> str:
        return "a WebSocket"

    def returned(self) -> None:
        if self.state is NOTHING:
            self._deny()
        elif self.state is OPEN:
            self._close({})
        else:
            super().returned()
