"""``wsgi.file_wrapper``, and which files the gateway may send by itself."""

from __future__ import annotations

import io
import os
import stat
from typing import Any, NamedTuple, Optional


class FileWrapper:
    """PEP 3333's wrapper: iterates over blocks. If the application returns the wrapper itself, the gateway sends the file."""

    def __init__(self, filelike: Any, blksize: int = 65536) -> None:
        self.filelike = filelike
        self.blksize = blksize
        # An attribute, not a method: PEP 3333 wants `close` only where the file has one.
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self) -> "FileWrapper":
        return self

    def __next__(self) -> bytes:
        data = self.filelike.read(self.blksize)
        if data:
            return data
        raise StopIteration


class FileRegion(NamedTuple):
    """A part of a regular file. Device and inode tell the gateway, which opens the file anew, that it is the same one."""

    fd: int
    offset: int
    length: int
    device: int
    inode: int


def file_region(filelike: Any, limit: Optional[int]) -> Optional[FileRegion]:
    """The part of a real file from its position to its end, at most ``limit`` bytes. None: it is no real file, or there is
    nothing to send."""
    try:
        real = _real_file(filelike)
        if real is None:
            return None
        if real.writable():
            real.flush()
        fd = real.fileno()
        found = os.fstat(fd)
        offset = real.tell()
    except (OSError, ValueError):
        return None  # closed or detached: when it is read, the application sees the error
    if not stat.S_ISREG(found.st_mode):
        return None
    length = max(0, found.st_size - offset)
    if limit is not None:
        length = min(length, limit)
    return FileRegion(fd, offset, length, found.st_dev, found.st_ino) if length else None


def _real_file(filelike: Any) -> Any:
    """The file object of Python that is read when ``filelike`` is read, or None.

    ``fileno`` does not tell: a ``gzip.GzipFile`` has the descriptor of the compressed file, but ``read`` gives other bytes. If
    ``read`` is the method of a real file, as in files themselves and in Django's ``File``, both give the same bytes.
    """
    kind = type(filelike)
    if kind.__name__ == "_TemporaryFileWrapper" and kind.__module__ == "tempfile":
        filelike = filelike.file  # its `read` is a function around the file's
    real = getattr(getattr(filelike, "read", None), "__self__", None)
    if type(real) is io.BufferedReader or type(real) is io.BufferedRandom:
        return real if type(real.raw) is io.FileIO else None
    return real if type(real) is io.FileIO else None
