"""The preloader: imports the application once (or leaves that to the workers), and forks a worker when the master asks for one.

A process with one thread of ours; ``run`` returns in a forked worker only. Invariants: it forks from its main thread only. It runs no code
of the application after the import. It collects every process that ends below it. When the master has gone, it ends, and its
workers end. The messages are those of ``src/control/messages.ts``.
Not here: the workers that it has forked (``forked_workers.py``), what a worker does (``lifecycle.py``).
"""

from __future__ import annotations

import atexit
import gc
import io
import os
import select
import signal
import sys
from typing import Any, Callable, Dict, NoReturn, Optional, Protocol

from .. import unpatched
from ..loading import descriptors, inspection, interface, loader, patching, sources
from ..loading.load_error import LoadError
from ..loading.openings import Openings
from ..output import failure_report, streams, unlogged
from ..output.log import report
from ..system import exits, osprocess, privileges
from ..system.children import end_children
from . import debugger, ignored_signals, messages
from .control import ControlChannel
from .forked_workers import OUTPUT_FD, ForkedWorkers
from .lifecycle import Worker
from .startup import prepare, send_load_failure

#: Seconds that processes which the import started have to end, before they are killed.
_CHILDREN_GRACE = 1.0


class Hooks(Protocol):
    """What the preloader needs of ``hooks/hooks.py``, which is imported only where there are any."""

    after_call: Optional[Callable[[], None]]

    def starting(self) -> None: ...

    def forking(self, number: int) -> None: ...

    def forked(self, number: int, pid: int) -> None: ...

    def not_forked(self, number: int) -> None: ...

    def exited(self, number: int) -> None: ...

    def stopping(self) -> None: ...

    def left(self) -> None: ...


