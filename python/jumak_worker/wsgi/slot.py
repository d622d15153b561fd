"""One slot of a worker whose gateway has several threads. Each of them has a link of its own to the slot.

Runs in the slot's thread: the main thread, or one of ``worker.py``'s. It waits for its links and for new ones at a time, between two
requests only: whose link has requests, their batch runs until nothing of it is left. So each batch costs one system call more than where
the slot has one link. Links are registered once, not for each request.
Invariants: never two requests at a time, whatever the links say. Links that are ready come before new ones: the thread of the gateway
that replaces a dead one knows by the hello that the slot runs nothing more of its predecessor.
A link that breaks the rules is dropped, and the others live on. Not here: a slot with one link, which reads it without waiting
first (``worker.py``); the requests of a link (``link.py``).
"""

from __future__ import annotations

import os
import select
import socket
from functools import partial
from select import POLLIN
from typing import Any, Callable, Dict, List, Optional, Tuple

from ..output.log import report
from ..output.streams import of_this_thread
from ..system import exits, osprocess
from ..wire import framing
from ..wire.framing import LinkClosed, WireError
from .link import Link


def accept(listener: socket.socket, has_threads: bool) -> Optional[socket.socket]:
    """The next link; None when another slot was faster, or the gateway has gone. The listener does not block.
    ``has_threads``: the gateway has several.
    """
    try:
        sock, _ = listener.accept()
    except (BlockingIOError, ConnectionAbortedError):
        return None
    sock.setblocking(True)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, framing.SEND_BUFFER)
    osprocess.finish_before_peer(sock, has_threads)
    return sock


class SlotLink(Link):
    """A link beside others. It waits for the rest of a request, but never for the next one."""

    _is_greeted = False
    #: Its slot waits for it no more.
    forget: Callable[[], None]

    def greet(self) -> None:
        """The gateway's hello comes later: another link may have requests meanwhile."""
        self.output = of_this_thread()
        try:
            self._say_hello()
        except LinkClosed:
            pass

    def run(self) -> None:
        """The socket can be read: runs all requests that have come, or closes the link. Raises SystemExit as ``serve`` does."""
        try:
            if self._is_greeted:
                self._receive(framing.FRAME_HEADER)
            else:
                self._await_hello()
                self._is_greeted = True
            self._run_requests()
        except LinkClosed:
            pass
        except WireError as error:
            self.is_closed = True
            report("the link to the gateway was closed: %s" % error)
        if self.is_closed:
            self.output.end_request()
            if self._exit is not None:
                raise self._exit

    def _await_request(self) -> Tuple[bytes, int]:
        if self._position < len(self._data):
            return super()._await_request()
        if self.held:
            self.flush()
        # Other links may be busy for long: nothing of a request is kept meanwhile.
        self._data = b""
        self._position = 0
        return b"", 0

    def hand_over(self, flags: int) -> int:
        # The application's descriptor would keep it registered.
        self.forget()
        return super().hand_over(flags)

    def close(self) -> None:
        self.is_closed = True
        try:
            os.close(self._socket.detach())
        except OSError:
            pass  # the application may have closed what was not its own


class Slot:
    def __init__(
        self, listener: socket.socket, wake: int, most_links: int, make_link: Callable[[socket.socket], SlotLink]
    ) -> None:
        """``listener``: does not block. ``wake``: a descriptor that can be read when the worker is to leave. ``most_links``: those beyond
        it wait, ungreeted, until a link is closed."""
        self._listener = listener
        self._wake = wake
        self._most_links = most_links
        self._make_link = make_link
        self._links: Dict[int, SlotLink] = {}
        #: The worker is not leaving.
        self._is_open = True
        #: There is room for a link.
        self._is_listening = True
        self._pid = os.getpid()
        self._poll: Any
        if hasattr(select, "epoll"):
            self._poll = select.epoll()
            # All that can be ready: who is not told of a closed link would greet the next one too early.
            self._wait: Callable[[], List[Tuple[int, int]]] = partial(self._poll.poll, None, most_links + 2)
        else:
            self._poll = select.poll()
            self._wait = self._poll.poll
        self._poll.register(listener, POLLIN)
        self._poll.register(wake, POLLIN)

    def serve(self) -> None:
        """Until the worker is to leave and the links are closed. Raises SystemExit where a signal handler of the application does."""
        try:
            self._serve()
        except (OSError, ValueError):
            # A signal handler forked while we waited.
            if os.getpid() != self._pid:
                exits.leave_forked()
            raise
        finally:
            for link in self._links.values():
                link.close()
            self._links.clear()

    def _serve(self) -> None:
        links, wait = self._links, self._wait
        while links or self._is_open:
            events = wait()
            is_called = False
            for fd, _ in events:
                link = links.get(fd)
                if link is None:
                    is_called = True
                    continue
                link.run()
                if link.is_closed:
                    self._drop(fd, link)
            if is_called:
                self._look_around(events)

    def _look_around(self, events: List[Tuple[int, int]]) -> None:
        """Besides links, the listener or the wake-up was ready. The requests of links have run: a closed link was dropped at its first
        response."""
        if any(fd == self._wake for fd, _ in events):
            self._is_open = False
            self._poll.unregister(self._wake)
            if self._is_listening:
                self._poll.unregister(self._listener)
        else:
            self._accept()

    def _accept(self) -> None:
        sock = accept(self._listener, True)
        if sock is None:
            return
        fd = sock.fileno()
        self._links[fd] = link = self._make_link(sock)
        link.forget = partial(self._poll.unregister, fd)
        self._poll.register(fd, POLLIN)
        if len(self._links) == self._most_links:
            self._is_listening = False
            self._poll.unregister(self._listener)
        link.greet()
        if link.is_closed:
            self._drop(fd, link)

    def _drop(self, fd: int, link: SlotLink) -> None:
        if os.getpid() != self._pid:
            exits.leave_forked()
        del self._links[fd]
        try:
            # A process that the application is just forking has a copy, which would keep it registered.
            self._poll.unregister(fd)
        except (OSError, KeyError):
            pass  # the application may have closed what was not its own
        link.close()
        if self._is_open and not self._is_listening:
            self._is_listening = True
            self._poll.register(self._listener, POLLIN)

    def forget_in_child(self) -> None:
        """In a process that the application has forked: closes its copies, and changes nothing for the parent."""
        for link in list(self._links.values()):
            link.close()
        if hasattr(self._poll, "close"):
            self._poll.close()
