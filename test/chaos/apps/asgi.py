"""What the chaos runner serves, as ASGI: see wsgi.py."""

import asyncio
import os
import time
import zlib
from urllib.parse import parse_qs

MARK = "first"
leaked = []
HEADERS = [(b"content-type", b"text/plain")]


async def application(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])
    _, name, *rest = scope["path"].split("/")
    identity = rest[0] if rest else ""
    query = parse_qs(scope["query_string"].decode())
    # wait: a view that takes as long as its client says
    await asyncio.sleep(float(query.get("ms", ["0"])[0]) / 1000)
    if name == "exit":
        os._exit(17)
    if name == "stuck":
        await asyncio.sleep(3600)
    if name == "block":
        time.sleep(3600)
    if name == "leak":
        leaked.append(bytes(30 * 1024 * 1024) + b"x")
    if name == "eat":
        eaten = [b"x" * (1 << 24)]
        while True:
            eaten.append(eaten[0] + b"x")
    if name == "print":
        print("ran", identity, "x" * 200, flush=True)
    if name == "stream":
        await stream(identity, send)
        return
    body = f"{name} {identity}"
    if name == "post":
        content = await read(receive)
        body = f"post {identity} {len(content)} {zlib.crc32(content)}"
    elif name == "big":
        body = "b" * int(query["size"][0])
    elif name == "mark":
        body = MARK
    length = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS + length})
    await send({"type": "http.response.body", "body": body.encode()})


async def read(receive):
    content = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the client has gone")
        content += message.get("body", b"")
        if not message.get("more_body", False):
            return content


async def stream(identity, send):
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    for part in range(10):
        # wait: a stream that takes a while
        await asyncio.sleep(0.002)
        await send({"type": "http.response.body", "body": f"{identity} {part}\n".encode(), "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
