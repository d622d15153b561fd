"""Answers with what it is told of a request, and with what it sees of its process, as JSON: `application` by WSGI, `asgi` by ASGI."""

import json
import os


def _shown(value):
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, dict):
        return {str(key): _shown(inner) for key, inner in value.items()}
    return [_shown(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def _told(request, content):
    mask = os.umask(0)
    os.umask(mask)
    process = {"variables": dict(os.environ), "directory": os.getcwd(), "mask": mask, "ids": [os.getuid(), os.getgid()]}
    return json.dumps({"request": request, "content": content.decode("latin-1"), "process": process}).encode()


def application(environ, start_response):
    request = {name: value for name, value in environ.items() if isinstance(value, (str, int, bool))}
    body = _told(request, environ["wsgi.input"].read())
    status = "404 Not Found" if environ["PATH_INFO"].endswith("/nothing") else "200 OK"
    start_response(status, [("Content-Type", "application/json"), ("X-Own", "1"), ("X-Own", "2")])
    return [body]


async def asgi(scope, receive, send):
    while scope["type"] == "lifespan":
        kind = (await receive())["type"]
        await send({"type": kind + ".complete"})
        if kind == "lifespan.shutdown":
            return
    content, more = b"", True
    while more:
        message = await receive()
        content += message.get("body", b"")
        more = message.get("more_body", False)
    request = {key: _shown(value) for key, value in scope.items() if key not in ("extensions", "state")}
    status = 404 if scope["path"].endswith("/nothing") else 200
    headers = [(b"content-type", b"application/json"), (b"x-own", b"1"), (b"x-own", b"2")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": _told(request, content)})
