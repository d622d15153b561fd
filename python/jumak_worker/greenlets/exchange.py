"""One WSGI request in a greenlet: what ``wsgi/call.py`` needs of its link, over a link that carries many requests.

Runs in the greenlet of the request; the gateway's frames for it arrive in the hub. It has two lives. The gateway knows the *exchange* by
its number, until the last frame or until the client has gone. The *greenlet* may go on after that.
Invariants: only the greenlet waits: for content of the request, for the client to take content, for the answer to a file. After the client
has gone every use raises LinkClosed. It refers to the environ while the request runs only, for the environ leads back to it.
Not here: what an application may do (``wsgi/call.py``, ``wsgi/response.py``), the frames of a link (``link.py``).
"""

from __future__ import annotations

from time import perf_counter
from typing import Any, Callable, Dict, List, Optional, Protocol

from gevent import Greenlet, get_hub
from gevent.hub import Waiter

from .. import unpatched
from ..links.content import Content
from ..output import stacks
from ..output.log import report
from ..output.streams import ThreadOutput, greenlet_output
from ..wire import framing, multiplex
from ..wire.framing import LinkClosed
from ..wire.multiplex import MAX_CONTENT, WINDOW
from ..wsgi.body import BodyStream
from ..wsgi.call import Call
from ..wsgi.files import FileRegion
from .transport import READ

_MAX_PATH = 1000


class ExchangeLink(Protocol):
    """What an exchange needs of its link."""

    #: The exchanges that the gateway knows, by number.
    exchanges: Dict[int, Any]
    #: The gateway does not read.
    is_congested: bool
    #: The gateway opens our files: it is the same user.
    offers_files: bool

    def write(self, frame: bytes) -> None: ...

    def complete(self, number: int, started_at: float, status: int, head: bytes, body: bytes) -> None: ...

    def left(self, exchange: "Exchange") -> None: ...

    #: Those that wait for a connection of their own, by its token.
    attaching: Dict[int, Any]

    def expect(self, exchange: "Exchange") -> int: ...


class Input(BodyStream):
    """``wsgi.input`` of a request whose content follows. What the application leaves of it is not waited for."""

    def finish(self) -> None:
        self._finished = True
        self._frame = memoryview(b"")


