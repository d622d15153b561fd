"""The worker's log, which is stderr: ``wsgi.errors`` for the application, ``report`` for ourselves."""

from __future__ import annotations

import io
import os
import sys
from typing import Iterable


class ErrorStream(io.TextIOBase):
    """``wsgi.errors``, one for all requests: what ``sys.stderr`` is at the moment, which keeps lines whole (``output.py``)."""

    def write(self, text: str) -> int:
        sys.stderr.write(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:  # type: ignore[override]
        self.write("".join(lines))

    def flush(self) -> None:
        sys.stderr.flush()

    def writable(self) -> bool:
        return True


def report(text: str) -> None:
    """Our own words, one write. Never raises: an application may have closed or replaced ``sys.stderr``."""
    try:
        sys.stderr.write(text + "\n")
    except Exception:
        os.write(2, (text + "\n").encode("utf-8", "backslashreplace"))
