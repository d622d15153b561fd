"""Hosts an ASGI application in a worker: the event loop, which is the main thread, its listener, links, and its end.

Invariants: the application's start-up is over before the master hears "ready"; a worker that is told to stop takes no new link,
and leaves when the links are closed and every task of a request has ended, background tasks included; then comes the
application's shutdown. Other threads touch nothing here but ``stop``.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Callable, Dict, Optional, Set

from ..process import tracebacks
from .link import Link
from ..process.errors import report
from .exchange import Exchange, is_by_disconnect
from .lifespan import Lifespan
from .scopes import Scopes

#: Tasks that are cancelled in the end have this long to end (seconds).
_CANCEL_GRACE = 2.0


def import_event_loop() -> Any:
    """uvloop, where the application's environment has it, or asyncio."""
    try:
        import uvloop  # type: ignore[import-not-found]
    except Exception:  # built for another Python, say
        return asyncio
    return uvloop


class AsgiWorker:
    def __init__(
        self, application: Callable[..., Any], number: int, slots: int, lifespan: str, root_path: str = ""
    ) -> None:
        self.application = application
        self.number = number
        self.slots = slots
        self.loop: asyncio.AbstractEventLoop = import_event_loop().new_event_loop()
        self.loop.set_exception_handler(_on_loop_error)
        #: Whose task has waited for something and has not ended; the loop itself refers to tasks weakly.
        self.running: Set[Exchange] = set()
        self.links: Set[Link] = set()
        self.scopes = Scopes(root_path, None)
        self._root_path = root_path
        self._lifespan_mode = lifespan
        self._lifespan: Optional[Lifespan] = None
        self._server: Optional[asyncio.AbstractServer] = None
        self._is_leaving = False
        #: It leaves by itself: nobody closes its links.
        self._closes_links = False
        self._may_leave: Optional["asyncio.Future[None]"] = None
        asyncio.set_event_loop(self.loop)

    def start_up(self) -> None:
        """The application's own, before anything is served. Raises LoadError."""
        self.loop.run_until_complete(self._start_up())

    async def _start_up(self) -> None:
        self._lifespan = Lifespan(self.application, self._lifespan_mode)
        try:
            await self._lifespan.start_up()
        except BaseException:
            await self._end_tasks()
            raise
        self.scopes = Scopes(self._root_path, self._lifespan.state)

    def serve(self, listener: socket.socket) -> None:
        """Until ``stop``. A signal handler of the application that raises SystemExit stops it too, and is raised in the end."""
        main = self.loop.create_task(self._serve(listener))
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
        """Of the application, which it has left behind."""
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
        """Its task has ended."""
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
            for link in self.links:
                link.close()
        if not self.links and self._may_leave is not None and not self._may_leave.done():
            self._may_leave.set_result(None)

    def forget_in_child(self, leave: Callable[[], None]) -> None:
        """In a process that the application has forked: its copies of the links are closed, and nothing is sent. Should it
        come back from the application's code, to a loop that it shares with us, ``leave`` is called."""
        for link in self.links:
            link.forget()
        self.links.clear()
        self.loop.call_soon(leave)


def _on_loop_error(_loop: asyncio.AbstractEventLoop, context: Dict[str, Any]) -> None:
    """What nobody has waited for: once, readable."""
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
