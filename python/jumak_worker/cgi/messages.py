"""What the master may say to the spawner, as ``src/control/cgi-messages.ts`` defines it. Checked where it is read."""

from __future__ import annotations

from typing import Any, Dict

#: As in ``src/control/cgi-messages.ts``.
_LINKS = ("within", "followed", "off-limits")


class MessageError(ValueError):
    """The master has sent something that is no message."""


def check(message: Any) -> None:
    """Raises MessageError."""
    if not isinstance(message, dict) or message.get("type") != "programs":
        raise MessageError("a message without the type programs")
    _need(type(message.get("processes")) is int and 1 <= message["processes"] <= 65536, "processes")
    _need(isinstance(message.get("token"), str), "token")
    _need(isinstance(message.get("programs"), dict), "programs")
    for key, entry in message["programs"].items():
        _need(isinstance(entry, dict), key)
        _need(isinstance(entry.get("path"), str) and entry["path"].startswith("/"), key + ".path")
        _need(type(entry.get("isDirectory")) is bool, key + ".isDirectory")
        _need(type(entry.get("mayBeWritable")) is bool, key + ".mayBeWritable")
        _need(entry.get("links") in _LINKS, key + ".links")
        owners = entry.get("owners")
        _need(isinstance(owners, list) and all(type(one) is int for one in owners), key + ".owners")
        _need(_is_table(entry.get("interpreters")), key + ".interpreters")
        _need(_is_table(entry.get("variables")), key + ".variables")


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) and "\0" not in text for pair in value.items() for text in pair)


def _need(is_right: bool, what: str) -> None:
    if not is_right:
        raise MessageError("the field %s of programs is wrong" % what)


Message = Dict[str, Any]
