"""One room over all worker processes: each has a Unix datagram socket in one directory, and a message goes to all of them.

No Redis, no database: enough for an example, and it shows that people who are connected to different workers, old and new
ones after a reload, meet in the same room.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import tempfile
from pathlib import Path
from typing import Dict, List

#: Everybody's messages of late, for whoever comes in. In each process: the oldest are forgotten.
REMEMBERED = 50
#: A datagram must fit a socket's buffer.
MAX_BYTES = 16 * 1024


class Room:
    def __init__(self) -> None:
        self._directory = Path(tempfile.gettempdir()) / f"fastapi-chat-{os.getuid()}"
        self._path = self._directory / f"{os.getpid()}.sock"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        #: One queue for each connected guest of this process.
        self._guests: Dict[asyncio.Queue, str] = {}
        self.remembered: List[dict] = []

    def open(self) -> None:
        self._directory.mkdir(mode=0o700, exist_ok=True)
        self._path.unlink(missing_ok=True)
        self._socket.bind(str(self._path))
        self._socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self._socket, self._receive)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        self._path.unlink(missing_ok=True)
        try:
            self._directory.rmdir()
        except OSError:
            pass  # others are still in the room

    @property
    def names(self) -> List[str]:
        """Guests of this worker."""
        return sorted(self._guests.values())

    def enter(self, name: str) -> asyncio.Queue:
        queue: asyncio.Queue = asyncio.Queue(maxsize=100)
        self._guests[queue] = name
        return queue

    def leave(self, queue: asyncio.Queue) -> None:
        self._guests.pop(queue, None)

    def say(self, message: dict) -> None:
        """To everybody, whichever worker they are connected to, this one included."""
        data = json.dumps(message).encode()[:MAX_BYTES]
        for path in self._directory.glob("*.sock"):
            try:
                self._socket.sendto(data, str(path))
            except BlockingIOError:
                pass  # that worker is too busy to listen
            except OSError:
                path.unlink(missing_ok=True)  # it has gone without closing

    def _receive(self) -> None:
        while True:
            try:
                message = json.loads(self._socket.recv(MAX_BYTES))
            except BlockingIOError:
                return
            except ValueError:
                continue
            self.remembered = [*self.remembered[1 - REMEMBERED :], message]
            for queue in self._guests:
                if not queue.full():
                    queue.put_nowait(message)
