"""A web application without a framework: `jumak app` in this directory.

Django, Flask and the others are, in the end, one such function. The contract between it and the server is PEP 3333
(WSGI): https://peps.python.org/pep-3333/
"""

import time
from html import escape
from urllib.parse import parse_qs


def application(environ, start_response):
    """Called once for each request.

    `environ` is a dict: the request line and the headers as strings, plus what the server says about itself.
    `start_response(status, headers)` is called once, before any content. What is returned is the content: an iterable
    of bytes, sent piece by piece.
    """
    path = environ["PATH_INFO"]  # percent-decoded; environ["QUERY_STRING"] has what comes after the question mark
    if path == "/":
        return greet(environ, start_response)
    if path == "/stream":
        return stream(environ, start_response)
    if path == "/echo":
        return echo(environ, start_response)
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"nothing here\n"]


def greet(environ, start_response):
    query = parse_qs(environ["QUERY_STRING"])
    name = query.get("name", ["traveller"])[0]
    # Never put into HTML what a visitor sent without escaping it.
    body = ("<!doctype html><title>Bare WSGI</title><h1>Hello, %s</h1>" % escape(name)).encode()
    start_response(
        "200 OK",
        [
            ("Content-Type", "text/html; charset=utf-8"),
            # Without it the server sends the content in chunks, which is fine too.
            ("Content-Length", str(len(body))),
        ],
    )
    return [body]


def stream(environ, start_response):
    """A generator: each piece leaves for the client when it is yielded."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    for number in range(1, 6):
        yield b"piece %d\n" % number
        time.sleep(0.5)


def echo(environ, start_response):
    """The content of the request is a file-like object; reading past its end gives b"", as with any file."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    content = environ["wsgi.input"]
    return iter(lambda: content.read(65536), b"")
