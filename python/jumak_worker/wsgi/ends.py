"""Notices the end of connections that nobody reads: of links whose application has the client's own socket.

Runs in one thread for the whole worker, which starts with the first of them. An ``on_end`` must not wait for anything. In a worker of
greenlets the hub does this (``greenlets/exchange.py``).
"""

from __future__ import annotations

import select
import threading
from typing import Any, Callable, Dict, Optional

_lock = threading.Lock()
#: None until something is watched.
_epoll: Optional[Any] = None
#: By descriptor.
_watched: Dict[int, Callable[[], None]] = {}


def watch(fd: int, on_end: Callable[[], None]) -> Callable[[], None]:
    """``on_end`` is called once, when the other end has closed or has sent something. Returns what stops that: it must be called before
    ``fd`` is closed, and ``on_end`` may still run when it returns."""
    global _epoll
    with _lock:
        if _epoll is None:
            _epoll = select.epoll()
            threading.Thread(target=_run, args=(_epoll,), name="jumak-ends", daemon=True).start()
        epoll = _epoll
        _watched[fd] = on_end
        epoll.register(fd, select.EPOLLIN | select.EPOLLRDHUP)

    def stop() -> None:
        with _lock:
            if _watched.pop(fd, None) is not None and epoll is _epoll:
                epoll.unregister(fd)

    return stop


def _run(epoll: Any) -> None:
    while True:
        for fd, _ in epoll.poll():
            with _lock:
                on_end = _watched.pop(fd, None)
                if on_end is None:
                    continue
                epoll.unregister(fd)
            on_end()


def forget_in_child() -> None:
    """In a process that the application has forked: the thread is its parent's."""
    global _lock, _epoll
    _lock = threading.Lock()
    _epoll = None
    _watched.clear()
