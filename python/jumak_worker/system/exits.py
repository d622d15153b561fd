"""How a process of ours ends at once, without running what the application registered for its end (atexit)."""

from __future__ import annotations

import os
import sys
import traceback
from typing import NoReturn

from ..output.log import report

#: The application could not be loaded; the master was told why.
NOT_LOADED = 3
#: Something of ours is broken: EX_SOFTWARE.
_BROKEN = 70


def flush_streams() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass  # the application closed it, or put something else in its place


def leave(code: int) -> NoReturn:
    flush_streams()
    os._exit(code)


def leave_broken(number: int) -> NoReturn:
    """Called in an exception handler of worker ``number``."""
    report("worker %d is broken:\n%s" % (number, traceback.format_exc()))
    os._exit(_BROKEN)


def leave_forked() -> NoReturn:
    """The application forked a process in a request, and that process has come back into our code."""
    report("a process that the application forked in a request came back from it: it ends here")
    leave(0)
