"""A WSGI application for the tests of compression: what it answers stands in the query."""

import json
import os
import time
from urllib.parse import parse_qs

LINE = b"<p>The shop has seven pears, and three of them are ripe.</p>\n"


def text(length):
    return (LINE * (length // len(LINE) + 1))[:length]


def answer(query, start_response):
    """`spec`: JSON with `status`, `headers` and `length`, the number of bytes of content; `chunks`: in so many parts, without a length."""
    spec = json.loads(query["spec"][0])
    headers = [tuple(pair) for pair in spec["headers"]]
    body = text(spec["length"])
    chunks = spec.get("chunks", 0)
    if not chunks:
        start_response(f"{spec['status']} Status", [*headers, ("Content-Length", str(len(body)))])
        return [body]
    start_response(f"{spec['status']} Status", headers)
    size = max(1, -(-len(body) // chunks))
    return (body[at : at + size] for at in range(0, len(body), size))


def zeros(query, start_response):
    """`mib` MiB of zeros."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    piece = bytes(1024 * 1024)
    return (piece for _ in range(int(query["mib"][0])))


def events(query, start_response):
    """An event; another one when the file `gate` is there."""
    start_response("200 OK", [("Content-Type", "text/event-stream")])

    def all_of_them():
        yield b"data: first\n\n"
        while not os.path.exists(query["gate"][0]):
            time.sleep(0.005)
        yield b"data: second\n\n"

    return all_of_them()


PATHS = {"/answer": answer, "/zeros": zeros, "/events": events}


def application(environ, start_response):
    return PATHS[environ["PATH_INFO"]](parse_qs(environ["QUERY_STRING"]), start_response)
