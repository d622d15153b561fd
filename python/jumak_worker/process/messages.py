"""What the master may say: the kind, the range and the length of every field of every message. Checked where it is read.

Runs in preloader and workers. ``src/control/messages.ts`` defines the messages, and ``src/control/shapes.ts`` checks those of the other
direction. Unknown fields are ignored. Invariant: a message with one wrong field is refused whole. Not here: lines (``control.py``).
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, Optional, Union

from .. import __version__

#: Returns what a value should be, like ``a whole number from 1 to 9``; None: it is that.
Check = Callable[[Any], Optional[str]]

#: Characters of a path or a name.
_MAX_TEXT = 4096
_MAX_NUMBER = 2**31 - 1
#: One less than (uid_t)-1, which is no user.
_MAX_UID = 2**32 - 2
_MAX_SLOTS = 65536
#: Far more than `--gateway-threads` can be.
_MAX_LINKS = 1024
#: Characters of a wrong value that are shown.
_MAX_SHOWN = 60


class MessageError(ValueError):
    """The master has sent something that is no message."""


def whole(least: int, greatest: int) -> Check:
    expected = "a whole number from %d to %d" % (least, greatest)
    # A bool is an int.
    return lambda value: None if type(value) is int and least <= value <= greatest else expected


def text(pattern: Optional["re.Pattern[str]"] = None, greatest: int = _MAX_TEXT) -> Check:
    expected = "text of %d characters at most" % greatest + ("" if pattern is None else ", as %s" % pattern.pattern)

    def check(value: Any) -> Optional[str]:
        fits = type(value) is str and len(value) <= greatest and (pattern is None or pattern.fullmatch(value))
        return None if fits else expected

    return check


def one_of(*words: str) -> Check:
    expected = "one of " + ", ".join(words)
    return lambda value: None if type(value) is str and value in words else expected


def flag(value: Any) -> Optional[str]:
    return None if type(value) is bool else "true or false"


def or_null(check: Union[Check, Dict[str, Check]]) -> Check:
    return lambda value: None if value is None else _problem(check, value)


def list_of(check: Check, greatest: int) -> Check:
    def look(value: Any) -> Optional[str]:
        if type(value) is not list or not 1 <= len(value) <= greatest:
            return "a list of 1 to %d" % greatest
        return next((problem for problem in map(check, value) if problem), None)

    return look


def every(check: Check, greatest: int) -> Check:
    """A list that may be empty."""
    inner = list_of(check, greatest)
    return lambda value: None if value == [] else inner(value)


def an_object(value: Any) -> Optional[str]:
    return None if type(value) is dict else "an object"


def texts(value: Any) -> Optional[str]:
    """Text for each of any names."""
    fits = type(value) is dict and all(type(one) is str for one in value.values())
    return None if fits else "an object of texts"


def _problem(check: Union[Check, Dict[str, Check]], value: Any) -> Optional[str]:
    if callable(check):
        return check(value)
    if type(value) is not dict:
        return "an object"
    for name, inner in check.items():
        problem = inner(value.get(name, _Missing))
        if problem:
            return "an object whose '%s' is %s" % (name, problem)
    return None


class _Missing:
    """Stands for a missing field: no check accepts it."""


def _own_build(value: Any) -> Optional[str]:
    return None if value == __version__ else "%s, as this package is: restart jumak" % __version__


_name = text(re.compile(r"[^\0]+"))
_number = whole(1, _MAX_NUMBER)
_path = text(re.compile(r"/[^\0]*"))

#: Of a configuration file in Python; one of the two is not None, or there is no file.
_file = {"path": or_null(_path), "module": or_null(_name), "display": text()}

PRELOADER: Dict[str, Dict[str, Check]] = {
    "evaluate": {"build": _own_build, "masterPid": _number, "directory": _path, **_file},
    "start": {
        # First: another build may have other fields.
        "build": _own_build,
        "generation": _number,
        "masterPid": _number,
        # Empty for a check, which listens nowhere.
        "runtimeDirectory": text(re.compile(r"(/[^\0]*)?")),
        "directory": _path,
        "module": or_null(_name),
        "file": or_null(_path),
        "attributes": list_of(_name, 100),
        "factory": flag,
        "paste": or_null(texts),
        "display": text(),
        "importPath": every(_path, 1000),
        "interface": one_of("auto", "wsgi", "asgi3", "asgi2"),
        "loop": one_of("auto", "asyncio", "uvloop"),
        "logConfig": or_null(_path),
        "loggers": or_null({"server": one_of("uvicorn"), "level": or_null(whole(1, 50))}),
        "settingsFrom": text(),
        "threads": whole(1, _MAX_SLOTS),
        "concurrency": whole(1, _MAX_SLOTS),
        "workerClass": one_of("auto", "gevent"),
        "links": whole(1, _MAX_LINKS),
        "lifespan": one_of("auto", "on", "off"),
        "rootPath": text(re.compile(r"(/[\s\S]*)?")),
        "findStatic": flag,
        "isDevelopment": flag,
        "isCheck": flag,
        "terminal": flag,
        "multiprocess": flag,
        "preload": one_of("on", "off", "auto"),
        "locateHazards": flag,
        "identity": or_null({"uid": whole(0, _MAX_UID), "gid": whole(0, _MAX_UID), "userName": text()}),
        "isApart": flag,
        "postFork": or_null({"module": _name, "attribute": _name}),
        "configuration": or_null(
            {
                **_file,
                "hooks": every(_name, 100),
                "settings": an_object,
                "variables": texts,
                "umask": or_null(whole(0, 0o777)),
                "isReload": flag,
            }
        ),
    },
    "stopping": {},
    "fork": {"worker": _number, "token": text(re.compile(r"[\w-]+"), 100)},
    "output-opened": {"worker": _number},
    "signal": {"worker": _number, "signal": one_of("KILL", "URG", "INT")},
}

WORKER: Dict[str, Dict[str, Check]] = {
    "stop": {},
    "stacks": {"thread": text(re.compile(r"(0x[0-9a-f]{16})?"), 18)},
}


def check(message: Any, shapes: Dict[str, Dict[str, Check]]) -> dict:
    """The message. Raises MessageError, which names the field and its value."""
    if type(message) is not dict:
        raise MessageError("a message that is not an object")
    kind = message.get("type")
    if type(kind) is not str or kind not in shapes:
        raise MessageError("an unknown message type %s" % _show(kind))
    for name, one in shapes[kind].items():
        value = message.get(name, _Missing)
        problem = one(value)
        if problem:
            shown = "missing" if value is _Missing else _show(value)
            raise MessageError("field '%s' of message '%s', which is %s and should be %s" % (name, kind, shown, problem))
    return message


def _show(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list of %d" % len(value)
    shown = repr(value[:_MAX_SHOWN] if isinstance(value, str) else value)
    return shown if len(shown) <= 2 * _MAX_SHOWN else shown[:_MAX_SHOWN] + "…"