class Exchange:
    __slots__ = ("link", "number", "environ", "greenlet", "offers_files", "is_closed", "is_over", "credit", "content")
    __slots__ += ("file_opened", "attached", "waiters")
    is_thread = False

    def __init__(self, link: ExchangeLink, number: int, environ: dict, content: Optional[Content]) -> None:
        self.link = link
        self.number = number
        self.environ: Optional[dict] = environ
        #: None until it waits for something.
        self.greenlet: Optional[Greenlet] = None
        self.offers_files = link.offers_files
        #: The client has gone, or it was answered by the gateway: nothing is sent any more.
        self.is_closed = False
        #: The last frame was sent.
        self.is_over = False
        #: Content that may still be sent.
        self.credit = WINDOW
        #: Of the request. None: there is none, or it came with the request.
        self.content = content
        self.file_opened: Optional[bool] = None
        #: Descriptor of a connection of its own (``hand_over``).
        self.attached: Optional[int] = None
        #: Greenlets that wait for something of this exchange; the application may use several.
        self.waiters: List[Waiter] = []

    # -- the greenlet

    def run(
        self, call: Call, application: Callable[..., Any], method: str, stream: Optional[BodyStream]
    ) -> None:
        """The greenlet's function. Never raises."""
        output = ThreadOutput()
        environ = self.environ or {}
        output.request = environ["HTTP_X_REQUEST_ID"]
        greenlet_output.set(output)
        try:
            call.run(self, application, method, environ, stream)
            if call.status >= 500:
                call.tell_unlogged(environ)
        except LinkClosed:
            pass
        finally:
            if output.partial:
                output.finish()
            self.environ = self.greenlet = None
            self.link.left(self)

    # -- what the application sends

    def complete(self, method: str, started_at: float, status: int, head: bytes, body: bytes) -> None:
        self._check()
        self.link.complete(self.number, started_at, status, head, body)
        self._over()

    def after_close(self) -> None:
        """Nothing is held for it."""

    def broken(self, error: BaseException) -> BaseException:
        return error

    def inform(self, status: int, head: bytes) -> None:
        self._check()
        self.link.write(multiplex.inform(self.number, status, head))

    def send_head(self, status: int, head: bytes, content: bytes) -> None:
        if self.link.is_congested:
            self._wait_writable()
        self._check()
        first = content[:MAX_CONTENT]
        self.credit -= len(first)
        self.link.write(multiplex.response(self.number, status, 0, 0, head, first))
        if len(content) > MAX_CONTENT:
            self._send(content, MAX_CONTENT)

    def send_content(self, data: bytes) -> None:
        self._send(data, 0)

    def _send(self, data: bytes, position: int) -> None:
        size = len(data)
        while position < size:
            if self.credit <= 0 or self.link.is_congested or self.is_closed:
                self._wait_writable()
            piece = data[position : position + MAX_CONTENT]
            self.credit -= len(piece)
            self.link.write(multiplex.chunk(self.number, piece))
            position += len(piece)

    def offer_file(self, status: int, head: bytes, region: FileRegion) -> bool:
        self.send_head(status, head, b"")
        self.link.write(multiplex.file(self.number, *region))
        while self.file_opened is None:
            self._wait()
        return self.file_opened

    def end(self, micros: int) -> None:
        self._check()
        self.link.write(multiplex.end(self.number, micros, b""))
        self._over()

    def failed(self, micros: int, reason: str, report_of: str) -> None:
        self._check()
        self.link.write(multiplex.failed(self.number, micros, reason, report_of))
        self._over()

    def _over(self) -> None:
        self.is_over = True
        self.link.exchanges.pop(self.number, None)

    def hand_over(self, flags: int) -> int:
        """Asks the gateway for a connection of its own (TAKEN), and waits for it. Returns its descriptor, which is the caller's. On the link
        the exchange is over then."""
        self._check()
        token = self.link.expect(self)
        self.link.write(multiplex.taken(self.number, token, flags))
        try:
            while self.attached is None:
                self._wait()
        except BaseException:
            if self.attached is not None:
                unpatched.close(self.attached)
            raise
        finally:
            self.link.attaching.pop(token, None)
        fd = self.attached
        self.is_closed = True
        self._over()
        return fd

    def attach(self, fd: int) -> None:
        self.attached = fd
        self.wake()

    def watch(self, fd: int, on_end: Callable[[], None]) -> Callable[[], None]:
        """Calls ``on_end`` once, in the hub, when the other end has closed. Returns what stops that."""
        watcher = get_hub().loop.io(fd, READ)

        def stop() -> None:
            watcher.stop()
            watcher.close()

        def ended() -> None:
            watcher.stop()
            on_end()

        watcher.start(ended)
        return stop

    # -- what it reads

    def next_content(self) -> bytes:
        """Content of the request; empty at its end."""
        content = self.content
        if content is None or self.is_over:
            return b""
        while not content.has_news():
            self._wait()
        data = content.take(self.link, self.number)
        if content.is_complete:
            self.content = None
        # Empty only where nothing but the end had come.
        return data

    # -- waiting

    def _check(self) -> None:
        if self.is_closed:
            raise LinkClosed("the client has gone: the gateway has ended the request")

    def _wait_writable(self) -> None:
        self._check()
        while self.credit <= 0 or self.link.is_congested:
            self._wait()

    def _wait(self) -> None:
        """Until something of this exchange has changed; the caller finds out what. Raises LinkClosed."""
        self._check()
        waiter = Waiter(get_hub())
        self.waiters.append(waiter)
        try:
            waiter.get()
        finally:
            self.waiters.remove(waiter)
        self._check()

    # -- the gateway's frames, in the hub

    def wake(self) -> None:
        for waiter in list(self.waiters):
            waiter.switch(None)

    def add_credit(self, size: int) -> None:
        # Never more than the window, whatever the gateway says.
        self.credit = min(WINDOW, self.credit + size)
        if self.credit > 0:
            self.wake()

    def add_content(self, data: bytes) -> None:
        if self.content is None:
            raise framing.WireError("content of a request that has none")
        self.content.add(data)
        self.wake()

    def end_content(self) -> None:
        if self.content is not None:
            self.content.end()
            self.wake()

    def gone(self) -> None:
        """The client has closed, or the link broke."""
        self.is_closed = True
        self.link.exchanges.pop(self.number, None)
        self.wake()

    def disconnected(self, _code: int, _reason: str) -> None:
        self.gone()

    def cancel(self) -> None:
        """The deadline has passed, and the gateway has answered the client."""
        greenlet = self.greenlet
        if greenlet is None:
            return
        output = ThreadOutput()
        output.request = self._request_id()
        token = greenlet_output.set(output)
        where = "".join(stacks.of_frame(greenlet.gr_frame)) if greenlet.gr_frame is not None else ""
        report("the deadline has passed of %s; it was here:\n%s" % (self.describe(), where.rstrip("\n")))
        greenlet_output.reset(token)
        self.is_closed = True
        self.link.exchanges.pop(self.number, None)
        greenlet.kill(block=False)

    # -- the log

    def describe(self) -> str:
        """``GET /path (request abc)``. The path as it came, not decoded: a line break stays an escape. Without the query, which may have
        secrets."""
        environ = self.environ
        if environ is None:
            return "a request that has ended"
        path = str(environ.get("RAW_URI", "")).partition("?")[0][:_MAX_PATH]
        return "%s %s (request %s)" % (environ.get("REQUEST_METHOD"), path, self._request_id())

    def _request_id(self) -> str:
        return str((self.environ or {}).get("HTTP_X_REQUEST_ID", ""))[:_MAX_PATH]


# The frames of this function tell in a dump of stacks which request a thread runs.
stacks.request_code = Exchange.run.__code__
