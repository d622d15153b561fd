"""What an HTTP exchange and a WebSocket of an ASGI application have in common: the task, the ends, credit, the log.

Runs on the event loop. There is one object for each exchange, and it is never used again: an application may keep ``receive`` and
``send``, and they lead nowhere. It has two lives. The gateway knows the *exchange* by its number, until the last frame or until the
client has gone. The *task* may go on after that (background tasks).
Not here: what the messages mean (``http.py``, ``websocket.py``), the frames of a link (``link.py``).
"""

from __future__ import annotations

import asyncio
import inspect
from asyncio import CancelledError
from time import perf_counter
from typing import Any, Callable, Dict, List, Optional, Protocol

from ..output import failure_report, stacks, streams, tracebacks, unlogged
from ..output.log import report
from ..wire import framing, multiplex
from . import task_stack

#: The states of a response. OPEN: a WebSocket was accepted. COMPLETE: nothing may follow.
NOTHING = 0
STARTED = 1
SENDING = 2
TRAILERS = 3
OPEN = 4
COMPLETE = 5

#: Causes of an exception, and their causes, that are looked at.
_MAX_CAUSES = 64
_MAX_PATH = 1000


class ClientDisconnected(ConnectionResetError):
    """``send`` raises it once the client has gone. An application may let it pass: it is not logged."""


class ProtocolError(RuntimeError):
    """The application's messages are not in the order of the ASGI specification."""


def no_message(message: object) -> TypeError:
    return TypeError("send() was given %.200r: a message is a dict with a 'type'" % (message,))


class ExchangeLink(Protocol):
    """What an exchange needs of its link."""

    loop: asyncio.AbstractEventLoop
    #: The exchanges that the gateway knows, by number.
    exchanges: Dict[int, Any]
    #: The gateway does not read.
    is_congested: bool
    #: The gateway opens our files: it is the same user.
    offers_files: bool

    def write(self, frame: bytes) -> None: ...

    def complete(self, number: int, started_at: float, status: int, head: bytes, body: bytes) -> None: ...

    def left(self, exchange: "Exchange") -> None: ...


