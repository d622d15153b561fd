"""The other end for ASGI: a worker's event loop in a thread, and a gateway that speaks to it over one link."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import shutil
import socket
import struct
import sys
import tempfile
import threading
import unittest
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from jumak_worker import __version__
from jumak_worker.asgi import worker
from jumak_worker.wire import framing, multiplex
from jumak_worker.asgi.worker import AsgiWorker

WAIT = 20


def loops() -> List[Any]:
    """Modules with a `new_event_loop`: asyncio, and uvloop where it is installed."""
    found = worker.import_event_loop()
    return [asyncio] if found is asyncio else [asyncio, found]


class Frame(NamedTuple):
    kind: int
    exchange: int
    payload: bytes


class Answer(NamedTuple):
    status: int
    headers: List[Tuple[str, str]]
    body: bytes
    #: How it ended: "end" or "failed: reason".
    ended: str
    trailers: List[Tuple[str, str]]
    informs: List[Tuple[int, List[Tuple[str, str]]]]
    kinds: List[int]
    announces_trailers: bool = False

    def header(self, name: str) -> Optional[str]:
        return next((value for key, value in self.headers if key == name), None)


def frame(kind: int, exchange: int, payload: bytes = b"") -> bytes:
    return multiplex.FRAME.pack(len(payload), kind, exchange) + payload


def scope(method: str = "GET", path: str = "/", **more: Any) -> dict:
    """Describes a request; ``head`` encodes it."""
    result: Dict[str, Any] = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"x-request-id", b"r-1"), (b"host", b"localhost:8000")],
        "client": ("127.0.0.1", 4711),
        "server": ("127.0.0.1", 8000),
    }
    result.update(more)
    return result


def websocket(path: str = "/", *subprotocols: str) -> dict:
    headers = [(b"x-request-id", b"r-1")] + [(b"sec-websocket-protocol", one.encode()) for one in subprotocols]
    return scope(path=path, type="websocket", scheme="ws", headers=headers)


def head(its_scope: dict) -> Tuple[bytes, bytes]:
    """Names and values, as the gateway writes them."""
    client, client_port = its_scope["client"] or ("", 0)
    server, port = its_scope["server"]
    tls = its_scope.get("extensions", {}).get("tls")
    scheme = its_scope["scheme"] + (";%04x;%04x" % (tls["tls_version"], tls["cipher_suite"]) if tls else "")
    connection = (its_scope["http_version"], scheme, client_port, client, port or 0, server)
    names = [its_scope["type"].encode(), *(name for name, _ in its_scope["headers"])]
    values = ["%s %s %d %s %d  %s" % connection, its_scope["method"]]
    fields = [value for _, value in its_scope["headers"]]
    last = [its_scope["query_string"], its_scope["raw_path"], its_scope["path"].encode()]
    return b"\0".join(names), b"\0".join([*(one.encode() for one in values), *fields, *last])


def request(exchange: int, its_scope: dict, body: bytes = b"", follows: bool = False) -> bytes:
    names, values = head(its_scope)
    length = multiplex.REQUEST_FIXED + len(names) + len(values) + len(body)
    sizes = len(names) + len(values), len(names)
    return multiplex.REQUEST_HEAD.pack(length, framing.REQUEST, exchange, int(follows), *sizes) + names + values + body


def message(exchange: int, data: "str | bytes", more: bool = False) -> bytes:
    flags = multiplex.MESSAGE_TEXT if isinstance(data, str) else multiplex.MESSAGE_BINARY
    payload = data.encode() if isinstance(data, str) else data
    return frame(multiplex.MESSAGE, exchange, bytes([flags | (multiplex.MESSAGE_MORE if more else 0)]) + payload)


def disconnect(exchange: int, code: int = 0, reason: str = "") -> bytes:
    return frame(multiplex.DISCONNECT, exchange, struct.pack("<H", code) + reason.encode())


def credit(exchange: int, size: int) -> bytes:
    return frame(multiplex.CREDIT, exchange, struct.pack("<I", size))


def pairs(data: bytes) -> List[Tuple[str, str]]:
    flat = data.decode("latin-1").split("\0")
    return list(zip(flat[::2], flat[1::2]))


class FakeGateway:
    """Records what the worker sends. Gives credit only when it is asked to."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(WAIT)
        self.socket.connect(path)
        self._data = b""
        self._last = 0

    def greet(self) -> dict:
        first = self.read()
        assert first.kind == framing.HELLO and first.exchange == 0
        self.send(frame(framing.HELLO, 0, json.dumps({"build": __version__}).encode()))
        return json.loads(first.payload)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self) -> Frame:
        while True:
            if len(self._data) >= multiplex.FRAME_HEADER:
                length, kind, exchange = multiplex.FRAME.unpack_from(self._data)
                end = multiplex.FRAME_HEADER + length
                if len(self._data) >= end:
                    payload, self._data = self._data[multiplex.FRAME_HEADER : end], self._data[end:]
                    return Frame(kind, exchange, payload)
            more = self.socket.recv(1 << 20)
            if not more:
                raise EOFError("the worker closed the link")
            self._data += more

    def expect(self, kind: int, exchange: int) -> bytes:
        found = self.read()
        assert (found.kind, found.exchange) == (kind, exchange), "%r instead of frame %d" % (found, kind)
        return found.payload

    def is_silent(self) -> bool:
        """Whether no task sends anything more. PONG overtakes tasks that can go on, so this takes a few turns of the loop."""
        for turn in range(4):
            token = bytes([turn, 0, 0, 0])
            self.send(frame(multiplex.PING, 0, token))
            if self.read() != Frame(multiplex.PONG, 0, token):
                return False
        return True

    def read_to_end(self) -> None:
        while self.socket.recv(65536):
            pass

    def begin(self, its_scope: Optional[dict] = None, body: bytes = b"", follows: bool = False) -> int:
        self._last += 1
        self.send(request(self._last, its_scope or scope(), body, follows))
        return self._last

    def answer(self, number: int, gives_credit: bool = True, opens_files: bool = True) -> Answer:
        status, flags, headers, body = 0, 0, [], b""
        informs, kinds = [], []
        while True:
            kind, exchange, payload = self.read()
            assert exchange == number, "frame %d of exchange %d" % (kind, exchange)
            kinds.append(kind)
            if kind == framing.INFORM:
                informs.append((struct.unpack_from("<H", payload)[0], pairs(payload[3:])))
            elif kind == framing.RESPONSE:
                status, flags, _, length = struct.unpack_from("<HBII", payload)
                headers = pairs(payload[12 : 11 + length])
                body = payload[11 + length :]
                if flags & framing.RESPONSE_END:
                    return Answer(status, headers, body, "end", [], informs, kinds)
            elif kind == framing.CHUNK:
                body += payload
                if gives_credit:
                    self.send(credit(number, len(payload)))
            elif kind == framing.FILE:
                fd, offset, size, device, inode = struct.unpack("<IQQQQ", payload)
                if opens_files:
                    found = os.fstat(fd)  # the worker is a thread of this process
                    assert (found.st_dev, found.st_ino) == (device, inode)
                    body += os.pread(fd, size, offset)
                self.send(frame(framing.FILE_OPENED, number, bytes([opens_files])))
            elif kind == framing.END:
                return Answer(status, headers, body, "end", pairs(payload[4:]), informs, kinds, bool(flags & multiplex.RESPONSE_TRAILERS))
            elif kind == framing.FAILED:
                return Answer(status, headers, body, "failed: " + payload[4:].decode(), [], informs, kinds)
            elif kind != multiplex.CREDIT:
                raise AssertionError("unexpected frame %d" % kind)

    def get(self, its_scope: Optional[dict] = None, body: bytes = b"") -> Answer:
        return self.answer(self.begin(its_scope, body))

    def open(self, its_scope: Optional[dict] = None) -> int:
        """A WebSocket that is accepted."""
        number = self.begin(its_scope or websocket())
        self.expect(multiplex.ACCEPT, number)
        return number

    def text(self, number: int) -> str:
        payload = self.expect(multiplex.MESSAGE, number)
        assert payload[0] == multiplex.MESSAGE_TEXT, payload[0]
        return payload[1:].decode()

    def close(self) -> None:
        self.socket.close()