class Preloader:
    def __init__(self, control_fd: int) -> None:
        os.set_inheritable(control_fd, False)
        self._control = ControlChannel(unpatched.socket(fileno=control_fd), messages.PRELOADER)
        self._inherited = descriptors.inherited()
        self._start: dict = {}
        self._application: Optional[loader.LoadedApplication] = None
        self._workers: Optional[ForkedWorkers] = None
        #: Of a gunicorn configuration; None: there is none.
        self._hooks: Optional[Hooks] = None
        #: What its file has, if that was evaluated before the start.
        self._names: Optional[Dict[str, Any]] = None
        self._wakeup_read = self._wakeup_write = -1
        #: The application's handler for the end of a child, which its workers have again.
        self._sigchld: Any = signal.SIG_DFL

    def run(self) -> Worker:
        """Returns in a forked process only: the worker to run there."""
        message = self._receive()
        if message["type"] == "evaluate":
            self._evaluate(message)
            message = self._receive()
        self._start = message
        if message["terminal"]:
            os.set_inheritable(OUTPUT_FD, False)
            streams.install(OUTPUT_FD)
            debugger.take_terminal()
        elif self._names is None:
            streams.install()
        if message["identity"] is not None:
            self._drop_privileges(message["identity"])
        ignored_signals.ignore()
        os.register_at_fork(after_in_child=self._forget_in_child)
        osprocess.become_subreaper()
        osprocess.keep_freed_memory()
        try:
            # Python imports nothing from beside a file of PasteDeploy, as with gunicorn.
            file = message["file"] if message["paste"] is None else None
            loader.prepare_import_path(message["directory"], file, message["module"], message["importPath"])
        except OSError as error:
            self._fail("the application's directory cannot be entered: %s" % error)
        if message["configuration"] is not None:
            self._configure(message["configuration"])
        if message["isCheck"]:
            self._check()
        if message["isDevelopment"]:
            sources.start()
            debugger.start()
            failure_report.is_wanted = unlogged.is_off = True
        if self._preloads():
            self._import()
        else:
            self._control.send("waiting")
        return self._loop()

    def _receive(self) -> dict:
        try:
            message = self._control.receive()
        except messages.MessageError as error:
            self._fail("the master sent %s" % error)
        if message is None:
            os._exit(0)
        return message

    def _evaluate(self, message: dict) -> None:
        """Before the start: what the file says decides how the program starts."""
        from ..hooks import configuration_file

        streams.install()
        osprocess.set_parent_death_signal(signal.SIGKILL)
        if os.getppid() != message["masterPid"]:
            exits.leave(0)
        try:
            os.chdir(message["directory"])
            # As gunicorn has it: modules beside the file are found, also by `-c python:module`.
            sys.path.insert(0, message["directory"])
            self._names = configuration_file.evaluate(message["path"], message["module"], message["display"])
        except LoadError as error:
            send_load_failure(error, self._control.send)
            exits.leave(exits.NOT_LOADED)
        except OSError as error:
            self._fail("the directory cannot be entered: %s" % error)
        osprocess.set_parent_death_signal(0)
        self._expect_control()
        self._control.send("evaluated", values=configuration_file.describe(self._names))

    def _configure(self, configuration: dict) -> None:
        """Before the import."""
        from ..hooks.hooks import Hooks

        # The process may be older than these settings.
        os.environ.update(configuration["variables"])
        if "PYTHONPATH" in configuration["variables"]:
            parts = configuration["variables"]["PYTHONPATH"].split(os.pathsep)
            sys.path[1:1] = [part for part in parts if part and part not in sys.path]
        if configuration["umask"] is not None:
            os.umask(configuration["umask"])
        try:
            self._hooks = hooks = Hooks(configuration, self._names, self._start["masterPid"])
            hooks.starting()
        except LoadError as error:
            send_load_failure(error, self._control.send)
            exits.leave(exits.NOT_LOADED)

    def _drop_privileges(self, identity: dict) -> None:
        """Before the first import of the application and the first fork. Never goes on as root."""
        who = "user %s" % (identity["userName"] or identity["uid"])
        try:
            privileges.drop_privileges(identity["uid"], identity["gid"], identity["userName"])
        except (OSError, OverflowError) as error:
            self._fail("the application's processes cannot become %s: %s" % (who, error))
        try:
            # Otherwise modules of the standard library would be "not found" later, when they are needed.
            os.listdir(os.path.dirname(os.__file__))
        except OSError as error:
            self._fail("%s cannot read the Python at %s: %s; choose another with --python" % (who, sys.prefix, error))
        privileges.move_home(identity["uid"])

    def _preloads(self) -> bool:
        mode = self._start["preload"]
        return mode == "on" or (mode == "auto" and sys.platform == "linux")

    def _fail(self, message: str) -> NoReturn:
        self._control.send("load-failed", message=message, traceback="")
        exits.leave(exits.NOT_LOADED)

    # -- the application

    def _import(self) -> None:
        # An import may hang, even in C, where nothing notices the master's death: the kernel ends it.
        osprocess.set_parent_death_signal(signal.SIGKILL)
        if os.getppid() != self._start["masterPid"]:
            exits.leave(0)
        openings = Openings(self._start["module"]) if self._start["locateHazards"] else None
        if openings is not None:
            openings.start()
        try:
            self._application = application = loader.load(self._start)
            if application.interface == interface.ASGI:
                # Workers share what is imported here.
                from ..asgi.worker import import_event_loop

                import_event_loop(self._start["loop"])
        except LoadError as error:
            send_load_failure(error, self._control.send)
            exits.leave(exits.NOT_LOADED)
        finally:
            if openings is not None:
                openings.stop()
        if sources.current is not None:
            sources.current.send(self._control.send)
        osprocess.set_parent_death_signal(0)
        self._expect_control()
        own = {self._control.socket.fileno()} | patching.of_hub
        hazards = inspection.find_hazards(self._inherited, own, openings)
        if hazards and self._start["preload"] == "auto":
            self._control.send("unsafe", hazards=hazards, interface=application.interface)
            exits.flush_streams()
            # Each import that follows starts these processes again. Until they end, they may hold locks.
            end_children(_CHILDREN_GRACE)
            exits.leave(0)
        if descriptors.has_written_files(self._inherited, own):
            _flush_files()
        note = debugger.framework_note(application.callable) if self._start["isDevelopment"] else ""
        gc.collect()
        # The collector of a worker never touches what is frozen, so its memory stays shared.
        gc.freeze()
        self._control.send("loaded", hazards=hazards, notes=[note] if note else [], **application.describe())

    def _expect_control(self) -> None:
        """Without the control socket master and preloader would wait for each other for ever."""
        if not self._control.is_intact():
            report("the import has closed descriptors that it did not open, as a daemon does: Jumak needs them")
            exits.leave(exits.NOT_LOADED)

    def _check(self) -> NoReturn:
        """``--check``: does here what a worker does before it serves, and at its end. Nothing is served, and nothing is forked."""
        try:
            application, host = prepare(self._start, 0, None, self._hooks)
            self._expect_control()
            osprocess.set_parent_death_signal(signal.SIGKILL)
            host.shut_down()
            self._control.send("loaded", hazards=[], notes=[], **application.describe())
        except LoadError as error:
            send_load_failure(error, self._control.send)
        # As in a worker, the application's atexit handlers run. Its threads may run for ever, so nobody waits for them.
        atexit._run_exitfuncs()
        end_children(_CHILDREN_GRACE)
        exits.leave(0)

    # -- the loop

    def _loop(self) -> Worker:
        directory, hooks = self._start["runtimeDirectory"], self._hooks
        self._workers = workers = ForkedWorkers(self._control.send, directory, self._start["terminal"], hooks)
        self._wakeup_read, self._wakeup_write = os.pipe()
        os.set_blocking(self._wakeup_write, False)
        os.set_blocking(self._wakeup_read, False)
        self._sigchld = unpatched.signal(signal.SIGCHLD, _wake)
        signal.set_wakeup_fd(self._wakeup_write, warn_on_full_buffer=False)
        if hooks is not None and self._start["workerClass"] == "gevent":
            patching.child_handler_replaced()
            hooks.after_call = self._watch_children
        poll = unpatched.poll()
        poll.register(self._control.socket, select.POLLIN)
        poll.register(self._wakeup_read, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == self._wakeup_read:
                    self._drain_wakeups()
                elif not self._control.fill():
                    workers.wait_or_kill()
                    if hooks is not None:
                        hooks.left()
                    exits.leave(0)
            workers.reap()
            while True:
                try:
                    message = self._control.buffered()
                except messages.MessageError as error:
                    report("the master sent %s" % error)
                    continue
                if message is None:
                    break
                if message["type"] == "fork" and workers.fork(message["worker"]):
                    return self._become_worker(message["worker"], message["token"])
                if message["type"] == "output-opened":
                    workers.output_opened(message["worker"])
                elif message["type"] == "signal":
                    workers.signal(message["worker"], message["signal"])
                elif message["type"] == "stopping" and hooks is not None:
                    hooks.stopping()

    def _watch_children(self) -> None:
        """After a hook. If it has waited for a process, gevent's handler stands in the place of ours, and one of our children may have
        ended meanwhile."""
        unpatched.signal(signal.SIGCHLD, _wake)
        patching.child_handler_replaced()
        try:
            os.write(self._wakeup_write, b"\0")
        except BlockingIOError:
            pass  # full: the loop looks anyway

    def _drain_wakeups(self) -> None:
        try:
            os.read(self._wakeup_read, 4096)
        except BlockingIOError:
            pass

    def _become_worker(self, number: int, token: str) -> Worker:
        unpatched.signal(signal.SIGCHLD, self._sigchld if self._sigchld is not None else signal.SIG_DFL)
        return Worker(number, token, self._start, self._application, self._hooks)

    def _forget_in_child(self) -> None:
        """In workers, and in what the application forks at import: closes our descriptors."""
        self._control.socket.close()
        if self._wakeup_write >= 0:
            signal.set_wakeup_fd(-1)
            os.close(self._wakeup_read)
            os.close(self._wakeup_write)
        self._wakeup_read = self._wakeup_write = -1
        if self._workers is not None:
            self._workers.forget_in_child()


def _wake(_number: int, _frame: object) -> None:
    """The wakeup descriptor is all that matters of a signal."""


def _flush_files() -> None:
    """Otherwise each worker would write what is in the buffers of the application's files."""
    for one in gc.get_objects():
        if type(one) in (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom):
            try:
                one.flush()
            except (OSError, ValueError):
                pass  # closed, or its reader is gone
