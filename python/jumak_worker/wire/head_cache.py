"""Response heads as they were encoded: many responses have the same. Bounded: applications may invent headers."""

from __future__ import annotations

from typing import Any, Dict, Generic, Tuple, TypeVar

_MAX_HEADS = 256
#: Longer ones (bytes) have cookies or the like, and do not come again.
_MAX_LENGTH = 512

#: The encoded head, the Content-Length that the application declared, and what else is known of it.
Head = TypeVar("Head", bound=Tuple[Any, ...])


class HeadCache(Generic[Head]):
    def __init__(self, kind: type) -> None:
        """``kind``: of names and values, ``str`` or ``bytes``."""
        #: By what came in. To look there raises TypeError where a header is no tuple.
        self.known: Dict[tuple, Head] = {}
        self._kind = kind

    def add(self, key: tuple, headers: tuple, head: Head) -> None:
        """Unless a part of the headers could change, or only equals what was checked."""
        kind = self._kind
        if len(head[0]) > _MAX_LENGTH:
            return
        if all(type(header) is tuple and all(type(part) is kind for part in header) for header in headers):
            if len(self.known) >= _MAX_HEADS:
                self.known.clear()
            self.known[key] = head
