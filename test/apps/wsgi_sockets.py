"""WebSockets from WSGI: flask-sock, and sockets that are used by hand."""

import os
import select
import sys
import time
from base64 import b64encode
from hashlib import sha1

from flask import Flask
from flask_sock import Sock
from simple_websocket import ConnectionClosed

flask = Flask(__name__)
sock = Sock(flask)


@sock.route("/echo", methods=["GET"])
def echo(ws):
    try:
        while True:
            ws.send(ws.receive())
    except ConnectionClosed as end:
        print("left with %d" % end.reason, flush=True)


@sock.route("/farewell")
def farewell(ws):
    ws.close(4003, "enough")


def accept(key, *headers):
    digest = sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    head += ["Sec-WebSocket-Accept: " + b64encode(digest).decode(), *headers]
    return "".join(line + "\r\n" for line in head + [""]).encode()


def read_on(sock):
    """Sends back what comes, without frames, until the client has gone."""
    while True:
        ready, _, _ = select.select([sock], [], [])
        data = sock.recv(65536)
        if not data:
            return
        sock.sendall(data)


def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/keys":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [",".join(key for key in environ if key.endswith(".socket")).encode()]
    if not path.startswith("/raw/"):
        return flask(environ, start_response)
    what = path[5:]
    sock = environ["gunicorn.socket"]
    assert sock is environ["werkzeug.socket"]
    if what == "raise-before":
        raise ValueError("before the 101")
    if what == "ordinary":
        # To look at it does not take it.
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [repr(sock).encode()]
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
    if what == "half-a-head":
        sock.sendall(b"HTTP/1.1 101")
        return []
    sock.sendall(accept(environ["HTTP_SEC_WEBSOCKET_KEY"], "X-Room: hearth", "Content-Length: 7"))
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
    if what == "close":
        sock.sendall(b"last")
        sock.close()
        while not os.path.exists(environ["QUERY_STRING"].split("=", 1)[1]):
            time.sleep(0.01)  # wait: for the test, whose client does not wait for this
        print("close returned", file=sys.stderr, flush=True)
        return []
    if what == "flood":
        block = b"x" * 65536
        for _ in range(512):
            sock.sendall(block)
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
    if what == "pid":
        sock.sendall(b"%d\n" % os.getpid())
    if what == "peer":
        sock.sendall(b"%s\n" % " ".join(map(str, sock.getpeername())).encode())
    try:
        read_on(sock)
    except OSError as error:
        print("raw failed: %r" % error, file=sys.stderr, flush=True)
    print("raw ended: %s" % what, file=sys.stderr, flush=True)
    return []
