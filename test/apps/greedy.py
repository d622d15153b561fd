"""What clients try to make the gateway hold: an application of each kind that takes nothing, or gives much."""

import asyncio

_BIG = b"x" * 1_500_000
#: Those that take nothing leave when it is set: made on its loop, which for Python 3.9 is not that of the import.
_awake = []


def _alarm():
    if not _awake:
        _awake.append(asyncio.Event())
    return _awake[0]


def wsgi(environ, start_response):
    body = _BIG if environ["PATH_INFO"] == "/big" else b"hello"
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


async def asgi(scope, receive, send):
    if scope["type"] == "http":
        if scope["path"] == "/wake":
            _alarm().set()
        body = _BIG if scope["path"] == "/big" else b"hello"
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        if scope["path"] == "/deaf":
            await _alarm().wait()
            return
        while (await receive())["type"] != "websocket.disconnect":
            pass
    else:
        raise RuntimeError("there is no lifespan here")
