"""What the system offers for processes beyond Python's ``os``: prctl and /proc, which do nothing where there are none,
and giving up root's privileges."""

from __future__ import annotations

import os
import sys
from typing import Dict, List

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
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


def drop_privileges(uid: int, gid: int, user: str) -> None:
    """Becomes the user for good, with its supplementary groups (none without a name). Raises OSError.

    A parent death signal is cleared by this: set it afterwards.
    """
    if os.geteuid() == 0:
        # In this order: each step needs what the next one takes away.
        if user:
            os.initgroups(user, gid)
        else:
            os.setgroups([gid])
        os.setgid(gid)
        os.setuid(uid)
    if {os.getuid(), os.geteuid()} != {uid} or {os.getgid(), os.getegid()} != {gid}:
        raise PermissionError("this process is user %d, group %d and may not change that" % (os.geteuid(), os.getegid()))
    # The kernel hides what once was root's from its own user: the gateway, which is that user, opens /proc/<pid>/fd.
    _prctl(_PR_SET_DUMPABLE, 1)


def move_home(uid: int) -> None:
    """HOME, USER and LOGNAME of the user, where they are root's: a library would keep files where it may not."""
    roots = _home(0)
    for name, value in _home(uid).items():
        if os.environ.get(name) in (None, roots.get(name)):
            os.environ[name] = value


def _home(uid: int) -> Dict[str, str]:
    import pwd

    try:
        account = pwd.getpwuid(uid)
    except KeyError:
        return {}
    return {"HOME": account.pw_dir, "USER": account.pw_name, "LOGNAME": account.pw_name}
