"""``wsgi.input``: a ``BytesIO`` for content that came with the request, else pulled from the link, frame by frame.

Both know where they end and never read past it, chunked request or not (``wsgi.input_terminated``).
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .link import Link

#: Of the BufferedReader around a BodyStream.
BUFFER = 64 * 1024


class BodyStream(io.RawIOBase):
    """Reads BODY frames up to BODY_END. Wrapped in a BufferedReader, which adds lines and sizes."""

    def __init__(self, link: "Link") -> None:
        self._link = link
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
        """The next frame; False at the end. Raises LinkClosed, a ConnectionResetError, when the client has gone."""
        if not self._finished:
            self._frame = memoryview(self._link.next_content())
            self._finished = not self._frame
        return not self._finished

    def finish(self) -> None:
        """The request is over: reads what the application left, so that the next request begins at its own first byte.

        An application that kept ``wsgi.input`` finds it at its end from now on.
        """
        while self._advance():
            pass
        self._frame = memoryview(b"")
