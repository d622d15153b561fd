"""Hosts a WSGI application in a worker: its slots, each a thread that serves one link of the gateway after the other.

The main thread is the first slot, so that an application with one thread runs where Python handles signals; the others are threads of
this file. Where the gateway has several threads, each slot has a socket of its own and serves several links (``slot.py``).
Invariants: a slot waits for its next link as long as the worker lives. An error of ours in one slot ends the worker: with
a slot less it would hang. Other threads touch nothing here but ``stop``. Not here: the requests of a link (``link.py``).
"""

from __future__ import annotations

import os
import select
import socket
import threading
from functools import partial
from typing import Callable, Dict, List, Optional, Sequence, Type, TypeVar

from ..output.log import report
from ..system import exits
from ..wire.framing import WireError
from . import ends, handshake
from .environ import Environs
from .link import Link
from .slot import Slot, SlotLink, accept

_LinkKind = TypeVar("_LinkKind", bound=Link)


class WsgiWorker:
    def __init__(
        self,
        application: Callable,
        number: int,
        slots: int,
        environ: dict,
        offers_files: bool = True,
        links: int = 1,
    ) -> None:
        """``environ``: what is the same for all requests (``base_environ``). ``offers_files``: the
        gateway opens our files, because it is the same user. ``links``: of the gateway to each slot, one for each of its threads."""
        self.slots = slots
        #: A slot with several links listens on a socket of its own: the gateway chooses the slot.
        self.socket_suffixes: Sequence[str] = ("",) if links == 1 else [".%d" % slot for slot in range(slots)]
        # A thread of the gateway that died and came back connects before its old link is seen to be closed.
        self._most_links = 2 * links
        self._offers_files = offers_files
        self._application = application
        self._number = number
        self._environs = Environs(environ)
        self._links: Dict[socket.socket, Link] = {}
        #: Those with several links.
        self._slots: List[Slot] = []
        self._pid = os.getpid()
        self._is_stopping = False
        # Closing the write end wakes every slot that waits for a link.
        self._wake_read, self._wake_write = os.pipe()

    def serve(self, listeners: Sequence[socket.socket]) -> None:
        """``listeners``: one for each of ``socket_suffixes``. Until ``stop``, and until the links are closed. Raises SystemExit where a
        signal handler of the application does."""
        for listener in listeners:
            listener.setblocking(False)
        if self.socket_suffixes == ("",):
            # All slots wait for it, and one of them gets the link.
            serving: List[Callable[[], None]] = [partial(self._serve_links, listeners[0])] * self.slots
        else:
            make = partial(self._make_link, SlotLink)
            self._slots = [Slot(listener, self._wake_read, self._most_links, make) for listener in listeners]
            serving = [slot.serve for slot in self._slots]
        threads = [
            threading.Thread(target=self._run, args=(serve,), name="jumak-slot-%d" % number)
            for number, serve in enumerate(serving[1:], 2)
        ]
        for thread in threads:
            thread.start()
        self._run(serving[0])
        for thread in threads:
            thread.join()

    def _run(self, serve: Callable[[], None]) -> None:
        """A slot, until the worker leaves."""
        try:
            serve()
        except SystemExit:
            # A signal handler of the application raised it between requests: it ends the worker in order, with all slots.
            self.stop()
            raise
        except BaseException:
            exits.leave_broken(self._number)

    def _serve_links(self, listener: socket.socket) -> None:
        """One link after the other."""
        while True:
            sock = self._accept(listener)
            if sock is None:
                return
            with sock:
                link = self._make_link(Link, sock)
                self._links[sock] = link
                try:
                    link.serve()
                except WireError as error:
                    report("the link to the gateway was closed: %s" % error)
                finally:
                    self._links.pop(sock, None)
            if os.getpid() != self._pid:
                exits.leave_forked()

    def _make_link(self, kind: Type[_LinkKind], sock: socket.socket) -> _LinkKind:
        return kind(sock, self._application, self._environs, self._number, self.slots, self._offers_files)

    def _accept(self, listener: socket.socket) -> Optional[socket.socket]:
        """The next link; None when the worker is to leave."""
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        while True:
            ready = [fd for fd, _ in poll.poll()]
            if self._wake_read in ready:
                return None
            sock = accept(listener, False)
            if sock is not None:
                return sock

    def stop(self) -> None:
        """From any thread."""
        if not self._is_stopping:
            self._is_stopping = True
            os.close(self._wake_write)

    def shut_down(self) -> None:
        """Ends a worker that has never served."""
        self.stop()
        os.close(self._wake_read)

    def forget_in_child(self) -> None:
        """In a process that the application has forked. A copy of a link would keep it open when the worker closes it, and would
        answer in its place."""
        handshake.forget_in_child()
        ends.forget_in_child()
        for slot in self._slots:
            slot.forget_in_child()
        for link in self._links.values():
            link.is_closed = True
        descriptors = [sock.detach() for sock in self._links]
        descriptors += [self._wake_read] if self._is_stopping else [self._wake_read, self._wake_write]
        for fd in descriptors:
            try:
                os.close(fd)
            except OSError:
                pass  # the application may have closed what was not its own
