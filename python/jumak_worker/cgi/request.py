"""One request: its connection to the gateway, its program, and the pipes between them.

    reading ──parameters──▶ running ──output ends──▶ sent ──the program ends──▶ over
        └─ refused ─────────────┴─ the gateway closes: stopping ──▶ over

Invariants: when it is over nothing of the program's process group runs any more; a program is ended with all that it has left in its group,
however it ends. Each buffer is bounded: what one side does not take stops the reading of the other.
Not here: which file it is (``programs.py``), who waits for a place (``spawner.py``).
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import time
from typing import Dict, List, Optional, Protocol

from . import records
from .environment import variables_of
from .programs import Programs, Refused

#: For the gateway to send the parameters: they are on their way when it connects.
_PARAMETERS_SECONDS = 10.0
#: Between SIGTERM and SIGKILL, for a program whose client has gone or that took too long.
_STOP_SECONDS = 1.0
#: A program that has ended its output may work on for so long; then it is ended.
_AFTER_SECONDS = 30.0
#: One read of a pipe: a record, and what a pipe holds by default.
_PIECE = 0xFFF8
#: What a pipe may hold. A process that has left the group may fill it without end.
_MAX_REST = 1024 * 1024
#: Bytes of content that the program has not taken.
_MAX_CONTENT_KEPT = 256 * 1024
#: A program may write to its standard error without end: the gateway shows some lines of it.
_MAX_ERRORS = 64 * 1024

_READS = select.POLLIN
_WRITES = select.POLLOUT
#: Python ignores the first two, and the spawner the others. A program should not.
_DEFAULT_SIGNALS = [signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP]


class Loop(Protocol):
    """The process around it."""

    programs: Programs

    def watch(self, fd: int, events: int, request: "Request") -> None:
        """0: only its end."""

    def forget(self, fd: int) -> None: ...

    def started(self, pid: int, request: "Request") -> None: ...

    def over(self, request: "Request") -> None:
        """It takes no place any more."""


class Request:
    def __init__(self, connection: socket.socket, loop: Loop) -> None:
        self._connection = connection
        self._socket = connection.fileno()
        self._loop = loop
        self._reader = records.Reader()
        self._parameters = b""
        self._state = "reading"
        #: When something has to happen; None: never.
        self.deadline: Optional[float] = time.monotonic() + _PARAMETERS_SECONDS
        self._pid = 0
        self._input = self._output = self._errors = -1
        #: For the program, and for the gateway.
        self._content = b""
        self._content_ended = False
        self._unsent = b""
        #: What goes in one write with what follows; None: everything goes at once.
        self._corked: Optional[List[bytes]] = None
        self._has_output = False
        self._error_bytes = 0
        #: How its process has ended: its code, or minus the number of a signal; None: it has not.
        self._ended: Optional[int] = None
        self._is_watched = False

    # -- the gateway

    def begin(self) -> None:
        """The gateway sends as soon as it is connected, so most requests are here."""
        self._receive()

    def ready(self, fd: int, events: int) -> None:
        """``events`` of poll have come."""
        if fd == self._socket:
            if events & _WRITES:
                self._flush()
            # The gateway closes when its client has gone, or waits no longer.
            if events & (select.POLLHUP | select.POLLERR) and not events & _READS:
                self._gateway_gone()
            elif events & _READS:
                self._receive()
        elif fd == self._input:
            self._feed()
        elif fd in (self._output, self._errors):
            self._pump(fd)

    def _receive(self) -> None:
        try:
            data = self._connection.recv(65536)
        except BlockingIOError:
            self._watch_connection()
            return
        except OSError:
            data = b""
        if not data:
            self._gateway_gone()
            return
        try:
            for kind, content in self._reader.receive(data):
                self._on_record(kind, content)
        except records.RecordError:
            # Only the gateway can connect.
            self._gateway_gone()
            return
        self._watch_connection()

    def _on_record(self, kind: int, content: bytes) -> None:
        if kind == records.PARAMS and self._state == "reading":
            if content:
                self._parameters += content
                if len(self._parameters) > records.MAX_PARAMETERS:
                    raise records.RecordError("too many parameters")
            else:
                self._begin(records.parameters(self._parameters))
        elif kind == records.STDIN:
            if content:
                self._content += content
            else:
                self._content_ended = True
            if self._state != "reading":
                self._feed()

    def _watch_connection(self) -> None:
        if self._socket < 0:
            return
        wants = _READS if len(self._content) < _MAX_CONTENT_KEPT else 0
        self._loop.watch(self._socket, wants | (_WRITES if self._unsent else 0), self)
        self._is_watched = True

    def _send(self, *parts: bytes) -> None:
        if self._corked is not None:
            self._corked += parts
            return
        if self._unsent:
            self._unsent += b"".join(parts)
            return
        try:
            sent = self._connection.sendmsg(parts)
        except BlockingIOError:
            sent = 0
        except OSError:
            # Its end is seen by the loop.
            return
        if sent < sum(map(len, parts)):
            self._unsent = b"".join(parts)[sent:]
            self._pause(True)

    def _flush(self) -> None:
        try:
            self._unsent = self._unsent[self._connection.send(self._unsent) :]
        except BlockingIOError:
            return
        except OSError:
            self._unsent = b""
        if not self._unsent:
            self._pause(False)

    def _pause(self, is_paused: bool) -> None:
        """Nothing is read from the program while the gateway takes nothing."""
        if self._is_watched:
            self._watch_connection()
        for fd in (self._output, self._errors):
            if fd >= 0:
                if is_paused:
                    self._loop.forget(fd)
                else:
                    self._loop.watch(fd, _READS, self)
        if not is_paused:
            if self._ended is not None:
                self._finish()
            elif self._state == "sent":
                self._close_connection()

    def _gateway_gone(self) -> None:
        self._close_connection()
        if self._pid and self._ended is None:
            if self._state not in ("stopping", "sent"):
                self._state = "stopping"
                self._kill(signal.SIGTERM)
                self.deadline = time.monotonic() + _STOP_SECONDS
        elif not self._pid:
            self._over()

    def _close_connection(self) -> None:
        if self._socket >= 0:
            if self._is_watched:
                self._loop.forget(self._socket)
            self._connection.close()
            self._socket = -1
            self._unsent = b""

    # -- the program

    def _begin(self, parameters: Dict[bytes, bytes]) -> None:
        self._parameters = b""
        try:
            self._start(parameters)
        except Refused as refused:
            why = str(refused).encode("utf-8", "replace")[:1024]
            content = struct.pack("!HH", refused.status, refused.retry_after) + why
            self._state = "sent"
            # A new connection has room for it.
            self._send(records.record(records.REFUSED, content) + records.END)
            self._over()

    def _start(self, parameters: Dict[bytes, bytes]) -> None:
        if self._is_deserted():
            self._gateway_gone()
            return
        program = self._loop.programs.get(parameters.get(b"JUMAK_PROGRAM", b""))
        if program is None:
            raise Refused(503, "the configuration of this request is not in force any more", 1)
        found = program.find(parameters.get(b"JUMAK_BELOW", b""))
        environment = variables_of(parameters, program, found, self._loop.programs.token)
        has_content = parameters.get(b"CONTENT_LENGTH", b"0") not in (b"", b"0")
        theirs: List[int] = []
        try:
            if has_content:
                read, self._input = os.pipe()
                os.set_blocking(self._input, False)
            else:
                read = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
            theirs.append(read)
            for name in ("_output", "_errors"):
                ours, write = os.pipe()
                setattr(self, name, ours)
                theirs.append(write)
                os.set_blocking(ours, False)
            self._pid = _spawn(found.command, environment, theirs)
        except OSError as error:
            self._close_pipes()
            raise Refused(*_reason(error, found.command)) from None
        finally:
            for fd in theirs:
                os.close(fd)
        self._state = "running"
        self.deadline = None
        self._loop.started(self._pid, self)
        self._loop.watch(self._output, _READS, self)
        self._loop.watch(self._errors, _READS, self)
        self._send(records.record(records.BEGUN))

    def _is_deserted(self) -> bool:
        """The client has gone while the request waited, so the gateway has closed."""
        poll = select.poll()
        poll.register(self._socket, 0)
        return bool(poll.poll(0))

    def _feed(self) -> None:
        """Content to the program's standard input."""
        if self._input < 0:
            self._content = b""
            return
        is_full = False
        while self._content and not is_full:
            try:
                self._content = self._content[os.write(self._input, self._content) :]
            except BlockingIOError:
                is_full = True
            except OSError:
                # It reads no more, which it may.
                self._content = b""
                self._content_ended = True
        if is_full:
            self._loop.watch(self._input, _WRITES, self)
        elif self._content_ended:
            self._close_input()
        else:
            self._loop.forget(self._input)
        if self._socket >= 0 and self._is_watched:
            self._watch_connection()

    def _pump(self, fd: int) -> None:
        """Output of the program, one piece."""
        try:
            data = os.read(fd, _PIECE)
        except BlockingIOError:
            return
        if data:
            self._pass_on(fd, data)
            return
        self._close_pipe(fd)
        # Without any output the response is the program's failure, and how it has ended says why.
        if self._output < 0 and self._state == "running" and self._has_output:
            self._drain(self._errors)
            self._end_response()

    def _pass_on(self, fd: int, data: bytes) -> None:
        # Nobody waits for what comes later. It is read, so that the program can go on.
        if self._state != "running":
            return
        if fd == self._output:
            self._has_output = True
            self._send(records.HEADER.pack(records.VERSION, records.STDOUT, records.REQUEST_ID, len(data), 0), data)
        elif self._error_bytes < _MAX_ERRORS:
            self._error_bytes += len(data)
            self._send(records.record(records.STDERR, data))

    def _end_response(self) -> None:
        self._state = "sent"
        self.deadline = time.monotonic() + _AFTER_SECONDS
        self._send(records.END)
        if not self._unsent and self._corked is None:
            self._close_connection()

    def exited(self, code: int) -> None:
        """Its process has ended, and what was left of its group was killed: nobody writes any more. ``code``: or minus the number of a signal."""
        self._ended = code
        self._close_input()
        self._finish()

    def _finish(self) -> None:
        """What is in its pipes is the rest. A process that has left the group may hold them, and is not waited for."""
        self._corked = []
        is_drained = self._drain(self._errors) and self._drain(self._output)
        if is_drained and self._state == "running":
            code = self._ended or 0
            if code < 0:
                self._note("was killed by %s" % _signal_name(-code))
            elif code > 0 and not self._has_output:
                self._note("exited with code %d" % code)
            self._end_response()
        corked, self._corked = self._corked, None
        if corked:
            self._send(*corked)
        if is_drained and not self._unsent:
            self._over()

    def _note(self, text: str) -> None:
        self._send(records.record(records.NOTE, text.encode()))

    def _drain(self, fd: int) -> bool:
        """All that is there. False: the gateway has to take some of it first."""
        rest = _MAX_REST
        while fd >= 0 and rest > 0 and not self._unsent:
            try:
                data = os.read(fd, _PIECE)
            except BlockingIOError:
                break
            if not data:
                break
            rest -= len(data)
            self._pass_on(fd, data)
        return not self._unsent

    def overdue(self) -> None:
        """Its deadline has passed."""
        self.deadline = None
        if self._state == "reading":
            self._gateway_gone()
        elif self._pid and self._ended is None:
            self._kill(signal.SIGKILL)

    def end(self) -> None:
        """The spawner ends: so does the program, at once."""
        if self._pid and self._ended is None:
            self._kill(signal.SIGKILL)

    def _kill(self, number: int) -> None:
        """The whole group: its leader has not been collected, so the number is still its own."""
        try:
            os.killpg(self._pid, number)
        except OSError:
            pass

    def _close_input(self) -> None:
        if self._input >= 0:
            self._close_pipe(self._input)

    def _close_pipe(self, fd: int) -> None:
        self._loop.forget(fd)
        os.close(fd)
        if fd == self._input:
            self._input = -1
        elif fd == self._output:
            self._output = -1
        else:
            self._errors = -1

    def _close_pipes(self) -> None:
        for fd in (self._input, self._output, self._errors):
            if fd >= 0:
                self._close_pipe(fd)

    def _over(self) -> None:
        if self._state == "over":
            return
        self.deadline = None
        self._close_pipes()
        self._close_connection()
        self._state = "over"
        self._loop.over(self)


