"""The frames between a gateway and one WSGI slot, and functions that make those of a worker. No I/O.

``src/apps/wire/frames.ts`` draws the format; both sides read ``test/vectors/wire.json`` in their tests. Not here: reading
(``wsgi/link.py``).
"""

from __future__ import annotations

import json
import struct
from typing import Optional

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
TAKEN = 23

#: length of the payload, type
FRAME = struct.Struct("<IB")
#: length of the payload, type, flags, length of the head, length of the names in it
REQUEST_HEAD = struct.Struct("<IBBII")
#: length of the payload, type, status, flags, microseconds, length of the head
RESPONSE_HEAD = struct.Struct("<IBHBII")
#: length of the payload, type, microseconds
END_FRAME = struct.Struct("<IBI")
#: length of the payload, type, fd, offset, length, device, inode
FILE_FRAME = struct.Struct("<IBIQQQQ")
#: length of the payload, type, flags
TAKEN_FRAME = struct.Struct("<IBB")
#: length of the payload, type, status
INFORM_HEAD = struct.Struct("<IBH")

FRAME_HEADER = FRAME.size
#: What the length of a RESPONSE counts besides head and body.
RESPONSE_FIXED = RESPONSE_HEAD.size - FRAME_HEADER

MAX_PAYLOAD = 2 * 1024 * 1024
MAX_CHUNK = 1024 * 1024
MAX_RESPONSE_HEAD = 256 * 1024
#: Characters. The reason is one sentence in the gateway's log, not a dump.
MAX_REASON = 4096
MAX_MICROS = 0xFFFFFFFF
MAX_BUILD = 100

#: Bytes that the kernel should take from a worker at once: a batch of responses needs no second write.
SEND_BUFFER = 1024 * 1024

REQUEST_BODY_FOLLOWS = 1
REQUEST_HANDSHAKE = 2
RESPONSE_END = 1
#: Flag of TAKEN: a whole 101 follows, and then the worker waits for one byte, LINK_STAYS or CLIENT_PASSED.
TAKEN_WAITS = 1
#: The client's bytes come on the link.
LINK_STAYS = b"\0"
#: The client's socket came with this byte (SCM_RIGHTS).
CLIENT_PASSED = b"\1"


class WireError(Exception):
    """The other side broke the rules of the wire: the link cannot go on."""


class LinkClosed(ConnectionResetError):
    """The gateway closed the link: the client has gone. From then on each use of the request raises this error."""


def hello(build: str, worker: int, slots: int, thread: int) -> bytes:
    # The thread as faulthandler writes it: the gateway finds the thread of a request in its dump.
    payload = json.dumps({"build": build, "worker": worker, "slots": slots, "thread": "0x%016x" % thread}).encode()
    return FRAME.pack(len(payload), HELLO) + payload


def parse_hello(payload: bytes) -> Optional[str]:
    """The build that a gateway's HELLO names; None when it is no HELLO."""
    try:
        build = json.loads(payload)["build"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return build if isinstance(build, str) and len(build) <= MAX_BUILD else None


def parse_opened(payload: bytes) -> bool:
    """What FILE_OPENED says. Raises WireError."""
    if payload not in (b"\0", b"\1"):
        raise WireError("an answer to the offer of a file that is neither yes nor no: %r" % payload[:20])
    return payload == b"\1"


def response(status: int, end: bool, micros: int, head: bytes, body: bytes) -> bytes:
    """RESPONSE: the head, and the content that there is (all of it when ``end``)."""
    size = len(head)
    return RESPONSE_HEAD.pack(RESPONSE_FIXED + size + len(body), RESPONSE, status, end, micros, size) + head + body


def chunk_header(length: int) -> bytes:
    """The header of a CHUNK of ``length`` bytes (at most MAX_CHUNK)."""
    return FRAME.pack(length, CHUNK)


def end(micros: int) -> bytes:
    return END_FRAME.pack(4, END, micros)


def file(fd: int, offset: int, length: int, device: int, inode: int) -> bytes:
    return FILE_FRAME.pack(36, FILE, fd, offset, length, device, inode)


def inform(status: int, head: bytes) -> bytes:
    return INFORM_HEAD.pack(2 + len(head), INFORM, status) + head


def taken(flags: int) -> bytes:
    return TAKEN_FRAME.pack(1, TAKEN, flags)


def encode_reason(reason: str, report: str) -> bytes:
    """The payload of FAILED: a sentence, and behind a NUL the report for the error page."""
    reason = reason[:MAX_REASON].replace("\0", " ")
    return (reason + "\0" + report if report else reason).encode("utf-8", "replace")


def failed(micros: int, reason: str, report: str = "") -> bytes:
    """``report``: for the error page while developing; its maker has bounded it."""
    data = encode_reason(reason, report)
    return END_FRAME.pack(4 + len(data), FAILED, micros) + data