class Host:
    """A worker that hosts an application in a thread, and a gateway that is connected to it."""

    def __init__(self, application: Callable, loop: Any = asyncio, lifespan: str = "off", slots: int = 10) -> None:
        self._directory = tempfile.mkdtemp(prefix="jw-")
        self._path = os.path.join(self._directory, "w.sock")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self._path)
        self._listener.listen()
        self.error: Optional[BaseException] = None
        self.log = io.StringIO()
        self._ready = threading.Event()
        self._has_left = False
        self._thread = threading.Thread(target=self._run, args=(application, loop, lifespan, slots))
        self.worker: AsgiWorker = None  # type: ignore[assignment]
        self.gateways: List[FakeGateway] = []
        self._stderr = sys.stderr
        sys.stderr = self.log
        self._thread.start()
        assert self._ready.wait(WAIT)
        if self.error is None:
            self.gateway = self.connect()

    def _run(self, application: Callable, loop: Any, lifespan: str, slots: int) -> None:
        original = worker.import_event_loop
        worker.import_event_loop = lambda _name: loop
        try:
            self.worker = AsgiWorker(application, 1, slots, lifespan)
            worker.import_event_loop = original
            self.worker.start_up()
            self._ready.set()
            self.worker.serve([self._listener])
        except BaseException as error:
            self.error = error
            self.worker.loop.close()
        finally:
            worker.import_event_loop = original
            self._ready.set()
            asyncio.set_event_loop(None)

    def connect(self) -> FakeGateway:
        gateway = FakeGateway(self._path)
        self.gateways.append(gateway)
        self.hello = gateway.greet()
        return gateway

    def call(self, function: Callable[[], Any]) -> None:
        """Calls ``function`` in the loop's thread, and waits until it returns."""
        done = threading.Event()

        def run() -> None:
            function()
            done.set()

        self.worker.loop.call_soon_threadsafe(run)
        assert done.wait(WAIT)

    def leave(self) -> None:
        """Stops the worker, as the master does, and waits until it has left."""
        for gateway in self.gateways:
            gateway.close()
        if self.error is None:
            self.worker.stop()
        self._thread.join(WAIT)
        assert not self._thread.is_alive(), "the worker does not leave"

    def __enter__(self) -> "Host":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.leave()
        finally:
            sys.stderr = self._stderr
            self._listener.close()
            shutil.rmtree(self._directory)


class AsgiTest(unittest.TestCase):
    """Each test of a subclass runs its scenarios on every loop that is installed."""

    @contextlib.contextmanager
    def host(self, application: Callable, **options: Any) -> Iterator[Host]:
        with Host(application, **options) as host:
            yield host
        if host.error is not None:
            raise host.error

    def each_loop(self, application: Callable, **options: Any) -> Iterator[Host]:
        for loop in loops():
            with self.subTest(loop=loop.__name__), self.host(application, loop=loop, **options) as host:
                yield host
