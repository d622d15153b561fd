"""From the head of a request to its ASGI scope (ASGI 3.0, HTTP and WebSocket 2.5).

Invariants: a scope and what is in it belong to the application, which may change them; what is kept between requests is
bounded. Nothing here knows exchanges or links. The layout of a head is drawn in ``src/apps/wire/multiplex.ts``.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from .makers import Maker, Makers

HTTP_EXTENSIONS: Dict[str, dict] = {
    "http.response.trailers": {},
    "http.response.pathsend": {},
    "http.response.zerocopysend": {},
    "http.response.early_hint": {},
}
WEBSOCKET_EXTENSIONS: Dict[str, dict] = {"websocket.http.response": {}}

_ASGI = {"version": "3.0", "spec_version": "2.5"}

#: More connections than most gateways hold; then they are read anew.
_MAX_CONNECTIONS = 4096
#: RFC9110 has nine, WebDAV some more.
_MAX_METHODS = 64

#: http_version, scheme, client, server
Connection = Tuple[str, str, Optional[Tuple[str, int]], Tuple[str, Optional[int]]]


class _Connections(Dict[bytes, Connection]):
    """All requests of a connection say the same of it."""

    def __missing__(self, text: bytes) -> Connection:
        version, scheme, client_port, client, server_port, server = text.decode("latin-1").split(" ", 5)
        port = int(server_port)
        found: Connection = (
            version,
            scheme,
            (client, int(client_port)) if client else None,
            (server, port) if port else (server.encode("latin-1").decode("utf-8", "replace"), None),
        )
        if len(self) >= _MAX_CONNECTIONS:
            self.clear()
        self[text] = found
        return found


class _Methods(Dict[bytes, str]):
    def __missing__(self, text: bytes) -> str:
        method = text.decode("latin-1")
        if len(self) < _MAX_METHODS:
            self[text] = method
        return method


_connections = _Connections()
_methods = _Methods()


class Scopes:
    """Makes scopes for one worker. ``state``: of the lifespan; each request has a copy."""

    def __init__(self, root_path: str, state: Optional[Dict[str, Any]]) -> None:
        self._root_path = root_path
        self._state = state
        self._makers = Makers()

    def make(self, names: bytes, values: bytes) -> dict:
        """Both joined by NUL; the last value may contain NUL. Raises ValueError when they do not match."""
        maker = self._makers.made.get(names)
        if maker is None:
            return self._make_slowly(names, values)
        return maker(values)

    def _make_slowly(self, names: bytes, values: bytes) -> dict:
        kind, *headers = names.split(b"\0")
        if kind not in (b"http", b"websocket"):
            raise ValueError("a scope of type %r" % kind)
        connection, method, *fields, query, raw, path = _split(values, len(headers) + 5)
        version, scheme, client, server = _connections[connection]
        is_http = kind == b"http"
        scope: Dict[str, Any] = {
            "type": kind.decode(),
            "asgi": _ASGI.copy(),
            "http_version": version,
            "server": server,
            "client": client,
            "scheme": scheme,
            "root_path": self._root_path,
            "path": path.decode("utf-8", "replace"),
            "raw_path": raw,
            "query_string": query,
            "headers": list(zip(headers, fields)),
            "extensions": (HTTP_EXTENSIONS if is_http else WEBSOCKET_EXTENSIONS).copy(),
        }
        if self._state is not None:
            scope["state"] = self._state.copy()
        if is_http:
            scope["method"] = _methods[method]
            if self._makers.are_worth_it(names):
                self._makers.made[names] = self._compile(headers)
        else:
            scope["subprotocols"] = _subprotocols(scope["headers"])
        return scope

    def _compile(self, headers: List[bytes]) -> Maker:
        """Of an HTTP request: what ``_make_slowly`` does, with the names as constants."""
        fields = ["field%d" % i for i in range(len(headers))]
        # The names came from a stranger: repr makes them literals, whatever they are.
        pairs = ", ".join("(%r, %s)" % pair for pair in zip(headers, fields))
        state = "" if self._state is None else ", 'state': state()"
        code = """def make(values):
    connection, method, %s, query, raw, path = values.split(b"\\0", %d)
    version, scheme, client, server = connections[connection]
    return {'type': 'http', 'asgi': asgi(), 'http_version': version, 'server': server, 'client': client,
        'scheme': scheme, 'root_path': root_path, 'path': path.decode('utf-8', 'replace'), 'raw_path': raw,
        'query_string': query, 'headers': [%s], 'extensions': extensions(), 'method': methods[method]%s}
""" % (", ".join(fields), len(headers) + 4, pairs, state)
        known: Dict[str, Any] = {
            "connections": _connections,
            "methods": _methods,
            "asgi": _ASGI.copy,
            "extensions": HTTP_EXTENSIONS.copy,
            "root_path": self._root_path,
            "state": (self._state or {}).copy,
        }
        exec(code, known)
        return known["make"]


def _split(values: bytes, count: int) -> List[bytes]:
    parts = values.split(b"\0", count - 1)
    if len(parts) != count:
        raise ValueError("a head with %d values instead of %d" % (len(parts), count))
    return parts


def _subprotocols(headers: List[Tuple[bytes, bytes]]) -> List[str]:
    """Those that the client offers, in its order (RFC6455§4.2.2)."""
    offered = [value.decode("latin-1") for name, value in headers if name == b"sec-websocket-protocol"]
    return [name.strip() for value in offered for name in value.split(",") if name.strip()]