class Exchange:
    __slots__ = (
        "link",
        "number",
        "scope",
        "task",
        "started_at",
        "state",
        "status",
        "is_gone",
        "is_cancelled",
        "credit",
        "waiters",
    )

    # The subclass sets them, which is a call less for each request.
    link: ExchangeLink
    number: int
    scope: Optional[dict]
    #: None until it waits for something.
    task: Optional["asyncio.Task[None]"]
    started_at: float
    state: int
    #: The status of the response; 0: there is none.
    status: int
    #: The client has gone, or it was answered: nothing is sent any more.
    is_gone: bool
    #: The gateway has cancelled it.
    is_cancelled: bool
    #: Content that may still be sent.
    credit: int
    waiters: Optional[List["asyncio.Future[None]"]]

    # -- the task

    async def run(self, application: Callable[..., Any], scope: dict) -> None:
        """The task's coroutine. Never raises."""
        try:
            await application(scope, self.receive, self.send)
            if self.state is not COMPLETE:
                if not self.is_gone:
                    self.returned()
            elif self.status >= 500:
                # Only if it returns: a framework answers first, and then lets the exception pass.
                unlogged.tell(self.describe(), self.request_id(), self.status, self.started_at)
        except BaseException as error:  # SystemExit too: a request does not end its worker
            self._failed(error)
        finally:
            # A framework may have put a reference to us into the scope.
            self.scope = None
            if self.task is not None:
                self.task = None
                self.link.left(self)

    async def receive(self) -> dict:
        raise NotImplementedError

    async def send(self, message: dict) -> None:
        raise NotImplementedError

    def returned(self) -> None:
        """The application returned before its response was complete."""
        raise NotImplementedError

    def _failed(self, error: BaseException) -> None:
        if self.is_gone and (self.is_cancelled and isinstance(error, CancelledError) or is_by_disconnect(error)):
            return
        self.complain(tracebacks.format_exception(error))
        self.fail(tracebacks.one_line(error), failure_report.encode(error))

    # -- ends

    def over(self) -> None:
        """The last frame was written: tasks that wait for the client find no client any more."""
        self.state = COMPLETE
        if self.task is not None:
            self.link.exchanges.pop(self.number, None)
        if self.waiters:
            self.wake()

    def fail(self, reason: str, report_of: str = "") -> None:
        """A 500 for the client, or a cut where the head has gone; nothing when the response is complete."""
        if self.state is not COMPLETE and not self.is_gone:
            self.link.write(multiplex.failed(self.number, self.micros(), reason, report_of))
            self.over()

    def gone(self) -> None:
        """The client has closed, or the link broke."""
        self.is_gone = True
        self.link.exchanges.pop(self.number, None)
        if self.waiters:
            self.wake()

    def disconnected(self, _code: int, _reason: str) -> None:
        """The gateway says that the client has gone. Code and reason are those of a WebSocket."""
        self.gone()

    def cancel(self) -> None:
        """The deadline has passed, and the gateway has answered the client."""
        task = self.task
        if task is None or self.state is COMPLETE:
            return
        # This runs in the context of the link, not of the task.
        token = streams.task_request.set(self.request_id().encode("latin-1"))
        report("the deadline has passed of %s; it was here:\n%s" % (self.describe(), task_stack.of_task(task)))
        streams.task_request.reset(token)
        self.is_cancelled = True
        self.gone()
        task.cancel()
        if inspect.getcoroutinestate(task.get_coro()) == inspect.CORO_CREATED:  # type: ignore[arg-type]
            # The task has not begun (it is not eager) and never will: `run` does not clean up.
            self.task = None
            self.link.left(self)

    def micros(self) -> int:
        return min(framing.MAX_MICROS, int((perf_counter() - self.started_at) * 1e6))

    # -- waiting

    async def wait(self) -> None:
        """Until something of this exchange has changed; the caller finds out what. Several of its tasks may wait."""
        waiter = self.link.loop.create_future()
        if self.waiters is None:
            self.waiters = []
        self.waiters.append(waiter)
        try:
            await waiter
        finally:
            if waiter in self.waiters:
                self.waiters.remove(waiter)

    def wake(self) -> None:
        waiters, self.waiters = self.waiters, []
        for waiter in waiters or ():
            if not waiter.done():
                waiter.set_result(None)

    async def writable(self, begun: int = 0) -> None:
        """Until content may be sent. Raises ClientDisconnected.

        ``begun``: not 0 when a part of a body or of a message was sent, so that a task that is cancelled would leave a hole.
        """
        try:
            await self._writable()
        except CancelledError:
            if begun:
                self.fail("send() was cancelled when a part of its content had gone")
            raise

    async def _writable(self) -> None:
        while not self.is_gone:
            if self.state is COMPLETE:
                raise ProtocolError("the response was ended while content of it waited to be sent")
            if self.credit > 0 and not self.link.is_congested:
                return
            await self.wait()
        raise ClientDisconnected("the client has gone")

    def add_credit(self, size: int) -> None:
        # Never more than the window, whatever the gateway says.
        self.credit = min(multiplex.WINDOW, self.credit + size)
        if self.waiters and self.credit > 0:
            self.wake()

    # -- the log

    def describe(self) -> str:
        """``GET /path (request abc)``. The path as it came, not decoded: a line break stays an escape. Without the query, which
        may have secrets."""
        scope = self.scope
        if scope is None:
            return "a request that has ended"
        path = scope.get("raw_path") or str(scope.get("path", "")).encode("ascii", "backslashreplace")
        text = "%s %s" % (scope.get("method", "WebSocket"), path[:_MAX_PATH].decode("latin-1"))
        name = self.request_id()
        return "%s (request %s)" % (text, name) if name else text

    def request_id(self) -> str:
        """Empty when it is no longer known."""
        try:
            headers = (self.scope or {})["headers"]
            name = next((value for name, value in headers if name == b"x-request-id"), b"")
            return name[:_MAX_PATH].decode("latin-1")
        except (KeyError, TypeError, ValueError, AttributeError):
            return ""  # a framework has put another object there

    def complain(self, what: str) -> None:
        report("application error in %s\n%s" % (self.describe(), what))


def is_by_disconnect(error: BaseException) -> bool:
    """Whether it is our own ClientDisconnected, or an error that the application or its framework raised because of it."""
    pending: List[Any] = [error]
    for _ in range(_MAX_CAUSES):
        if not pending:
            return False
        one = pending.pop()
        if isinstance(one, ClientDisconnected):
            return True
        pending += [other for other in (one.__cause__, one.__context__) if other is not None]
        pending += getattr(one, "exceptions", None) or ()
    return False


# The frames of this coroutine tell in a dump of stacks which request a thread runs.
stacks.request_code = Exchange.run.__code__
