"""ASGI without a framework: streams that are open in both directions, and how each of them may end."""

import os
import signal


async def application(scope, receive, send):
    if scope["type"] == "websocket":
        await socket(scope, receive, send)
    elif scope["type"] == "http":
        await PATHS[scope["path"]](scope, receive, send)
    else:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})


async def start(send):
    headers = [(b"content-type", b"text/plain"), (b"trailer", b"X-Sum")]
    await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": True})


async def part(send, body, more=True):
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def version(scope, _receive, send):
    await start(send)
    await part(send, scope["http_version"].encode(), more=False)
    await send({"type": "http.response.trailers", "headers": []})


async def echo(_scope, receive, send):
    """Each piece as it comes, and their sum in the trailers."""
    await start(send)
    total = 0
    more = True
    while more:
        message = await receive()
        more = message["more_body"]
        total += len(message["body"])
        await part(send, message["body"], more)
    await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"%d" % total)]})


async def listen(_scope, receive, send):
    """Until the client has gone."""
    await start(send)
    await part(send, b"listening")
    while (message := await receive())["type"] != "http.disconnect":
        pass
    print("the client has gone:", message["type"], flush=True)


async def kill(_scope, _receive, _send):
    """Ends all that runs in this worker."""
    os.kill(os.getpid(), signal.SIGKILL)


async def socket(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": f"{scope['http_version']} {message['text']}"})
    print("the socket has gone:", message["code"], flush=True)


PATHS = {"/": version, "/echo": echo, "/listen": listen, "/kill": kill}
