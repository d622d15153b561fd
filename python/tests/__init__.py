"""No test waits without end: one that takes too long fails where it stands, and those after it run."""

from __future__ import annotations

import signal
import unittest
from types import FrameType
from typing import Any, Optional

#: Far above what any takes on a loaded machine. The clean-up of one that hangs has as much once more.
_LIMIT = 240.0

_run = unittest.TestCase.run


def _give_up(_number: int, _frame: Optional[FrameType]) -> None:
    raise AssertionError("the test has waited here for %g s" % _LIMIT)


def _run_bounded(self: unittest.TestCase, result: Any = None) -> Any:
    signal.signal(signal.SIGALRM, _give_up)
    signal.setitimer(signal.ITIMER_REAL, _LIMIT, _LIMIT)
    try:
        return _run(self, result)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


unittest.TestCase.run = _run_bounded  # type: ignore[method-assign]
