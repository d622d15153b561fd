"""Looks for what does not survive a fork, after the application was imported and before the first worker is forked.

A thread exists in the preloader only: in a worker its work never happens, and a lock that it held stays locked. A
connection (to a database, say) would be shared by all workers, who would read each other's answers.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from typing import List


def find_hazards(own_fds: List[int]) -> List[dict]:
    """``ForkHazard`` messages; ``own_fds`` are our own descriptors."""
    return _threads() + _connections(own_fds)


def native_threads() -> int:
    """Threads that Python does not know of: a library's own. They are common, and most libraries start them anew."""
    try:
        return max(0, len(os.listdir("/proc/self/task")) - threading.active_count())
    except OSError:
        return 0


def _threads() -> List[dict]:
    return [
        {"kind": "thread", "what": 'thread "%s"%s' % (thread.name, _describe_work(thread))}
        for thread in threading.enumerate()
        if thread is not threading.main_thread()
    ]


def _describe_work(thread: threading.Thread) -> str:
    """Whose code it runs: what it was started for (a Timer's function, a subclass's `run`), else where it is now."""
    work = getattr(thread, "_target", None) or getattr(thread, "function", None)
    if work is None and type(thread).run is not threading.Thread.run:
        work = type(thread).run
    work = getattr(work, "func", work)  # functools.partial
    code = getattr(work, "__code__", None)
    if code is not None:
        return ", started for %s:%d" % (code.co_filename, code.co_firstlineno)
    frame = sys._current_frames().get(thread.ident or 0)
    return ", running %s:%d" % (frame.f_code.co_filename, frame.f_lineno) if frame else ""


def _connections(own_fds: List[int]) -> List[dict]:
    try:
        fds = sorted(int(name) for name in os.listdir("/proc/self/fd"))
    except OSError:
        return []
    peers = [_peer(fd) for fd in fds if fd not in own_fds and _is_socket(fd)]
    return [{"kind": "socket", "what": "connection to %s" % peer} for peer in peers if peer]


def _is_socket(fd: int) -> bool:
    try:
        return os.readlink("/proc/self/fd/%d" % fd).startswith("socket:")
    except OSError:
        return False


def _peer(fd: int) -> str:
    """The other end of a connected stream; empty for what may be shared: datagrams (syslog, statsd), listeners, and
    socket pairs, which lead back to this process."""
    try:
        with socket.socket(fileno=os.dup(fd)) as sock:
            if sock.type == socket.SOCK_DGRAM:
                return ""
            peer = sock.getpeername()
    except OSError:
        return ""
    if isinstance(peer, tuple):
        host = str(peer[0])
        return ("[%s]:%s" if ":" in host else "%s:%s") % (host, peer[1])
    name = peer.decode(errors="replace") if isinstance(peer, bytes) else str(peer)
    return "unix:%s" % name.replace("\0", "@") if name else ""
