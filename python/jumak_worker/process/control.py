"""JSON lines to and from the master: one object a line. The messages are those of ``src/control/messages.ts``."""

from __future__ import annotations

import json
import socket
from typing import Dict, Optional

from ..loading import descriptors
from . import messages
from .messages import MessageError

#: A line longer than this is not a message of ours.
MAX_LINE = 1024 * 1024


class ControlChannel:
    """A blocking channel over a connected stream socket. One thread reads; any thread writes, with one ``sendall`` for each message."""

    def __init__(self, sock: socket.socket, shapes: Dict[str, Dict[str, messages.Check]]) -> None:
        """``shapes``: the messages that may come, each with the checks of its fields."""
        self.socket = sock
        # The application may have set a default timeout for all sockets (`socket.setdefaulttimeout`).
        sock.setblocking(True)
        self._shapes = shapes
        self._buffer = b""
        self._identity = descriptors.identify(sock.fileno())

    def is_intact(self) -> bool:
        """False after code of the application has closed it. Code that makes itself a daemon closes everything that is open."""
        try:
            return descriptors.identify(self.socket.fileno()) == self._identity
        except OSError:
            return False

    def send(self, type: str, **fields: object) -> None:
        """Sends a message. Only the reader notices that the master has gone."""
        # Text of the application may have lone surrogates, which UTF-8 cannot encode. Their escapes are valid JSON.
        line = json.dumps({"type": type, **fields}, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        try:
            self.socket.sendall(line)
        except OSError:
            pass

    def receive(self) -> Optional[dict]:
        """Waits for the next message; None at the end (the master has gone). Raises MessageError; the next message may be good."""
        while True:
            message = self.buffered()
            if message is not None:
                return message
            if not self.fill():
                return None

    def fill(self) -> bool:
        """Waits, and reads once. False at the end, and after a line that is too long: what follows has no meaning."""
        try:
            data = self.socket.recv(65536)
        except OSError:
            return False
        self._buffer += data
        return bool(data) and len(self._buffer) <= MAX_LINE

    def buffered(self) -> Optional[dict]:
        """A message that has already come, or None. Raises MessageError."""
        line, newline, rest = self._buffer.partition(b"\n")
        if not newline:
            return None
        self._buffer = rest
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            raise MessageError("a line that is no JSON") from None
        return messages.check(message, self._shapes)
