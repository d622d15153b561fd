"""Bare ASGI callables for the bench."""

import asyncio

BODY = b"Hello, world!"
TEN_KILOBYTES = b"x" * 10240
TEXT = (b"content-type", b"text/plain")


def _answer(body):
    headers = [TEXT, (b"content-length", str(len(body)).encode())]

    async def application(scope, receive, send):
        if scope["type"] == "lifespan":
            return
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return application


hello = _answer(BODY)
ten_kilobytes = _answer(TEN_KILOBYTES)


async def ten_milliseconds(scope, receive, send):
    # wait: the view of this scene takes so long
    await asyncio.sleep(0.01)
    await hello(scope, receive, send)


async def echo(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    body = b"".join(parts)
    headers = [TEXT, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def ws_echo(scope, receive, send):
    if scope["type"] != "websocket":
        return await hello(scope, receive, send)
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        await send({"type": "websocket.send", "text": message["text"]})


_clients = set()


async def ws_broadcast(scope, receive, send):
    if scope["type"] != "websocket":
        return await hello(scope, receive, send)
    await receive()
    await send({"type": "websocket.accept"})
    _clients.add(send)
    try:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            for one in list(_clients):
                await one({"type": "websocket.send", "text": message["text"]})
    finally:
        _clients.discard(send)
