"""WebSockets from WSGI: flask-sock, and sockets used by hand."""

import os
import select
import sys
import threading
from base64 import b64encode
from hashlib import sha1

from flask import Flask, request
from flask_sock import Sock

app = Flask(__name__)
sock = Sock(app)


@sock.route("/echo")
def echo(ws):
    while True:
        data = ws.receive()
        ws.send(data)


@app.get("/hello")
def hello():
    return "%s %s" % ("werkzeug.socket" in request.environ, "gunicorn.socket" in request.environ)


def accept(key):
    digest = sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Room: hearth\r\n"
        "Sec-WebSocket-Accept: %s\r\n\r\n" % b64encode(digest).decode()
    ).encode()


def raw(environ, start_response):
    """By hand: what the client sends after its handshake comes back, without frames."""
    path = environ["PATH_INFO"]
    if not path.startswith("/raw"):
        return app(environ, start_response)
    sock = environ["gunicorn.socket"]
    what = path[5:]
    if what == "raise-before":
        raise ValueError("before the 101")
    if what == "ordinary":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [("ordinary %s" % ("not used yet" in repr(sock))).encode()]
    if what == "refuse":
        sock.sendall(b"HTTP/1.1 403 No Entry\r\nContent-Length: 4\r\nX-Why: mood\r\n\r\nsoup and more")
        return []
    if what == "refuse-open":
        sock.sendall(b"HTTP/1.1 418 Teapot\r\n\r\n")
        for _ in range(3):
            sock.sendall(b"tea ")
        return []
    if what == "nonsense":
        sock.sendall(b"soup\r\n\r\n")
        return []
    if what == "wrong-accept":
        sock.sendall(accept("x"))
        return []
    if what == "nothing":
        sock.sendall(b"HTTP/1.1 101")
        return []
    if what == "pid":
        sock.sendall(accept(environ["HTTP_SEC_WEBSOCKET_KEY"]) + b"%d\n" % os.getpid())
        while sock.recv(1000):
            pass
        return []
    sock.sendall(accept(environ["HTTP_SEC_WEBSOCKET_KEY"]))
    if what == "raise-after":
        sock.sendall(b"last")
        raise ValueError("after the 101")
    if what == "stop-iteration":
        sock.sendall(b"last")
        raise StopIteration
    if what == "answer-too":
        sock.sendall(b"last")
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"nobody sees this"]
    if what == "flood":
        sent = 0
        block = b"x" * 65536
        while sent < 32 * 1024 * 1024:
            sock.sendall(block)
            sent += len(block)
        return []
    if what == "count":
        total = 0
        while True:
            data = sock.recv(65536)
            if not data:
                break
            total += len(data)
        sock.sendall(b"%d" % total)
        return []
    if what == "late":
        # Reads nothing until it is told to.
        select.select([], [], [], 0.3)
    while True:
        ready, _, _ = select.select([sock], [], [], 10)
        data = sock.recv(65536) if ready else b""
        if not data:
            break
        sock.sendall(data)
    print("raw ended: %s" % what, file=sys.stderr, flush=True)
    return []
