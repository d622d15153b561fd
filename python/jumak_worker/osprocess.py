"""What the operating system offers for processes and Python does not: prctl on Linux. Elsewhere these do nothing."""

from __future__ import annotations

import ctypes
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def _prctl(option: int, value: int) -> None:
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))


def set_parent_death_signal(signal: int) -> None:
    """The kernel sends ``signal`` when the parent (the thread that forked us) ends; 0: none."""
    _prctl(_PR_SET_PDEATHSIG, signal)


def become_subreaper() -> None:
    """Descendants whose parent ends become our children, so that their ends are collected here."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
