"""What the chaos runner serves, as WSGI: each answer names the request that it belongs to, so that none can be mistaken."""

import os
import time
import zlib
from urllib.parse import parse_qs

MARK = "first"
leaked = []


def application(environ, start_response):
    _, name, *rest = environ["PATH_INFO"].split("/")
    identity = rest[0] if rest else ""
    query = parse_qs(environ["QUERY_STRING"])
    # wait: a view that takes as long as its client says
    time.sleep(float(query.get("ms", ["0"])[0]) / 1000)
    if name == "exit":
        os._exit(17)
    if name == "stuck":
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
        start_response("200 OK", [("Content-Type", "text/plain")])
        return stream(identity)
    body = f"{name} {identity}"
    if name == "post":
        content = environ["wsgi.input"].read()
        body = f"post {identity} {len(content)} {zlib.crc32(content)}"
    elif name == "big":
        body = "b" * int(query["size"][0])
    elif name == "mark":
        body = MARK
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body.encode()]


def stream(identity):
    for part in range(10):
        # wait: a stream that takes a while
        time.sleep(0.002)
        yield f"{identity} {part}\n".encode()
