"""Calls the hooks of a gunicorn configuration where they mean something here. The preloader stands for gunicorn's arbiter.

    preloader   on_starting or on_reload, before the import; when_ready, before the first fork; pre_fork; child_exit; on_exit
    worker      post_fork; post_worker_init, when the application is loaded; pre_request, post_request; worker_exit

Only for ``jumak gunicorn``; nothing of it is imported otherwise. Invariant: an error of a hook stops what it would stop there: the start
(before anything is served), the worker (before it serves) or the request; the others are only told.
Not here: the objects that hooks get (``objects.py``), a logger of the user's (``logger.py``), the file (``configuration_file.py``).
"""

from __future__ import annotations

import os
from datetime import timedelta
from functools import partial
from time import perf_counter
from typing import Any, Callable, Dict, Iterable, Optional

from ..loading import server_loggers
from ..loading.load_error import LoadError
from ..output import tracebacks
from ..output.log import report
from . import configuration_file, logger
from .objects import Log, Request, ResponseSeen, Server, Settings, Worker


class Hooks:
    """``configuration``: that part of the master's ``start``; ``names``: of the file, if it was evaluated already."""

    def __init__(self, configuration: Dict[str, Any], names: Optional[Dict[str, Any]], master_pid: int) -> None:
        """Raises LoadError."""
        path, module = configuration["path"], configuration["module"]
        if names is None:
            has_file = path is not None or module is not None
            names = configuration_file.evaluate(path, module, configuration["display"]) if has_file else {}
        self._is_reload = configuration["isReload"]
        self._display = configuration["display"]
        self._functions = {name: names[name] for name in configuration["hooks"] if callable(names.get(name))}
        settings = Settings(configuration["settings"], names)
        own = logger.make(settings, names, self._display)
        if own is None:
            server_loggers.make_gunicorns(str(settings.loglevel or "info"))
            logging = names.get("logconfig_dict")
            if isinstance(logging, dict) and logging:
                # Few files have it.
                from ..loading import log_config

                log_config.by_dictionary(logging, self._display)
        #: Writes the line of a request; None: the gateway does.
        self._access: Optional[Callable] = None if own is None else own.access
        self.server = Server(settings, own or Log(), master_pid)
        self._workers: Dict[int, Worker] = {}
        self._worker: Optional[Worker] = None
        self._has_forked = False
        self._is_stopping = False
        #: Called after each function of the file, in the preloader.
        self.after_call: Optional[Callable[[], None]] = None

    # -- in the preloader

    def starting(self) -> None:
        """Before the import. Raises LoadError."""
        self._must("on_reload" if self._is_reload else "on_starting", self.server)

    def forking(self, number: int) -> None:
        """Before the fork of this worker. An error is told, and the worker is forked."""
        if not self._has_forked:
            self._has_forked = True
            if not self._is_reload:
                self._try("when_ready", self.server)
        worker = self._workers[number] = Worker(self.server)
        self._try("pre_fork", self.server, worker)

    def forked(self, number: int, pid: int) -> None:
        worker = self._workers[number]
        worker.pid = pid
        self.server.WORKERS[pid] = worker

    def not_forked(self, number: int) -> None:
        self._workers.pop(number, None)

    def exited(self, number: int) -> None:
        worker = self._workers.pop(number, None)
        if worker is not None:
            self.server.WORKERS.pop(worker.pid, None)
            worker.alive = False
            self._try("child_exit", self.server, worker)

    def stopping(self) -> None:
        """The program stops: the end of this preloader is not that of old code."""
        self._is_stopping = True

    def left(self) -> None:
        """All workers have gone."""
        if self._is_stopping:
            self._try("on_exit", self.server)

    # -- in a worker

    def in_worker(self, number: int) -> None:
        """After the fork. Raises LoadError."""
        self.after_call = None
        self._worker = worker = self._workers[number]
        self._workers = {}
        worker.pid = os.getpid()
        self._must("post_fork", self.server, worker)

    def loaded(self, application: Callable) -> None:
        """Raises LoadError."""
        worker = self._worker
        if worker is None:
            return  # `--check` has no worker
        worker.wsgi = application
        worker.booted = True
        self._must("post_worker_init", worker)

    def around(self, application: Callable) -> Callable:
        """A WSGI application with ``pre_request``, ``post_request`` and the access log, if there are any."""
        before, after = self._functions.get("pre_request"), self._functions.get("post_request")
        if self._worker is None or (before is None and after is None and self._access is None):
            return application
        return _Around(application, self._worker, before, None if after is None else _with_four(after), self._access)

    def worker_left(self) -> None:
        if self._worker is not None:
            self._worker.alive = False
            self._try("worker_exit", self.server, self._worker)

    # -- calls

    def _must(self, name: str, *arguments: Any) -> None:
        function = self._functions.get(name)
        if function is None:
            return
        try:
            function(*arguments)
        except SystemExit as error:
            raise LoadError("%s of %s left with SystemExit(%r)" % (name, self._display, error.code), error) from None
        except BaseException as error:
            raise LoadError("%s of %s failed: %s" % (name, self._display, tracebacks.one_line(error)), error) from None
        finally:
            if self.after_call is not None:
                self.after_call()

    def _try(self, name: str, *arguments: Any) -> None:
        try:
            self._must(name, *arguments)
        except LoadError as error:
            report("%s\n%s" % (error.message, error.traceback))


