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


def _threads() -> List[dict]:
    hazards = []
    for thread in threading.enumerate():
        if thread is threading.main_thread():
            continue
        code = getattr(getattr(thread, "_target", None), "__code__", None)
        if code is not None:
            where = ", started for %s:%d" % (code.co_filename, code.co_firstlineno)
        else:
            frame = sys._current_frames().get(thread.ident or 0)
            where = ", running %s:%d" % (frame.f_code.co_filename, frame.f_lineno) if frame else ""
        hazards.append({"kind": "thread", "what": 'thread "%s"%s' % (thread.name, where)})
    return hazards


def _connections(own_fds: List[int]) -> List[dict]:
    hazards = []
    for name in _open_fds():
        fd = int(name)
        if fd in own_fds or not _is_socket(fd):
            continue
        peer = _peer(fd)
        if peer:
            hazards.append({"kind": "socket", "what": "connection to %s" % peer})
    return hazards


def _open_fds() -> List[str]:
    try:
        return os.listdir("/proc/self/fd")
    except OSError:
        return []


def _is_socket(fd: int) -> bool:
    try:
        return os.readlink("/proc/self/fd/%d" % fd).startswith("socket:")
    except OSError:
        return False


def _peer(fd: int) -> str:
    """The other end of a connected stream; empty for anything that may be shared: datagrams (syslog, statsd), listeners,
    and socket pairs, which lead back to this process."""
    try:
        sock = socket.socket(fileno=os.dup(fd))
    except OSError:
        return ""
    with sock:
        try:
            if sock.type == socket.SOCK_DGRAM:
                return ""
            peer = sock.getpeername()
        except OSError:
            return ""
        if not peer:
            return ""
        if isinstance(peer, tuple):
            return "%s:%d" % peer[:2]
        return "unix:%s" % (peer.decode(errors="replace") if isinstance(peer, bytes) else peer)


def native_threads() -> int:
    """Threads that Python does not know of: a library's own."""
    try:
        return max(0, len(os.listdir("/proc/self/task")) - threading.active_count())
    except OSError:
        return 0
