"""Hosts a WSGI application in a worker: its slots, each a thread that serves one link of the gateway after the other.

The main thread is the first slot, so that an application with one thread runs where Python handles signals; the others are threads of
this file. Invariants: a slot waits for its next link as long as the worker lives. An error of ours in one slot ends the worker: with
a slot less it would hang. Other threads touch nothing here but ``stop``. Not here: the requests of a link (``link.py``).
"""

from __future__ import annotations

import os
import select
import socket
import threading
from typing import Callable, Dict, Optional

from ..output.log import report
from ..system import exits, osprocess
from ..wire.framing import SEND_BUFFER, WireError
from .environ import Environs
from .link import Link


class WsgiWorker:
    def __init__(self, application: Callable, number: int, slots: int, environ: dict, offers_files: bool = True) -> None:
        """``environ``: what is the same for all requests (``base_environ``). ``offers_files``: the
        gateway opens our files, because it is the same user."""
        self.slots = slots
        self._offers_files = offers_files
        self._application = application
        self._number = number
        self._environs = Environs(environ)
        self._links: Dict[socket.socket, Link] = {}
        self._pid = os.getpid()
        self._is_stopping = False
        # Closing the write end wakes every slot that waits for a link.
        self._wake_read, self._wake_write = os.pipe()

    def serve(self, listener: socket.socket) -> None:
        """Until ``stop``, and until the links are closed. Raises SystemExit where a signal handler of the application does."""
        # All slots wait for it, and one of them gets the link.
        listener.setblocking(False)
        threads = [
            threading.Thread(target=self._serve_slot, args=(listener,), name="jumak-slot-%d" % slot)
            for slot in range(2, self.slots + 1)
        ]
        for thread in threads:
            thread.start()
        self._serve_slot(listener)
        for thread in threads:
            thread.join()

    def _serve_slot(self, listener: socket.socket) -> None:
        try:
            while True:
                sock = self._accept(listener)
                if sock is None:
                    return
                with sock:
                    link = Link(sock, self._application, self._environs, self._number, self.slots, self._offers_files)
                    self._links[sock] = link
                    try:
                        link.serve()
                    except WireError as error:
                        report("the link to the gateway was closed: %s" % error)
                    finally:
                        self._links.pop(sock, None)
                if os.getpid() != self._pid:
                    exits.leave_forked()
        except SystemExit:
            # A signal handler of the application raised it between requests: it ends the worker in order, with all slots.
            self.stop()
            raise
        except BaseException:
            exits.leave_broken(self._number)

    def _accept(self, listener: socket.socket) -> Optional[socket.socket]:
        """The next link; None when the worker is to leave."""
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        while True:
            ready = [fd for fd, _ in poll.poll()]
            if self._wake_read in ready:
                return None
            try:
                sock, _ = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                continue  # another slot was faster
            sock.setblocking(True)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            osprocess.finish_before_peer(sock)
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
        for link in self._links.values():
            link.is_closed = True
        descriptors = [sock.detach() for sock in self._links]
        descriptors += [self._wake_read] if self._is_stopping else [self._wake_read, self._wake_write]
        for fd in descriptors:
            try:
                os.close(fd)
            except OSError:
                pass  # the application may have closed what was not its own
