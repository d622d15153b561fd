"""Makes the ASGI scope of a request from its head (ASGI 3.0, HTTP and WebSocket 2.5).

Runs on the event loop; the hot path. Invariants: a scope and everything in it belong to the application, which may change them. What is
kept between requests is bounded. Not here: exchanges and links. ``src/apps/wire/multiplex.ts`` draws the layout of a head.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

from ..wire.environ_makers import EnvironMaker, EnvironMakers

HTTP_EXTENSIONS: Dict[str, dict] = {
    "http.response.trailers": {},
    "http.response.pathsend": {},
    "http.response.zerocopysend": {},
    "http.response.early_hint": {},
}
WEBSOCKET_EXTENSIONS: Dict[str, dict] = {"websocket.http.response": {}}

#: Behind `http` or `websocket` in the names: clients of this connection are asked for a certificate.
_WITH_CERTIFICATE = b"+client"
#: Behind that: the client has proved a password to the gateway.
_WITH_USER = b"+user"

_ASGI = {"version": "3.0", "spec_version": "2.5"}

#: More than most gateways have. Beyond that all connections are parsed anew.
_MAX_CONNECTIONS = 4096
_VERSIONS = frozenset(("1.0", "1.1", "2"))
_SCHEMES = frozenset(("http", "https", "ws", "wss"))
_MAX_SHOWN = 100
#: RFC9110 has nine, WebDAV some more.
_MAX_METHODS = 64

_methods: Dict[bytes, str] = {}


def _method(text: bytes) -> str:
    method = text.decode("latin-1")
    if len(_methods) < _MAX_METHODS:
        _methods[text] = method
    return method


class Scopes:
    """Makes scopes for one worker. ``state``: the lifespan's; each request has a copy of it."""

    def __init__(self, root_path: str, state: Optional[Dict[str, Any]]) -> None:
        self._root_path = root_path
        self._state = state
        self._makers = EnvironMakers()
        #: The description of a connection → a function that copies a scope of this connection. The caller sets everything else in the
        #: copy. That costs less than making a new dict.
        self._copiers: Dict[bytes, Callable[[], dict]] = {}
        #: Most requests have the same names as the one before.
        self._names = b""
        self._maker: Optional[EnvironMaker] = None

    def make(self, data: bytes, names_at: int, values_at: int, end: int) -> dict:
        """Names and values are in ``data``, one behind the other, joined by NUL. The last value may contain NUL.

        Raises ValueError when their numbers differ."""
        # A comparison is cheaper than a copy and its hash.
        maker, names = self._maker, self._names
        if maker is None or len(names) != values_at - names_at or not data.startswith(names, names_at):
            names = data[names_at:values_at]
            maker = self._makers.made.get(names)
            if maker is None:
                return self._make_slowly(names, data[values_at:end])
            self._maker, self._names = maker, names
        return maker(data[values_at:end])

    def _make_slowly(self, names: bytes, values: bytes) -> dict:
        kind, *headers = names.split(b"\0")
        has_user = kind.endswith(_WITH_USER)
        if has_user:
            kind = kind[: -len(_WITH_USER)]
        has_client = kind.endswith(_WITH_CERTIFICATE)
        if has_client:
            kind = kind[: -len(_WITH_CERTIFICATE)]
        if kind not in (b"http", b"websocket"):
            raise ValueError("a scope of type %r" % kind)
        more = (3 if has_client else 0) + (1 if has_user else 0)
        connection, method, *fields, query, raw, path = _split(values, len(headers) + 5 + more)
        certificate = fields[len(headers) : len(headers) + 3] if has_client else []
        is_http = kind == b"http"
        scope = (self._copiers.get(connection) or self._copier(connection))()
        scope["asgi"] = _ASGI.copy()
        scope["path"] = path.decode("utf-8", "replace")
        scope["raw_path"] = raw
        scope["query_string"] = query
        scope["headers"] = list(zip(headers, fields))
        tls = scope["extensions"]
        scope["extensions"] = (HTTP_EXTENSIONS if is_http else WEBSOCKET_EXTENSIONS).copy()
        if tls is not None:
            scope["extensions"]["tls"] = {**tls, **_client(*certificate)} if has_client else tls.copy()
        if has_user:
            scope["extensions"]["jumak.user"] = {"name": fields[-1].decode("utf-8", "replace")}
        if self._state is not None:
            scope["state"] = self._state.copy()
        if is_http:
            scope["method"] = _methods.get(method) or _method(method)
            if not more and self._makers.are_worth_it(names):
                self._makers.made[names] = self._compile(headers)
        else:
            scope["type"] = "websocket"
            del scope["method"]
            scope["subprotocols"] = _subprotocols(scope["headers"])
        return scope

    def _copier(self, connection: bytes) -> Callable[[], dict]:
        """Makes the copier of a connection, for HTTP requests: all requests of a connection describe it alike."""
        version, scheme, client_port, client, server_port, root, server = connection.decode("latin-1").split(" ", 6)
        port = int(server_port)
        scheme, _, tls = scheme.partition(";")
        if version not in _VERSIONS or scheme not in _SCHEMES or not (0 <= port <= 65535 and 0 <= int(client_port) <= 65535):
            raise ValueError("a connection %r" % connection[:_MAX_SHOWN])
        scope: Dict[str, Any] = {
            "type": "http",
            "asgi": None,
            "http_version": version,
            "server": (server, port) if port else (server.encode("latin-1").decode("utf-8", "replace"), None),
            "client": (client, int(client_port)) if client else None,
            "scheme": scheme,
            "root_path": root.encode("latin-1").decode("utf-8", "replace") or self._root_path,
            "path": None,
            "raw_path": None,
            "query_string": None,
            "headers": None,
            # The extension `tls`; the caller adds the others.
            "extensions": _tls(tls) if tls else None,
            "method": None,
        }
        if self._state is not None:
            scope["state"] = None
        if len(self._copiers) >= _MAX_CONNECTIONS:
            self._copiers.clear()
        self._copiers[connection] = scope.copy
        return scope.copy

    def _compile(self, headers: List[bytes]) -> EnvironMaker:
        """For HTTP requests: does what ``_make_slowly`` does, with the names as constants."""
        fields = ["field%d" % i for i in range(len(headers))]
        # A client chose the names: repr makes a literal of any text.
        pairs = ", ".join("(%r, %s)" % pair for pair in zip(headers, fields))
        code = """def make(values):
    connection, method, %s, query, raw, path = values.split(b"\\0", %d)
    scope = (copiers.get(connection) or copier(connection))()
    scope['asgi'] = asgi()
    scope['path'] = path.decode('utf-8', 'replace')
    scope['raw_path'] = raw
    scope['query_string'] = query
    scope['headers'] = [%s]
    tls = scope['extensions']
    scope['extensions'] = extensions()
    if tls is not None:
        scope['extensions']['tls'] = tls.copy()
    scope['method'] = methods.get(method) or new_method(method)
    %s
    return scope
""" % (", ".join(fields), len(headers) + 4, pairs, "" if self._state is None else "scope['state'] = state()")
        known: Dict[str, Any] = {
            "copiers": self._copiers,
            "copier": self._copier,
            "methods": _methods,
            "new_method": _method,
            "asgi": _ASGI.copy,
            "extensions": HTTP_EXTENSIONS.copy,
            "state": (self._state or {}).copy,
        }
        exec(code, known)
        return known["make"]


