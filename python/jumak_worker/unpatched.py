"""What gevent replaces in the standard library (monkey patching), as it was before.

Imported with the package, and the package before the application. Our own threads, locks, sockets and waits stay those of the operating
system with it: the preloader must not run gevent's hub, and the control thread answers while the hub is blocked. Files that no worker of
greenlets runs (``wsgi/worker.py``, ``wsgi/slot.py``, ``asgi/``, ``process/init.py``, ``process/notify.py``) need none of this.
"""

from __future__ import annotations

import threading
from _thread import RLock, allocate_lock, get_ident, start_new_thread
from os import close, fork, waitpid
from select import poll, select
from signal import signal
from socket import socket
from time import sleep
from typing import Callable

__all__ = ["RLock", "allocate_lock", "close", "fork", "get_ident", "poll", "select", "signal", "sleep", "socket", "start_thread", "waitpid"]

_Thread = threading.Thread


def start_thread(run: Callable[[], object], name: str) -> None:
    """Starts a daemon thread of the operating system."""
    if threading.Thread is _Thread:
        _Thread(target=run, name=name, daemon=True).start()
    else:
        start_new_thread(run, ())
