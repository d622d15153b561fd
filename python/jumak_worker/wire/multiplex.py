"""The frames between a gateway and a worker that runs many requests at once, and functions that make those of a worker. No I/O.

``src/apps/wire/multiplex.ts`` draws the format; both sides read ``test/vectors/multiplex.json`` in their tests. Many exchanges share
the link, so every frame names its exchange (0: none). Frames that mean the same as on the wire of WSGI slots have the same type
(``framing.py``). Not here: reading (``links/link.py``).
"""

from __future__ import annotations

import json
import struct

from . import framing

DISCONNECT = 6
CANCEL = 7
PING = 8
ATTACH = 9
PONG = 23
ACCEPT = 24
CLOSE = 25
TAKEN = 26
CREDIT = 33
MESSAGE = 34

#: length of the payload, type, exchange
FRAME = struct.Struct("<IBI")
#: length of the payload, type, exchange, flags, length of the head, length of its names
REQUEST_HEAD = struct.Struct("<IBIBII")
#: length of the payload, type, exchange, status, flags, microseconds, length of the head
RESPONSE_HEAD = struct.Struct("<IBIHBII")
#: length of the payload, type, exchange, microseconds (END, FAILED); or bytes (CREDIT), or a token (PONG)
NUMBER_FRAME = struct.Struct("<IBII")
#: length of the payload, type, exchange, fd, offset, length, device, inode
FILE_FRAME = struct.Struct("<IBIIQQQQ")
#: length of the payload, type, exchange, status (INFORM) or code (CLOSE)
SHORT_FRAME = struct.Struct("<IBIH")
#: length of the payload, type, exchange, token, flags
TAKEN_FRAME = struct.Struct("<IBIIB")
#: length of the payload, type, exchange, flags
MESSAGE_FRAME = struct.Struct("<IBIB")

FRAME_HEADER = FRAME.size
#: What the length of a REQUEST counts besides head and body.
REQUEST_FIXED = REQUEST_HEAD.size - FRAME_HEADER
#: What the length of a RESPONSE counts besides head and body.
RESPONSE_FIXED = RESPONSE_HEAD.size - FRAME_HEADER

#: Credit (bytes) at the beginning of an exchange, in each direction.
WINDOW = 256 * 1024
#: Bytes of content in one frame.
MAX_CONTENT = 64 * 1024
#: What a message costs beyond its bytes.
MESSAGE_COST = 32
#: A complete response goes in one frame up to this size of content.
MAX_COMPLETE = 256 * 1024
#: RFC6455§5.5: a close frame has this much room besides the code.
MAX_CLOSE_REASON = 123

#: Connections for sockets of handshakes that one thread of the gateway opens at a time.
MAX_ATTACHING = 16

#: Beside ``framing.RESPONSE_END``: the application has announced trailers.
RESPONSE_TRAILERS = 2

MESSAGE_TEXT = 1
MESSAGE_BINARY = 2
MESSAGE_MORE = 128


def hello(build: str, worker: int, slots: int) -> bytes:
    payload = json.dumps({"build": build, "worker": worker, "slots": slots}).encode()
    return FRAME.pack(len(payload), framing.HELLO, 0) + payload


def response(exchange: int, status: int, flags: int, micros: int, head: bytes, body: bytes) -> bytes:
    """RESPONSE: the head, and the content that there is (all of it with RESPONSE_END)."""
    size = len(head)
    fixed = RESPONSE_HEAD.pack(RESPONSE_FIXED + size + len(body), framing.RESPONSE, exchange, status, flags, micros, size)
    return fixed + head + body


def chunk(exchange: int, data: bytes) -> bytes:
    return FRAME.pack(len(data), framing.CHUNK, exchange) + data


def end(exchange: int, micros: int, trailers: bytes) -> bytes:
    return NUMBER_FRAME.pack(4 + len(trailers), framing.END, exchange, micros) + trailers


def file(exchange: int, fd: int, offset: int, length: int, device: int, inode: int) -> bytes:
    return FILE_FRAME.pack(36, framing.FILE, exchange, fd, offset, length, device, inode)


def inform(exchange: int, status: int, head: bytes) -> bytes:
    return SHORT_FRAME.pack(2 + len(head), framing.INFORM, exchange, status) + head


def failed(exchange: int, micros: int, reason: str, report: str = "") -> bytes:
    data = framing.encode_reason(reason, report)
    return NUMBER_FRAME.pack(4 + len(data), framing.FAILED, exchange, micros) + data


def credit(exchange: int, size: int) -> bytes:
    return NUMBER_FRAME.pack(4, CREDIT, exchange, size)


def pong(token: int) -> bytes:
    return NUMBER_FRAME.pack(4, PONG, 0, token)


def accept(exchange: int, head: bytes) -> bytes:
    return FRAME.pack(len(head), ACCEPT, exchange) + head


def taken(exchange: int, token: int, flags: int) -> bytes:
    return TAKEN_FRAME.pack(5, TAKEN, exchange, token, flags)


def message(exchange: int, flags: int, data: bytes) -> bytes:
    return MESSAGE_FRAME.pack(1 + len(data), MESSAGE, exchange, flags) + data


def close(exchange: int, code: int, reason: str) -> bytes:
    """Cuts the reason to what a close frame holds, between two characters."""
    data = reason.encode("utf-8", "replace")
    if len(data) > MAX_CLOSE_REASON:
        data = data[:MAX_CLOSE_REASON].decode("utf-8", "ignore").encode()
    return SHORT_FRAME.pack(2 + len(data), CLOSE, exchange, code) + data
