"""What keeps the state of a client in the memory of its process: sessions over server-sent events, and a WebSocket.

As Gradio does it: `POST /join?session=x` begins work for a session, and `GET /data?session=x` streams what became of it. Another process
does not know the session.
"""

import json
import os

sessions = {}


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "websocket":
        await socket(receive, send)
    else:
        await http(scope, send)


async def lifespan(receive, send):
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def socket(receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": str(os.getpid())})
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def http(scope, send):
    session = scope["query_string"].decode().partition("session=")[2]
    path = scope["path"]
    if path == "/join":
        sessions.setdefault(session, []).append({"step": len(sessions.get(session, [])), "pid": os.getpid()})
        await respond(send, 200, json.dumps({"pid": os.getpid()}))
    elif path == "/data":
        if session not in sessions:
            await respond(send, 404, json.dumps({"error": "session not found", "pid": os.getpid()}))
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        for event in sessions[session]:
            chunk = "data: " + json.dumps(event) + "\n\n"
            await send({"type": "http.response.body", "body": chunk.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    else:
        await respond(send, 200, json.dumps({"pid": os.getpid()}))


async def respond(send, status, text):
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": text.encode()})
