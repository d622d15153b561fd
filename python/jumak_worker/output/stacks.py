"""Where the application's code stands: the stacks of threads, and how a stack is shown.

Runs in a worker, mostly in its control thread. Nothing here may raise, and nothing runs code of the application: it looks into a process
that is in trouble. Not here: tracebacks of exceptions (``tracebacks.py``), what a task waits for (``asgi/task_stack.py``).
"""

from __future__ import annotations

import faulthandler
import os
import runpy
import signal
import sys
import threading
import traceback
from types import CodeType, FrameType
from typing import List, Optional

from .. import unpatched
from .code_owner import is_hidden, is_own

#: The function that runs a request, of an object with ``describe``. ``asgi/exchange.py`` and ``greenlets/exchange.py`` set it.
request_code: Optional[CodeType] = None

#: Libraries that one line names.
_MAX_NAMES = 3
_LIMIT = 100
#: Characters, each of several bytes. A message to the master has at most 1 MiB.
_MAX_TEXT = 128 * 1024
#: The files of the frames with which a thread begins.
_STARTERS = frozenset(("<frozen runpy>", runpy.__file__, threading.__file__))
#: The main thread, also of what is forked: the preloader forks from it.
_main = unpatched.get_ident()


def of_thread(ident: int) -> str:
    """The stack of a thread, outermost first."""
    frame = sys._current_frames().get(ident)
    return "".join(of_frame(frame))[:_MAX_TEXT] if frame is not None else "  (the thread has ended)\n"


def of_all_threads() -> str:
    """The stacks of all threads but this one, outermost frame first. The main thread, which may run an event loop, comes first."""
    own = unpatched.get_ident()
    # Not `enumerate`, whose lock may be held by a greenlet of a thread that is blocked.
    names = {thread.ident: thread.name for thread in list(getattr(threading, "_active").values())}
    lines: List[str] = []
    for ident, frame in sorted(sys._current_frames().items(), key=lambda one: one[0] != _main):
        if ident != own:
            # gevent knows threads by other numbers.
            name = names.get(ident) or ("MainThread" if ident == _main else hex(ident))
            lines.append("Thread %s%s:\n" % (name, _what_runs(frame)))
            lines += of_frame(frame)
    return "".join(lines)[:_MAX_TEXT]


def of_frame(frame: FrameType) -> List[str]:
    """The lines of the stack that ends with ``frame``, outermost first."""
    summary = traceback.extract_stack(frame, _LIMIT)
    shown = [one for one in summary if not (is_hidden(one.filename) or one.filename in _STARTERS)]
    return fold(shown) or ["  (in no code of the application)\n"]


def fold(frames: List[traceback.FrameSummary]) -> List[str]:
    """As text, outermost first. The application's own frames stand out: each run of library frames between them is one line, and so are
    the frames that called the first of them, at the end. The innermost frame is always shown. Without own frames all are shown."""
    own = [index for index, frame in enumerate(frames) if is_own(frame.filename)]
    if not own:
        return traceback.format_list(frames)
    callers = frames[: own[0]] if own[0] > 1 else []
    lines: List[str] = []
    folded: List[traceback.FrameSummary] = []
    for index, frame in enumerate(frames[len(callers) :], len(callers)):
        if not is_own(frame.filename) and index < len(frames) - 1:
            folded.append(frame)
            continue
        lines += _in_one_line(folded, "  ... %s\n")
        lines += traceback.format_list([frame])
        folded = []
    return lines + _in_one_line(callers, "  called by %s\n")


def _in_one_line(frames: List[traceback.FrameSummary], text: str) -> List[str]:
    if len(frames) < 2:
        return traceback.format_list(frames)
    names = list(dict.fromkeys(_library_of(frame.filename) for frame in frames))
    more = ", ..." if len(names) > _MAX_NAMES else ""
    return [text % ("%d frames of %s" % (len(frames), ", ".join(names[:_MAX_NAMES]) + more))]


def _library_of(path: str) -> str:
    """``django`` of ``/venv/lib/python3.13/site-packages/django/core/handlers/base.py``."""
    for folder in ("site-packages", "dist-packages"):
        _, found, rest = path.rpartition(os.sep + folder + os.sep)
        if found:
            return rest.split(os.sep, 1)[0].partition(".py")[0]
    return "Python"


def dump_on_signal(fd: int) -> None:
    """SIGURG, which is ignored by default, writes all stacks to ``fd``. While C code holds the GIL nothing else can look.

    A dump of running Python code may crash the process, so the master asks the control thread first.
    """
    faulthandler.register(signal.SIGURG, file=fd, all_threads=True)


def _what_runs(frame: Optional[FrameType]) -> str:
    """Names the request, of those that one thread runs in turns, that the frame belongs to."""
    while frame is not None:
        if frame.f_code is request_code:
            return ", which runs %s" % frame.f_locals["self"].describe()
        frame = frame.f_back
    return ""
