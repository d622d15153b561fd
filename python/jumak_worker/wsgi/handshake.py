"""A request that asks for a WebSocket: the application finds a socket in its environ, and speaks the WebSocket there by itself.

``environ["werkzeug.socket"]`` and ``environ["gunicorn.socket"]`` are one object, a socket of the class that ``socket.socket`` is at the moment
(gevent replaces it). It is connected to nothing. Its first use that could move a byte takes a connection to the gateway (TAKEN), which gets
the number of its descriptor. From then on it is an ordinary socket, and what it sends is a response of HTTP/1.1 and then the application's.
While it is not used, the response goes as any other.

Most libraries send a whole 101 first. Then the gateway may answer with the socket of the client itself, which takes the place of the connection
within that send: the bytes of the WebSocket cost the gateway nothing. Our end of the connection then only tells who has ended: we, when
the application has returned, or the gateway, when the client's connection is to be cut.

Runs in the thread of the slot, or in the request's greenlet; a socket may be used in other threads of the application. Invariants: a
connection is taken once at most, and only while nothing of the response has been sent. When the application has returned, the connection
ends, whatever it does with the socket later.
Not here: what the gateway makes of the bytes (``src/apps/raw/``), where the connection comes from (``hand_over`` of the link).
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

from .. import unpatched
from ..output import tracebacks
from ..output.log import report
from ..system import osprocess
from ..wire import framing
from ..wire.framing import LinkClosed
from .body import BodyStream
from .call import Call, CallLink

#: What needs the other end, or gives the descriptor away. ``close``, ``getsockopt``, ``__repr__`` and the like do not.
_USES = ("accept", "bind", "connect", "connect_ex", "detach", "dup", "fileno", "ioctl", "listen", "sendfile", "setblocking")
_USES += ("recv", "recv_into", "recvfrom", "recvfrom_into", "recvmsg", "recvmsg_into", "send", "sendall", "sendmsg", "sendto")
_USES += ("setsockopt", "settimeout", "shutdown")
#: Seconds. For the gateway to close its end, so that the last bytes to the client are not lost by a reset.
_LINGER = 1.0
_READ = 64 * 1024

_HEAD = b"HTTP/1.1 101 "
_HEAD_END = b"\r\n\r\n"

#: Handshakes whose socket was not used yet, by the socket's id.
_offered: Dict[int, "Handshake"] = {}
#: Those whose socket is the client's and open, the same.
_passed: Dict[int, "Handshake"] = {}
#: For each class of sockets the one whose first use takes a connection, and the one that ends the client's connection by its ``close``.
_taking_classes: Dict[type, type] = {}
_passed_classes: Dict[type, type] = {}


def _taking_class(base: type) -> type:
    """A subclass of ``base`` with the same layout: an object of it can become one of ``base``."""

    def taking(name: str) -> Callable:
        def method(self: Any, *args: Any, **more: Any) -> Any:
            handshake = _offered.get(id(self))
            if handshake is not None:
                with handshake.lock:
                    # Else another thread was faster.
                    sent = handshake.take(name, args) if id(self) in _offered else 0
                if sent:
                    return sent if name == "send" else None
            return getattr(super(made, self) if type(self) is made else self, name)(*args, **more)

        method.__name__ = name
        return method

    members: dict = {name: taking(name) for name in _USES if hasattr(base, name)}
    members["__slots__"] = ()
    members["__repr__"] = lambda self: "<socket of a WebSocket, not used yet>"
    made = type("OfferedSocket", (base,), members)
    return made


def _passed_class(base: type) -> type:
    """The gateway has a descriptor of the client's socket, too: a close alone would not end the connection."""

    def _real_close(self: Any, *args: Any, **more: Any) -> None:
        handshake = _passed.get(id(self))
        # A process that the application has forked closes its own copy only.
        if handshake is None or handshake.pid != os.getpid():
            return super(made, self)._real_close(*args, **more)
        with handshake.lock:
            _passed.pop(id(self), None)
            with suppress(OSError):
                _shut_down(self.fileno(), socket.SHUT_WR)
            super(made, self)._real_close(*args, **more)

    made = type(base.__name__, (base,), {"__slots__": (), "_real_close": _real_close})
    return made


def _passed_class_of(base: type) -> type:
    passed = _passed_classes.get(base)
    if passed is None:
        passed = _passed_classes[base] = _passed_class(base)
    return passed


def _shut_down(fd: int, how: int) -> None:
    """Without the library that has made the socket. Raises OSError."""
    with unpatched.socket(fileno=os.dup(fd)) as sock:
        sock.shutdown(how)


