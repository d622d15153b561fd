"""Our own words in the worker's log, which is what ``sys.stderr`` is at the moment."""

from __future__ import annotations

import os
import sys


def report(text: str) -> None:
    """Writes ``text`` and a line's end at once. Never raises: an application may have closed or replaced ``sys.stderr``."""
    try:
        sys.stderr.write(text + "\n")
    except Exception:
        os.write(2, (text + "\n").encode("utf-8", "backslashreplace"))
