"""ASGI without a framework: what the scope says, and trailers in each of the ways that an application may send its content."""

import json


async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["path"].startswith("/trailers/"):
        await trailers(scope["path"].rpartition("/")[2], send)
    else:
        raw = {key: scope[key].decode("latin-1") for key in ("raw_path", "query_string")}
        body = json.dumps({"path": scope["path"], **raw}).encode()
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": body})


async def trailers(way, send):
    headers = [(b"content-type", b"text/plain"), (b"trailer", b"X-Sum")]
    if way != "open":
        headers.append((b"content-length", b"5"))
    await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": True})
    pieces = [b"he", b"llo"] if way == "pieces" else [b"hello"]
    for piece in pieces[:-1]:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": pieces[-1]})
    await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"5")]})
