"""``--worker-class gevent``: gevent replaces what waits in the standard library, before the first import of the application.

Runs in the main thread of the preloader, or of each worker with ``--preload off``. A module's lock or event makes gevent's hub when it is
imported, so the hub is made here first, and its descriptors are known: workers do not share them, for each makes its own after the fork.
Invariant: we never run the hub in the preloader. Only the import may, by waiting for something.
Not here: what stays as it was (``unpatched.py``), requests (``greenlets/``).
"""

from __future__ import annotations

import contextlib
import sys
from typing import Set

from ..output import tracebacks
from . import descriptors
from .load_error import LoadError

#: Descriptors of the hub that a worker makes anew.
of_hub: Set[int] = set()


def patch() -> None:
    """Raises LoadError."""
    try:
        from gevent import get_hub, monkey
    except ImportError as error:
        what = "has no gevent: install it there (pip install gevent)"
        if not isinstance(error, ModuleNotFoundError):
            what = "cannot import gevent: %s" % tracebacks.one_line(error)
        raise LoadError("worker-class is gevent, but the application's Python (%s) %s" % (sys.executable, what)) from None
    monkey.patch_all()
    before = _open()
    get_hub()
    of_hub.update(_open() - before)


def _open() -> Set[int]:
    found = set()
    for fd in descriptors.listed():
        with contextlib.suppress(OSError):  # the one that listed them
            descriptors.identify(fd)
            found.add(fd)
    return found


def after_fork() -> None:
    """In a worker, before anything of the application runs there: gives a hub of the preloader descriptors of its own. That hub is ours, or
    a configuration file has made it. What the import has spawned goes on."""
    gevent = sys.modules.get("gevent")
    if gevent is not None:
        gevent.reinit()
        child_handler_replaced()


def child_handler_replaced() -> None:
    """SIGCHLD has another handler than that of gevent's loop, which the loop has installed when the import has waited for a process. It
    installs it again with the next process; otherwise nobody would notice the end of that one."""
    gevent = sys.modules.get("gevent")
    if gevent is not None:
        gevent.get_hub().loop.reset_sigchld()
