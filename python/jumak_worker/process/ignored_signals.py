"""Preloader and workers ignore SIGINT and SIGTERM; processes that the application forks do not.

An init system sends a signal to every process at once, but it is the master that lets requests finish and then ends the workers. Handlers
run in the main thread; the hooks of a fork run in whatever thread forks. Invariant: no fork leaves a signal blocked, in either process.
Not here: signals of the master for one worker (``forked_workers.py``).
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any, Callable, Dict, List, Optional, Set

from .. import unpatched

_NUMBERS = (signal.SIGINT, signal.SIGTERM)
#: The handlers before ours, as any other Python process has them.
_before: Dict[int, Any] = {}
#: While developing: whether Ctrl-C is meant for the code of this frame, because a debugger runs it.
is_interruptible: Callable[[Optional[FrameType]], bool] = lambda _frame: False


class _OfThread(threading.local):
    #: This thread is forking a worker, and not a process of the application.
    forks_worker = False

    def __init__(self) -> None:
        #: The signal mask before the fork; one more for each fork within a fork, which a signal handler may do.
        self.masks: List[Set[Any]] = []


_of_thread = _OfThread()


def ignore() -> None:
    """Called once, in the preloader. By a handler, not SIG_IGN, which the application's subprocesses would inherit."""
    for number in _NUMBERS:
        _before[number] = signal.signal(number, _do_nothing)
    os.register_at_fork(before=_hold, after_in_parent=_release, after_in_child=_restore)


def fork_worker() -> int:
    """``os.fork``; the child ignores the signals too."""
    _of_thread.forks_worker = True
    try:
        return unpatched.fork()
    finally:
        _of_thread.forks_worker = False


def _do_nothing(number: int, frame: Optional[FrameType]) -> None:
    if number == signal.SIGINT and is_interruptible(frame):
        raise KeyboardInterrupt


# A signal may come within the fork, where Python forgets it, or just before the child sleeps: `Process.terminate()` right after
# `start()`. A child that still had our handler would then never end. So the signals wait in the kernel until the child has the
# handlers of any other Python process.


def _hold() -> None:
    masks = _of_thread.masks
    masks.append(masks[-1] if masks else signal.pthread_sigmask(signal.SIG_BLOCK, ()))
    signal.pthread_sigmask(signal.SIG_BLOCK, _NUMBERS)


def _release() -> None:
    masks = _of_thread.masks
    if not masks:
        return  # a signal handler raised an exception in `_hold`, before anything was held
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, masks[-1])
    finally:
        masks.pop()


def _restore() -> None:
    ours = []
    if not _of_thread.forks_worker:
        ours = [number for number in _NUMBERS if signal.getsignal(number) is _do_nothing]
    for number in ours:
        signal.signal(number, signal.SIG_DFL if callable(_before[number]) else _before[number])
    # A signal that has waited ends the process here. A KeyboardInterrupt would be raised in this function, where Python ignores it.
    _release()
    for number in ours:
        signal.signal(number, _before[number])
