"""What Linux offers for a process beyond Python's ``os``: prctl, the allocator, the scheduler, the memory killer, Unix peers.

Preloader and workers call it. Each function does nothing where the system does not have what it asks for: all of this makes
Jumak better, and nothing of it is needed to serve. Not here: child processes (``children.py``), users (``privileges.py``).
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
from typing import Iterator

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
#: Freed memory (bytes) that a worker keeps for its next responses.
_KEPT = 4 * 1024 * 1024
#: Buffers up to this size (bytes) are taken from the kept memory.
_LARGE = 1024 * 1024
#: Threads of Node that run no event loop: they do short work that somebody waits for.
_HELPERS = ("libuv-worker", "node-V8Worker")
#: In thousandths of all memory: a worker weighs this much more when the kernel chooses which process to kill.
_OOM_SCORE = 300


def _call(function: str, *arguments: int) -> None:
    """Calls a function of the C library, where it has it."""
    if sys.platform != "linux":
        return
    try:
        import ctypes
    except ImportError:
        return  # this Python was built without libffi
    found = getattr(ctypes.CDLL(None), function, None)
    if found is not None:
        found(*(ctypes.c_long(argument) for argument in arguments))


def _prctl(option: int, value: int) -> None:
    _call("prctl", option, value, 0, 0, 0)


def keep_freed_memory() -> None:
    """glibc keeps freed memory at the end of the heap, for us and for all that we fork.

    By default it gives everything beyond 128 KiB back to the kernel. A batch of responses of 10 KiB would then fault its pages in
    anew each time, which is a twentieth of what such a request costs.
    """
    _call("mallopt", _M_MMAP_THRESHOLD, _LARGE)
    _call("mallopt", _M_TRIM_THRESHOLD, _KEPT)


def go_first_when_memory_ends() -> None:
    """When memory runs out, the kernel kills a worker rather than the gateway.

    While a worker that has taken all memory still dies, the kernel may kill a second process. The next largest one is mostly the
    gateway, which holds every client. With this it is another worker, and no client loses an answer.
    """
    path = "/proc/self/oom_score_adj"
    try:
        with open(path) as file:
            score = int(file.read())
        with open(path, "w") as file:
            file.write(str(min(1000, score + _OOM_SCORE)))
    except OSError:
        pass  # no /proc, or it is read-only: the kernel chooses by size alone


def peer_pid(connection: socket.socket) -> int:
    """The process at the other end of a Unix socket, or the one that listens there; 0 where the system does not tell."""
    if not hasattr(socket, "SO_PEERCRED"):
        return 0
    pid: int = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))[0]
    return pid


def finish_before_peer(connection: socket.socket, has_threads: bool = False) -> None:
    """The peer no longer interrupts a process that computes on its core: it waits until that process sleeps or has had its turn.

    Used for the gateway, which wakes for each request and each response. If it interrupted a worker each time, both would work with
    cold caches. The gateway still takes a free core at once. Measured in docs/internals/performance.md.
    ``has_threads``: the gateway has several event loops. The system does not tell which of its threads has connected.
    """
    if not hasattr(os, "SCHED_BATCH"):
        return
    try:
        pid = peer_pid(connection)
        for thread in _event_loops(pid) if has_threads else (pid,):
            if os.sched_getscheduler(thread) == os.SCHED_OTHER:
                os.sched_setscheduler(thread, os.SCHED_BATCH, os.sched_param(0))
    except OSError:
        pass  # another user's process, or not allowed in this container: requests cost a little more


def interrupt_nobody(is_on: bool) -> None:
    """This thread no longer interrupts a process that computes on its core, or it does again. Threads that it starts meanwhile are like it.

    For a thread that holds a WebSocket: the gateway passes on the messages of all clients before the first of them is answered.
    Measured in docs/internals/performance.md.
    """
    if not hasattr(os, "SCHED_BATCH"):
        return
    before, after = (os.SCHED_OTHER, os.SCHED_BATCH) if is_on else (os.SCHED_BATCH, os.SCHED_OTHER)
    with contextlib.suppress(OSError):  # not allowed in this container: messages cost a little more
        if os.sched_getscheduler(0) == before:
            os.sched_setscheduler(0, after, os.sched_param(0))


def _event_loops(pid: int) -> Iterator[int]:
    """The threads of a process of Node, but its helpers. Raises OSError."""
    tasks = "/proc/%d/task" % pid
    for name in os.listdir(tasks):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # the thread has ended
            with open("%s/%s/comm" % (tasks, name)) as file:
                if file.read().rstrip("\n") not in _HELPERS:
                    yield int(name)


def set_parent_death_signal(signal: int) -> None:
    """The kernel sends us ``signal`` when our parent (the thread that forked us) ends; 0: no signal.

    It does not notice a parent that has ended already: compare ``os.getppid()`` afterwards.
    """
    _prctl(_PR_SET_PDEATHSIG, signal)


def become_subreaper() -> None:
    """Descendants whose parent ends become our children: we collect their ends."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def become_dumpable() -> None:
    """Processes of our user may open what /proc has of us."""
    _prctl(_PR_SET_DUMPABLE, 1)


def make_fifo(path: str) -> None:
    """Makes a FIFO that only our user may open. Raises OSError."""
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        # Nobody uses what is there: the worker's number, which the path has, is never given twice.
        with contextlib.suppress(OSError):
            os.unlink(path)
        os.mkfifo(path, 0o600)
    # The application's umask may have taken our own rights away.
    os.chmod(path, 0o600)
