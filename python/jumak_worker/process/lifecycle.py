"""The life of a worker: says hello to the master, has its application, serves, leaves when told.

WSGI: the main thread is the first slot, so that an application with one thread runs where Python's signals are handled; the
others are threads. ASGI: the main thread is the event loop (``asgi/worker.py``). A control thread sleeps on the control socket.

Invariants: a worker leaves by returning from ``run``, so that the application's atexit handlers run, unless the master
is gone or something here is broken. Descriptors of ours never live in a process that the application forks.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Callable, Dict, List, NoReturn, Optional, Tuple

from .. import __version__
from . import debugger, messages, osprocess, output, stacks
from ..loading import failure_report, loader, sources
from .control import ControlChannel
from ..wsgi.environ import Environs, base_environ
from .errors import report
from ..wsgi.link import Link
from ..wire.framing import SEND_BUFFER, WireError

if TYPE_CHECKING:
    from ..asgi.worker import AsgiWorker

#: After the master's death the gateway finishes what runs; a worker that still has a link then leaves anyway (seconds).
_ORPHAN_GRACE = 6.0
#: The application could not be loaded; the master was told why.
_EXIT_NOT_LOADED = 3
#: Something here is broken: EX_SOFTWARE.
_EXIT_BROKEN = 70


class Worker:
    """One process's worker. ``application`` is None when it is not preloaded; ``start`` is the master's message."""

    def __init__(self, number: int, start: dict, application: Optional[loader.LoadedApplication]) -> None:
        self._number = number
        self._start = start
        self._application = application
        self._threads: int = start["threads"]
        #: What serves an ASGI application.
        self._asgi: Optional["AsgiWorker"] = None
        self._stopping = False
        self._pid = os.getpid()
        # Its other end is closed to wake every slot that waits for a link.
        self._wake_read, self._wake_write = os.pipe()
        #: Everything that a process forked by the application must not hold open.
        self._sockets: List[socket.socket] = []
        self._links: Dict[socket.socket, Link] = {}

    def run(self) -> int:
        """The exit code. The process ends with it."""
        os.register_at_fork(after_in_child=self._forget_in_child)
        stacks.dump_on_signal(output.errors_fd)
        try:
            control = self._connect()
        except OSError as error:
            report("worker %d cannot reach the master: %s" % (self._number, error))
            return 1
        try:
            self._application, self._asgi = application, _ = prepare(self._start, self._number, self._application)
        except loader.LoadError as error:
            failure_report.send_load_failure(error.cause, control.send)
            control.send("load-failed", message=error.message, traceback=error.traceback)
            return _EXIT_NOT_LOADED
        if sources.current is not None:
            sources.current.report_to(control.send)
            debugger.watch(lambda isDebugged: control.send("debugging", isDebugged=isDebugged))
        listener, path = self._listen()
        slots = self._threads if self._asgi is None else self._asgi.slots
        control.send("ready", socket=path, slots=slots, **application.describe())
        threading.Thread(target=self._watch, args=(control,), name="jumak-control", daemon=True).start()
        if self._asgi is None:
            self._serve(listener)
        else:
            self._serve_asgi(self._asgi, listener)
        listener.close()
        try:
            os.unlink(path)
        except OSError:
            pass  # the master was faster
        return 0

    def _connect(self) -> ControlChannel:
        sock = socket.socket(socket.AF_UNIX)
        self._sockets.append(sock)
        # Whatever default timeout the application has set: many workers may connect at a time, and the master may be busy.
        sock.setblocking(True)
        sock.connect(os.path.join(self._start["runtimeDirectory"], "control.sock"))
        listener = osprocess.peer_pid(sock)
        if listener not in (0, self._start["masterPid"]):
            raise OSError("its control.sock leads to process %d" % listener)
        control = ControlChannel(sock, messages.WORKER)
        control.send("hello", build=__version__, worker=self._number, pid=self._pid)
        return control

    def _listen(self) -> Tuple[socket.socket, str]:
        path = os.path.join(self._start["runtimeDirectory"], "w%d.sock" % self._number)
        listener = socket.socket(socket.AF_UNIX)
        self._sockets.append(listener)
        try:
            listener.bind(path)
        except OSError:
            # Whatever is there is nobody's: the number is ours alone.
            os.unlink(path)
            listener.bind(path)
        os.chmod(path, 0o600)
        # Every slot's link, and those that replace them, may arrive together.
        listener.listen(4 * self._threads)
        # All slots wait for it, and one of them gets the link.
        listener.setblocking(False)
        return listener, path

    # -- slots

    def _serve(self, listener: socket.socket) -> None:
        start = self._start
        base = base_environ(self._threads, start["multiprocess"], start["rootPath"], start["masterPid"])
        environs = Environs(base)
        threads = [
            threading.Thread(target=self._serve_slot, args=(listener, environs), name="jumak-slot-%d" % slot)
            for slot in range(2, self._threads + 1)
        ]
        for thread in threads:
            thread.start()
        self._serve_slot(listener, environs)
        for thread in threads:
            thread.join()

    def _serve_slot(self, listener: socket.socket, environs: Environs) -> None:
        assert self._application is not None
        try:
            while True:
                sock = self._accept(listener)
                if sock is None:
                    return
                with sock:
                    link = Link(sock, self._application.callable, environs, self._number, self._threads)
                    self._links[sock] = link
                    try:
                        link.serve()
                    except WireError as error:
                        report("the link to the gateway was closed: %s" % error)
                    finally:
                        self._links.pop(sock, None)
                if os.getpid() != self._pid:
                    self._leave_forked()
        except SystemExit:
            # A signal handler of the application, between requests: it ends the worker in order, all slots of it.
            self._stop()
            raise
        except BaseException:
            # A slot less would be a worker that hangs: better none, and a new one.
            self._leave_broken()

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

    def _serve_asgi(self, asgi: "AsgiWorker", listener: socket.socket) -> None:
        try:
            asgi.serve(listener)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            self._leave_broken()

    def _leave_broken(self) -> NoReturn:
        report("worker %d is broken:\n%s" % (self._number, traceback.format_exc()))
        os._exit(_EXIT_BROKEN)

    # -- the control thread

    def _watch(self, control: ControlChannel) -> None:
        while True:
            try:
                message = control.receive()
            except messages.MessageError as error:
                report("the master sent %s" % error)
                continue
            if message is None:
                self._stop()
                time.sleep(_ORPHAN_GRACE)
                os._exit(0)
            if message["type"] == "stop":
                self._stop()
            elif message["type"] == "stacks":
                thread = message["thread"]
                control.send("stacks", text=stacks.of_thread(int(thread, 16)) if thread else stacks.of_all_threads())

    def _stop(self) -> None:
        if not self._stopping:
            self._stopping = True
            os.close(self._wake_write)
            if self._asgi is not None:
                self._asgi.stop()

    # -- processes that the application forks

    def _forget_in_child(self) -> None:
        """A copy of a link would keep it open when the worker closes it, and answer in its place."""
        if self._wake_read < 0:
            return  # the child of such a child
        for link in self._links.values():
            link.is_closed = True
        if self._asgi is not None:
            self._asgi.forget_in_child(self._leave_forked)
        for sock in [*self._sockets, *self._links]:
            # Not its `close`, which waits for who uses it: uvloop does.
            _close(os.close, sock.detach())
        _close(os.close, self._wake_read)
        if not self._stopping:
            _close(os.close, self._wake_write)
        self._wake_read = self._wake_write = -1

    def _leave_forked(self) -> None:
        report("a process that the application forked in a request came back from it: it ends here")
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError, AttributeError):
                pass
        os._exit(0)


def prepare(
    start: dict, number: int, application: Optional[loader.LoadedApplication]
) -> Tuple[loader.LoadedApplication, Optional["AsgiWorker"]]:
    """Imports the application where that was left to the workers, calls ``--post-fork``, starts up that of ASGI. Raises LoadError."""
    osprocess.go_first_when_memory_ends()
    # Either may hang, in C even, and the master is not listened to meanwhile: it ends with its preloader.
    osprocess.set_parent_death_signal(signal.SIGKILL)
    try:
        application = application or loader.load(start)
        if start["postFork"] is not None:
            loader.call_post_fork(start["postFork"])
        if application.interface != "asgi":
            return application, None
        from ..asgi.worker import AsgiWorker

        asgi = AsgiWorker(application.callable, number, start["concurrency"], start["lifespan"], start["rootPath"])
        asgi.start_up()
        return application, asgi
    finally:
        osprocess.set_parent_death_signal(0)


def _close(close: Callable[..., None], *arguments: int) -> None:
    """An application may have closed what was not its own: that must not keep the rest open."""
    try:
        close(*arguments)
    except OSError:
        pass
