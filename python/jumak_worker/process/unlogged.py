"""One line for a response of 5xx about which the application has said nothing, so that whoever looks at the log finds it.

What an application writes to files of its own, or sends elsewhere, is not seen here: then the line is one more. While developing there
is a line for every request anyway.
"""

from __future__ import annotations

from time import perf_counter

from . import output
from ..loading import sources
from .errors import report

#: Under load an application may answer thousands of them: one a second, and the number of the others with the next (seconds).
_INTERVAL = 1.0

_said_at = -_INTERVAL
_unsaid = 0


def tell(what: str, request: str, status: int, started_at: float) -> None:
    """``what``: method and path; ``request``: its id, which the caller's output belongs to."""
    global _said_at, _unsaid
    if sources.current is not None or output.has_printed(request):
        return
    now = perf_counter()
    if now - _said_at < _INTERVAL:
        _unsaid += 1
        return
    others, _unsaid, _said_at = _unsaid, 0, now
    more = "; and %d other%s before it" % (others, "" if others == 1 else "s") if others else ""
    report(
        "application error in %s: it answered %d after %d ms and said nothing about it%s"
        % (what, status, (now - started_at) * 1000, more)
    )
