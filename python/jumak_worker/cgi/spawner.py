"""The spawner: starts CGI programs for the gateway. ``python3 -I -S jumak_worker cgi``; the master starts it once, as the programs' user.

Standard input is the master's: JSON lines, each the whole table of programs (``messages.py``); its end is the end of the spawner, and of all that it
runs. Standard output is the listening socket, which the master has bound. Standard error is for the log.

One thread. A connection is accepted only when its program may start: those that wait are in the kernel's queue, which survives a spawner that dies.
So a request is lost only when its program had begun.

Invariants: at most ``processes`` programs run; each has a session of its own, and is ended with its group when its request is over. Node never forks
for a request, and no application's process does.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import time
from typing import Dict, Optional

from ..system.osprocess import go_first_when_memory_ends
from .leftovers import end_leftovers
from .messages import MessageError
from .programs import Programs
from .request import Request

_CONTROL, _LISTENER = 0, 1
#: Requests that wait in the kernel. The system may bound it further (net.core.somaxconn).
_BACKLOG = 1024
#: One line of the master: more paths than anybody configures.
_MAX_LINE = 16 * 1024 * 1024
#: After no connection could be accepted.
_PAUSE_SECONDS = 0.1
#: For programs that were told to end, at the spawner's own end.
_END_SECONDS = 2.0
_IGNORED = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)


class Spawner:
    def __init__(self, listener: socket.socket) -> None:
        self.programs = Programs()
        self._listener = listener
        self._poll = select.poll()
        self._events: Dict[int, int] = {}
        self._owners: Dict[int, Request] = {}
        self._requests: Dict[Request, None] = {}
        self._of_process: Dict[int, Request] = {}
        self._control = b""
        self._is_ready = False
        self._is_asked = False
        self._is_ending = False
        self._listens = False
        self._pause_until = 0.0
        # The handler does nothing; the descriptor wakes the loop.
        self._wake, wake = os.pipe()
        for fd in (self._wake, wake):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._on_term)
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)

    def _on_term(self, *_: object) -> None:
        self._is_asked = True

    # -- for requests

    def watch(self, fd: int, events: int, request: Request) -> None:
        if self._events.get(fd) != events:
            self._events[fd] = events
            self._poll.register(fd, events)
        self._owners[fd] = request

    def forget(self, fd: int) -> None:
        if self._events.pop(fd, None) is not None:
            self._poll.unregister(fd)
        self._owners.pop(fd, None)

    def started(self, pid: int, request: Request) -> None:
        self._of_process[pid] = request

    def over(self, request: Request) -> None:
        self._requests.pop(request, None)

    # -- the loop

    def run(self) -> None:
        os.set_blocking(_CONTROL, False)
        self._poll.register(_CONTROL, select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)
        while not (self._is_ending and not self._of_process):
            ready = self._poll.poll(self._patience())
            found = dict(ready)
            # A request comes after the table that it needs.
            if _CONTROL in found:
                self._read_control()
            if self._wake in found:
                self._drain_wake()
                self._collect()
            if self._is_asked:
                self._end()
            # A descriptor that was closed here may have been opened again: then there is nothing to read, or to write.
            for fd, events in ready:
                request = self._owners.get(fd)
                if request is not None:
                    request.ready(fd, events)
            if _LISTENER in found:
                self._accept()
            self._look_at_deadlines()
            self._listen_if_there_is_room()

    def _patience(self) -> Optional[float]:
        deadlines = [request.deadline for request in self._requests if request.deadline is not None]
        if not self._listens and time.monotonic() < self._pause_until:
            deadlines.append(self._pause_until)
        return max(0.0, (min(deadlines) - time.monotonic()) * 1000 + 1) if deadlines else None

    def _look_at_deadlines(self) -> None:
        now = time.monotonic()
        for request in [one for one in self._requests if one.deadline is not None and one.deadline <= now]:
            request.overdue()

    def _listen_if_there_is_room(self) -> None:
        has_room = len(self._requests) < self.programs.most and time.monotonic() >= self._pause_until
        wants = self._is_ready and not self._is_ending and has_room
        if wants == self._listens:
            return
        self._listens = wants
        if wants:
            self._poll.register(_LISTENER, select.POLLIN)
        else:
            self._poll.unregister(_LISTENER)

    def _accept(self) -> None:
        while len(self._requests) < self.programs.most:
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                # Too many open files: those that end make room. The request waits, and would be told of again at once.
                print("cannot take a request: %s" % error.strerror, file=sys.stderr, flush=True)
                self._pause_until = time.monotonic() + _PAUSE_SECONDS
                return
            connection.setblocking(False)
            request = Request(connection, self)
            # It may be over before it is known.
            self._requests[request] = None
            request.begin()

    def _collect(self) -> None:
        """Programs that have ended. Their groups are killed while their numbers are still their own."""
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            pid = ended.si_pid
            request = self._of_process.pop(pid, None)
            if request is not None:
                try:
                    os.killpg(pid, signal.SIGKILL)
                except OSError:
                    pass
            _, status = os.waitpid(pid, 0)
            if request is not None:
                request.exited(-os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))

    def _drain_wake(self) -> None:
        try:
            while os.read(self._wake, 4096):
                pass
        except BlockingIOError:
            pass

    # -- the master

    def _read_control(self) -> None:
        while True:
            try:
                data = os.read(_CONTROL, 65536)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._end()
                return
            self._control += data
            if len(self._control) > _MAX_LINE:
                self._end()
                return
            *lines, self._control = self._control.split(b"\n")
            for line in lines:
                self._on_message(line)

    def _on_message(self, line: bytes) -> None:
        try:
            self.programs.set(json.loads(line))
        except (MessageError, ValueError) as error:
            print("a message of the master is wrong: %s" % error, file=sys.stderr, flush=True)
            self._end()
            return
        if not self._is_ready:
            end_leftovers(self.programs.token)
            self._listener.listen(_BACKLOG)
            self._is_ready = True

    def _end(self) -> None:
        if self._is_ending:
            return
        self._is_ending = True
        self._poll.unregister(_CONTROL)
        for request in list(self._requests):
            request.end()
        signal.signal(signal.SIGALRM, lambda *_: os._exit(1))
        signal.setitimer(signal.ITIMER_REAL, _END_SECONDS)


def main() -> int:
    # The programs have it from us.
    go_first_when_memory_ends()
    listener = socket.socket(fileno=_LISTENER)
    listener.setblocking(False)
    Spawner(listener).run()
    return 0
