"""Answers with its scope and the content of the request, as JSON. For uvicorn and for Jumak."""

import json


def shown(value):
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, dict):
        return {str(key): shown(inner) for key, inner in value.items()}
    return [shown(inner) for inner in value] if isinstance(value, (list, tuple)) else value


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": kind + ".complete"})
            if kind == "lifespan.shutdown":
                return
    content, more = b"", True
    while more:
        message = await receive()
        content += message.get("body", b"")
        more = message.get("more_body", False)
    status = 204 if scope["path"].endswith("/empty") else 404 if scope["path"].endswith("/nothing") else 200
    if scope["path"].endswith("/fails"):
        raise RuntimeError("the application fails")
    seen = {key: shown(value) for key, value in scope.items() if key not in ("extensions", "state")}
    body = b"" if status == 204 else json.dumps({"scope": seen, "content": shown(content)}, sort_keys=True).encode()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", b"application/json"), (b"x-own", b"1"), (b"x-own", b"2")],
        }
    )
    await send({"type": "http.response.body", "body": body})


def make():
    return app


def two(scope):
    """ASGI 2."""

    async def run(receive, send):
        await app(scope, receive, send)

    return run


def wsgi(environ, start_response):
    names = ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REMOTE_ADDR", "wsgi.url_scheme")
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({name: environ.get(name) for name in names}).encode()]
