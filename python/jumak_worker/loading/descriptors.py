"""Open descriptors: which of them forked workers must not share, and which they may share, each with its reason.

A fork copies the numbers, but not the open files. Workers that share a file share its position: one moves it, another reads there.
They share a lock, so it excludes none of them. What arrives at a shared pipe, connection or epoll goes to the worker that is first.
Runs in the preloader. Invariant: it looks, and changes nothing. Not here: what the master is told (``inspection.py``).
"""

from __future__ import annotations

import _socket
import contextlib
import fcntl
import os
import socket
import stat
import sys
from typing import Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

#: The open file: device, inode and kind.
Identity = Tuple[int, int, int]

#: They have no position, and no content that one reader could take from another.
_STATELESS = frozenset(("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"))
#: macOS tells the path of a descriptor by F_GETPATH; 0 elsewhere.
_GET_PATH: int = getattr(fcntl, "F_GETPATH", 0)
_O_PATH: int = getattr(os, "O_PATH", 0)
_DELETED = " (deleted)"


class Shared(NamedTuple):
    """``kind`` as in ``ForkHazard`` of ``src/control/messages.ts``; ``what``: a sentence fragment."""

    fd: int
    identity: Identity
    kind: str
    what: str


def identify(fd: int) -> Identity:
    """Raises OSError."""
    found = os.fstat(fd)
    return found.st_dev, found.st_ino, stat.S_IFMT(found.st_mode)


def listed() -> Iterator[int]:
    """All that are open, and the one that lists them."""
    for directory in ("/proc/self/fd", "/dev/fd"):
        try:
            return map(int, os.listdir(directory))
        except OSError:
            pass
    return iter(())


def inherited() -> Dict[int, Identity]:
    """Those that came from the process that started us. Called before anything of the application runs."""
    found = {}
    for fd in listed():
        try:
            if fd <= 2 or os.get_inheritable(fd):
                found[fd] = identify(fd)
        except OSError:
            pass
    return found


def find_shared(before: Dict[int, Identity], own: Set[int]) -> List[Shared]:
    """Those that are not harmless. ``before``: what `inherited` returned; ``own``: our descriptors."""
    found = []
    for fd, identity in _opened(before, own):
        try:
            kind, what = _describe(fd, identity[2])
        except OSError:
            continue  # a thread has closed it
        if what:
            found.append(Shared(fd, identity, kind, what))
    return found


def has_written_files(before: Dict[int, Identity], own: Set[int]) -> bool:
    """Whether files are open for writing: text for them may still be in a buffer of this process."""
    return any(
        kind == stat.S_IFREG and fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
        for fd, (_, _, kind) in _opened(before, own)
    )


def _opened(before: Dict[int, Identity], own: Set[int]) -> Iterator[Tuple[int, Identity]]:
    for fd in sorted(listed()):
        # Each worker has its own 1 and 2.
        if fd in own or fd in (1, 2):
            continue
        try:
            identity = identify(fd)
        except OSError:
            continue  # the one that listed them
        if before.get(fd) != identity:
            yield fd, identity


def _describe(fd: int, kind: int) -> Tuple[str, str]:
    """The kind of hazard, and what it is; empty: harmless."""
    name = name_of(fd)
    if stat.S_ISSOCK(kind):
        return "socket", _describe_socket(fd)
    if stat.S_ISREG(kind):
        return _describe_file(fd, name)
    if stat.S_ISFIFO(kind):
        return "pipe", "pipe %s" % name if name.startswith("/") else "pipe"
    if name in _STATELESS or (_O_PATH and fcntl.fcntl(fd, fcntl.F_GETFL) & _O_PATH):
        return "file", ""
    if name == "anon_inode:[eventpoll]":
        return "descriptor", "epoll, as event loops have"
    if name.startswith("anon_inode:"):
        return "descriptor", name[len("anon_inode:") :].strip("[]")
    return "file", "%s %s" % ("directory" if stat.S_ISDIR(kind) else "device", name)


