"""The header fields of an ASGI application's response as they cross the wire: checked, and joined by NUL.

Runs on the event loop, within ``send``: for fields that break the rules the traceback shows the line of the application. What is kept
between requests is bounded. Not here: WSGI's heads (``wsgi/response_head.py``), which are text and have other rules.
"""

from __future__ import annotations

import re
from typing import Dict, List, Optional, Tuple

from ..wire import framing
from ..wire.head_cache import HeadCache

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
#: Bytes that could end a header field, or one of our parts, too early (response splitting).
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_ALLOWED = bytes(code for code in range(256) if not _CONTROL.match(bytes([code])))

_ORDINARY = 1
_CONTENT_LENGTH = 2
#: The gateway frames the response. The specification: "the server must ignore it".
_TRANSFER_ENCODING = 3

_MEANINGS = {b"content-length": _CONTENT_LENGTH, b"transfer-encoding": _TRANSFER_ENCODING}
#: Names that have passed the check → what they mean to us. Bounded: applications may invent names.
_known_names: Dict[bytes, int] = dict(_MEANINGS)
_MAX_KNOWN = 1024
_MAX_KNOWN_LENGTH = 64

#: The encoded head, and the Content-Length that the application declared.
Encoded = Tuple[bytes, Optional[int]]

_cache: HeadCache[Encoded] = HeadCache(bytes)


def encode(headers: object) -> Encoded:
    """``NUL name NUL value …``, and the Content-Length that the application declared, if any."""
    if type(headers) is not list:
        return _encode(headers)
    key = tuple(headers)
    try:
        return _cache.known[key]
    except KeyError:
        encoded = _encode(headers)
        _cache.add(key, key, encoded)
        return encoded
    except TypeError:  # a header is a list
        return _encode(headers)


def _encode(headers: object) -> Encoded:
    parts: List[bytes] = [b""]
    declared: Optional[int] = None
    if type(headers) is not list:
        headers = _as_list(headers)
    try:
        for name, value in headers:  # type: ignore[attr-defined]
            kind = _known_names.get(name) or _check_name(name)
            if kind is not _ORDINARY:
                if kind is _TRANSFER_ENCODING:
                    continue
                declared = _content_length(value, declared)
            parts.append(name)
            parts.append(value)
        encoded = b"\0".join(parts)
    except (TypeError, ValueError) as error:
        raise _precise(headers, error) from None
    # Without all allowed bytes only the separators are left.
    if len(encoded.translate(None, _ALLOWED)) != len(parts) - 1:
        raise _precise(headers, ValueError("the headers have a control character"))
    if len(encoded) > framing.MAX_RESPONSE_HEAD:
        raise ValueError("the response headers are %d bytes long, at most %d" % (len(encoded), framing.MAX_RESPONSE_HEAD))
    return encoded, declared


def check_status(status: object) -> int:
    # A bool is an int too, but no status. An HTTPStatus is both.
    if not isinstance(status, int) or isinstance(status, bool):
        raise TypeError("the status must be an int like 200, not %s: %r" % (type(status).__name__, status))
    if not 200 <= status <= 599:
        raise ValueError("the status must be between 200 and 599: %d" % status)
    return int(status)


def _as_list(headers: object) -> list:
    try:
        return list(headers)  # type: ignore[call-overload]
    except TypeError:
        raise TypeError(
            "the headers must be an iterable of (name, value) pairs, not %s" % type(headers).__name__
        ) from None


def _check_name(name: object) -> int:
    if not isinstance(name, bytes):
        raise TypeError("a header name must be bytes, not %s: %r" % (type(name).__name__, name))
    if _TOKEN.fullmatch(name) is None:
        raise ValueError("not a header name: %r" % name)
    kind = _MEANINGS.get(name.lower(), _ORDINARY)
    if len(_known_names) < _MAX_KNOWN and len(name) < _MAX_KNOWN_LENGTH:
        _known_names[name] = kind
    return kind


def _content_length(value: object, declared: Optional[int]) -> int:
    # 18 digits fit in 64 bits; `isdigit` of bytes means ASCII.
    if not isinstance(value, bytes) or not value.isdigit() or len(value) > 18:
        raise ValueError("Content-Length must be a number of bytes, as bytes: %r" % (value,))
    if declared is not None:
        raise ValueError("Content-Length is given twice: %d and %s" % (declared, value.decode()))
    return int(value)


def _precise(headers: object, error: Exception) -> Exception:
    """Says which header is wrong; slow."""
    for item in headers:  # type: ignore[attr-defined]
        try:
            name, value = item
        except (TypeError, ValueError):
            return TypeError("the headers must be (name, value) pairs: %r" % (item,))
        try:
            _check_name(name)
        except (TypeError, ValueError) as reason:
            return reason
        if not isinstance(value, (bytes, bytearray, memoryview)):
            return TypeError("the value of header %s must be bytes, not %s: %r" % (name, type(value).__name__, value))
        if _CONTROL.search(value):
            return ValueError("the value of header %s has a control character: %r" % (name, bytes(value)))
    return error
