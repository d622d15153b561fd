"""One line in the log for a response of 5xx about which the application has said nothing.

What an application writes to files of its own, or sends elsewhere, is not seen here: then the log has one line too many.
"""

from __future__ import annotations

from time import perf_counter

from . import streams
from .log import report

#: While developing there is a line for every request anyway. The preloader sets it, before it forks.
is_off = False

#: Seconds. An application under load may answer thousands of them: one is told, and the next line has the number of the others.
_INTERVAL = 1.0

_said_at = -_INTERVAL
_unsaid = 0


def tell(what: str, request: str, status: int, started_at: float) -> None:
    """``what``: method and path; ``request``: its id, by which its output is known."""
    global _said_at, _unsaid
    if is_off or streams.has_printed(request):
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
