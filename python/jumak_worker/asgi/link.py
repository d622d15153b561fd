"""The link of the gateway to a worker of an ASGI application: requests in, exchanges and their tasks out. The worker's hot path.

Runs on the event loop. A request starts in place (an eager task), within the read that brought it.
Invariant: a link that is refused or forgotten is never written to.
Not here: frames in (``links/link.py``) and out (``links/connection.py``), what a message means (``http.py``, ``websocket.py``), who listens
(``worker.py``).
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from asyncio import Task
from typing import Any, Callable, Optional, Protocol, Set

from .. import __version__
from ..links.link import CONGESTED, MultiplexedLink
from ..output.log import report
from ..output.streams import task_request
from ..system import osprocess
from ..wire import framing, multiplex
from ..wire.framing import WireError
from .exchange import COMPLETE, Exchange
from .http import HttpExchange
from .scopes import Scopes
from .websocket import WebSocketExchange

_set_request = task_request.set
#: Whether a task can begin at once, within the call that makes it.
_HAS_EAGER = sys.version_info >= (3, 12)
_BODY_FOLLOWS = framing.REQUEST_BODY_FOLLOWS


class LinkOwner(Protocol):
    """What a link needs of the worker that it belongs to."""

    application: Callable[..., Any]
    number: int
    slots: int
    offers_files: bool
    loop: asyncio.AbstractEventLoop
    scopes: Scopes
    running: Set[Exchange]
    links: "Set[Link]"
    most_links: int
    has_threads: bool

    def left(self, exchange: Exchange) -> None: ...

    def link_closed(self, link: "Link") -> None: ...


class Link(MultiplexedLink, asyncio.Protocol):
    def __init__(self, worker: LinkOwner) -> None:
        super().__init__(worker.loop.call_soon)
        self.worker = worker
        self.loop = worker.loop
        self.offers_files = worker.offers_files

    # -- the connection

    def connection_made(self, transport: Any) -> None:
        if len(self.worker.links) >= self.worker.most_links:
            report("a link of the gateway was refused: %d are open" % len(self.worker.links))
            transport.abort()
            return
        self.transport = transport
        transport.set_write_buffer_limits(high=CONGESTED)
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, framing.SEND_BUFFER)
        osprocess.finish_before_peer(connection, self.worker.has_threads)
        self.worker.links.add(self)
        self.write(multiplex.hello(__version__, self.worker.number, self.worker.slots))

    def connection_lost(self, error: Optional[Exception]) -> None:
        super().connection_lost(error)
        self.worker.link_closed(self)

    def forget(self) -> None:
        """In a forked process: the connection belongs to the parent."""
        transport, self.transport = self.transport, None
        if transport is not None:
            try:
                os.close(transport.get_extra_info("socket").fileno())
            except (OSError, AttributeError):
                pass  # the application may have closed what was not its own

    def left(self, exchange: Exchange) -> None:
        """The task of an exchange has ended."""
        self.worker.left(exchange)

    # -- reading

    def between_requests(self) -> None:
        _set_request(b"")

    def request(
        self, data: bytes, number: int, flags: int, now: float, names_at: int, values_at: int, head_end: int, end: int
    ) -> None:
        worker = self.worker
        try:
            scope = worker.scopes.make(data, names_at, values_at, head_end)
        except ValueError as error:
            raise WireError("a request whose head cannot be read: %r" % error) from None
        if scope["type"] == "http":
            exchange = HttpExchange()
            if flags:
                if flags != _BODY_FOLLOWS:
                    raise WireError("request flags %d" % flags)
                body = None
            else:
                body = data[head_end:end] if head_end < end else b""
            exchange.begin(self, number, scope, body, now)
        else:
            exchange = WebSocketExchange()
            exchange.begin(self, number, scope, b"", now)
        # The task copies the context of this moment.
        _set_request(scope["headers"][0][1])
        coroutine = exchange.run(worker.application, scope)
        if _HAS_EAGER:
            task = Task(coroutine, loop=self.loop, eager_start=True)
            if task.done():
                return
        else:
            task = self.loop.create_task(coroutine)
        exchange.task = task
        worker.running.add(exchange)
        if exchange.state is not COMPLETE:
            self.exchanges[number] = exchange

    def rare(self, exchange: HttpExchange, kind: int, payload: bytes) -> bool:
        if kind == multiplex.MESSAGE and isinstance(exchange, WebSocketExchange) and payload:
            exchange.add_message(payload[0], payload[1:])
            return True
        return False
