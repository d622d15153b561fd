"""What an HTTP exchange and a WebSocket of an ASGI application have in common: its task, its ends, credit, what is logged.

Runs on the event loop. One object for each exchange, never used again: an application may keep ``receive`` and ``send``, and
finds that they lead nowhere. Two lives: of the *exchange*, which the gateway knows by its number, until a last frame or until
the client has gone; of the *task*, which may go on after that (background tasks). Not here: what the messages mean
(``asgi.py``, ``websocket.py``), the frames of a link (``link.py``).
"""

from __future__ import annotations

import asyncio
import inspect
from asyncio import CancelledError
from time import perf_counter
from typing import TYPE_CHECKING, Any, Callable, List, Optional

from ..loading import failure_report, sources
from ..wire import framing, multiplex
from ..process import output, stacks, tracebacks, unlogged
from ..process.errors import report

if TYPE_CHECKING:
    from .link import Link

#: Where the response is. OPEN: a WebSocket was accepted. COMPLETE: nothing may follow.
NOTHING = 0
STARTED = 1
SENDING = 2
TRAILERS = 3
OPEN = 4
COMPLETE = 5

#: Of an exception and those behind it: further it is not looked.
_MAX_CAUSES = 64
_MAX_PATH = 1000


class ClientDisconnected(ConnectionResetError):
    """``send`` raises it once the client has gone. An application may let it pass: it is not logged."""


class ProtocolError(RuntimeError):
    """The application's messages are not in the order of the ASGI specification."""


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

    # Set by the subclass: a call less for each request.
    link: "Link"
    number: int
    scope: Optional[dict]
    #: None as long as it has not waited for anything.
    task: Optional["asyncio.Task[None]"]
    started_at: float
    state: int
    #: Of an HTTP response, as soon as there is one; 0.
    status: int
    #: The client is no longer there, or nobody waits for the answer: nothing is sent any more.
    is_gone: bool
    #: By the gateway.
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
                # Not at its end: a framework answers before it lets the exception pass.
                unlogged.tell(self.describe(), self.request_id(), self.status, self.started_at)
        except BaseException as error:  # SystemExit too: a request does not end its worker
            self._failed(error)
        finally:
            # What frameworks put into a scope may refer to us.
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
        self.fail(tracebacks.one_line(error), "" if sources.current is None else failure_report.encode(error))

    # -- ends

    def over(self) -> None:
        """The last frame was written: whoever waits for the client learns that there is none any more."""
        self.state = COMPLETE
        if self.task is not None:
            self.link.exchanges.pop(self.number, None)
        if self.waiters:
            self.wake()

    def fail(self, reason: str, report_of: str = "") -> None:
        """A 500 to the client, or a cut where the head has gone; nothing when the response is complete."""
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
        """By the gateway; code and reason are those of a WebSocket."""
        self.gone()

    def cancel(self) -> None:
        """The deadline has passed, and the client is answered."""
        task = self.task
        if task is None or self.state is COMPLETE:
            return
        # Not the task's own context: the loop brought the gateway's word.
        token = output.task_request.set(self.request_id().encode("latin-1"))
        report("the deadline has passed of %s; it was here:\n%s" % (self.describe(), stacks.of_task(task)))
        output.task_request.reset(token)
        self.is_cancelled = True
        self.gone()
        task.cancel()
        if inspect.getcoroutinestate(task.get_coro()) == inspect.CORO_CREATED:  # type: ignore[arg-type]
            # Not eager, and not begun: then it never will, and `run` does not clean up.
            self.task = None
            self.link.left(self)

    def micros(self) -> int:
        return min(framing.MAX_MICROS, int((perf_counter() - self.started_at) * 1e6))

    # -- waiting

    async def wait(self) -> None:
        """Until something of this exchange has changed; the caller looks what. Several tasks of it may wait."""
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
        """Until content may be sent. Raises ClientDisconnected. ``begun``: not 0 when a part of a body or of a message has
        gone, and a task that is cancelled leaves a hole."""
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
        # More than the window was never taken, whatever the gateway says.
        self.credit = min(multiplex.WINDOW, self.credit + size)
        if self.waiters and self.credit > 0:
            self.wake()

    # -- the log

    def describe(self) -> str:
        """``GET /path (request abc)``. As it came, not decoded, for a line break must stay an escape; without the query,
        which may hold secrets."""
        scope = self.scope
        if scope is None:
            return "a request that has ended"
        path = scope.get("raw_path") or str(scope.get("path", "")).encode("ascii", "backslashreplace")
        text = "%s %s" % (scope.get("method", "WebSocket"), path[:_MAX_PATH].decode("latin-1"))
        name = self.request_id()
        return "%s (request %s)" % (text, name) if name else text

    def request_id(self) -> str:
        """Empty when it is not known any more."""
        try:
            headers = (self.scope or {})["headers"]
            name = next((value for name, value in headers if name == b"x-request-id"), b"")
            return name[:_MAX_PATH].decode("latin-1")
        except (KeyError, TypeError, ValueError, AttributeError):
            return ""  # a framework has put its own in the place

    def complain(self, what: str) -> None:
        report("application error in %s\n%s" % (self.describe(), what))


def is_by_disconnect(error: BaseException) -> bool:
    """Whether it is our own ClientDisconnected, or what the application or its framework made of it."""
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
