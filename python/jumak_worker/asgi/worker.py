"""Hosts an ASGI application in a worker: the event loop, its listener, its links, and its end.

Runs in the main thread, which is the event loop's. Invariants: the application's start-up is over before the master hears "ready". A
worker that is told to stop takes no new link. It leaves when the links are closed and the tasks of all requests have ended, background
tasks included; then the application shuts down. Other threads touch nothing here but ``stop``.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Callable, Dict, Optional, Sequence, Set

from ..links.link import SPARE_LINKS
from ..loading.load_error import LoadError
from ..output import tracebacks
from ..output.log import report
from ..system import exits
from .exchange import Exchange, is_by_disconnect
from .lifespan import Lifespan
from .link import Link
from .scopes import Scopes

#: Seconds that tasks have to end after they were cancelled.
_CANCEL_GRACE = 2.0


def import_event_loop(loop: str = "auto") -> Any:
    """``auto``: uvloop where the application's environment has it, else asyncio. Raises LoadError."""
    if loop == "asyncio":
        return asyncio
    try:
        import uvloop  # type: ignore[import-not-found]
    except Exception as error:  # also one that was built for another Python
        if loop == "uvloop":
            raise LoadError("uvloop cannot be imported (--loop uvloop): %s" % tracebacks.one_line(error)) from None
        return asyncio
    return uvloop


class AsgiWorker:
    #: All links come over one socket.
    socket_suffixes = ("",)

    def __init__(
        self,
        application: Callable[..., Any],
        number: int,
        slots: int,
        lifespan: str,
        root_path: str = "",
        offers_files: bool = True,
        links: int = 1,
        loop: str = "auto",
    ) -> None:
        """``offers_files``: the gateway opens our files, because it is the same user. ``links``: those that the gateway has at a time, one
        for each of its threads."""
        self.application = application
        self.number = number
        self.slots = slots
        self.offers_files = offers_files
        self.loop: asyncio.AbstractEventLoop = import_event_loop(loop).new_event_loop()
        self.loop.set_exception_handler(_on_loop_error)
        #: Exchanges whose task waits for something. The loop itself has only weak references to tasks.
        self.running: Set[Exchange] = set()
        self.links: Set[Link] = set()
        self.most_links = links + SPARE_LINKS
        #: The gateway has several.
        self.has_threads = links > 1
        self.scopes = Scopes(root_path, None)
        self._root_path = root_path
        self._lifespan_mode = lifespan
        self._lifespan: Optional[Lifespan] = None
        self._server: Optional[asyncio.AbstractServer] = None
        self._is_leaving = False
        #: A signal handler made it leave. The gateway does not know, so the worker closes its links itself.
        self._closes_links = False
        self._may_leave: Optional["asyncio.Future[None]"] = None
        asyncio.set_event_loop(self.loop)

    def start_up(self) -> None:
        """The application's start-up, before anything is served. Raises LoadError."""
        self.loop.run_until_complete(self._start_up())

    async def _start_up(self) -> None:
        self._lifespan = Lifespan(self.application, self._lifespan_mode)
        try:
            await self._lifespan.start_up()
        except BaseException:
            await self._end_tasks()
            raise
        self.scopes = Scopes(self._root_path, self._lifespan.state)

    def serve(self, listeners: Sequence[socket.socket]) -> None:
        """``listeners``: the one of the worker. Until ``stop``. SystemExit of a signal handler of the application stops it too, and is
        raised at the end."""
        main = self.loop.create_task(self._serve(listeners[0]))
        left_by: Optional[BaseException] = None
        while not main.done():
            try:
                self.loop.run_until_complete(main)
            except (SystemExit, KeyboardInterrupt) as error:
                if main.done():
                    raise
                left_by = error
                self._closes_links = True
                self._leave()
        self.loop.close()
        if left_by is not None:
            raise left_by

    async def _serve(self, listener: socket.socket) -> None:
        self._may_leave = self.loop.create_future()
        self._server = await self.loop.create_unix_server(lambda: Link(self), sock=listener)
        self._look_for_end()
        await self._may_leave
        self._server.close()
        await self._shut_down()

    def shut_down(self) -> None:
        """Ends a worker that has never served."""
        self.loop.run_until_complete(self._shut_down())
        self.loop.close()

    async def _shut_down(self) -> None:
        if self._lifespan is not None:
            await self._lifespan.shut_down()
        await self._end_tasks()
        await self.loop.shutdown_asyncgens()

    async def _end_tasks(self) -> None:
        """Cancels the tasks that the application has left behind."""
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=_CANCEL_GRACE)

    # -- the end

    def stop(self) -> None:
        """From any thread."""
        try:
            self.loop.call_soon_threadsafe(self._leave)
        except RuntimeError:
            pass  # the loop was closed: it has left

    def _leave(self) -> None:
        self._is_leaving = True
        if self._server is not None:
            self._server.close()
        self._look_for_end()

    def left(self, exchange: Exchange) -> None:
        """The task of an exchange has ended."""
        self.running.discard(exchange)
        if self._is_leaving:
            self._look_for_end()

    def link_closed(self, link: Link) -> None:
        self.links.discard(link)
        if self._is_leaving:
            self._look_for_end()

    def _look_for_end(self) -> None:
        if not self._is_leaving or self.running:
            return
        if self._closes_links:
            for link in list(self.links):
                link.close()
        if not self.links and self._may_leave is not None and not self._may_leave.done():
            self._may_leave.set_result(None)

    def forget_in_child(self) -> None:
        """In a process that the application has forked: closes its copies of the links, and sends nothing. If it comes back from the
        application's code to its copy of our loop, it ends there."""
        for link in self.links:
            link.forget()
        self.links.clear()
        self.loop.call_soon(exits.leave_forked)


def _on_loop_error(_loop: asyncio.AbstractEventLoop, context: Dict[str, Any]) -> None:
    """Reports an error that no task waits for."""
    error = context.get("exception")
    if error is not None and is_by_disconnect(error):
        return
    about = context.get("task") or context.get("future") or context.get("handle")
    lines = [str(context.get("message") or "an error on the event loop")]
    if about is not None:
        lines.append("  of %.500r" % (about,))
    if error is not None:
        lines.append(tracebacks.format_exception(error))
    report("\n".join(lines))
