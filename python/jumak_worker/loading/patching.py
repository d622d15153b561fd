"""``--worker-class gevent``: gevent replaces what waits in the standard library, before the first import of the application.

Runs in the main thread of the preloader, or of each worker with ``--preload off``. Invariant: no hub is made here. One that the
import makes has an epoll, which ``inspection.py`` finds: then the workers import by themselves.
Not here: what stays as it was (``unpatched.py``), requests (``greenlets/``).
"""

from __future__ import annotations

import sys

from ..output import tracebacks
from .load_error import LoadError


def patch() -> None:
    """Raises LoadError."""
    try:
        from gevent import monkey
    except ImportError as error:
        what = "has no gevent: install it there (pip install gevent)"
        if not isinstance(error, ModuleNotFoundError):
            what = "cannot import gevent: %s" % tracebacks.one_line(error)
        raise LoadError("worker-class is gevent, but the application's Python (%s) %s" % (sys.executable, what)) from None
    if not monkey.is_module_patched("socket"):
        monkey.patch_all()
