"""Encoded response heads: many responses have the same head. Bounded, because applications may invent headers."""

from __future__ import annotations

from typing import Any, Dict, Generic, Tuple, TypeVar

_MAX_HEADS = 256
#: Bytes. Longer heads have cookies or the like, and do not come again.
_MAX_LENGTH = 512

#: The encoded head, the Content-Length that the application declared, and what else is known of the head.
Head = TypeVar("Head", bound=Tuple[Any, ...])


class HeadCache(Generic[Head]):
    def __init__(self, kind: type) -> None:
        """``kind``: the type of names and values, ``str`` or ``bytes``."""
        #: What the application gave → the head. A lookup raises TypeError where a header is no tuple.
        self.known: Dict[tuple, Head] = {}
        self._kind = kind

    def add(self, key: tuple, headers: tuple, head: Head) -> None:
        """Adds a head, unless a part of the headers could change later, or is a subclass that only equals what was checked."""
        kind = self._kind
        if len(head[0]) > _MAX_LENGTH:
            return
        if all(type(header) is tuple and all(type(part) is kind for part in header) for header in headers):
            if len(self.known) >= _MAX_HEADS:
                self.known.clear()
            self.known[key] = head
