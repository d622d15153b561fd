"""An exception as the error page shows it while developing: ``ErrorReport`` in ``src/control/messages.ts``.

Preloader and workers make it, in the thread that has the exception. It has frames with the lines around them, and says which frames
are the user's own. It has no local variables: they may hold secrets. Every part is bounded, so that the whole fits into one frame
of the wire. Nothing here raises, whatever the exception does. Not here: the text of the log (``tracebacks.py``).
"""

from __future__ import annotations

import json
import linecache
import traceback
from typing import List, Optional

from . import tracebacks
from .code_owner import is_hidden, is_own

#: Only while developing: it shows source. The preloader sets it, before it forks.
is_wanted = False

#: Bytes of the report as JSON; a reason on the wire has at most 64 KiB.
MAX_BYTES = 56 * 1024
_MAX_EXCEPTIONS = 4
_MAX_FRAMES = 40
#: So many of the innermost frames of the user's come with the lines around them.
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
    """The report as JSON; empty where it is not wanted, or cannot be made."""
    report = make(error) if is_wanted else None
    return "" if report is None else json.dumps(report)


def _describe(error: BaseException, relation: str) -> dict:
    frames = [
        _frame(one.filename, one.lineno or 0, one.name)
        for one in traceback.extract_tb(error.__traceback__)
        if not is_hidden(one.filename)
    ]
    if isinstance(error, SyntaxError):
        # The place of a syntax error is in no frame.
        frame = _frame(str(error.filename or ""), int(error.lineno or 0), "")
        frame["column"] = min(_MAX_LINE, max(0, int(error.offset or 0)))
        frames.append(frame)
    omitted = max(0, len(frames) - _MAX_FRAMES)
    # The outermost frames say how it was called, the innermost what went wrong. The middle of a recursion says nothing.
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
    """Leaves the least useful parts out, one kind after the other, until the rest fits."""
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
