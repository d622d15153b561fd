"""One link: the connection of a gateway to one slot (thread) of this worker. Blocking; one request after the other.

The hot path of the worker: one ``recv`` brings a batch of requests, one ``send`` takes their responses. What may be held back for
a batch, and what never, is said in ``src/apps/wire/frames.ts``. Not here: what a response is (``wsgi.py``).
"""

from __future__ import annotations

import json
import socket
from collections import deque
from time import perf_counter
from typing import Callable, Deque, List, Tuple

from . import __version__, wire
from .body import BodyStream
from .wsgi import Call, LinkClosed

_RECEIVE = 64 * 1024
#: A complete response waits at most this long for the next ones of its batch (seconds), judged at the end of each request.
_HOLD = 250e-6
#: Methods after which, and before which, nothing is held: so the gateway knows what was never started.
_IDEMPOTENT = frozenset(("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"))

_frame = wire.FRAME.unpack_from
_request_head = wire.REQUEST_HEAD.unpack_from
_HEAD_AT = wire.REQUEST_HEAD.size


class Link:
    def __init__(self, sock: socket.socket, application: Callable, base: dict, worker: int, slots: int) -> None:
        self._socket = sock
        self._application = application
        self._base = base
        self._worker = worker
        self._slots = slots
        self._data = b""
        self._position = 0
        #: Requests that arrived while a frame of another kind was awaited.
        self._waiting: Deque[bytes] = deque()
        self._held: List[bytes] = []
        self._held_since = 0.0

    def serve(self) -> None:
        """Until the gateway closes the link, or breaks its rules (then WireError)."""
        try:
            self._hello()
            while True:
                self._run(self._next_request())
        except LinkClosed:
            pass

    def _hello(self) -> None:
        ours = {"build": __version__, "worker": self._worker, "slots": self._slots}
        self.send(wire.hello(json.dumps(ours).encode()))
        kind, payload = self.read_frame()
        if kind != wire.HELLO:
            raise wire.WireError("frame %d instead of the gateway's hello" % kind)
        build = json.loads(payload).get("build")
        if build != __version__:
            raise wire.WireError("the gateway is build %s, this worker is %s: restart jumak" % (build, __version__))

    def _next_request(self) -> bytes:
        if self._waiting:
            return self._waiting.popleft()
        kind, payload = self.read_frame()
        if kind != wire.REQUEST:
            raise wire.WireError("frame %d where a request was expected" % kind)
        return payload

    def _run(self, payload: bytes) -> None:
        flags, head_length = _request_head(payload)
        head_end = _HEAD_AT + head_length
        body = BodyStream(self) if flags & wire.REQUEST_BODY_FOLLOWS else payload[head_end:]
        Call(self).run(self._application, self._base, payload[_HEAD_AT:head_end], body)
        if self._held and perf_counter() - self._held_since > _HOLD:
            self.flush()

    # -- reading

    def read_frame(self) -> Tuple[int, bytes]:
        """The next frame's type and payload, waiting for it. Sends what is held before it waits."""
        data, position = self._data, self._position
        wanted = wire.FRAME_HEADER
        while True:
            have = len(data) - position
            if have >= wire.FRAME_HEADER:
                length, kind = _frame(data, position)
                if length > wire.MAX_PAYLOAD:
                    raise wire.WireError("a frame of %d bytes" % length)
                wanted = wire.FRAME_HEADER + length
                if have >= wanted:
                    self._data, self._position = data, position + wanted
                    start = position + wire.FRAME_HEADER
                    return kind, data[start : position + wanted]
            if self._held:
                self.flush()
            more = self._receive(max(_RECEIVE, wanted - have))
            data = data[position:] + more if have else more
            position = 0

    def _receive(self, size: int) -> bytes:
        try:
            data = self._socket.recv(size)
        except OSError as error:
            raise LinkClosed(str(error)) from None
        if not data:
            raise LinkClosed("the gateway closed the link")
        return data

    def wait_file_opened(self) -> bool:
        """After FILE: whether the gateway holds the file. Requests that were sent ahead are kept for later."""
        while True:
            kind, payload = self.read_frame()
            if kind == wire.FILE_OPENED:
                return payload == b"\1"
            if kind != wire.REQUEST:
                raise wire.WireError("frame %d while a file was offered" % kind)
            self._waiting.append(payload)

    def _more_waits(self) -> bool:
        return bool(self._waiting) or self._position < len(self._data)

    # -- writing

    def send(self, data: bytes) -> None:
        """Sends now, what is held first."""
        if self._held:
            self._held.append(data)
            data = b"".join(self._held)
            self._held.clear()
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise LinkClosed(str(error)) from None

    def send_content(self, data: bytes) -> None:
        """CHUNK frames; a large body is not copied."""
        if len(data) <= 65536:
            self.send(wire.chunk_header(len(data)) + data)
            return
        view = memoryview(data)
        for start in range(0, len(data), wire.MAX_CHUNK):
            piece = view[start : start + wire.MAX_CHUNK]
            self.send(wire.chunk_header(len(piece)))
            self.send(piece)  # type: ignore[arg-type]

    def complete(self, data: bytes, environ: dict) -> None:
        """A complete response: may be held for its batch."""
        if environ["REQUEST_METHOD"] not in _IDEMPOTENT:
            self.send(data)
        elif self._held:
            self._held.append(data)
        elif self._more_waits():
            self._held.append(data)
            self._held_since = perf_counter()
        else:
            self.send(data)

    def before_start(self, method: str) -> None:
        """Called before the application runs: a request that must not be repeated is preceded by all that is held."""
        if self._held and method not in _IDEMPOTENT:
            self.flush()

    def flush(self) -> None:
        if self._held:
            data = b"".join(self._held)
            self._held.clear()
            self.send(data)
