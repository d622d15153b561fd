"""Functions that make an environ or a scope, one for each set of header names that comes often (``environ.py``, ``scopes.py``).

Most requests have one of few sets of names, in one order: those of a browser, or of a load balancer's check. A function with the names
as constants costs half of what a loop costs. Invariant: what is kept is bounded, because clients choose the names.
"""

from __future__ import annotations

from typing import Callable, Dict

#: A set of names must come so many times. To make a function takes as long as it saves in a hundred requests.
WORTH_IT = 100
#: Functions that are kept: a worker sees fewer kinds of browsers. Each takes a few KiB.
MAX_MADE = 64
#: Bytes. Longer sets are rare, and would make the bound in memory large.
MAX_NAMES = 2048
#: Sets of names that are counted. Beyond that all counts begin anew.
MAX_COUNTED = 1024

#: Takes the values of a head.
EnvironMaker = Callable[[bytes], dict]


class EnvironMakers:
    def __init__(self) -> None:
        #: Names as they cross the wire → the function.
        self.made: Dict[bytes, EnvironMaker] = {}
        self._seen: Dict[bytes, int] = {}

    def are_worth_it(self, names: bytes) -> bool:
        """Counts a request with these names, which have no function yet. True: the caller should make one and put it in ``made``."""
        if len(names) > MAX_NAMES or len(self.made) >= MAX_MADE:
            return False
        seen = self._seen.get(names, 0)
        if seen >= WORTH_IT:
            return True
        if len(self._seen) >= MAX_COUNTED:
            self._seen.clear()
        self._seen[names] = seen + 1
        return False