class Handshake(Call):
    __slots__ = ("lock", "_socket", "_class", "_is_taken", "pid", "_control", "_stop_watching")

    def __init__(self, environ: dict) -> None:
        #: Held while the socket is taken, and at the end.
        self.lock = threading.Lock()
        base = socket.socket
        taking = _taking_classes.get(base)
        if taking is None:
            taking = _taking_classes[base] = _taking_class(base)
        self._class: type = base
        self._is_taken = False
        self.pid = os.getpid()
        #: With the client's socket: our end of the connection. -1: there is none.
        self._control = -1
        self._stop_watching: Optional[Callable[[], None]] = None
        #: None: there was no descriptor for it. Then the application finds none, as with a server that has no WebSockets.
        self._socket: Any = None
        try:
            self._socket = taking(socket.AF_UNIX)
        except OSError as error:
            report("a handshake has no socket: %s" % error)
            return
        environ["werkzeug.socket"] = environ["gunicorn.socket"] = self._socket

    def run(
        self, link: CallLink, application: Callable, method: str, environ: dict, stream: Optional[BodyStream]
    ) -> None:
        if self._socket is None:
            return super().run(link, application, method, environ, stream)
        _offered[id(self._socket)] = self
        if link.is_thread:
            osprocess.interrupt_nobody(True)
        try:
            super().run(link, application, method, environ, stream)
        finally:
            self._end()
            if link.is_thread:
                osprocess.interrupt_nobody(False)

    # -- the first use

    def take(self, name: str, args: tuple) -> int:
        """From any thread, with the lock. Makes the connection. Bytes that were sent, if the method ``name`` was called for that; else it
        is to be called."""
        if self.head_sent or self.over:
            raise RuntimeError("the response has begun: the socket of the WebSocket cannot be used any more")
        own = self._socket
        head = _whole_head(name, args) if own.gettimeout() != 0 else b""
        try:
            if self._class.fileno(own) < 0:  # the application has closed it
                return 0
            self._is_taken = True
            if head:
                self._send_head(head)
            else:
                self._become(self.link.hand_over(0))
        finally:
            # Last: until then all other threads wait for the lock.
            self._withdraw()
        return len(head)

    def _withdraw(self) -> None:
        """The socket takes nothing any more."""
        self._socket.__class__ = self._class if self._control < 0 else _passed_class_of(self._class)
        del _offered[id(self._socket)]

    def _become(self, fd: int) -> None:
        """The socket is that of ``fd``, under its own number, and waits as it did: gevent's wait in the hub."""
        number = self._class.fileno(self._socket)
        blocks = os.get_blocking(number)
        os.dup2(fd, number, inheritable=False)
        unpatched.close(fd)
        os.set_blocking(number, blocks)

    def _send_head(self, head: bytes) -> None:
        """And waits until the gateway has read it. Not under the socket's own number: libev may not notice that another file has it."""
        fd = self.link.hand_over(framing.TAKEN_WAITS)
        with self._class(socket.AF_UNIX, socket.SOCK_STREAM, 0, fd) as connection:
            connection.settimeout(self._socket.gettimeout())
            connection.sendall(head)
            answer, fds, _, _ = socket.recv_fds(connection, 1, 1)
            if answer == framing.CLIENT_PASSED and fds:
                self._become(fds[0])
                self._pass(connection.detach())
            elif answer == framing.LINK_STAYS:
                self._become(connection.detach())
            else:
                raise LinkClosed("the gateway did not accept the 101, or the client has gone")

    def _pass(self, control: int) -> None:
        """The socket is the client's. ``control``: our end of the connection."""
        self._control = control
        _passed[id(self._socket)] = self
        self._stop_watching = self.link.watch(control, self._cut)

    # -- the end

    def _cut(self) -> None:
        """The gateway has ended its side, or has gone: the client's connection ends."""
        with self.lock, suppress(OSError):
            if id(self._socket) in _passed:
                _shut_down(self._socket.fileno(), socket.SHUT_RDWR)

    def _end(self) -> None:
        with self.lock:
            if id(self._socket) in _offered:
                self._withdraw()
            if self._stop_watching is not None:
                self._stop_watching()
        # A process that the application has forked, and that came back here, must not end the connection of its parent.
        if self._is_taken and self._socket.fileno() >= 0 and os.getpid() == self.pid and self._control < 0:
            # A thread of the application may close it at any moment.
            with suppress(OSError, ValueError):
                self._linger()
            with suppress(OSError):
                # A thread of the application that still reads must not wait for ever.
                self._socket.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            self._socket.close()
        if self._control >= 0:
            _passed.pop(id(self._socket), None)
            # Last: then the gateway has the client's connection for itself, and reads what still comes.
            unpatched.close(self._control)

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


def _whole_head(name: str, args: tuple) -> bytes:
    """What is sent, if it is a 101 and nothing behind it; else nothing."""
    if name not in ("send", "sendall") or len(args) != 1 or not isinstance(args[0], (bytes, bytearray)):
        return b""
    data = bytes(args[0])
    return data if data.startswith(_HEAD) and data.find(_HEAD_END) == len(data) - len(_HEAD_END) else b""


def forget_in_child() -> None:
    """In a process that the application has forked: closes its copies of sockets that were not used. One that was is the application's."""
    for handshake in [*_offered.values(), *_passed.values()]:
        handshake.lock = threading.Lock()
    for handshake in list(_offered.values()):
        handshake.forget()
    _passed.clear()


def _is_ours(traceback: Optional[TracebackType]) -> bool:
    """The error is about the response, which nobody gets: what a WebSocket's application returns does not matter."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback is not None and traceback.tb_frame.f_globals.get("__package__") == __package__
