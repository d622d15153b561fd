"""Which line of the application opened a descriptor or started a process: the second import is followed line by line.

Only in a preloader that starts because another one has found a hazard: it tells the user where to look. It follows the application's
own lines, which the user can change. What a package opens belongs to the line of the application that called the package.
Invariant: after ``stop`` nothing of it is left in the process. An audit hook was rejected: C libraries (database drivers among
them) raise no events, and a hook can never be removed, so each worker would pay for it.
"""

from __future__ import annotations

import fcntl
import os
import sys
from types import CodeType, FrameType
from typing import Any, Dict, Optional, Set, Tuple

from ..output.code_owner import is_own
from ..system.children import children
from . import descriptors

#: Lines that are followed. Each takes some microseconds, and an import may compute tables.
_MAX_LINES = 200_000
#: Callers that are searched for the application's own code.
_MAX_DEPTH = 200


class Openings:
    def __init__(self, module: Optional[str]) -> None:
        """``module``: the application's. It is followed even where it is an installed package."""
        self._package = (module or "").partition(".")[0]
        self._known: Set[Tuple[int, descriptors.Identity]] = set()
        #: A descriptor, or a process → ``/srv/app/jobs.py:12``.
        self._of_descriptor: Dict[Tuple[int, descriptors.Identity], str] = {}
        self._of_process: Dict[int, str] = {}
        self._is_own: Dict[CodeType, bool] = {}
        self._left = _MAX_LINES
        #: The line that runs; empty: it is not the application's.
        self._line = ""
        self._free = (-1, -1)

    def start(self) -> None:
        self._look()
        sys.settrace(self._on_call)

    def stop(self) -> None:
        """Ends it, without a trace in the process."""
        sys.settrace(None)
        self._look()
        self._is_own.clear()

    def of_descriptor(self, fd: int, identity: descriptors.Identity) -> str:
        """Empty where it is not known."""
        return self._of_descriptor.get((fd, identity), "")

    def of_process(self, pid: int) -> str:
        return self._of_process.get(pid, "")

    def _on_call(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        code = frame.f_code
        is_own = self._is_own.get(code)
        if is_own is None:
            is_own = self._is_own[code] = self._judge(frame)
        return self._on_line if is_own else None

    def _judge(self, frame: FrameType) -> bool:
        name = str(frame.f_globals.get("__name__", ""))
        return is_own(frame.f_code.co_filename) or name.partition(".")[0] == self._package

    def _on_line(self, frame: FrameType, event: str, _argument: Any) -> Any:
        self._look()
        if event == "line":
            self._line = "%s:%d" % (frame.f_code.co_filename, frame.f_lineno)
            self._left -= 1
            if self._left <= 0:
                sys.settrace(None)
        elif event == "return":
            self._line = self._calling_line(frame)
        return self._on_line

    def _calling_line(self, frame: FrameType) -> str:
        caller = frame.f_back
        for _ in range(_MAX_DEPTH):
            if caller is None:
                return ""
            if self._is_own.get(caller.f_code):
                return "%s:%d" % (caller.f_code.co_filename, caller.f_lineno)
            caller = caller.f_back
        return ""

    def _look(self) -> None:
        """What has appeared since the last look belongs to the line that has run."""
        free = _lowest_free()
        if free != self._free:
            self._free = free
            self._note_descriptors()
        if _has_children():
            for pid in children():
                if pid not in self._of_process:
                    self._of_process[pid] = self._line

    def _note_descriptors(self) -> None:
        known = set()
        for fd in descriptors.listed():
            try:
                one = fd, descriptors.identify(fd)
            except OSError:
                continue
            known.add(one)
            if one not in self._known:
                self._of_descriptor[one] = self._line
        self._known = known


def _lowest_free() -> Tuple[int, int]:
    """The two lowest free numbers. If they have not changed, nothing was opened. One is too few: `Popen` leaves a gap. A list costs more."""
    try:
        first = os.dup(0)
        try:
            second = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, first + 1)
            os.close(second)
        finally:
            os.close(first)
    except OSError:
        return (-1, -1)
    return first, second


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except OSError:
        return False
    return True
