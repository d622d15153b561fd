"""``wsgi.input`` for content that does not come with the request: pulled from the link, frame by frame.

Small content comes with the request and is an ``io.BytesIO``. Both know where they end and never read past it.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from . import wire

if TYPE_CHECKING:
    from .link import Link


class BodyStream(io.RawIOBase):
    """Reads BODY frames up to BODY_END. Wrapped in an ``io.BufferedReader``, which adds lines and sizes."""

    def __init__(self, link: "Link") -> None:
        self._link = link
        self._rest = b""
        #: Nothing more will come: the end was read, or the request is over.
        self.finished = False

    def readable(self) -> bool:
        return True

    def readinto(self, target) -> int:  # type: ignore[override]
        while not self._rest:
            if self.finished:
                return 0
            self._rest = self._next_frame()
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def _next_frame(self) -> bytes:
        kind, payload = self._link.read_frame()
        if kind == wire.BODY:
            return payload
        if kind != wire.BODY_END:
            raise wire.WireError("frame %d within request content" % kind)
        self.finished = True
        return b""

    def finish(self) -> None:
        """The request is over: reads what the application left, so that the next request begins at its own first byte.

        An application that kept ``wsgi.input`` finds it at its end from now on.
        """
        self._rest = b""
        while not self.finished:
            self._next_frame()
