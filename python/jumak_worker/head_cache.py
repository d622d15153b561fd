"""Response heads as they were encoded: many responses have the same. Bounded: applications may invent headers."""

from __future__ import annotations

from typing import Dict, Optional, Tuple

_MAX_HEADS = 256
#: Longer ones (bytes) have cookies or the like, and do not come again.
_MAX_LENGTH = 512

#: The encoded head, and the Content-Length that the application declared.
Encoded = Tuple[bytes, Optional[int]]


class HeadCache:
    def __init__(self, kind: type) -> None:
        """``kind``: of names and values, ``str`` or ``bytes``."""
        #: By what came in. To look there raises KeyError, or TypeError where a header is no tuple.
        self.known: Dict[tuple, Encoded] = {}
        self._kind = kind

    def add(self, key: tuple, headers: tuple, encoded: Encoded) -> None:
        """Unless a part of the headers could change, or only equals what was checked."""
        kind = self._kind
        if len(encoded[0]) > _MAX_LENGTH:
            return
        if all(type(header) is tuple and all(type(part) is kind for part in header) for header in headers):
            if len(self.known) >= _MAX_HEADS:
                self.known.clear()
            self.known[key] = encoded
