"""Frames between a gateway and one slot: bytes in, frames out, and back. No I/O.

The format is drawn in ``src/apps/wire/frames.ts``; ``test/vectors/wire.json`` is read by both sides.
"""

from __future__ import annotations

import struct

HELLO = 1
REQUEST = 2
BODY = 3
BODY_END = 4
FILE_OPENED = 5
RESPONSE = 17
CHUNK = 18
END = 19
FILE = 20
INFORM = 21
FAILED = 22

#: length of the payload, type
FRAME = struct.Struct("<IB")
#: flags, length of the head
REQUEST_HEAD = struct.Struct("<BI")
#: frame header, status, flags, microseconds, length of the head
RESPONSE_HEAD = struct.Struct("<IBHBII")
#: frame header, microseconds
END_FRAME = struct.Struct("<IBI")
#: frame header, fd, offset, length, device, inode
FILE_FRAME = struct.Struct("<IBIQQQQ")
#: frame header, status
INFORM_HEAD = struct.Struct("<IBH")

FRAME_HEADER = FRAME.size
MAX_PAYLOAD = 2 * 1024 * 1024
MAX_CHUNK = 1024 * 1024
MAX_RESPONSE_HEAD = 256 * 1024

REQUEST_BODY_FOLLOWS = 1
RESPONSE_END = 1

_RESPONSE_FIXED = RESPONSE_HEAD.size - FRAME_HEADER


class WireError(Exception):
    """The other side broke the rules of the wire: the link cannot go on."""


def response(status: int, end: bool, micros: int, head: bytes, body: bytes) -> bytes:
    """RESPONSE: the head and as much of the content as there is (all of it when ``end``)."""
    length = _RESPONSE_FIXED + len(head) + len(body)
    return RESPONSE_HEAD.pack(length, RESPONSE, status, end, micros, len(head)) + head + body


def chunk_header(length: int) -> bytes:
    """What precedes a CHUNK of ``length`` bytes (at most MAX_CHUNK)."""
    return FRAME.pack(length, CHUNK)


def end(micros: int) -> bytes:
    return END_FRAME.pack(4, END, micros)


def file(fd: int, offset: int, length: int, device: int, inode: int) -> bytes:
    return FILE_FRAME.pack(36, FILE, fd, offset, length, device, inode)


def inform(status: int, head: bytes) -> bytes:
    return INFORM_HEAD.pack(2 + len(head), INFORM, status) + head


def failed(micros: int, reason: str) -> bytes:
    # The reason goes to the log of the gateway: a sentence, not a dump.
    data = reason.encode("utf-8", "replace")[:4096]
    return END_FRAME.pack(4 + len(data), FAILED, micros) + data


def hello(payload: bytes) -> bytes:
    return FRAME.pack(len(payload), HELLO) + payload
