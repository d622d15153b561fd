"""Makes the WSGI environ of a request: the strings of its head, added to what all requests of a worker have in common.

Runs in the threads of all slots; the hot path. Invariant: the environ that a set of names makes never depends on another set. Not
here: requests and links. ``src/apps/wire/frames.ts`` draws the layout of a head.
"""

from __future__ import annotations

import sys
from typing import List, Optional, Tuple

from .. import __version__
from ..wire.environ_makers import EnvironMaker, EnvironMakers
from .errors import ErrorStream
from .files import FileWrapper


def base_environ(multithread: bool, multiprocess: bool, root_path: str = "", master_pid: int = 0) -> dict:
    """What is the same for every request of a worker."""
    return {
        "wsgi.version": (1, 0),
        "wsgi.errors": ErrorStream(),
        "wsgi.multithread": multithread,
        "wsgi.multiprocess": multiprocess,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
        # Content always has an end, chunked or not: read() without a size is safe.
        "wsgi.input_terminated": True,
        "SERVER_SOFTWARE": "jumak/" + __version__,
        # PEP 3333: bytes of UTF-8, a latin-1 character for each.
        "SCRIPT_NAME": root_path.encode("utf-8").decode("latin-1"),
        # An application may send it signals: HUP for new code.
        "jumak.master_pid": master_pid,
    }


class Environs:
    """Makes environs for one worker. ``base``: what is the same for every request."""

    def __init__(self, base: dict) -> None:
        self._base = base
        self._makers = EnvironMakers()
        #: Most requests have the same names as the one before. One tuple, because several threads use it.
        self._last: Tuple[bytes, Optional[EnvironMaker]] = (b"", None)

    def make(self, data: bytes, names_at: int, values_at: int, end: int) -> dict:
        """Names and values are in ``data``, one behind the other, joined by NUL, latin-1. The last value may contain NUL.

        Raises ValueError when their numbers differ."""
        names, maker = self._last
        # A comparison is cheaper than a copy and its hash: 4 % of the worker's time for a small request.
        if maker is None or len(names) != values_at - names_at or not data.startswith(names, names_at):
            names = data[names_at:values_at]
            maker = self._makers.made.get(names)
            if maker is None:
                return self._make_slowly(names, data[values_at:end])
            self._last = names, maker
        return maker(data[values_at:end])

    def _make_slowly(self, names: bytes, values: bytes) -> dict:
        keys = names.decode("latin-1").split("\0")
        parts = values.decode("latin-1").split("\0", len(keys) - 1)
        if len(parts) != len(keys):
            raise ValueError("a head with %d names and %d values" % (len(keys), len(parts)))
        environ = dict(self._base)
        environ.update(zip(keys, parts))
        environ["REQUEST_URI"] = environ["RAW_URI"]
        if self._makers.are_worth_it(names):
            self._makers.made[names] = _compile(keys, environ)
        return environ


def _compile(keys: List[str], environ: dict) -> EnvironMaker:
    """``environ``: one with these keys, in order. To copy it is cheaper than to grow a dict. All its strings are replaced."""
    lines = ["def make(values):", "    environ = copy()", "    ("]
    # A client chose the names: repr makes a literal of any text.
    lines += ["        environ[%r]," % key for key in keys]
    lines += ["    ) = values.decode('latin-1').split('\\0', %d)" % (len(keys) - 1)]
    lines += ["    environ['REQUEST_URI'] = environ['RAW_URI']", "    return environ"]
    # Interned, like the names in the code above: a dict finds the same string faster than an equal one.
    template = {sys.intern(key): "" if key in keys else value for key, value in environ.items()}
    scope: dict = {"copy": template.copy}
    exec("\n".join(lines), scope)
    return scope["make"]
