"""No test waits for ever: a test that takes too long fails at the line where it waits, and the next ones run."""

from __future__ import annotations

import signal
import unittest
from types import FrameType
from typing import Any, Optional

#: Seconds; far more than any test takes on a loaded machine. The clean-up of a test that hangs has the same time again.
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
