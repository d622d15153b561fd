"""Records of FastCGI 1.0, and three of our own, as ``src/upstream/protocols/cgi.ts`` reads them. No I/O.

One request is on a connection, with the id 1: the role of a responder, no multiplexing.

    gateway → spawner   BEGIN_REQUEST · PARAMS … · STDIN …
    spawner → gateway   BEGUN · STDOUT … · STDERR … · NOTE … · END_REQUEST        or REFUSED · END_REQUEST

    ┌ version u8 = 1 ┬ type u8 ┬ request id u16 ┬ content length u16 ┬ padding length u8 ┬ reserved u8 ┐ content · padding

Invariant: the bytes may be cut anywhere. Bounds: parameters of one request have ``MAX_PARAMETERS`` bytes.
"""

from __future__ import annotations

import struct
from typing import Dict, Iterator, Tuple

HEADER = struct.Struct("!BBHHBx")
VERSION = 1
REQUEST_ID = 1
#: Content of one record.
MAX_CONTENT = 0xFFFF
#: The gateway takes heads of 64 KiB by default, and 1 MiB at most; names and lengths come on top.
MAX_PARAMETERS = 2 * 1024 * 1024

BEGIN_REQUEST, ABORT_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT, STDERR = range(1, 8)
#: Our own. The program runs: until then the request waits.
BEGUN = 100
#: No program was started: status u16 · seconds for Retry-After u16, 0: none · why, for the log, may be empty.
REFUSED = 101
#: Something for the log that the program did not write.
NOTE = 102


class RecordError(ValueError):
    """What came is no request of the gateway."""


def record(kind: int, content: bytes = b"") -> bytes:
    return HEADER.pack(VERSION, kind, REQUEST_ID, len(content), 0) + content


END = record(END_REQUEST, bytes(8))


class Reader:
    """Cuts bytes into records."""

    def __init__(self) -> None:
        self._kept = b""

    def receive(self, data: bytes) -> Iterator[Tuple[int, bytes]]:
        """Type and content of each record that is complete. Raises RecordError."""
        data = self._kept + data if self._kept else data
        at = 0
        while len(data) - at >= HEADER.size:
            version, kind, number, length, padding = HEADER.unpack_from(data, at)
            if version != VERSION or number != REQUEST_ID:
                raise RecordError("a record of version %d with the id %d" % (version, number))
            content = at + HEADER.size
            end = content + length + padding
            if end > len(data):
                break
            yield kind, data[content : content + length]
            at = end
        # A record has 64 KiB, so this is bounded.
        self._kept = data[at:]


def parameters(data: bytes) -> Dict[bytes, bytes]:
    """Raises RecordError."""
    found: Dict[bytes, bytes] = {}
    at = 0
    try:
        while at < len(data):
            name_length, at = _length(data, at)
            value_length, at = _length(data, at)
            value_at = at + name_length
            end = value_at + value_length
            if end > len(data):
                raise RecordError("a parameter is cut")
            found[data[at:value_at]] = data[value_at:end]
            at = end
    except (IndexError, struct.error):
        raise RecordError("the length of a parameter is cut") from None
    return found


def _length(data: bytes, at: int) -> Tuple[int, int]:
    first = data[at]
    if first < 0x80:
        return first, at + 1
    return struct.unpack_from("!I", data, at)[0] & 0x7FFFFFFF, at + 4
