"""The worker's log, which is stderr: ``wsgi.errors`` for the application, ``report`` for ourselves."""

from __future__ import annotations

import io
import os
import sys
import threading
from typing import Iterable

#: A line without an end is kept back up to this length (characters).
_MAX_PENDING = 8192


class ErrorStream(io.TextIOBase):
    """``wsgi.errors``, one for all requests. A line is one write, however it was made, so threads do not mix theirs."""

    def __init__(self) -> None:
        self._of_thread = threading.local()

    def write(self, text: str) -> int:
        pending = getattr(self._of_thread, "pending", "") + text
        end = len(pending) if len(pending) > _MAX_PENDING else pending.rfind("\n") + 1
        self._of_thread.pending = pending[end:]
        if end:
            sys.stderr.write(pending[:end])
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:  # type: ignore[override]
        self.write("".join(lines))

    def flush(self) -> None:
        pending = getattr(self._of_thread, "pending", "")
        if pending:
            self._of_thread.pending = ""
            sys.stderr.write(pending)
        sys.stderr.flush()

    def writable(self) -> bool:
        return True


def report(text: str) -> None:
    """Our own words, one write. Never raises: an application may have closed or replaced ``sys.stderr``."""
    try:
        sys.stderr.write(text + "\n")
    except Exception:
        os.write(2, (text + "\n").encode("utf-8", "backslashreplace"))
