"""Where a task of an ASGI application stands: which coroutine awaits which, down to what it waits for.

Runs on the event loop, for a task whose deadline has passed. Nothing here may raise, and nothing runs code of the application. Not here:
the stacks of threads (``output/stacks.py``).
"""

from __future__ import annotations

import asyncio
import gc
import traceback
from types import FrameType
from typing import Any, List, Optional

from ..output.code_owner import is_hidden
from ..output.stacks import fold

#: Awaited coroutines that are followed; a longer chain is a recursion.
_MAX_DEPTH = 200
_MAX_TASKS = 20
#: The types of the steps of an asynchronous generator.
_STEPS = frozenset(("async_generator_asend", "async_generator_athrow", "coroutine_wrapper", "anext_awaitable"))


def of_task(task: "asyncio.Task[Any]") -> str:
    """Which coroutine awaits which, outermost first. ``Task.get_stack`` knows only the outermost one."""
    lines: List[str] = []
    for _ in range(_MAX_TASKS):
        lines += fold(_chain(task.get_coro()))
        # Tasks written in C and in Python have it. Other things that a task waits for (a timer, a socket) have no stack.
        other = getattr(task, "_fut_waiter", None)
        if not isinstance(other, asyncio.Task):
            break
        task = other
        lines.append("  which waits for %s:\n" % task.get_name())
    return "".join(lines).rstrip("\n") or "  (it has not begun, or it has ended)"


def _chain(awaited: Any) -> List[traceback.FrameSummary]:
    frames: List[traceback.FrameSummary] = []
    for _ in range(_MAX_DEPTH):
        frame = _frame_of(awaited)
        if frame is not None and not is_hidden(frame.f_code.co_filename):
            frames += traceback.extract_stack(frame, 1)
        awaited = _awaited_by(awaited)
        if awaited is None:
            break
    return frames


def _frame_of(awaited: Any) -> Optional[FrameType]:
    for name in ("cr_frame", "gi_frame", "ag_frame"):
        frame = getattr(awaited, name, None)
        if frame is not None:
            return frame
    return None


def _awaited_by(awaited: Any) -> Any:
    for name in ("cr_await", "gi_yieldfrom", "ag_await"):
        following = getattr(awaited, name, None)
        if following is not None:
            return following
    if type(awaited).__name__ in _STEPS:
        # A step of an asynchronous generator does not name its generator, but refers to it.
        return next((one for one in gc.get_referents(awaited) if _frame_of(one) is not None), None)
    return None
