"""The lifespan of an ASGI application in one worker: start-up before the worker is ready, shutdown when no request runs any more.

Runs on the event loop, as a task of its own. There are three modes. ``off``: the application is not asked. ``on``: a start-up that does not
complete is a failed load. ``auto``: an application that does not know the lifespan is served without one. Such an application
raises, returns, or sends something else, and the specification wants the server to go on in each case; only
``lifespan.startup.failed`` is a failed load. An application that raises after it has received ``lifespan.startup`` may mean either: it is
served, and the log has the traceback.
"""

from __future__ import annotations

import asyncio
from typing import Any, Callable, Dict, Optional

from ..loading.load_error import LoadError
from ..output import tracebacks
from ..output.log import report

#: Seconds for the shutdown. The master waits longer, and then kills.
_SHUTDOWN_GRACE = 20.0

_SENDABLE = frozenset(
    (
        "lifespan.startup.complete",
        "lifespan.startup.failed",
        "lifespan.shutdown.complete",
        "lifespan.shutdown.failed",
    )
)


class Lifespan:
    def __init__(self, application: Callable[..., Any], mode: str) -> None:
        self._application = application
        self._mode = mode
        self._state: Dict[str, Any] = {}
        self._task: Optional["asyncio.Task[None]"] = None
        #: The messages that were sent, and the error that ended the task; None: nothing yet.
        self._startup: Optional[dict] = None
        self._shutdown: Optional[dict] = None
        self._error: Optional[BaseException] = None
        self._has_received = False
        self._news = asyncio.Event()
        self._is_shutting_down = asyncio.Event()

    @property
    def state(self) -> Optional[Dict[str, Any]]:
        """Each request has a copy of it; None when the application has no lifespan."""
        return self._state if self._is_up() else None

    def _is_up(self) -> bool:
        return self._startup is not None and self._startup["type"] == "lifespan.startup.complete"

    async def start_up(self) -> None:
        """Raises LoadError."""
        if self._mode == "off":
            return
        self._task = asyncio.get_running_loop().create_task(self._run())
        while self._startup is None and not self._task.done():
            await self._wait()
        if self._is_up():
            return
        if self._startup is not None:
            message = str(self._startup.get("message") or "").strip()
            line = message.rpartition("\n")[2] or "it does not say why"
            raise LoadError("the application's start-up failed: %s" % line, traceback=message if "\n" in message else "")
        error, what = self._error, "returned"
        if error is not None:
            what = "raised %s" % tracebacks.one_line(error)
        if self._mode == "on":
            raise LoadError(
                "the application's start-up failed (--lifespan on): it %s before lifespan.startup.complete" % what,
                error,
            )
        if error is not None and self._has_received and not isinstance(error, _NotLifespan):
            report(
                "the application %s on lifespan.startup: it is served without a lifespan; --lifespan on makes this an "
                "error, --lifespan off does not ask\n%s" % (what, tracebacks.format_exception(error))
            )

    async def shut_down(self) -> None:
        """Never raises."""
        task = self._task
        if task is None or task.done() or not self._is_up():
            return
        self._is_shutting_down.set()
        try:
            await asyncio.wait_for(self._shut_down(task), _SHUTDOWN_GRACE)
        except asyncio.TimeoutError:
            report("the application's shutdown took longer than %d s: the worker leaves without it" % _SHUTDOWN_GRACE)
            return
        if self._shutdown is not None and self._shutdown["type"] == "lifespan.shutdown.failed":
            report("the application's shutdown failed: %s" % str(self._shutdown.get("message") or "it does not say why"))

    async def _shut_down(self, task: "asyncio.Task[None]") -> None:
        while self._shutdown is None and not task.done():
            await self._wait()

    async def _wait(self) -> None:
        await self._news.wait()
        self._news.clear()

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self._state}
        try:
            await self._application(scope, self._receive, self._send)
        except BaseException as error:
            self._error = error
            if self._is_up() and not isinstance(error, asyncio.CancelledError):
                when = "at shutdown" if self._is_shutting_down.is_set() else "while it was served"
                report("application error in its lifespan, %s\n%s" % (when, tracebacks.format_exception(error)))
        finally:
            self._news.set()

    async def _receive(self) -> dict:
        if not self._has_received:
            self._has_received = True
            return {"type": "lifespan.startup"}
        await self._is_shutting_down.wait()
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: dict) -> None:
        kind = message.get("type")
        if kind not in _SENDABLE:
            raise _NotLifespan("%r was sent in a lifespan: it takes lifespan.startup.complete and the like" % (kind,))
        if kind.startswith("lifespan.startup."):
            if self._startup is not None:
                raise RuntimeError("%s was sent a second time" % kind)
            self._startup = message
        else:
            if not self._is_shutting_down.is_set() or self._shutdown is not None:
                raise RuntimeError("%s was sent where no shutdown was asked for" % kind)
            self._shutdown = message
        self._news.set()


class _NotLifespan(RuntimeError):
    """The application answers a lifespan like a request: it does not know the lifespan."""
