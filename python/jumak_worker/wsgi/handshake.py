"""A request that asks for a WebSocket: the application finds a socket in its environ, and speaks the WebSocket there by itself.

``environ["werkzeug.socket"]`` and ``environ["gunicorn.socket"]`` are one object, a socket of the class that ``socket.socket`` is at the moment
(gevent replaces it). It is a second descriptor of the link. Its first use that could move a byte takes the link (TAKEN): from then on it is
an ordinary socket with the only descriptor, and what it sends is a response of HTTP/1.1 and then the application's. While it is not used,
the response goes as any other.

Runs in the thread of the slot; a socket may be used in other threads of the application. Invariants: a link is taken once at most, and only
while nothing of the response has been sent. When the application has returned, the link ends, whatever it does with the socket later.
Not here: what the gateway makes of the bytes (``src/apps/wsgi/``).
"""

from __future__ import annotations

import os
import select
import socket
import threading
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import Any, Callable, Dict, Optional

from ..output import tracebacks
from ..system import osprocess
from .body import BodyStream
from .call import Call, CallLink

#: What needs the other end, or gives the descriptor away. ``close``, ``getsockopt``, ``__repr__`` and the like do not.
_USES = ("accept", "bind", "connect", "connect_ex", "detach", "dup", "fileno", "ioctl", "listen", "sendfile", "setblocking")
_USES += ("recv", "recv_into", "recvfrom", "recvfrom_into", "recvmsg", "recvmsg_into", "send", "sendall", "sendmsg", "sendto")
_USES += ("setsockopt", "settimeout", "shutdown")
#: Seconds. For the gateway to close its end, so that the last bytes to the client are not lost by a reset.
_LINGER = 1.0
_READ = 64 * 1024

#: Handshakes whose socket was not used yet, by the socket's id.
_offered: Dict[int, "Handshake"] = {}
_lock = threading.Lock()
#: For each class of sockets the one whose first use takes the link.
_classes: Dict[type, type] = {}


def _taking_class(base: type) -> type:
    """A subclass of ``base`` with the same layout: an object of it can become one of ``base``."""

    def taking(name: str) -> Callable:
        def method(self: Any, *args: Any, **more: Any) -> Any:
            _take(self)
            return getattr(self, name)(*args, **more)

        method.__name__ = name
        return method

    members: dict = {name: taking(name) for name in _USES if hasattr(base, name)}
    members["__slots__"] = ()
    members["__repr__"] = lambda self: "<socket of a WebSocket, not used yet>"
    return type("OfferedSocket", (base,), members)


def _take(offered: Any) -> None:
    with _lock:
        handshake = _offered.get(id(offered))
        # Else another thread was faster.
        if handshake is not None:
            handshake.take()


class Handshake(Call):
    __slots__ = ("_socket", "_class", "_is_taken", "_pid")

    def __init__(self, own: socket.socket, environ: dict) -> None:
        """``own``: the socket of the link."""
        base = socket.socket
        taking = _classes.get(base)
        if taking is None:
            taking = _classes[base] = _taking_class(base)
        self._class: type = base
        self._is_taken = False
        self._pid = os.getpid()
        fd = os.dup(own.fileno())
        # A default timeout, and gevent, make the new socket not block. That holds for both descriptors, and the link still blocks.
        blocks = os.get_blocking(fd)
        try:
            self._socket: Any = taking(own.family, own.type, own.proto, fileno=fd)
        except BaseException:
            os.close(fd)
            raise
        os.set_blocking(fd, blocks)
        environ["werkzeug.socket"] = environ["gunicorn.socket"] = self._socket

    def run(
        self, link: CallLink, application: Callable, method: str, environ: dict, stream: Optional[BodyStream]
    ) -> None:
        _offered[id(self._socket)] = self
        osprocess.interrupt_nobody(True)
        try:
            super().run(link, application, method, environ, stream)
        finally:
            self._end()
            osprocess.interrupt_nobody(False)

    def take(self) -> None:
        """From any thread, with the lock."""
        if self.head_sent or self.over:
            raise RuntimeError("the response has begun: the socket of the WebSocket cannot be used any more")
        self._withdraw()
        self._is_taken = True
        self.link.hand_over()
        timeout = self._socket.gettimeout()
        if timeout is not None:
            self._socket.settimeout(timeout)

    def _withdraw(self) -> None:
        """The socket takes nothing any more."""
        del _offered[id(self._socket)]
        self._socket.__class__ = self._class

    def _end(self) -> None:
        with _lock:
            if id(self._socket) in _offered:
                self._withdraw()
        # A process that the application has forked, and that came back here, must not end the connection of its parent.
        if self._is_taken and self._socket.fileno() >= 0 and os.getpid() == self._pid:
            # A thread of the application may close it at any moment.
            with suppress(OSError, ValueError):
                self._linger()
            with suppress(OSError):
                # A thread of the application that still reads must not wait for ever.
                self._socket.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            self._socket.close()

    def _linger(self) -> None:
        """Ends the connection behind the last byte. What the client still sends is read and thrown away: closing with unread bytes is a
        reset, and then the gateway may lose the last bytes to the client."""
        own = self._socket
        own.shutdown(socket.SHUT_WR)
        poll = select.poll()
        poll.register(own.fileno(), select.POLLIN)
        until = monotonic() + _LINGER
        left = _LINGER
        while left > 0 and poll.poll(left * 1000) and own.recv(_READ, socket.MSG_DONTWAIT):
            left = until - monotonic()

    def lost(self, error: BaseException, environ: dict) -> None:
        """With gunicorn, libraries end a WebSocket by StopIteration. A connection that has ended is nobody's mistake."""
        if self._is_taken and not isinstance(error, (StopIteration, OSError)) and not _is_ours(error.__traceback__):
            self._complain(tracebacks.format_exception(error), environ)

    def forget(self) -> None:
        self._withdraw()
        self._socket.close()


def forget_in_child() -> None:
    """In a process that the application has forked: closes its copies of sockets that were not used. One that was is the application's."""
    global _lock
    _lock = threading.Lock()
    for handshake in list(_offered.values()):
        handshake.forget()


def _is_ours(traceback: Optional[TracebackType]) -> bool:
    """The error is about the response, which nobody gets: what a WebSocket's application returns does not matter."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback is not None and traceback.tb_frame.f_globals.get("__package__") == __package__
