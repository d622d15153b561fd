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
    __slots__ = ("_chunks", "_is_complete", "_taken", "_granted")

    def __init__(self) -> None:
        self._chunks: List[bytes] = []
        self._is_complete = False
        #: Bytes that the application has taken, and that are not given back yet.
        self._taken = 0
        #: Bytes that the gateway may still send.
        self._granted = multiplex.WINDOW

    def add(self, data: bytes) -> None:
        if self._is_complete:
            raise framing.WireError("content of a request behind its end")
        if data:
            if self._granted <= 0:
                raise framing.WireError("content beyond its credit")
            self._granted -= len(data)
            self._chunks.append(data)

    def end(self) -> None:
        self._is_complete = True

    def has_news(self) -> bool:
        return self._is_complete or bool(self._chunks)

    def take(self, link: FrameWriter, number: int) -> dict:
        """All that has come, as the message that `receive` returns."""
        chunks = self._chunks
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        if not self._is_complete:
            self._taken += len(body)
            if self._taken >= CREDIT_STEP:
                link.write(multiplex.credit(number, self._taken))
                self._granted += self._taken
                self._taken = 0
        return {"type": "http.request", "body": body, "more_body": not self._is_complete}
