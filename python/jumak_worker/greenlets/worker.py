"""Hosts a WSGI application in a worker whose requests run in greenlets (gevent): the hub, its listener, its links, and its end.

The main thread runs the hub. The application was imported after gevent had replaced what waits in the standard library
(``loading/patching.py``). Invariants: a worker that is told to stop takes no new link. It leaves when the links are closed and the greenlets
of all requests have ended; greenlets that the application has spawned are not waited for. Other threads touch nothing here but ``stop``.
"""

from __future__ import annotations

import socket
from typing import Any, Callable, Dict, Optional, Sequence, Set

from gevent import get_hub, getcurrent
from gevent.event import Event

from .. import unpatched
from ..links.link import SPARE_LINKS
from ..output.log import report
from ..system import exits, osprocess
from ..wire import framing
from ..wsgi import handshake
from ..wsgi.environ import Environs
from .exchange import Exchange
from .link import Link
from .transport import READ

#: Seconds without a look at connections that wait, when there is no descriptor for them.
_PAUSE = 0.1


class GreenletWorker:
    #: All links come over one socket.
    socket_suffixes = ("",)

    def __init__(
        self,
        application: Callable[..., Any],
        number: int,
        slots: int,
        environ: dict,
        offers_files: bool = True,
        links: int = 1,
    ) -> None:
        """``slots``: requests that run at a time. ``environ``: what is the same for all requests (``base_environ``). ``offers_files``: the
        gateway opens our files, because it is the same user. ``links``: those that the gateway has at a time, one for each thread."""
        self.application = application
        self.number = number
        self.slots = slots
        self.offers_files = offers_files
        self.environs = Environs(environ)
        self.running: Set[Exchange] = set()
        #: Those that wait for a connection of their own, by the token that it brings.
        self.attaching: Dict[int, Exchange] = {}
        self._last_token = 0
        self._loop = get_hub().loop
        self._links: Set[Link] = set()
        self._most_links = links + SPARE_LINKS
        self._has_threads = links > 1
        self._listening: Any = None
        self._pause = self._loop.timer(_PAUSE)
        self._listener: Optional[socket.socket] = None
        self._is_leaving = False
        #: A signal handler made it leave. The gateway does not know, so the worker closes its links itself.
        self._closes_links = False
        self._may_leave = Event()
        self._stopped = self._loop.async_()
        self._stopped.start(self._leave)
        #: This is a process that the application has forked, in this greenlet.
        self._forked_by: Any = None

    def serve(self, listeners: Sequence[socket.socket]) -> None:
        """``listeners``: the one of the worker. Until ``stop``. SystemExit of a signal handler of the application stops it too, and is
        raised at the end."""
        self._listener = listeners[0]
        self._listener.setblocking(False)
        self._listening = self._loop.io(self._listener.fileno(), READ)
        self._listening.start(self._accept)
        left_by: Optional[BaseException] = None
        while not self._may_leave.is_set():
            try:
                self._may_leave.wait()
            except (SystemExit, KeyboardInterrupt) as error:
                left_by = error
                self._closes_links = True
                self._leave()
        if left_by is not None:
            raise left_by

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            accepted, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return  # the gateway has gone
        except OSError as error:
            # No descriptor is left. Some may be closed soon.
            report("a connection of the gateway waits: %s" % error)
            self._listening.stop()
            self._pause.start(self._go_on)
            return
        # `accept` makes a socket of gevent's class, which would wait in the hub.
        sock = unpatched.socket(fileno=accepted.detach())
        if len(self._links) >= self._most_links:
            report("a link of the gateway was refused: %d are open" % len(self._links))
            sock.close()
            return
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, framing.SEND_BUFFER)
        osprocess.finish_before_peer(sock, self._has_threads)
        self._links.add(Link(self, sock, self._loop))

    def _go_on(self) -> None:
        if not self._is_leaving:
            self._listening.start(self._accept)

    # -- the end

    def stop(self) -> None:
        """From any thread."""
        self._stopped.send()

    def shut_down(self) -> None:
        """Ends a worker that has never served."""
        self._stopped.stop()

    def _leave(self) -> None:
        self._is_leaving = True
        if self._listening is not None:
            self._listening.stop()
        self._look_for_end()

    def left(self, exchange: Exchange) -> None:
        """The greenlet of an exchange has ended."""
        self.running.discard(exchange)
        if self._forked_by is not None:
            if self._forked_by is getcurrent():
                exits.leave_forked()
        elif self._is_leaving:
            self._look_for_end()

    def expect(self, exchange: Exchange) -> int:
        """A connection for the socket of a handshake. Returns its token."""
        self._last_token = (self._last_token + 1) & 0xFFFFFFFF
        self.attaching[self._last_token] = exchange
        return self._last_token

    def attached(self, link: Link) -> None:
        """It is no link, and has a descriptor no more."""
        self._links.discard(link)

    def link_closed(self, link: Link) -> None:
        self._links.discard(link)
        if self._is_leaving:
            self._look_for_end()

    def _look_for_end(self) -> None:
        if self.running:
            return
        if self._closes_links:
            for link in list(self._links):
                link.close()
        if not self._links:
            self._may_leave.set()

    def forget_in_child(self) -> None:
        """In a process that the application has forked: closes its copies of the links, and sends nothing. Its copy of the hub goes on,
        for what waits there waits in the hub."""
        self._forked_by = getcurrent()
        handshake.forget_in_child()
        if self._listening is not None:
            self._listening.stop()
        self._stopped.stop()
        for link in self._links:
            link.forget()
        self._links.clear()
