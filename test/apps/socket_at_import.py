"""Connects while it is imported, as to a database: forked copies would all talk through one connection."""

import os
import socket

listener = socket.create_server(("127.0.0.1", 0))
connection = socket.create_connection(listener.getsockname())
other_end, _ = listener.accept()
owner = os.getpid()


def application(environ, start_response):
    body = b"the connection is %s" % (b"mine" if os.getpid() == owner else b"inherited")
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
