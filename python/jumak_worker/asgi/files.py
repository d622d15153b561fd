"""``http.response.pathsend`` and ``http.response.zerocopysend``: which part of which file the application wants to send.

Runs on the event loop. Only regular files are sent. The gateway opens the worker's descriptor anew (``FILE`` in
``src/apps/wire/multiplex.ts``). Where it cannot, ``read`` takes the content in a thread, and the content crosses the link.
Not here: what is sent when (``http.py``).
"""

from __future__ import annotations

import os
import stat
from asyncio import AbstractEventLoop
from contextlib import contextmanager
from typing import Any, Iterator, NamedTuple, Optional

from ..wire import multiplex
from .exchange import ProtocolError


class Region(NamedTuple):
    """A part of a regular file, in the order of the fields of FILE."""

    fd: int
    offset: int
    length: int
    device: int
    inode: int


@contextmanager
def open_region(message: dict, declared: Optional[int], sent: int) -> Iterator[Region]:
    """Which part of which file is to be sent. The file of a pathsend is opened here, and closed when it was sent."""
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
        # The file may have grown: it is sent as far as the application has said.
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
        # As sendfile does: the position is behind what was sent.
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


async def read(loop: AbstractEventLoop, region: Region, sent: int) -> bytes:
    """The next content of a file of which ``sent`` bytes were sent; a thread reads it."""
    size = min(multiplex.MAX_CONTENT, region.length - sent)
    data = await loop.run_in_executor(None, os.pread, region.fd, size, region.offset + sent)
    if not data:
        raise ProtocolError("the file ended %d bytes before its end: it was cut while it was sent" % (region.length - sent))
    return data
