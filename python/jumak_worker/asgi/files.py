"""``http.response.pathsend`` and ``http.response.zerocopysend``: files that the gateway sends by itself.

The gateway opens the worker's descriptor anew (``FILE`` in ``src/apps/wire/multiplex.ts``) and says so; then the application
may close its own. Where it cannot, and for what is no regular file, a thread reads, and the content crosses the link.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Iterator, NamedTuple, Optional

from ..wire import multiplex
from .exchange import SENDING, ClientDisconnected, ProtocolError

if TYPE_CHECKING:
    from .http import HttpExchange


class Region(NamedTuple):
    """A part of a regular file."""

    fd: int
    offset: int
    length: int
    device: int
    inode: int


@contextmanager
def open_region(message: dict, declared: Optional[int], sent: int) -> Iterator[Region]:
    """What of which file is to be sent. A file of pathsend is opened, and closed when it was sent."""
    if message["type"] == "http.response.zerocopysend":
        yield _region_of(message)
        return
    path = message.get("path")
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError("the path of http.response.pathsend must be a str, not %s" % type(path).__name__)
    if sent:
        raise ProtocolError("http.response.pathsend must be all content of its response")
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        found = _regular(fd, "http.response.pathsend", path)
        # A file that has grown since the application looked is sent as far as it has said.
        length = found.st_size if declared is None else min(declared, found.st_size)
        yield Region(fd, 0, length, found.st_dev, found.st_ino)
    finally:
        os.close(fd)


def _region_of(message: dict) -> Region:
    file = message.get("file")
    offset, count = message.get("offset"), message.get("count")
    for name, value in (("offset", offset), ("count", count)):
        if value is not None and (not isinstance(value, int) or value < 0):
            raise ValueError("the %s of http.response.zerocopysend must be a number of bytes: %r" % (name, value))
    if isinstance(file, int):
        fd = file
        position = offset if offset is not None else os.lseek(fd, 0, os.SEEK_CUR)
    elif hasattr(file, "fileno"):
        fd = file.fileno()  # type: ignore[union-attr]
        position = offset if offset is not None else file.tell()  # type: ignore[union-attr]
    else:
        raise TypeError("the file of http.response.zerocopysend must be an open file, not %s" % type(file).__name__)
    found = _regular(fd, "http.response.zerocopysend", fd)
    length = max(0, found.st_size - position)
    if count is not None:
        length = min(length, count)
    if offset is None:
        # As sendfile does: what follows is read from behind it.
        if isinstance(file, int):
            os.lseek(fd, position + length, os.SEEK_SET)
        else:
            file.seek(position + length)  # type: ignore[union-attr]
    return Region(fd, position, length, found.st_dev, found.st_ino)


def _regular(fd: int, kind: str, name: Any) -> os.stat_result:
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        raise ValueError("%s can only send regular files: %r is none" % (kind, name))
    return found


async def send(exchange: "HttpExchange", region: Region) -> None:
    """Returns when the descriptor is no longer needed. Raises ClientDisconnected."""
    fd, offset, length, device, inode = region
    if not length:
        await exchange.write_content(b"")
        return
    if exchange.state is SENDING:
        await exchange.writable()
    else:
        exchange.write_head()
    exchange.file_opened = None
    exchange.link.write(multiplex.file(exchange.number, fd, offset, length, device, inode))
    while exchange.file_opened is None:
        if exchange.is_gone:
            raise ClientDisconnected("the client has gone")
        await exchange.wait()
    if exchange.file_opened:
        return
    end = offset + length
    while offset < end:
        size = min(multiplex.MAX_CONTENT, end - offset)
        data = await exchange.link.loop.run_in_executor(None, os.pread, fd, size, offset)
        if not data:
            raise ProtocolError("the file ended %d bytes before its end: it was cut while it was sent" % (end - offset))
        await exchange.write_content(data)
        offset += len(data)
