"""An ASGI application without a lifespan: answers when it has all content, and echoes the messages of a WebSocket."""


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        print("asked for a lifespan", flush=True)
        raise RuntimeError("there is no lifespan here")
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            await send({"type": "websocket.send", "text": message["text"]})
    print("asked for " + scope["path"], flush=True)
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"answered"})
