"""The life of a worker: it says hello to the master, gets its application, serves, and leaves when it is told to.

Runs in the main thread of a forked process, which serves; a control thread sleeps on the control socket. Invariants: a worker leaves by
returning from ``run``, so that the application's atexit handlers run, unless the master has gone or something of ours is broken. None of
our descriptors stays open in a process that the application forks. Not here: how requests are served (``wsgi/worker.py``,
``asgi/worker.py``).
"""

from __future__ import annotations

import os
from socket import AF_UNIX
from typing import List, NoReturn, Optional

from .. import __version__, unpatched
from ..loading import sources
from ..loading.load_error import LoadError
from ..loading.loader import LoadedApplication
from ..output import stacks, streams
from ..output.log import report
from ..system import exits, osprocess
from ..wire.multiplex import MAX_ATTACHING
from . import debugger, messages
from .control import ControlChannel
from .startup import Hooks, Host, prepare, send_load_failure

#: Seconds. After the master's death the gateway finishes what runs. A worker that has a link after this time leaves all the same.
_ORPHAN_GRACE = 6.0


class Worker:
    """``application``: None where it is not preloaded; ``start``: the master's message; ``token``: proves to the master who this is."""

    def __init__(
        self,
        number: int,
        token: str,
        start: dict,
        application: Optional[LoadedApplication],
        hooks: Optional[Hooks] = None,
    ) -> None:
        self._hooks = hooks
        self._number = number
        self._token = token
        self._start = start
        self._application = application
        #: Serves the application; None until it is loaded.
        self._host: Optional[Host] = None
        self._pid = os.getpid()
        #: A process that the application forks closes them.
        self._sockets: List[unpatched.socket] = []
        #: This is a process that the application has forked.
        self._is_forked = False

    def run(self) -> int:
        """The exit code. The process ends with it."""
        os.register_at_fork(after_in_child=self._forget_in_child)
        stacks.dump_on_signal(streams.errors_fd)
        try:
            control = self._connect()
        except OSError as error:
            report("worker %d cannot reach the master: %s" % (self._number, error))
            return 1
        try:
            application, host = prepare(self._start, self._number, self._application, self._hooks)
        except LoadError as error:
            send_load_failure(error, control.send)
            return exits.NOT_LOADED
        self._host = host
        if not control.is_intact():
            # The master has seen its end of the connection close, and kills this worker to replace it.
            unpatched.sleep(_ORPHAN_GRACE)
            os._exit(exits.NOT_LOADED)
        if sources.current is not None:
            sources.current.report_to(control.send)
            debugger.watch(lambda is_debugged: control.send("debugging", isDebugged=is_debugged))
        path = os.path.join(self._start["runtimeDirectory"], "w%d.sock" % self._number)
        paths = [path + suffix for suffix in host.socket_suffixes]
        listeners = [self._listen(one) for one in paths]
        control.send("ready", socket=path, slots=host.slots, **application.describe())
        unpatched.start_thread(lambda: self._watch(control, host), "jumak-control")
        try:
            host.serve(listeners)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            exits.leave_broken(self._number)
        # From the last one down: if we are killed meanwhile, the master finds the others.
        for listener, one in zip(reversed(listeners), reversed(paths)):
            listener.close()
            try:
                os.unlink(one)
            except OSError:
                pass  # the master was faster
        if self._hooks is not None:
            self._hooks.worker_left()
        return 0

    def _connect(self) -> ControlChannel:
        sock = unpatched.socket(AF_UNIX)
        self._sockets.append(sock)
        # Whatever default timeout the application has set: many workers may connect at once, and the master may be busy.
        sock.setblocking(True)
        sock.connect(os.path.join(self._start["runtimeDirectory"], "control.sock"))
        listener = osprocess.peer_pid(sock)
        if listener not in (0, self._start["masterPid"]):
            raise OSError("its control.sock leads to process %d" % listener)
        control = ControlChannel(sock, messages.WORKER)
        control.send("hello", build=__version__, worker=self._number, pid=self._pid, token=self._token)
        return control

    def _listen(self, path: str) -> unpatched.socket:
        listener = unpatched.socket(AF_UNIX)
        self._sockets.append(listener)
        try:
            listener.bind(path)
        except OSError:
            # Nobody uses what is there: our number is never given twice.
            os.unlink(path)
            listener.bind(path)
        # The directory gives it the group of the gateway.
        os.chmod(path, 0o660 if self._start["isApart"] else 0o600)
        # The links of all slots, and those that replace them, may arrive together; and the sockets of handshakes.
        links = self._start["links"]
        listener.listen(4 * max(self._start["threads"], links) + MAX_ATTACHING * links)
        return listener

    # -- the control thread

    def _watch(self, control: ControlChannel, host: Host) -> NoReturn:
        while True:
            try:
                message = control.receive()
            except messages.MessageError as error:
                report("the master sent %s" % error)
                continue
            if message is None:
                host.stop()
                unpatched.sleep(_ORPHAN_GRACE)
                os._exit(0)
            if message["type"] == "stop":
                host.stop()
            elif message["type"] == "stacks":
                thread = message["thread"]
                control.send("stacks", text=stacks.of_thread(int(thread, 16)) if thread else stacks.of_all_threads())

    # -- processes that the application forks

    def _forget_in_child(self) -> None:
        """Such a process could keep our sockets open, and answer in the worker's place."""
        if self._is_forked:
            return  # the child of such a process
        self._is_forked = True
        if self._host is not None:
            self._host.forget_in_child()
        for sock in self._sockets:
            try:
                # Not `close` of the socket, which waits for its users: uvloop is one.
                os.close(sock.detach())
            except OSError:
                pass  # the application may have closed what was not its own
