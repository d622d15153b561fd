"""Which source files Python has read, and how they were then: for reloading while developing (``--reload``).

Runs in preloader and workers, in whatever thread imports. Only the user's own files are noted (``code_owner.py``). Invariants: a file is
noted the moment before it is read, so a change in between makes it changed, never current. During the load the notes are
collected. After ``report_to`` each note is sent at once, before the module runs.

It also keeps Python from running old bytecode. A ``.pyc`` is valid for a second (the time of its source) and a length. Two saves
within a second may have both in common, so source that was compiled close to a save is compiled again.
"""

from __future__ import annotations

import os
import sys
import time
from importlib.machinery import SourceFileLoader
from importlib.util import cache_from_source
from typing import Callable, Dict, List, Optional

from .. import unpatched
from ..output.code_owner import is_own

#: Few projects have more files. The rest is still watched.
MAX_FILES = 5000
#: Files in one message, which has at most 1 MiB.
_BATCH = 1000
#: A longer path is not reported: messages are bounded.
_MAX_PATH = 800
#: Seconds. A ``.pyc`` has whole seconds, and so have some file systems; FAT counts by two.
_RACY = 2

Send = Callable[..., None]


class Sources:
    """One for each process: a forked worker goes on with the one of its preloader."""

    def __init__(self) -> None:
        self._files: Dict[str, dict] = {}
        self._unsent: List[dict] = []
        self._send: Optional[Send] = None
        self._lock = unpatched.allocate_lock()

    def watch_imports(self) -> None:
        """From now on every source file is noted before Python reads it."""
        original = SourceFileLoader.path_stats

        def path_stats(loader: SourceFileLoader, path: str) -> dict:
            found = original(loader, path)
            if is_own(path):
                self.note(path)
                if not _is_cache_certain(path, found["mtime"]):
                    # After this error Python compiles the source, and neither reads nor writes bytecode.
                    raise OSError("the bytecode of %s may be of an older text" % path)
            return found

        setattr(SourceFileLoader, "path_stats", path_stats)

    def note(self, path: str) -> None:
        """``path`` is about to be read."""
        with self._lock:
            if path in self._files or len(self._files) >= MAX_FILES or len(path) > _MAX_PATH:
                return
            try:
                found = os.stat(path)
            except OSError:
                return
            entry = {"path": path, "modified": found.st_mtime_ns / 1e6, "size": found.st_size}
            self._files[path] = entry
            if self._send is not None:
                self._send("imported", files=[entry])
            else:
                self._unsent.append(entry)

    def send(self, send: Send) -> None:
        """Sends what was noted since the last time, and extension modules, which Python loads another way."""
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and is_own(file) and not file.endswith(".pyc"):
                self.note(file)
        unsent, self._unsent = self._unsent, []
        for start in range(0, len(unsent), _BATCH):
            send("imported", files=unsent[start : start + _BATCH])

    def report_to(self, send: Send) -> None:
        """In a worker that has loaded the application: what it imports later, in a request, is sent at once."""
        self._lock = unpatched.allocate_lock()  # the preloader's may have been held at the fork
        self.send(send)
        self._send = send


def _is_cache_certain(path: str, modified: float) -> bool:
    """False while a ``.pyc`` could belong to the text before the last save. Such a ``.pyc`` is removed."""
    certain_from = int(modified) + _RACY
    try:
        cache = cache_from_source(path)
        if os.stat(cache).st_mtime < certain_from:
            os.unlink(cache)
    except (OSError, NotImplementedError):
        pass  # there is none
    return time.time() >= certain_from


#: What this process has read; None unless the application is being developed.
current: Optional[Sources] = None


def start() -> Sources:
    global current
    current = Sources()
    current.watch_imports()
    return current
