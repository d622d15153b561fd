"""From the master's ``start`` to an application that can be served: the steps before a worker is ready.

Runs in a worker, and in the preloader for ``--check``; in the main thread, before anything is served.
"""

from __future__ import annotations

import os
import signal
import socket
from typing import Callable, Optional, Protocol, Sequence, Tuple

from ..loading import interface, loader, patching, sources
from ..loading.load_error import LoadError
from ..output import failure_report
from ..system import osprocess
from ..wsgi.environ import base_environ
from ..wsgi.worker import WsgiWorker


class Host(Protocol):
    """What a process needs of the object that serves its application."""

    #: Requests that run at a time.
    slots: int
    #: A socket for each: what its path has behind the worker's own.
    socket_suffixes: Sequence[str]

    def serve(self, listeners: Sequence[socket.socket]) -> None: ...

    def stop(self) -> None: ...

    def shut_down(self) -> None: ...

    def forget_in_child(self) -> None: ...


class Hooks(Protocol):
    """What a gunicorn configuration wants to be told in a worker."""

    def in_worker(self, number: int) -> None: ...

    def loaded(self, application: Callable) -> None: ...

    def around(self, application: Callable) -> Callable: ...

    def worker_left(self) -> None: ...


def prepare(
    start: dict, number: int, application: Optional[loader.LoadedApplication], hooks: Optional[Hooks] = None
) -> Tuple[loader.LoadedApplication, Host]:
    """Imports the application if it was not preloaded, calls ``--post-fork``, and runs the start-up of an ASGI application.

    Raises LoadError.
    """
    osprocess.go_first_when_memory_ends()
    # Import and start-up may hang, even in C, and nobody listens to the master meanwhile: the process ends with its preloader.
    osprocess.set_parent_death_signal(signal.SIGKILL)
    try:
        is_green = start["workerClass"] == "gevent"
        if is_green:
            patching.after_fork()
        if hooks is not None and number > 0:
            hooks.in_worker(number)
        application = application or loader.load(start)
        if hooks is not None:
            hooks.loaded(application.callable)
        if start["postFork"] is not None:
            loader.call_post_fork(start["postFork"])
        # The gateway opens no files of another user.
        offers_files = not start["isApart"]
        if application.interface != interface.ASGI:
            threads = start["threads"]
            environ = base_environ(threads > 1 or is_green, start["multiprocess"], start["rootPath"], start["masterPid"])
            served = application.callable if hooks is None else hooks.around(application.callable)
            if is_green:
                # Imported here, for gevent comes with it.
                from ..greenlets.worker import GreenletWorker

                green = GreenletWorker(served, number, start["concurrency"], environ, offers_files, start["links"])
                return application, green
            worker = WsgiWorker(served, number, threads, environ, offers_files, start["links"])
            return application, worker
        # Imported here, for asyncio comes with it: a WSGI application does not pay for its memory.
        from ..asgi.worker import AsgiWorker

        asgi = AsgiWorker(
            application.callable,
            number,
            start["concurrency"],
            start["lifespan"],
            start["rootPath"],
            offers_files,
            start["links"],
            start["loop"],
        )
        asgi.start_up()
        return application, asgi
    finally:
        osprocess.set_parent_death_signal(0)


def send_load_failure(error: LoadError, send: Callable[..., None]) -> None:
    """Tells the master why.

    While developing it first sends the files that were read, since a change of one may mend the error, and a report for the error page.
    """
    if sources.current is not None:
        cause = error.cause
        if isinstance(cause, SyntaxError) and cause.filename:
            sources.current.note(os.path.abspath(cause.filename))
        sources.current.send(send)
        report = None if cause is None else failure_report.make(cause)
        if report is not None:
            send("report", report=report)
    send("load-failed", message=error.message, traceback=error.traceback)
