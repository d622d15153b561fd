"""What the system offers for processes beyond Python's ``os``: prctl, /proc and the scheduler, which do nothing where there are
none, and giving up root's privileges."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import sys
import time
from typing import Dict, List

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36


_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
#: Freed memory (bytes) that a worker keeps for its next responses.
_KEPT = 4 * 1024 * 1024
#: Buffers up to this size come from there.
_LARGE = 1024 * 1024
#: Of a thousandth of the memory that there is: a worker weighs so much more when the kernel chooses whom to kill.
_OOM_SCORE = 300


def _call(function: str, *arguments: int) -> None:
    """Of the C library, where it has it."""
    if sys.platform != "linux":
        return
    try:
        import ctypes
    except ImportError:
        return  # a Python that was built without libffi: none of these is needed to serve
    found = getattr(ctypes.CDLL(None), function, None)
    if found is not None:
        found(*(ctypes.c_long(argument) for argument in arguments))


def _prctl(option: int, value: int) -> None:
    _call("prctl", option, value, 0, 0, 0)


def keep_freed_memory() -> None:
    """glibc gives memory at the heap's end back to the kernel beyond 128 KiB, so a batch of responses of 10 KiB would fault its
    pages in anew each time, a twentieth of what such a request costs. For us and all that we fork."""
    _call("mallopt", _M_MMAP_THRESHOLD, _LARGE)
    _call("mallopt", _M_TRIM_THRESHOLD, _KEPT)


def go_first_when_memory_ends() -> None:
    """While a worker that has taken all memory dies, the kernel may kill a second process; the next largest one is mostly the
    gateway, which holds every client. With this it is another worker, which costs nobody an answer."""
    path = "/proc/self/oom_score_adj"
    try:
        with open(path) as file:
            score = int(file.read())
        with open(path, "w") as file:
            file.write(str(min(1000, score + _OOM_SCORE)))
    except OSError:
        pass  # no /proc, or not to be written: the kernel chooses by size alone


def peer_pid(connection: socket.socket) -> int:
    """Of the process at the other end of a Unix socket, or that listens there; 0 where nothing tells."""
    if not hasattr(socket, "SO_PEERCRED"):
        return 0
    pid: int = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))[0]
    return pid


def finish_before_peer(connection: socket.socket) -> None:
    """What the other end is woken for waits until whoever computes on its core is done, or has had its turn (some milliseconds).

    For the gateway: it is woken for each request and each response, and where it interrupts a worker for each, both work with
    cold caches. A free core it still takes at once. Measured in docs/internals/performance.md.
    """
    if not hasattr(os, "SCHED_BATCH"):
        return
    try:
        pid = peer_pid(connection)
        if os.sched_getscheduler(pid) == os.SCHED_OTHER:
            os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0))
    except OSError:
        pass  # another user's process, or not allowed in this container: it costs a little more


def set_parent_death_signal(signal: int) -> None:
    """The kernel sends ``signal`` when the parent (the thread that forked us) ends; 0: none. A parent that has ended
    already is not noticed: compare ``os.getppid()`` afterwards."""
    _prctl(_PR_SET_PDEATHSIG, signal)


def become_subreaper() -> None:
    """Descendants whose parent ends become our children, so that their ends are collected here."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def make_fifo(path: str) -> None:
    """For us alone. Raises OSError."""
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        # Whatever is there is nobody's: the number is this worker's alone.
        with contextlib.suppress(OSError):
            os.unlink(path)
        os.mkfifo(path, 0o600)
    # The application may have taken more away by its umask.
    os.chmod(path, 0o600)


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


def name_of_living(pid: int) -> str:
    """What it runs, at most 15 characters; empty for one that has ended, collected or not."""
    try:
        with open("/proc/%d/stat" % pid, errors="replace") as file:
            name, _, rest = file.read().partition("(")[2].rpartition(") ")
    except OSError:
        return ""
    return "" if rest.startswith(("Z", "X")) else name


def name_of_thread(task: str) -> str:
    """Of this process; empty for one that has ended."""
    try:
        with open("/proc/self/task/%s/comm" % task, errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def end_children(limit: float) -> None:
    """SIGTERM to all, after ``limit`` seconds SIGKILL; collects them."""
    end = time.monotonic() + limit
    number: int = signal.SIGTERM
    while _collect() and children():
        for pid in children() if number else []:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass  # some code of the application has waited for it
        is_late = time.monotonic() > end
        number = signal.SIGKILL if is_late else 0
        time.sleep(0.01)


def _collect() -> bool:
    """False when there is no child."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


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