def _spawn(command: List[bytes], environment: Dict[bytes, bytes], streams: List[int]) -> int:
    """``streams``: standard input, output and error. Its session is its own, so its group is all that it starts. Raises OSError."""
    # Only this thread is here, and nothing else has a relative path.
    os.chdir(os.path.dirname(command[-1]))
    return os.posix_spawn(
        command[0],
        command,
        environment,
        file_actions=[(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(streams)],
        setsid=True,
        setsigmask=[],
        setsigdef=_DEFAULT_SIGNALS,
    )


def _reason(error: OSError, command: List[bytes]) -> "tuple[int, str, int]":
    """Status, words for the log, seconds after which it may go."""
    import errno

    shown = command[0].decode("utf-8", "replace")
    if error.errno == errno.ENOEXEC:
        return 502, "%s cannot be run: it has no #! line, and is no program of this machine" % shown, 0
    if error.errno == errno.ENOENT:
        return 502, "%s cannot be run: the program that its #! line names is not there" % shown, 0
    if error.errno == errno.ETXTBSY:
        return 503, "%s cannot be run: it is being written" % shown, 1
    if error.errno in (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE):
        return 503, "%s cannot be run: this machine has no room for it (%s)" % (shown, error.strerror), 1
    if error.errno == errno.E2BIG:
        return 431, "%s cannot be run: the header of the request is too large for a program's environment" % shown, 0
    return 502, "%s cannot be run: %s" % (shown, error.strerror), 0


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "signal %d" % number
