"""The head of a WSGI response as it crosses the wire: checked against PEP 3333, and encoded.

Runs in the threads of all slots, within ``start_response``: for a head that breaks the rules the traceback shows the line of the
application. What is kept between requests is bounded. Not here: what the gateway makes of the fields.
"""

from __future__ import annotations

import re
from typing import Dict, List, Optional, Tuple

from ..wire import framing
from ..wire.head_cache import HeadCache

_STATUS = re.compile(r"([1-9][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
#: Characters that could end a header field, or one of our parts, too early (response splitting).
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

_ALLOWED = bytes(code for code in range(256) if not _CONTROL.match(chr(code)))

_ORDINARY = 1
_CONTENT_LENGTH = 2

#: Names that have passed the check → what they mean to us. Bounded: applications may invent names.
_known_names: Dict[str, int] = {"Content-Length": _CONTENT_LENGTH, "content-length": _CONTENT_LENGTH}
_known_statuses: Dict[str, Tuple[int, str]] = {}
_MAX_KNOWN = 1024
_MAX_KNOWN_LENGTH = 64

#: The head's bytes, the Content-Length that the application declared, the status, and whether it has no content.
Head = Tuple[bytes, Optional[int], int, bool]

#: Status and headers, as start_response was given them → the head.
cache: HeadCache[Head] = HeadCache(str)


def make(status: str, headers: object) -> Head:
    """Checks and encodes what start_response was given, and keeps it for the next time."""
    code, reason = _parse_status(status)
    # One copy for both: another thread may change a list after the check.
    given = tuple(headers) if isinstance(headers, list) else headers
    encoded, declared = encode(reason, given)
    head = encoded, declared, code, code == 204 or code == 304
    if type(status) is str and type(given) is tuple:
        cache.add((status, given), given, head)
    return head


def _parse_status(status: object) -> Tuple[int, str]:
    """``"404 Not Found"`` → (404, "Not Found")."""
    if type(status) is str:
        known = _known_statuses.get(status)
        if known is not None:
            return known
    elif not isinstance(status, str):
        raise TypeError("the status must be a str like '200 OK', not %s: %r" % (type(status).__name__, status))
    match = _STATUS.fullmatch(status)
    if match is None:
        raise ValueError("the status must look like '200 OK': %r" % status)
    parsed = int(match.group(1)), match.group(2) or ""
    if not 200 <= parsed[0] <= 599:
        raise ValueError("the status must be between 200 and 599: %r" % status)
    if len(_known_statuses) < _MAX_KNOWN and len(status) < _MAX_KNOWN_LENGTH:
        _known_statuses[status] = parsed
    return parsed


def encode(reason: str, headers: object) -> Tuple[bytes, Optional[int]]:
    """Checks and encodes. Returns the head's bytes and the Content-Length that the application declared, if any."""
    if not isinstance(headers, (list, tuple)):
        raise TypeError("the headers must be a list of (name, value) tuples, not %s" % type(headers).__name__)
    parts: List[str] = [reason]
    declared: Optional[int] = None
    try:
        for name, value in headers:
            if (_known_names.get(name) or _check_name(name)) is _CONTENT_LENGTH:
                declared = _content_length(value, declared)
            parts.append(name)
            parts.append(value)
        encoded = "\0".join(parts).encode("latin-1")
    except (TypeError, ValueError) as error:
        raise _precise(headers, error) from None
    # Without all allowed bytes only the separators are left.
    if len(encoded.translate(None, _ALLOWED)) != len(parts) - 1:
        raise _precise(headers, ValueError("the headers have a control character"))
    if len(encoded) > framing.MAX_RESPONSE_HEAD:
        raise ValueError("the response headers are %d bytes long, at most %d" % (len(encoded), framing.MAX_RESPONSE_HEAD))
    return encoded, declared


def _check_name(name: object) -> int:
    if not isinstance(name, str):
        raise TypeError("a header name must be a str, not %s: %r" % (type(name).__name__, name))
    if _TOKEN.fullmatch(name) is None:
        raise ValueError("not a header name: %r" % name)
    kind = _CONTENT_LENGTH if name.lower() == "content-length" else _ORDINARY
    if len(_known_names) < _MAX_KNOWN and len(name) < _MAX_KNOWN_LENGTH:
        _known_names[name] = kind
    return kind


def _content_length(value: object, declared: Optional[int]) -> int:
    # 18 digits fit in 64 bits; `isdigit` alone would accept digits of other scripts.
    if not isinstance(value, str) or not value.isascii() or not value.isdigit() or len(value) > 18:
        raise ValueError("Content-Length must be a number of bytes: %r" % (value,))
    if declared is not None:
        raise ValueError("Content-Length is given twice: %d and %s" % (declared, value))
    return int(value)


def _precise(headers: object, error: Exception) -> Exception:
    """Says which header is wrong; slow."""
    for item in headers:  # type: ignore[attr-defined]
        try:
            name, value = item
        except (TypeError, ValueError):
            return TypeError("the headers must be (name, value) tuples: %r" % (item,))
        try:
            _check_name(name)
        except (TypeError, ValueError) as reason:
            return reason
        if not isinstance(value, str):
            return TypeError("the value of header %s must be a str, not %s: %r" % (name, type(value).__name__, value))
        if _CONTROL.search(value):
            return ValueError("the value of header %s has a control character: %r" % (name, value))
        try:
            value.encode("latin-1")
        except UnicodeEncodeError:
            return ValueError("the value of header %s has characters outside latin-1: %r" % (name, value))
    return error
