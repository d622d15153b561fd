"""``wsgi.input`` of a request whose content follows: pulled from the link, frame by frame.

It knows where the content ends and never reads past it, chunked request or not (``wsgi.input_terminated``). Content that came with the
request is a ``BytesIO`` instead.
"""

from __future__ import annotations

import io
from typing import Protocol

#: Bytes in the BufferedReader around a BodyStream.
BUFFER = 64 * 1024


class ContentSource(Protocol):
    """What a body needs of its link."""

    def next_content(self) -> bytes: ...


class BodyStream(io.RawIOBase):
    """Reads BODY frames up to BODY_END. Wrapped in a BufferedReader, which adds lines and sizes."""

    def __init__(self, source: ContentSource) -> None:
        self._source = source
        self._frame = memoryview(b"")
        #: Nothing more will come: the end was read, or the request is over.
        self._finished = False

    def readable(self) -> bool:
        return True

    def readinto(self, target) -> int:  # type: ignore[override]
        if not self._frame and not self._advance():
            return 0
        count = min(len(target), len(self._frame))
        target[:count] = self._frame[:count]
        self._frame = self._frame[count:]
        return count

    def readall(self) -> bytes:
        frames = [bytes(self._frame)]
        self._frame = memoryview(b"")
        while self._advance():
            frames.append(bytes(self._frame))
            self._frame = memoryview(b"")
        return b"".join(frames)

    def _advance(self) -> bool:
        """Takes the next frame; False at the end. Raises LinkClosed, a ConnectionResetError, when the client has gone."""
        if not self._finished:
            self._frame = memoryview(self._source.next_content())
            self._finished = not self._frame
        return not self._finished

    def finish(self) -> None:
        """The request is over: reads the content that the application left, so that the next request begins at its first byte.

        From now on an application that kept ``wsgi.input`` finds it at its end.
        """
        while self._advance():
            pass
        self._frame = memoryview(b"")