def _with_four(function: Callable) -> Callable[[Worker, Request, Dict[str, Any], ResponseSeen], None]:
    """``post_request`` as a function of four arguments. Those of older files take two or three of them."""
    code = getattr(function, "__code__", None)
    count = 4 if code is None or code.co_flags & 0x04 else max(2, min(4, code.co_argcount))
    return lambda *arguments: function(*arguments[:count])


class _Around:
    """Calls ``pre_request``, the application, and at the end of its response ``access`` of a logger and ``post_request``."""

    def __init__(
        self,
        application: Callable,
        worker: Worker,
        before: Optional[Callable],
        after: Optional[Callable],
        access: Optional[Callable],
    ) -> None:
        self._application = application
        self._worker = worker
        self._before = before
        self._after = after
        self._access = access

    def __call__(self, environ: Dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        worker = self._worker
        worker.nr += 1
        request = Request(environ)
        began = perf_counter()
        if self._before is not None:
            self._before(worker, request)
        if self._after is None and self._access is None:
            return self._application(environ, start_response)
        seen = ResponseSeen()

        def start(status: str, headers: list, exc_info: Any = None) -> Callable:
            seen.status, seen.headers = status, headers
            return start_response(status, headers) if exc_info is None else start_response(status, headers, exc_info)

        end = partial(self._end, request, environ, seen, began)
        try:
            result = self._application(environ, start)
        except BaseException:
            seen.status = seen.status or "500 Internal Server Error"
            end()
            raise
        if type(result) in (list, tuple):
            seen.sent = sum(map(len, result))
            end()
            return result
        return _Ending(result, seen, end)

    def _end(self, request: Request, environ: Dict[str, Any], seen: ResponseSeen, began: float) -> None:
        name = "access"
        try:
            if self._access is not None:
                self._access(seen, request, environ, timedelta(seconds=perf_counter() - began))
            name = "post_request"
            if self._after is not None:
                self._after(self._worker, request, environ, seen)
        except Exception as error:
            report("%s failed: %s\n%s" % (name, tracebacks.one_line(error), tracebacks.format_exception(error)))


class _Ending:
    """The application's iterable; ``end`` is called once it is closed."""

    def __init__(self, result: Iterable[bytes], seen: ResponseSeen, end: Callable[[], None]) -> None:
        self._result = result
        self._seen = seen
        self._end = end

    def __iter__(self) -> Iterable[bytes]:
        seen = self._seen
        for part in self._result:
            seen.sent += len(part)
            yield part

    def close(self) -> None:
        try:
            close = getattr(self._result, "close", None)
            if close is not None:
                close()
        finally:
            self._end()
