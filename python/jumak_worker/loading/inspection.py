"""Looks for what does not survive a fork, after the application was imported and before the first worker is forked.

A thread exists in the preloader only: in a worker its work never happens, and a lock that it held stays locked. What is open
would be shared by all workers (``descriptors.py`` says what is harmless); so would a process that the import started, which
answers whoever asks, and memory that a fork does not copy.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Dict, List, Optional, Set, Tuple

from . import descriptors
from ..process import osprocess
from .openings import Openings

#: More are not listed: who opened a hundred files sees the pattern.
_MAX_HAZARDS = 20
#: Of a path and a line.
_MAX_TEXT = 1000
#: They end their threads before a fork and start them anew after it (pthread_atfork).
_FORK_SAFE_LIBRARIES = ("openblas", "libiomp5")
#: Of jemalloc, which does the same.
_FORK_SAFE_THREADS = frozenset(("jemalloc_bg_thd",))


def find_hazards(
    inherited: Dict[int, descriptors.Identity], own: Set[int], openings: Optional[Openings] = None
) -> List[dict]:
    """``ForkHazard`` messages. ``inherited``: ``descriptors.inherited()`` from before the import; ``own``: descriptors of ours."""
    found = _threads() + _native_threads() + _processes(openings)
    for fd, identity, kind, what in descriptors.find_shared(inherited, own):
        found.append((kind, what, openings.of_descriptor(fd, identity) if openings else ""))
    found += [("memory", what, "") for what in descriptors.find_shared_memory()]
    return _told(found)


def _told(found: List[Tuple[str, str, str]]) -> List[dict]:
    """Several that look the same are one."""
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
    """Whose code it runs: what it was started for (a Timer's function, a subclass's `run`), else where it is now."""
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
    """Threads that Python does not know of: a library's own."""
    try:
        tasks = os.listdir("/proc/self/task")
    except OSError:
        return []
    count = len(tasks) - threading.active_count() - _fork_safe_threads(tasks)
    return [("thread", "native thread of a library", "")] * count


def _fork_safe_threads(tasks: List[str]) -> int:
    """How many there may be of libraries that know forks."""
    named = sum(osprocess.name_of_thread(task) in _FORK_SAFE_THREADS for task in tasks)
    libraries = {name for _, name in descriptors.mappings() if any(one in name for one in _FORK_SAFE_LIBRARIES)}
    return named + len(libraries) * ((os.cpu_count() or 1) - 1)


# -- processes


def _processes(openings: Optional[Openings]) -> List[Tuple[str, str, str]]:
    found = []
    for pid in osprocess.children():
        name = osprocess.name_of_living(pid)
        if name:
            line = openings.of_process(pid) if openings else ""
            found.append(("process", 'process "%s"' % name, line))
    return found
