"""Looks for hazards: what does not survive a fork, or would be shared by all workers.

Runs in the preloader, after the import and before the first fork. A thread exists in the preloader only: in a worker its work never
happens, and a lock that it held stays locked. Workers would share three things: what is open (``descriptors.py`` says what of it is
harmless), a process that the import started (its answers may reach any worker), and memory that a fork does not copy.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Dict, List, Optional, Set, Tuple

from ..system.children import children, name_of_living, name_of_thread
from . import descriptors
from .openings import Openings

#: More are not listed: twenty show the pattern of a hundred.
_MAX_HAZARDS = 20
#: Characters of a path and a line.
_MAX_TEXT = 1000
#: These libraries end their threads before a fork and start them anew after it (pthread_atfork).
_FORK_SAFE_LIBRARIES = ("openblas", "libiomp5")
#: The threads of jemalloc, which does the same.
_FORK_SAFE_THREADS = frozenset(("jemalloc_bg_thd",))


def find_hazards(
    inherited: Dict[int, descriptors.Identity], own: Set[int], openings: Optional[Openings] = None
) -> List[dict]:
    """``ForkHazard`` messages. ``inherited``: ``descriptors.inherited()`` before the import; ``own``: our descriptors."""
    found = _threads() + _native_threads() + _processes(openings)
    for fd, identity, kind, what in descriptors.find_shared(inherited, own):
        found.append((kind, what, openings.of_descriptor(fd, identity) if openings else ""))
    found += [("memory", what, "") for what in descriptors.find_shared_memory()]
    return _merged(found)


def _merged(found: List[Tuple[str, str, str]]) -> List[dict]:
    """Hazards that look the same are told as one, with their number."""
    counts: Dict[Tuple[str, str, str], int] = {}
    for one in found:
        counts[one] = counts.get(one, 0) + 1
    hazards = []
    for (kind, what, line), count in list(counts.items())[:_MAX_HAZARDS]:
        text = what if count == 1 else "%d × %s" % (count, what)
        if line:
            text += ", %s at %s" % ("started" if kind == "process" else "opened", line)
        hazards.append({"kind": kind, "what": text[:_MAX_TEXT]})
    return hazards


# -- threads


def _threads() -> List[Tuple[str, str, str]]:
    return [
        ("thread", 'thread "%s"%s' % (thread.name, _describe_work(thread)), "")
        for thread in threading.enumerate()
        if thread is not threading.main_thread()
    ]


def _describe_work(thread: threading.Thread) -> str:
    """What the thread was started for (a function, a Timer's function, a subclass's `run`), or else where it is now."""
    work = getattr(thread, "_target", None) or getattr(thread, "function", None)
    if work is None and type(thread).run is not threading.Thread.run:
        work = type(thread).run
    work = getattr(work, "func", work)  # functools.partial
    code = getattr(work, "__code__", None)
    if code is not None:
        return ", started for %s:%d" % (code.co_filename, code.co_firstlineno)
    frame = sys._current_frames().get(thread.ident or 0)
    return ", running %s:%d" % (frame.f_code.co_filename, frame.f_lineno) if frame else ""


def _native_threads() -> List[Tuple[str, str, str]]:
    """Threads of libraries, which Python does not know."""
    try:
        tasks = os.listdir("/proc/self/task")
    except OSError:
        return []
    count = len(tasks) - threading.active_count() - _fork_safe_threads(tasks)
    return [("thread", "native thread of a library", "")] * count


def _fork_safe_threads(tasks: List[str]) -> int:
    """How many threads the libraries that handle forks may have."""
    named = sum(name_of_thread(task) in _FORK_SAFE_THREADS for task in tasks)
    libraries = {name for _, name in descriptors.mappings() if any(one in name for one in _FORK_SAFE_LIBRARIES)}
    return named + len(libraries) * ((os.cpu_count() or 1) - 1)


# -- processes


def _processes(openings: Optional[Openings]) -> List[Tuple[str, str, str]]:
    found = []
    for pid in children():
        name = name_of_living(pid)
        if name:
            line = openings.of_process(pid) if openings else ""
            found.append(("process", 'process "%s"' % name, line))
    return found
