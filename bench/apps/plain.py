"""Bare PEP 3333 applications: what a server costs when the application costs nothing."""

import time

TEN_KILOBYTES = b"x" * 10240
MEBIBYTE = b"x" * 2**20
PIECE = b"x" * 65536
PIECES = 160


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "13")])
    return [b"Hello, world!"]


def wait_100ms(environ, start_response):
    # wait: what the scene is about
    time.sleep(0.1)
    return hello(environ, start_response)


def ten_kilobytes(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "10240")])
    return [TEN_KILOBYTES]


def echo(environ, start_response):
    length = int(environ.get("CONTENT_LENGTH") or 0)
    content = environ["wsgi.input"].read(length)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(content)))])
    return [content]


def count(environ, start_response):
    """How long the content is: reads all of it, and keeps none."""
    length = 0
    while content := environ["wsgi.input"].read(65536):
        length += len(content)
    body = b"%d" % length
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def ten_megabytes(environ, start_response):
    size = len(PIECE) * PIECES if environ["PATH_INFO"] != "/up" else 0
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(size))])
    return (PIECE for _ in range(size // len(PIECE)))


def one_percent_slow(environ, start_response):
    # wait: the views of this scene take so long
    time.sleep(0.5 if environ["PATH_INFO"] == "/slow" else 0.005)
    return hello(environ, start_response)


def hello_or_large(environ, start_response):
    if environ["PATH_INFO"] != "/large":
        return hello(environ, start_response)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(MEBIBYTE)))])
    return [MEBIBYTE]
