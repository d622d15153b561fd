"""JSON lines to and from the master: one object a line. The messages are those of ``src/control/messages.ts``."""

from __future__ import annotations

import json
import socket
from typing import Optional

#: A line longer than this is not a message of ours.
MAX_LINE = 1024 * 1024


class ControlChannel:
    """A blocking channel over a connected stream socket. One thread reads; writing is one ``sendall`` per message."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        # The application may have set a default timeout for all sockets (`socket.setdefaulttimeout`).
        sock.setblocking(True)
        self._buffer = b""

    def send(self, type: str, **fields: object) -> None:
        """Sends a message; a master that has gone is noticed by the reader, not here."""
        # Text of the application may hold lone surrogates, which have no UTF-8: JSON writes them as the same escapes.
        line = json.dumps({"type": type, **fields}, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        try:
            self.socket.sendall(line)
        except OSError:
            pass

    def receive(self) -> Optional[dict]:
        """The next message, waiting for it; None at the end (the master has gone)."""
        while True:
            message = self.buffered()
            if message is not None:
                return message
            if not self.fill():
                return None

    def fill(self) -> bool:
        """Reads once, waiting; False at the end."""
        try:
            data = self.socket.recv(65536)
        except OSError:
            return False
        self._buffer += data
        if len(self._buffer) > MAX_LINE:
            raise ValueError("a control message is longer than %d bytes" % MAX_LINE)
        return bool(data)

    def buffered(self) -> Optional[dict]:
        """A message that is already here, or None."""
        line, newline, rest = self._buffer.partition(b"\n")
        if not newline:
            return None
        self._buffer = rest
        return json.loads(line)
