"""The life of a worker: says hello to the master, has its application, serves its slots, leaves when told.

The main thread is the first slot, so that an application with one thread runs where Python's signals are handled; the
others are threads. A control thread sleeps on the control socket.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import threading
import time
from typing import Optional

from . import __version__, loader, wire
from .control import ControlChannel
from .link import Link
from .wsgi import base_environ

#: After the master's death the gateway finishes what runs; a worker that still has a link then leaves anyway (seconds).
_ORPHAN_GRACE = 6.0


class Worker:
    def __init__(self, number: int, start: dict, application: Optional[loader.LoadedApplication]) -> None:
        self._number = number
        self._start = start
        self._application = application
        self._threads: int = start["threads"]
        self._stopping = False
        # Its other end is closed to wake every slot that waits for a link.
        self._wake_read, self._wake_write = os.pipe()

    def run(self) -> int:
        control = self._connect()
        if self._application is None:
            try:
                self._application = loader.load(self._start)
            except loader.LoadError as error:
                control.send("load-failed", message=error.message, traceback=error.traceback)
                return 3
        listener, path = self._listen()
        control.send("ready", socket=path, slots=self._threads, **self._application.describe())
        threading.Thread(target=self._watch, args=(control,), name="jumak-control", daemon=True).start()
        base = base_environ(self._threads, self._start["multiprocess"])
        threads = [
            threading.Thread(target=self._serve_slot, args=(listener, base), name="jumak-slot-%d" % slot)
            for slot in range(2, self._threads + 1)
        ]
        for thread in threads:
            thread.start()
        self._serve_slot(listener, base)
        for thread in threads:
            thread.join()
        return 0

    def _connect(self) -> ControlChannel:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(os.path.join(self._start["runtimeDirectory"], "control.sock"))
        control = ControlChannel(sock)
        control.send("hello", build=__version__, worker=self._number, pid=os.getpid())
        return control

    def _listen(self) -> "tuple[socket.socket, str]":
        path = os.path.join(self._start["runtimeDirectory"], "w%d.sock" % self._number)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        os.chmod(path, 0o600)
        # Every slot's link, and those that replace them, may arrive together.
        listener.listen(4 * self._threads)
        listener.setblocking(False)
        return listener, path

    # -- slots

    def _serve_slot(self, listener: socket.socket, base: dict) -> None:
        assert self._application is not None
        while True:
            sock = self._accept(listener)
            if sock is None:
                return
            with sock:
                try:
                    Link(sock, self._application.callable, base, self._number, self._threads).serve()
                except wire.WireError as error:
                    sys.stderr.write("the link to the gateway was closed: %s\n" % error)

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
            return sock

    # -- the control thread

    def _watch(self, control: ControlChannel) -> None:
        while True:
            message = control.receive()
            if message is None:
                self._stop()
                time.sleep(_ORPHAN_GRACE)
                os._exit(0)
            if message["type"] == "stop":
                self._stop()

    def _stop(self) -> None:
        if not self._stopping:
            self._stopping = True
            os.close(self._wake_write)
