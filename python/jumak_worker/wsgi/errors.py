"""``wsgi.errors``: the worker's log, which is what ``sys.stderr`` is at the moment (``output/streams.py``)."""

from __future__ import annotations

import io
import sys
from typing import Iterable


class ErrorStream(io.TextIOBase):
    """One for all requests: ``sys.stderr`` itself keeps the lines of threads apart."""

    def write(self, text: str) -> int:
        sys.stderr.write(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:  # type: ignore[override]
        self.write("".join(lines))

    def flush(self) -> None:
        sys.stderr.flush()

    def writable(self) -> bool:
        return True
