"""Which programs may be run, and which file a request means. The master has read the configuration; a request names one of its entries.

Invariants: no file outside the entry's directory is run (as far as the configuration follows links), no hidden one, none that another user than
root and the operator's own could have written, unless the configuration says so. The file's rights are looked at for each request: a program may be
replaced while another one runs.
Not here: how a program is started (``request.py``).
"""

from __future__ import annotations

import os
import stat
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from . import messages

_REFUSED_BYTES = frozenset([*range(32), 127, ord("\\")])
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class Refused(Exception):
    """No program is run. ``status``: of the answer. The text is for the log; empty: there is nothing to tell."""

    def __init__(self, status: int, why: str = "", retry_after: int = 0) -> None:
        super().__init__(why)
        self.status = status
        self.retry_after = retry_after


class Found(NamedTuple):
    #: Absolute.
    path: bytes
    #: What stands for it in the URL, behind that of the entry: ``/`` and names; empty: the entry is the program.
    name: bytes
    #: What follows it; empty: nothing.
    info: bytes
    #: To be executed; the path is its last word.
    command: List[bytes]


class Program:
    """One entry of the table: a directory of programs, or one program."""

    def __init__(self, entry: Dict[str, Any]) -> None:
        self.path = os.fsencode(entry["path"])
        self._is_directory: bool = entry["isDirectory"]
        self._links: str = entry["links"]
        self._mayBeWritable: bool = entry["mayBeWritable"]
        self._owners = frozenset(entry["owners"])
        self._interpreters = {os.fsencode(one): os.fsencode(path) for one, path in entry["interpreters"].items()}
        self.variables = {os.fsencode(name): os.fsencode(value) for name, value in entry["variables"].items()}

    def find(self, below: bytes) -> Found:
        """``below``: the part of the request's path behind the entry's own: empty, or begins with a slash. Raises Refused."""
        if self._is_directory:
            path, name, info = self._walk(below)
        else:
            if below and not below.startswith(b"/"):
                raise Refused(404)
            path, name, info = self.path, b"", below
            self._check(os.path.dirname(path), self._look(os.path.dirname(path)))
        status = self._look(path)
        if not stat.S_ISREG(status.st_mode):
            raise Refused(404)
        self._check(path, status)
        return Found(path, name, info, self._command(path))

    def _walk(self, below: bytes) -> Tuple[bytes, bytes, bytes]:
        """The first file on the way. Links are resolved."""
        path = self.path
        self._check(path, self._look(path))
        at = 0
        while at < len(below):
            end = below.find(b"/", at + 1)
            end = len(below) if end < 0 else end
            segment = below[at + 1 : end]
            if below[at : at + 1] != b"/" or not segment or segment.startswith(b".") or not _REFUSED_BYTES.isdisjoint(segment):
                raise Refused(404)
            path = path + b"/" + segment
            status = self._look(path, follows=False)
            if stat.S_ISLNK(status.st_mode):
                path = self._follow(path)
                status = self._look(path)
            if stat.S_ISREG(status.st_mode):
                return path, below[:end], below[end:]
            if not stat.S_ISDIR(status.st_mode):
                break
            self._check(path, status)
            at = end
        raise Refused(404)

    def _follow(self, path: bytes) -> bytes:
        """Where a link leads. What is on the way there is looked at, too."""
        if self._links == "off-limits":
            raise Refused(404)
        real, root = os.path.realpath(path), os.path.realpath(self.path)
        if self._links == "followed":
            return real
        if not real.startswith(root + b"/"):
            raise Refused(404)
        step = os.path.dirname(real)
        while len(step) > len(root):
            self._check(step, self._look(step))
            step = os.path.dirname(step)
        return real

    def _look(self, path: bytes, follows: bool = True) -> os.stat_result:
        try:
            return os.stat(path, follow_symlinks=follows)
        except (FileNotFoundError, NotADirectoryError):
            raise Refused(404) from None
        except OSError as error:
            raise Refused(403, "%s cannot be looked at: %s" % (_shown(path), error.strerror)) from None

    def _check(self, path: bytes, status: os.stat_result) -> None:
        """Nobody may have written it but root and the operator's own."""
        if self._mayBeWritable:
            return
        if status.st_mode & _OTHERS_WRITE:
            who = "everybody" if status.st_mode & stat.S_IWOTH else "its group"
            raise Refused(
                403, "%s is not run: %s may write to it; chmod go-w, or say cgi-allow-writable = true" % (_shown(path), who)
            )
        if status.st_uid not in self._owners:
            raise Refused(
                403,
                "%s is not run: it belongs to user %d, who is neither root nor the owner of the programs" % (_shown(path), status.st_uid),
            )

    def _command(self, path: bytes) -> List[bytes]:
        interpreter = self._interpreters.get(os.path.splitext(path)[1])
        if interpreter is not None:
            return [interpreter, path]
        if not os.access(path, os.X_OK):
            raise Refused(403, "%s is not run: it is not executable; chmod +x, or name its interpreter" % _shown(path))
        return [path]


class Programs:
    """What the master has said. A request of the configuration before may still be on its way: its entries stay until the next change."""

    def __init__(self) -> None:
        self.most = 1
        self.token = b""
        self._now: Dict[bytes, Program] = {}
        self._before: Dict[bytes, Program] = {}

    def set(self, message: Dict[str, Any]) -> None:
        """Raises MessageError."""
        messages.check(message)
        self.most = message["processes"]
        self.token = message["token"].encode()
        self._before, self._now = self._now, {key.encode(): Program(entry) for key, entry in message["programs"].items()}

    def get(self, key: bytes) -> Optional[Program]:
        return self._now.get(key) or self._before.get(key)


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "replace")
