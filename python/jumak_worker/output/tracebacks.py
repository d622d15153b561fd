"""Tracebacks with the application's frames, without ours and the import machinery's. Nothing here raises."""

from __future__ import annotations

import traceback

from .code_owner import is_hidden

#: Characters. A message to the master has at most 1 MiB; the text of an error may be as long as it likes.
_MAX_TEXT = 64 * 1024
_MAX_LINE = 1000


def format_exception(error: BaseException) -> str:
    """The traceback of ``error`` and of its causes, without a newline at its end. An endless one loses its middle.

    Never raises, whatever the exception does.
    """
    try:
        summary = traceback.TracebackException(type(error), error, error.__traceback__)
        _hide(summary, set())
        text = "".join(summary.format()).rstrip("\n")
    except Exception as failure:
        return "%s (its traceback cannot be shown: %s)" % (type(error).__name__, type(failure).__name__)
    if len(text) > _MAX_TEXT:
        text = "%s\n…\n%s" % (text[: _MAX_TEXT // 2], text[-_MAX_TEXT // 2 :])
    return text


def one_line(error: BaseException) -> str:
    """``ValueError: what it says``. Never raises."""
    name = type(error).__name__
    try:
        said = str(error)
    except Exception:
        return name
    said = " ".join(said[:_MAX_LINE].split())
    return "%s: %s" % (name, said) if said else name


def _hide(summary: traceback.TracebackException, seen: set) -> None:
    if id(summary) in seen:
        return
    seen.add(id(summary))
    summary.stack = traceback.StackSummary.from_list(
        [frame for frame in summary.stack if not is_hidden(frame.filename)]
    )
    for other in (summary.__cause__, summary.__context__):
        if other is not None:
            _hide(other, seen)
    for other in getattr(summary, "exceptions", None) or ():
        _hide(other, seen)


def has_application_frames(error: BaseException) -> bool:
    """Whether the error was raised while the application's code ran, and not while we looked for that code."""
    return any(not is_hidden(frame.filename) for frame in traceback.extract_tb(error.__traceback__))