def _split(values: bytes, count: int) -> List[bytes]:
    parts = values.split(b"\0", count - 1)
    if len(parts) != count:
        raise ValueError("a head with %d values instead of %d" % (len(parts), count))
    return parts


def _tls(numbers: str) -> Dict[str, Any]:
    """The extension ``tls`` of ASGI, version 0.2, without a client's certificate. Its values cannot be changed, so that copies share
    them. Which of our certificates the client has is not known here."""
    version, cipher_suite = numbers.split(";")
    return {
        "server_cert": None,
        "client_cert_chain": (),
        "client_cert_name": None,
        "client_cert_error": None,
        "tls_version": int(version, 16),
        "cipher_suite": int(cipher_suite, 16) if cipher_suite else None,
    }


def _client(error: bytes, name: bytes, pem: bytes) -> Dict[str, Any]:
    """What the extension says of a client's certificate. The chain is the certificate alone: a resumed session has no more of it."""
    if not pem:
        return {}
    return {
        "client_cert_chain": (pem.decode("latin-1"),),
        "client_cert_name": name.decode("utf-8", "replace"),
        "client_cert_error": error.decode("utf-8", "replace") or None,
    }


def _subprotocols(headers: List[Tuple[bytes, bytes]]) -> List[str]:
    """The subprotocols that the client offers, in its order (RFC6455§4.2.2)."""
    offered = [value.decode("latin-1") for name, value in headers if name == b"sec-websocket-protocol"]
    return [name.strip() for value in offered for name in value.split(",") if name.strip()]
