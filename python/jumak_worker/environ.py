"""From the head of a request to its environ: the names and the values of its strings, over what never changes.

Most requests have one of few sets of names, in one order: those of this or that browser, of a load balancer's check. A set
that comes again gets a function of its own, made once, with the names as constants: it costs half of what a loop does.

Invariants: a set of names never changes what another one makes; what is kept is bounded, for strangers choose the names.
Nothing here knows requests or links. The layout of a head is drawn in ``src/apps/wire/frames.ts``.
"""

from __future__ import annotations

from typing import Callable, Dict, List, Union

#: Times that a set of names must come before it is worth a function, which takes as long to make as a hundred requests save.
_WORTH_IT = 100
#: Functions that are kept: more browsers than one worker sees. Each with its dict takes a few KiB.
_MAX_MAKERS = 64
#: Longer ones (bytes) are rare, and would make the bound in memory a large one.
_MAX_NAMES = 2048
#: Sets of names that are counted; then counting begins anew.
_MAX_COUNTED = 1024

Maker = Callable[[str], dict]


class Environs:
    """Makes environs for one worker. ``base``: what is the same for every request."""

    def __init__(self, base: dict) -> None:
        self._base = base
        self._makers: Dict[bytes, Union[int, Maker]] = {}
        self._made = 0

    def make(self, names: bytes, values: bytes) -> dict:
        """Both joined by NUL, latin-1; the last value may contain NUL. Raises ValueError when they do not match."""
        maker = self._makers.get(names)
        text = values.decode("latin-1")
        if maker is None or type(maker) is int:
            return self._make_slowly(names, text, maker or 0)
        return maker(text)  # type: ignore[operator]

    def _make_slowly(self, names: bytes, text: str, seen: int) -> dict:
        keys = names.decode("latin-1").split("\0")
        parts = text.split("\0", len(keys) - 1)
        if len(parts) != len(keys):
            raise ValueError("a head with %d names and %d values" % (len(keys), len(parts)))
        environ = dict(self._base)
        environ.update(zip(keys, parts))
        environ["REQUEST_URI"] = environ["RAW_URI"]
        if len(names) > _MAX_NAMES:
            return environ
        if len(self._makers) >= _MAX_COUNTED:
            self._makers = {key: maker for key, maker in self._makers.items() if type(maker) is not int}
        if seen < _WORTH_IT or self._made >= _MAX_MAKERS:
            self._makers[names] = seen + 1
        else:
            self._made += 1
            self._makers[names] = _compile(keys, environ)
        return environ


def _compile(keys: List[str], environ: dict) -> Maker:
    """``environ``: one with these keys, in order: copying it is cheaper than growing one. All strings of it are replaced."""
    lines = ["def make(text):", "    environ = copy()", "    ("]
    # The names came from a stranger: repr makes them literals, whatever they are.
    lines += ["        environ[%r]," % key for key in keys]
    lines += ["    ) = text.split('\\0', %d)" % (len(keys) - 1)]
    lines += ["    environ['REQUEST_URI'] = environ['RAW_URI']", "    return environ"]
    template = {key: "" if key in keys else value for key, value in environ.items()}
    scope: dict = {"copy": template.copy}
    exec("\n".join(lines), scope)
    return scope["make"]
