"""Bare PEP 3333 applications: what a server costs when the application costs nothing."""

TEN_KILOBYTES = b"x" * 10240


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "13")])
    return [b"Hello, world!"]


def ten_kilobytes(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "10240")])
    return [TEN_KILOBYTES]
