"""The application's import graph, for reloading while developing: which files Python read, and how they were then.

Only with ``--reload``. Each file of the user's (not the standard library's, not an installed package's) is noted at
the moment before it is read, so a file that changes meanwhile is seen as changed, never as current. During the load
the notes are collected; from ``report_to`` on each is sent at once, before the module that it is for runs.

It also keeps Python from taking old code for new: a ``.pyc`` is valid for a whole second and one length of its source,
and two saves within a second may have both in common. What was compiled that close to a save is compiled again.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from importlib.machinery import SourceFileLoader
from importlib.util import cache_from_source
from typing import Callable, Dict, List, Optional

from .. import DIRECTORY

#: More files of their own than this have few, and the rest is still watched.
MAX_FILES = 5000
#: Of one message, which may be 1 MiB.
_BATCH = 1000
#: A path longer than this is not reported (a message is bounded).
_MAX_PATH = 800
#: Seconds: file systems count whole ones, or two (FAT), in a ``.pyc`` always whole ones.
_RACY = 2

_PYTHON = os.path.dirname(os.path.abspath(os.__file__))
_FOREIGN = (DIRECTORY, os.path.join(_PYTHON, ""), os.path.join(os.path.realpath(_PYTHON), ""))
#: Wherever they are: in a virtual environment within the project too.
_INSTALLED = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)

Send = Callable[..., None]


def is_own(path: str) -> bool:
    """The user's: neither Python's, nor installed, nor ours."""
    if not os.path.isabs(path):
        return False
    return not path.startswith(_FOREIGN) and not any(part in path for part in _INSTALLED)


class Sources:
    """One for the process; a forked worker goes on with its preloader's."""

    def __init__(self) -> None:
        self._files: Dict[str, dict] = {}
        self._unsent: List[dict] = []
        self._send: Optional[Send] = None
        self._lock = threading.Lock()

    def watch_imports(self) -> None:
        """From here on every source file that Python is about to read is noted."""
        original = SourceFileLoader.path_stats

        def path_stats(loader: SourceFileLoader, path: str) -> dict:
            found = original(loader, path)
            if is_own(path):
                self.note(path)
                if not _is_cache_certain(path, found["mtime"]):
                    # With this the import machinery neither reads nor writes bytecode, and the source is compiled.
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
        """What was noted since the last time, and extension modules, which are loaded another way."""
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and is_own(file) and not file.endswith(".pyc"):
                self.note(file)
        unsent, self._unsent = self._unsent, []
        for start in range(0, len(unsent), _BATCH):
            send("imported", files=unsent[start : start + _BATCH])

    def report_to(self, send: Send) -> None:
        """In a worker, when the application is loaded: what it imports later, in a request, is told at once."""
        self._lock = threading.Lock()  # the preloader's may have been held when this process was forked
        self.send(send)
        self._send = send


def _is_cache_certain(path: str, modified: float) -> bool:
    """False while a ``.pyc`` could be of the text before the last save; one that is already is removed."""
    certain_from = int(modified) + _RACY
    try:
        cache = cache_from_source(path)
        if os.stat(cache).st_mtime < certain_from:
            os.unlink(cache)
    except (OSError, NotImplementedError):
        pass  # there is none
    return time.time() >= certain_from


#: What this process has imported; None unless the application is being developed.
current: Optional[Sources] = None


def start() -> Sources:
    global current
    current = Sources()
    current.watch_imports()
    return current
