"""SIGINT and SIGTERM: nothing for the preloader and its workers, what they always are for what the application forks.

An init system signals every process at once; ending, and letting requests finish first, is the master's affair.
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any, Callable, Dict, List, Optional, Set

_NUMBERS = (signal.SIGINT, signal.SIGTERM)
#: What they did before: what they do in any other Python.
_before: Dict[int, Any] = {}
#: While developing: whether Ctrl-C is for the code that runs this frame, which is a debugger's.
is_interruptible: Callable[[Optional[FrameType]], bool] = lambda _frame: False


class _OfThread(threading.local):
    #: A worker is forked, and not the application's own process.
    forks_worker = False

    def __init__(self) -> None:
        #: The signal mask from before the fork; once more for each fork within a fork: a signal handler may run in between.
        self.masks: List[Set[Any]] = []


_of_thread = _OfThread()


def become_deaf() -> None:
    """Once, in the preloader. A handler and not SIG_IGN, which the application's subprocesses would inherit."""
    for number in _NUMBERS:
        _before[number] = signal.signal(number, _left_to_the_master)
    os.register_at_fork(before=_hold, after_in_parent=_release, after_in_child=_hear_again)


def fork_worker() -> int:
    """``os.fork``, and the child is deaf as well."""
    _of_thread.forks_worker = True
    try:
        return os.fork()
    finally:
        _of_thread.forks_worker = False


def _left_to_the_master(number: int, frame: Optional[FrameType]) -> None:
    if number == signal.SIGINT and is_interruptible(frame):
        raise KeyboardInterrupt


# A child that kept the handler would never end if its signal came just before it sleeps, or within the fork, where Python
# forgets signals: `Process.terminate()` right after `start()`. So they wait in the kernel until the child is as any other.


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


def _hear_again() -> None:
    ours = []
    if not _of_thread.forks_worker:
        ours = [number for number in _NUMBERS if signal.getsignal(number) is _left_to_the_master]
    for number in ours:
        signal.signal(number, signal.SIG_DFL if callable(_before[number]) else _before[number])
    # What came meanwhile ends it here: a KeyboardInterrupt would be raised within this function, where Python ignores it.
    _release()
    for number in ours:
        signal.signal(number, _before[number])
