"""Content of a request that comes in frames while the application runs. The gateway's credit bounds it."""

from __future__ import annotations

from typing import List, Protocol

from ..wire import framing, multiplex

#: Bytes. What the application has taken is given back to the gateway in steps of this size.
CREDIT_STEP = multiplex.WINDOW // 4


class FrameWriter(Protocol):
    """What content needs of its link."""

    def write(self, frame: bytes) -> None: ...


class Content:
    __slots__ = ("is_complete", "_chunks", "_taken", "_granted")

    def __init__(self) -> None:
        #: The end has come, and no more credit is given.
        self.is_complete = False
        self._chunks: List[bytes] = []
        #: Bytes that the application has taken, and that are not given back yet.
        self._taken = 0
        #: Bytes that the gateway may still send.
        self._granted = multiplex.WINDOW

    def add(self, data: bytes) -> None:
        if self.is_complete:
            raise framing.WireError("content of a request behind its end")
        if data:
            if self._granted <= 0:
                raise framing.WireError("content beyond its credit")
            self._granted -= len(data)
            self._chunks.append(data)

    def end(self) -> None:
        self.is_complete = True

    def has_news(self) -> bool:
        return self.is_complete or bool(self._chunks)

    def take(self, link: FrameWriter, number: int) -> bytes:
        """All that has come. It is the last when ``is_complete``."""
        chunks = self._chunks
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        if not self.is_complete:
            self._taken += len(body)
            if self._taken >= CREDIT_STEP:
                link.write(multiplex.credit(number, self._taken))
                self._granted += self._taken
                self._taken = 0
        return body
