"""The workers that a preloader has forked: their processes, the pipes of their output, and their ends.

Runs in the main thread of the preloader. Invariants: a worker's FIFO is held open here until the master has opened it, so no line of
a worker that ends at once is lost. Every process that ends below the preloader is collected; the master hears only of workers.
Not here: what a worker does (``lifecycle.py``).
"""

from __future__ import annotations

import os
import signal
import time
import warnings
from typing import Callable, Dict, Optional, Protocol

from .. import unpatched
from ..system import exits, osprocess
from . import debugger, ignored_signals

#: The descriptor that the master reads in place of our standard output and error, where these are a terminal.
OUTPUT_FD = 4
#: Seconds that workers have to leave by themselves after the master's death, before they are killed.
_ORPHAN_GRACE = 8.0

_SIGNALS = {"KILL": signal.SIGKILL, "URG": signal.SIGURG, "INT": signal.SIGINT}


class ForkHooks(Protocol):
    """What a gunicorn configuration wants to be told."""

    def forking(self, number: int) -> None: ...

    def forked(self, number: int, pid: int) -> None: ...

    def not_forked(self, number: int) -> None: ...

    def exited(self, number: int) -> None: ...


class ForkedWorkers:
    def __init__(
        self, send: Callable[..., None], directory: str, has_terminal: bool, hooks: Optional[ForkHooks] = None
    ) -> None:
        """``send``: to the master; ``directory``: where the FIFOs are made."""
        self._hooks = hooks
        self._send = send
        self._directory = directory
        self._has_terminal = has_terminal
        #: The workers that live: number → pid.
        self._pids: Dict[int, int] = {}
        #: Our ends of the workers' output, until the master has opened its own: number → descriptor.
        self._outputs: Dict[int, int] = {}

    def fork(self, number: int) -> bool:
        """True: this is the worker, and its output goes into its FIFO."""
        path = os.path.join(self._directory, "w%d.out" % number)
        pipe = -1
        if self._hooks is not None:
            self._hooks.forking(number)
        try:
            osprocess.make_fifo(path)
            # Open for reading and writing: this never blocks, and a reader that is late or gone is no error for the writer.
            pipe = os.open(path, os.O_RDWR)
            exits.flush_streams()
            with warnings.catch_warnings():
                # Python warns of threads. They were looked for, and are wanted where preload is on.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = ignored_signals.fork_worker()
        except OSError as error:
            if pipe >= 0:
                os.close(pipe)
                os.unlink(path)
            self._send("fork-failed", worker=number, message=str(error))
            if self._hooks is not None:
                self._hooks.not_forked(number)
            return False
        if pid == 0:
            self._redirect_output(pipe)
            return True
        self._pids[number] = pid
        self._outputs[number] = pipe
        if self._hooks is not None:
            self._hooks.forked(number, pid)
        self._send("forked", worker=number, pid=pid, output=path)
        return False

    def _redirect_output(self, pipe: int) -> None:
        if self._has_terminal:
            os.dup2(pipe, OUTPUT_FD, inheritable=False)
        else:
            os.dup2(pipe, 1)
            os.dup2(pipe, 2)
        os.close(pipe)

    def output_opened(self, number: int) -> None:
        fd = self._outputs.pop(number, None)
        if fd is not None:
            os.close(fd)

    def signal(self, number: int, name: str) -> None:
        """``name`` as in the master's message ``signal``."""
        pid = self._pids.get(number)
        if pid is not None:
            _kill(pid, _SIGNALS[name])

    def forget_in_child(self) -> None:
        for fd in self._outputs.values():
            os.close(fd)
        self._outputs.clear()

    def reap(self) -> None:
        """Collects what has ended, and tells the master which workers."""
        while True:
            try:
                pid, status = unpatched.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            number = self._number_of(pid)
            if number is None:
                continue  # a worker has left it behind
            del self._pids[number]
            if self._has_terminal:
                debugger.restore_terminal()
            killed_by = _signal_name(os.WTERMSIG(status)) if os.WIFSIGNALED(status) else None
            code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
            self._send("exited", worker=number, pid=pid, code=code, signal=killed_by)
            if self._hooks is not None:
                self._hooks.exited(number)

    def _number_of(self, pid: int) -> Optional[int]:
        return next((number for number, one in self._pids.items() if one == pid), None)

    def wait_or_kill(self) -> None:
        """The master has gone. Workers notice that too, and leave after their gateway; those that are stuck are killed."""
        deadline = time.monotonic() + _ORPHAN_GRACE
        while self._pids and time.monotonic() < deadline:
            self.reap()
            unpatched.sleep(0.05)
        for pid in self._pids.values():
            _kill(pid, signal.SIGKILL)
        while self._pids:
            self.reap()
            unpatched.sleep(0.01)


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass  # the application's own code has waited for this child of ours


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "signal %d" % number  # real-time signals have no names
