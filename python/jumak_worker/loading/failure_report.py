"""An exception as the error page shows it (``ErrorReport`` in ``src/control/messages.ts``): only with ``--reload``.

Frames with the lines around them; which frames are the user's own. No local variables, for they hold secrets. Every
part is bounded, so the whole fits into one frame of the wire. Never raises, whatever the exception does.
"""

from __future__ import annotations

import json
import linecache
import os
import traceback
from typing import Callable, List, Optional

from . import sources
from ..process import tracebacks
from .sources import is_own

#: Bytes of the report as JSON; a reason on the wire may have 64 KiB.
MAX_BYTES = 56 * 1024
_MAX_EXCEPTIONS = 4
_MAX_FRAMES = 40
#: Innermost ones of the user's that come with the lines around them.
_MAX_WITH_SOURCE = 12
_CONTEXT = 5
_MAX_LINE = 240
_MAX_MESSAGE = 2000
_MAX_TEXT = 12 * 1024


def make(error: BaseException) -> Optional[dict]:
    try:
        linecache.checkcache()
        exceptions: List[dict] = []
        seen = set()
        one: Optional[BaseException] = error
        relation = ""
        while one is not None and id(one) not in seen and len(exceptions) < _MAX_EXCEPTIONS:
            seen.add(id(one))
            exceptions.append(_describe(one, relation))
            relation = "context" if one.__cause__ is None else "cause"
            one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
        text = tracebacks.format_exception(error)
        if len(text) > _MAX_TEXT:
            text = "%s\n…\n%s" % (text[: _MAX_TEXT // 2], text[-_MAX_TEXT // 2 :])
        return _fit({"exceptions": exceptions, "text": text})
    except Exception:
        return None


def encode(error: BaseException) -> str:
    """As JSON, or empty."""
    report = make(error)
    return "" if report is None else json.dumps(report)


def send_load_failure(error: Optional[BaseException], send: Callable[..., None]) -> None:
    """Before ``load-failed``: what had been read by then, for a change of it may mend it, and what to show."""
    if sources.current is None:
        return
    if isinstance(error, SyntaxError) and error.filename:
        sources.current.note(os.path.abspath(error.filename))
    sources.current.send(send)
    report = None if error is None else make(error)
    if report is not None:
        send("report", report=report)


def _describe(error: BaseException, relation: str) -> dict:
    frames = [
        _frame(one.filename, one.lineno or 0, one.name)
        for one in traceback.extract_tb(error.__traceback__)
        if not tracebacks.is_hidden(one.filename)
    ]
    if isinstance(error, SyntaxError):
        # Where the text is wrong, which no frame is at.
        frame = _frame(str(error.filename or ""), int(error.lineno or 0), "")
        frame["column"] = min(_MAX_LINE, max(0, int(error.offset or 0)))
        frames.append(frame)
    omitted = max(0, len(frames) - _MAX_FRAMES)
    # The outermost say how it was called, the innermost what went wrong; an endless recursion is in the middle.
    if omitted:
        frames = frames[: _MAX_FRAMES // 4] + frames[-_MAX_FRAMES * 3 // 4 :]
    with_source = 0
    for frame in reversed(frames):
        around = _CONTEXT if frame["isOwn"] and with_source < _MAX_WITH_SOURCE else 0
        with_source += around > 0
        _add_source(frame, around)
    return {
        "type": type(error).__qualname__[:200],
        "message": _message(error),
        "relation": relation,
        "omitted": omitted,
        "frames": frames,
    }


def _message(error: BaseException) -> str:
    try:
        said = error.msg if isinstance(error, SyntaxError) else str(error)
    except Exception:
        return ""
    return str(said)[:_MAX_MESSAGE]


def _frame(filename: str, line: int, name: str) -> dict:
    return {
        "file": filename[:1000],
        "line": line,
        "name": name[:200],
        "isOwn": is_own(filename),
        "column": 0,
        "firstLine": 0,
        "source": [],
    }


def _add_source(frame: dict, around: int) -> None:
    line = frame["line"]
    first = max(1, line - around)
    found = linecache.getlines(frame["file"])[first - 1 : line + around] if line > 0 else []
    frame["firstLine"] = first
    frame["source"] = [one.rstrip("\n")[:_MAX_LINE] for one in found]


def _fit(report: dict) -> Optional[dict]:
    """Takes the least telling parts away until the rest fits."""
    frames = [frame for one in report["exceptions"] for frame in one["frames"]]
    steps = (
        [frame for frame in frames if not frame["isOwn"]],
        [frame for one in report["exceptions"][1:] for frame in one["frames"]],
        [frame for one in report["exceptions"][:1] for frame in one["frames"][:-1]],
        frames,
    )
    for step in steps:
        if _size(report) <= MAX_BYTES:
            return report
        for frame in step:
            frame["source"] = []
    if _size(report) > MAX_BYTES:
        report["text"] = report["text"][-2000:]
        report["exceptions"] = report["exceptions"][:1]
    return report if _size(report) <= MAX_BYTES else None


def _size(report: dict) -> int:
    return len(json.dumps(report))
