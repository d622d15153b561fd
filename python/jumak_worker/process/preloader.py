"""The preloader: imports the application once (or leaves that to the workers), and forks workers when the master asks.

Invariants: it forks from its main thread only; it never runs application code after the import; it is the reaper of
everything below it; when the master is gone it ends, and so do its workers. Messages: ``src/control/messages.ts``.
"""

from __future__ import annotations

import atexit
import gc
import io
import os
import select
import signal
import socket
import sys
import time
import warnings
from typing import Any, Dict, NoReturn, Optional

from . import debugger, ignored_signals, messages
from ..loading import descriptors, failure_report, inspection, loader
from . import osprocess, output
from ..loading import sources
from .control import ControlChannel
from .errors import report
from .lifecycle import Worker, prepare
from ..loading.openings import Openings

#: What workers have to leave by themselves after the master's death, before they are killed (seconds).
_ORPHAN_GRACE = 8.0
#: What processes that the import started have to end, before they are killed (seconds).
_CHILDREN_GRACE = 1.0
#: What the master reads in place of our standard output and error, where these are a terminal.
_OUTPUT_FD = 4

_SIGNALS = {"KILL": signal.SIGKILL, "URG": signal.SIGURG, "INT": signal.SIGINT}


class Preloader:
    def __init__(self, control_fd: int) -> None:
        os.set_inheritable(control_fd, False)
        self._control = ControlChannel(socket.socket(fileno=control_fd), messages.PRELOADER)
        self._control_identity = descriptors.identify(control_fd)
        self._inherited = descriptors.inherited()
        self._start: dict = {}
        self._application: Optional[loader.LoadedApplication] = None
        #: Workers that live: number → pid.
        self._workers: Dict[int, int] = {}
        #: Our end of the workers' output, until the master has opened its own.
        self._outputs: Dict[int, int] = {}
        self._wakeup_read = self._wakeup_write = -1
        #: What the application does when a child of its own ends; for its workers.
        self._sigchld: Any = signal.SIG_DFL

    def run(self) -> Worker:
        """Returns in a forked child only: the worker to run there."""
        try:
            message = self._control.receive()
        except messages.MessageError as error:
            self._fail("the master sent %s" % error)
        if message is None:
            os._exit(0)
        self._start = message
        if message["terminal"]:
            os.set_inheritable(_OUTPUT_FD, False)
            output.install(_OUTPUT_FD)
            debugger.take_terminal()
        else:
            output.install()
        if message["identity"] is not None:
            self._drop_privileges(message["identity"])
        ignored_signals.become_deaf()
        os.register_at_fork(after_in_child=self._forget_in_child)
        osprocess.become_subreaper()
        osprocess.keep_freed_memory()
        try:
            loader.prepare_import_path(message["directory"], message["file"], message["module"])
        except OSError as error:
            self._fail("the application's directory cannot be entered: %s" % error)
        if message["isCheck"]:
            self._check()
        if message["isDevelopment"]:
            sources.start()
            debugger.start()
        if self._preloads():
            self._import()
        else:
            self._control.send("waiting")
        return self._loop()

    def _drop_privileges(self, identity: dict) -> None:
        """Before anything of the application is imported, and before anything is forked. Never goes on as root."""
        who = "user %s" % (identity["userName"] or identity["uid"])
        try:
            osprocess.drop_privileges(identity["uid"], identity["gid"], identity["userName"])
        except (OSError, OverflowError) as error:
            self._fail("the application's processes cannot become %s: %s" % (who, error))
        try:
            # Modules of the standard library are read when they are needed, and would be "not found".
            os.listdir(os.path.dirname(os.__file__))
        except OSError as error:
            self._fail("%s cannot read the Python at %s: %s; choose another with --python" % (who, sys.prefix, error))
        osprocess.move_home(identity["uid"])

    def _preloads(self) -> bool:
        mode = self._start["preload"]
        return mode == "on" or (mode == "auto" and sys.platform == "linux")

    def _fail(self, message: str, traceback: str = "") -> NoReturn:
        self._control.send("load-failed", message=message, traceback=traceback)
        self._leave(3)

    def _leave(self, code: int) -> NoReturn:
        _flush()
        # Not sys.exit: what the application registered with atexit is for its workers.
        os._exit(code)

    # -- the application

    def _import(self) -> None:
        # An import may hang, in C even: if the master dies meanwhile, nothing here would notice.
        osprocess.set_parent_death_signal(signal.SIGKILL)
        if os.getppid() != self._start["masterPid"]:
            self._leave(0)
        openings = Openings(self._start["module"]) if self._start["locateHazards"] else None
        if openings is not None:
            openings.start()
        try:
            self._application = application = loader.load(self._start)
        except loader.LoadError as error:
            failure_report.send_load_failure(error.cause, self._control.send)
            self._fail(error.message, error.traceback)
        finally:
            if openings is not None:
                openings.stop()
        if sources.current is not None:
            sources.current.send(self._control.send)
        osprocess.set_parent_death_signal(0)
        self._expect_control()
        own = {self._control.socket.fileno()}
        hazards = inspection.find_hazards(self._inherited, own, openings)
        if hazards and self._start["preload"] == "auto":
            self._control.send("unsafe", hazards=hazards, interface=application.interface)
            _flush()
            # What the application started is started again by each import that follows, and may hold locks until it ends.
            osprocess.end_children(_CHILDREN_GRACE)
            self._leave(0)
        if descriptors.has_written_files(self._inherited, own):
            _flush_files()
        note = debugger.framework_note(application.callable) if self._start["isDevelopment"] else ""
        gc.collect()
        # What is frozen is never touched by the collector in a worker, and so stays shared between them.
        gc.freeze()
        self._control.send("loaded", hazards=hazards, notes=[note] if note else [], **application.describe())

    def _expect_control(self) -> None:
        """Code that makes itself a daemon closes whatever is open. Without a word to the master all would wait for it."""
        try:
            is_there = descriptors.identify(self._control.socket.fileno()) == self._control_identity
        except OSError:
            is_there = False
        if not is_there:
            report("the import has closed descriptors that it did not open, as a daemon does: Jumak needs them")
            self._leave(3)

    def _check(self) -> NoReturn:
        """``--check``: all that a worker does before it serves, and its end, here; nothing is served, and nothing forked."""
        try:
            application, asgi = prepare(self._start, 0, None)
            self._expect_control()
            osprocess.set_parent_death_signal(signal.SIGKILL)
            if asgi is not None:
                asgi.shut_down()
            self._control.send("loaded", hazards=[], notes=[], **application.describe())
        except loader.LoadError as error:
            self._control.send("load-failed", message=error.message, traceback=error.traceback)
        # The application was up, as in a worker, so what it registered for its end is run. Its threads may go on for ever.
        atexit._run_exitfuncs()
        osprocess.end_children(_CHILDREN_GRACE)
        self._leave(0)

    # -- the loop

    def _loop(self) -> Worker:
        self._wakeup_read, self._wakeup_write = os.pipe()
        os.set_blocking(self._wakeup_write, False)
        os.set_blocking(self._wakeup_read, False)
        self._sigchld = signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wakeup_write, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self._control.socket, select.POLLIN)
        poll.register(self._wakeup_read, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == self._wakeup_read:
                    self._drain_wakeups()
                elif not self._control.fill():
                    self._master_gone()
            self._reap()
            while True:
                try:
                    message = self._control.buffered()
                except messages.MessageError as error:
                    report("the master sent %s" % error)
                    continue
                if message is None:
                    break
                worker = self._handle(message)
                if worker is not None:
                    return worker

    def _drain_wakeups(self) -> None:
        try:
            os.read(self._wakeup_read, 4096)
        except BlockingIOError:
            pass

    def _handle(self, message: dict) -> Optional[Worker]:
        kind = message["type"]
        if kind == "fork":
            return self._fork(message["worker"])
        if kind == "output-opened":
            fd = self._outputs.pop(message["worker"], None)
            if fd is not None:
                os.close(fd)
        elif kind == "signal":
            pid = self._workers.get(message["worker"])
            if pid is not None:
                _kill(pid, _SIGNALS[message["signal"]])
        return None

    def _fork(self, number: int) -> Optional[Worker]:
        path = os.path.join(self._start["runtimeDirectory"], "w%d.out" % number)
        pipe = -1
        try:
            osprocess.make_fifo(path)
            # Open for both: never blocks, and a reader that is late or gone is no error for the writer.
            pipe = os.open(path, os.O_RDWR)
            _flush()
            with warnings.catch_warnings():
                # Of threads, which were looked for, and are meant when preload is on.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = ignored_signals.fork_worker()
        except OSError as error:
            if pipe >= 0:
                os.close(pipe)
                os.unlink(path)
            self._control.send("fork-failed", worker=number, message=str(error))
            return None
        if pid == 0:
            return self._become_worker(number, pipe)
        self._workers[number] = pid
        self._outputs[number] = pipe
        self._control.send("forked", worker=number, pid=pid, output=path)
        return None

    def _become_worker(self, number: int, pipe: int) -> Worker:
        signal.signal(signal.SIGCHLD, self._sigchld if self._sigchld is not None else signal.SIG_DFL)
        if self._start["terminal"]:
            os.dup2(pipe, _OUTPUT_FD, inheritable=False)
        else:
            os.dup2(pipe, 1)
            os.dup2(pipe, 2)
        os.close(pipe)
        return Worker(number, self._start, self._application)

    def _forget_in_child(self) -> None:
        """In workers and in what the application forks at import: our descriptors are not theirs."""
        self._control.socket.close()
        if self._wakeup_write >= 0:
            signal.set_wakeup_fd(-1)
        for fd in (self._wakeup_read, self._wakeup_write, *self._outputs.values()):
            if fd >= 0:
                os.close(fd)
        self._wakeup_read = self._wakeup_write = -1
        self._outputs.clear()

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            number = next((worker for worker, its in self._workers.items() if its == pid), None)
            if number is None:
                continue  # left behind by a worker; collected so that it is no zombie
            del self._workers[number]
            if self._start["terminal"]:
                debugger.restore_terminal()
            killed_by = _signal_name(os.WTERMSIG(status)) if os.WIFSIGNALED(status) else None
            code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
            self._control.send("exited", worker=number, pid=pid, code=code, signal=killed_by)

    def _master_gone(self) -> NoReturn:
        """Workers see it too and leave when their gateway has; what is stuck is killed."""
        deadline = time.monotonic() + _ORPHAN_GRACE
        while self._workers and time.monotonic() < deadline:
            self._reap()
            time.sleep(0.05)
        for pid in self._workers.values():
            _kill(pid, signal.SIGKILL)
        while self._workers:
            self._reap()
            time.sleep(0.01)
        self._leave(0)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass  # the application closed it, or put something else in its place


def _flush_files() -> None:
    """What waits in the buffers of the application's files would be written by each worker."""
    for one in gc.get_objects():
        if type(one) in (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom):
            try:
                one.flush()
            except (OSError, ValueError):
                pass  # closed, or its reader is gone


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass  # a child of ours that some code of the application has waited for


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "signal %d" % number  # real-time signals have no names