def name_of(fd: int) -> str:
    """The path, or the kernel's name for it; empty where the system does not tell."""
    try:
        return os.readlink("/proc/self/fd/%d" % fd)
    except OSError:
        pass
    try:
        path = fcntl.fcntl(fd, _GET_PATH, bytes(1024)) if _GET_PATH else b""
        return os.fsdecode(path.rstrip(b"\0"))
    except OSError:
        return ""


# -- files


def _describe_file(fd: int, name: str) -> Tuple[str, str]:
    what = "file %s" % name
    if is_locked(fd):
        return "lock", "lock on %s" % name
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    access = flags & os.O_ACCMODE
    # A log. The kernel writes at the end of the file, whatever the position, and keeps the bytes of one `write` together.
    if access == os.O_WRONLY and flags & os.O_APPEND:
        return "file", ""
    # A mapped file. It is read as memory, nobody uses its position, and nobody has moved it.
    if access == os.O_RDONLY and os.lseek(fd, 0, os.SEEK_CUR) == 0 and _is_mapped(name):
        return "file", ""
    return "file", what


def is_locked(fd: int) -> bool:
    try:
        with open("/proc/self/fdinfo/%d" % fd) as file:
            return "\nlock:" in file.read()
    except OSError:
        return False


def _is_mapped(name: str) -> bool:
    return any(mapped == name for _, mapped in mappings())


def mappings() -> Iterator[Tuple[str, str]]:
    """Rights (``rw-s``) and name of each piece of memory that has a name."""
    try:
        with open("/proc/self/maps", errors="replace") as file:
            lines = file.readlines()
    except OSError:
        return
    for line in lines:
        parts = line.rstrip("\n").split(None, 5)
        if len(parts) == 6:
            yield parts[1], parts[5]


def find_shared_memory() -> List[str]:
    """Writable memory that a fork does not copy; each name once."""
    names = {name: None for rights, name in mappings() if rights[1] == "w" and rights[3] == "s"}
    return [_describe_memory(name) for name in names]


def _describe_memory(name: str) -> str:
    if name.startswith("/dev/shm/sem."):
        return "semaphore, as multiprocessing has"
    name = name[: -len(_DELETED)] if name.endswith(_DELETED) else name
    return "shared memory" if name == "/dev/zero" else "shared memory %s" % name


# -- sockets


def _describe_socket(fd: int) -> str:
    with contextlib.closing(_open_copy(fd)) as sock:
        try:
            peer = sock.getpeername()
        except OSError:
            peer = None
        if sock.type == socket.SOCK_DGRAM:
            # A socket without a name gets no answers, and logging expects none.
            is_mute = sock.family == socket.AF_UNIX and not sock.getsockname()
            return "" if is_mute or fd in _of_logging() else "datagram socket%s" % _format_peer(peer, " to ")
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            # A listener. The kernel gives each connection to one worker; and only one import can bind an address.
            return ""
        if peer is None:
            return "socket"
        return "connection%s" % _format_peer(peer, " to ") if peer else "socket pair"


def _open_copy(fd: int) -> _socket.socket:
    """A copy shares the flag O_NONBLOCK with the application's socket. Python would set it if the application had a default timeout;
    so would a socket class that an event loop has put in the place of Python's. So the copy is made
    by ``_socket`` itself, without a timeout."""
    timeout = _socket.getdefaulttimeout()
    _socket.setdefaulttimeout(None)
    try:
        return _socket.socket(fileno=os.dup(fd))
    finally:
        _socket.setdefaulttimeout(timeout)


def _of_logging() -> Set[int]:
    """The descriptors of sockets that handlers of ``logging`` have."""
    logging = sys.modules.get("logging")
    found = set()
    for reference in list(getattr(logging, "_handlerList", ())):
        handler = reference()
        for name in ("sock", "socket"):
            sock = getattr(handler, name, None)
            if isinstance(sock, socket.socket):
                found.add(sock.fileno())
    return found


def _format_peer(peer: object, before: str) -> str:
    if isinstance(peer, tuple) and len(peer) >= 2:
        host = str(peer[0])
        return before + ("[%s]:%s" if ":" in host else "%s:%s") % (host, peer[1])
    name: Optional[str] = os.fsdecode(peer) if isinstance(peer, (bytes, str)) else None
    return "%sunix:%s" % (before, name.replace("\0", "@")) if name else ""
