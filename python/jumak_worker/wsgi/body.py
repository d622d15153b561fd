"""``wsgi.input`` of a request whose content follows: pulled from the link, as it comes.

It knows where the content ends and never reads past it, chunked request or not (``wsgi.input_terminated``). Content that came with the
request is a ``BytesIO`` instead.
"""

from __future__ import annotations

import io
from typing import Protocol, Union

#: Bytes in the BufferedReader around a BodyStream.
BUFFER = 64 * 1024


class ContentSource(Protocol):
    """What a body needs of its link."""

    def next_content(self) -> Union[bytes, memoryview]: ...


class BodyStream(io.RawIOBase):
    """Reads BODY frames up to BODY_END. Wrapped in a BufferedReader, which adds lines and sizes."""

    def __init__(self, source: ContentSource) -> None:
        self._source = source
        #: Came, and was not read.
        self._piece = memoryview(b"")
        #: Nothing more will come: the end was read, or the request is over.
        self._finished = False

    def readable(self) -> bool:
        return True

    def readinto(self, target) -> int:  # type: ignore[override]
        if not self._piece and not self._advance():
            return 0
        count = min(len(target), len(self._piece))
        target[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        return count

    def readall(self) -> bytes:
        pieces = [bytes(self._piece)]
        self._piece = memoryview(b"")
        while self._advance():
            pieces.append(bytes(self._piece))
            self._piece = memoryview(b"")
        return b"".join(pieces)

    def _advance(self) -> bool:
        """Takes what comes next; False at the end. Raises LinkClosed, a ConnectionResetError, when the client has gone."""
        if not self._finished:
            self._piece = memoryview(self._source.next_content())
            self._finished = not self._piece
        return not self._finished

    def finish(self) -> None:
        """The request is over: reads the content that the application left, so that the next request begins at its first byte.

        From now on an application that kept ``wsgi.input`` finds it at its end.
        """
        while self._advance():
            pass
        self._piece = memoryview(b"")
