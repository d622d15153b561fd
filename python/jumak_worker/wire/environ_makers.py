"""Which sets of header names come often enough that a function of their own is worth making; see ``environ.py``, ``scopes.py``.

Most requests have one of few sets of names, in one order: those of this or that browser, of a load balancer's check. A function
with the names as constants costs half of what a loop does. Invariant: what is kept is bounded, for strangers choose the names.
"""

from __future__ import annotations

from typing import Callable, Dict

#: Times that a set of names must come before it is worth a function, which takes as long to make as a hundred requests save.
WORTH_IT = 100
#: Functions that are kept: more browsers than one worker sees. Each takes a few KiB.
MAX_MADE = 64
#: Longer ones (bytes) are rare, and would make the bound in memory a large one.
MAX_NAMES = 2048
#: Sets of names that are counted; then counting begins anew.
MAX_COUNTED = 1024

Maker = Callable[[bytes], dict]


class Makers:
    def __init__(self) -> None:
        #: By the names as they cross the wire.
        self.made: Dict[bytes, Maker] = {}
        self._seen: Dict[bytes, int] = {}

    def are_worth_it(self, names: bytes) -> bool:
        """Another request has come with these names, for which there is no function. True: now one should be put in ``made``."""
        if len(names) > MAX_NAMES or len(self.made) >= MAX_MADE:
            return False
        seen = self._seen.get(names, 0)
        if seen >= WORTH_IT:
            return True
        if len(self._seen) >= MAX_COUNTED:
            self._seen.clear()
        self._seen[names] = seen + 1
        return False
