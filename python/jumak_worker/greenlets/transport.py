"""The socket of a link, as asyncio's transports have it, in gevent's hub: bytes in and out, and nobody waits.

What comes is read in the hub. What is written leaves at once, from whatever greenlet writes; what the gateway does not take is kept, and
leaves when it does. Invariants: nothing here switches greenlets by itself, and nothing raises. The end is told once, in the hub.
Not here: frames (``links/link.py``).
"""

from __future__ import annotations

import os
from typing import Any, Optional, Protocol

from .. import unpatched
from ..links.link import CONGESTED

_RECEIVE = 64 * 1024
#: For a watcher of libev: the descriptor can be read, or written.
READ = 1
_WRITE = 2


class Receiver(Protocol):
    """What a transport needs of its link."""

    def data_received(self, data: bytes) -> None: ...

    def connection_lost(self, error: Optional[Exception]) -> None: ...

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...


class Transport:
    def __init__(self, sock: unpatched.socket, loop: Any, receiver: Receiver) -> None:
        """``sock``: does not block. ``loop``: of gevent's hub."""
        self._socket = sock
        self._loop = loop
        self._receiver = receiver
        #: What the gateway has not taken.
        self._unsent = bytearray()
        self._is_paused = False
        #: Nothing more is written. It is closed when what was written has left.
        self._is_closing = False
        #: `connection_lost` was called, or is due.
        self._is_over = False
        self._reader = loop.io(sock.fileno(), READ)
        self._writer = loop.io(sock.fileno(), _WRITE)
        self._reader.start(self._read)

    def write(self, data: bytes) -> None:
        if self._is_over or self._is_closing:
            return
        if self._unsent:
            self._unsent += data
        else:
            sent = self._send(data)
            if sent == len(data) or self._is_over:
                return
            self._unsent += memoryview(data)[sent:]
            self._writer.start(self._go_on)
        if len(self._unsent) > CONGESTED and not self._is_paused:
            self._is_paused = True
            self._receiver.pause_writing()

    def close(self) -> None:
        """What was written still leaves."""
        self._is_closing = True
        if not self._unsent:
            self.abort()

    def abort(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._stop()
            # In the hub, where greenlets that wait can be woken.
            self._loop.run_callback(self._lose)

    def release(self) -> int:
        """The descriptor, which is the caller's from now on. Nothing must wait to be sent."""
        self._is_over = True
        self._stop()
        return self._socket.detach()

    def forget(self) -> None:
        """In a forked process: the connection belongs to the parent."""
        self._is_over = True
        self._stop()
        try:
            os.close(self._socket.detach())
        except OSError:
            pass  # the application may have closed what was not its own

    def _stop(self) -> None:
        self._unsent.clear()
        for watcher in (self._reader, self._writer):
            watcher.stop()
            watcher.close()

    def _lose(self) -> None:
        self._socket.close()
        self._receiver.connection_lost(None)

    def _read(self) -> None:
        try:
            data = self._socket.recv(_RECEIVE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if data:
            self._receiver.data_received(data)
        else:
            self.abort()

    def _go_on(self) -> None:
        """The socket can be written again."""
        sent = self._send(self._unsent)
        if self._is_over:
            return
        del self._unsent[:sent]
        if self._is_paused and len(self._unsent) <= CONGESTED // 4:
            self._is_paused = False
            self._receiver.resume_writing()
        if not self._unsent and not self._is_over:
            self._writer.stop()
            if self._is_closing:
                self.abort()

    def _send(self, data: Any) -> int:
        try:
            return self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            self.abort()
            return 0
