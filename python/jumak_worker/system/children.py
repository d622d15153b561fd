"""The child processes of this process, and the names of processes and threads, as /proc tells them.

The preloader uses it: it looks for processes that the import has started, and ends them when it gives up. Where the kernel has
no /proc, there seem to be no children.
"""

from __future__ import annotations

import os
import signal
import time
from typing import List

from .. import unpatched


def children() -> List[int]:
    """The pids of our children; empty where the kernel does not tell."""
    pids: List[int] = []
    try:
        for task in os.listdir("/proc/self/task"):
            with open("/proc/self/task/%s/children" % task) as file:
                pids += map(int, file.read().split())
    except OSError:
        pass
    return pids


def name_of_living(pid: int) -> str:
    """What the process runs, at most 15 characters; empty when it has ended, collected or not."""
    try:
        with open("/proc/%d/stat" % pid, errors="replace") as file:
            name, _, rest = file.read().partition("(")[2].rpartition(") ")
    except OSError:
        return ""
    return "" if rest.startswith(("Z", "X")) else name


def name_of_thread(task: str) -> str:
    """The name of a thread of this process; empty when the thread has ended."""
    try:
        with open("/proc/self/task/%s/comm" % task, errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def end_children(limit: float) -> None:
    """Sends SIGTERM to all children, and SIGKILL after ``limit`` seconds; collects them."""
    end = time.monotonic() + limit
    number: int = signal.SIGTERM
    while _collect() and children():
        for pid in children() if number else []:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass  # the application's own code has waited for it
        is_late = time.monotonic() > end
        number = signal.SIGKILL if is_late else 0
        unpatched.sleep(0.01)


def _collect() -> bool:
    """False when there is no child."""
    try:
        while unpatched.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True
