"""The link of the gateway to a worker of greenlets: requests in, exchanges and their greenlets out. The worker's hot path.

Runs in gevent's hub. A request starts in place: the hub switches to its greenlet within the read that brought it, and goes on when the
greenlet waits or has ended. So what is answered without waiting leaves in one write with the rest of its batch.
Not here: frames in (``links/link.py``) and out (``links/connection.py``), one request (``exchange.py``), who listens (``worker.py``).
"""

from __future__ import annotations

from io import BufferedReader, BytesIO
from typing import Any, Callable, Dict, Protocol, Set

from gevent import Greenlet

from .. import __version__, unpatched
from ..links.content import Content
from ..links.link import MultiplexedLink
from ..wire import framing, multiplex
from ..wire.framing import WireError
from ..wsgi.body import BUFFER
from ..wsgi.call import Call
from ..wsgi.environ import Environs
from ..wsgi.handshake import Handshake
from .exchange import Exchange, Input
from .transport import Transport

_HANDSHAKE = framing.REQUEST_HANDSHAKE
_BODY_FOLLOWS = framing.REQUEST_BODY_FOLLOWS


class LinkOwner(Protocol):
    """What a link needs of the worker that it belongs to."""

    application: Callable[..., Any]
    number: int
    slots: int
    offers_files: bool
    environs: Environs
    #: Exchanges whose greenlet waits for something.
    running: Set[Exchange]
    #: Those that wait for a connection of their own, by its token.
    attaching: Dict[int, Exchange]

    def expect(self, exchange: Exchange) -> int: ...

    def attached(self, link: "Link") -> None: ...

    def left(self, exchange: Exchange) -> None: ...

    def link_closed(self, link: "Link") -> None: ...


class Link(MultiplexedLink):
    def __init__(self, worker: LinkOwner, sock: unpatched.socket, loop: Any) -> None:
        super().__init__(loop.run_callback)
        self.worker = worker
        self.offers_files = worker.offers_files
        self.left = worker.left
        self.attaching = worker.attaching
        self.expect = worker.expect
        self.transport = Transport(sock, loop, self)
        self.write(multiplex.hello(__version__, worker.number, worker.slots))

    def connection_lost(self, error: Any) -> None:
        super().connection_lost(error)
        self.worker.link_closed(self)

    def attach(self, token: int) -> None:
        exchange = self.attaching.pop(token, None)
        if exchange is None:
            raise WireError("a connection for a request that has ended")
        self._flush()
        transport, self.transport = self.transport, None
        self.worker.attached(self)
        exchange.attach(transport.release())

    def forget(self) -> None:
        """In a forked process: the connection belongs to the parent. What runs there in a greenlet can send nothing."""
        transport, self.transport = self.transport, None
        if transport is not None:
            transport.forget()
        for exchange in self.exchanges.values():
            exchange.is_closed = True

    def request(
        self, data: bytes, number: int, flags: int, now: float, names_at: int, values_at: int, head_end: int, end: int
    ) -> None:
        worker = self.worker
        if self.transport is None:
            return  # the request before it has forked this process
        try:
            environ = worker.environs.make(data, names_at, values_at, head_end)
            method = environ["REQUEST_METHOD"]
            environ["HTTP_X_REQUEST_ID"]
        except (ValueError, KeyError) as error:
            raise WireError("a request whose head cannot be read: %r" % error) from None
        stream = None
        call = Call()
        if flags == _BODY_FOLLOWS:
            exchange = Exchange(self, number, environ, Content())
            stream = Input(exchange)
            environ["wsgi.input"] = BufferedReader(stream, BUFFER)  # type: ignore[arg-type]
        else:
            if flags:
                if flags != _HANDSHAKE or head_end < end:
                    raise WireError("request flags %d, and %d bytes of content" % (flags, end - head_end))
                call = Handshake(environ)
            exchange = Exchange(self, number, environ, None)
            environ["wsgi.input"] = BytesIO(data[head_end:end]) if head_end < end else BytesIO()
        greenlet = Greenlet(exchange.run, call, worker.application, method, stream)
        greenlet.switch()
        if not greenlet.dead:
            exchange.greenlet = greenlet
            worker.running.add(exchange)
            if not exchange.is_over:
                self.exchanges[number] = exchange
