"""``wsgi.file_wrapper``, and which files the gateway may send by itself."""

from __future__ import annotations

import io
import os
import stat
import tempfile
from typing import NamedTuple, Optional


class FileWrapper:
    """PEP 3333's wrapper: iterates over blocks. Returned as it is by the application, the gateway sends the file."""

    def __init__(self, filelike, blksize: int = 65536) -> None:
        self.filelike = filelike
        self.blksize = blksize
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
    fd: int
    offset: int
    length: int
    device: int
    inode: int


def file_region(filelike, limit: Optional[int]) -> Optional[FileRegion]:
    """What of a real file is to be sent: from its position to its end, at most ``limit`` bytes; None if it is no real file.

    Only where reading the object is reading the file: ``gzip.GzipFile`` and the like have a ``fileno`` too, of the
    compressed file, and what they read is something else.
    """
    real = _real_file(filelike)
    if real is None:
        return None
    try:
        if real.writable():
            real.flush()
        fd = real.fileno()
        found = os.fstat(fd)
        offset = real.tell()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    length = max(0, found.st_size - offset)
    if limit is not None:
        length = min(length, limit)
    if length == 0:
        return None
    return FileRegion(fd, offset, length, found.st_dev, found.st_ino)


def _real_file(filelike):
    # Django's File and tempfile's wrapper hold the real one in `file`; two levels are what they nest.
    for _ in range(3):
        kind = type(filelike)
        if kind is io.FileIO:
            return filelike
        if kind is io.BufferedReader or kind is io.BufferedRandom:
            return filelike if type(filelike.raw) is io.FileIO else None
        inner = getattr(filelike, "file", None)
        if inner is None:
            return None
        # A subclass with a `read` of its own reads something else than the file.
        if kind is not tempfile._TemporaryFileWrapper and getattr(filelike, "read", None) != getattr(inner, "read", 0):
            return None
        filelike = inner
    return None
