"""What Linux offers for processes and Python does not: prctl and /proc. Elsewhere these do nothing."""

from __future__ import annotations

import os
import sys
from typing import List

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def _prctl(option: int, value: int) -> None:
    if sys.platform != "linux":
        return
    try:
        import ctypes
    except ImportError:
        return  # a Python that was built without libffi: these are safety nets, not needed to serve
    zero = ctypes.c_ulong(0)
    ctypes.CDLL(None).prctl(option, ctypes.c_ulong(value), zero, zero, zero)


def set_parent_death_signal(signal: int) -> None:
    """The kernel sends ``signal`` when the parent (the thread that forked us) ends; 0: none. A parent that has ended
    already is not noticed: compare ``os.getppid()`` afterwards."""
    _prctl(_PR_SET_PDEATHSIG, signal)


def become_subreaper() -> None:
    """Descendants whose parent ends become our children, so that their ends are collected here."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def children() -> List[int]:
    """Our children's pids; empty where the kernel does not tell."""
    pids: List[int] = []
    try:
        for task in os.listdir("/proc/self/task"):
            with open("/proc/self/task/%s/children" % task) as file:
                pids += map(int, file.read().split())
    except OSError:
        pass
    return pids
