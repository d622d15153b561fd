"""A bare WSGI application for the end-to-end tests: a path for each thing that can go right or wrong.

Used as it is, and behind wsgiref.validate by validated.py; so every path that follows the rules reads `wsgi.input` with
a size, calls start_response before it returns, and names a Content-Type. PATHS at the end lists them all.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from urllib.parse import parse_qs

PATTERN = bytes(range(256))
closed = 0


def pattern(size, offset=0):
    """`size` bytes of a sequence that shows when a part is missing or twice: byte i is i modulo 256."""
    start = offset % 256
    return (PATTERN * ((size + start) // 256 + 1))[start : start + size]


class Request:
    def __init__(self, environ):
        self.environ = environ
        self.query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        path = environ["PATH_INFO"].lstrip("/").split("/")
        self.name = path[0]
        self.rest = path[1:]

    def text(self, name, default=""):
        return self.query.get(name, [default])[0]

    def integer(self, name, default):
        return int(self.text(name, str(default)))

    def number(self, name, default):
        return float(self.text(name, str(default)))


def respond(start_response, body, content_type="text/plain", status="200 OK", headers=()):
    if isinstance(body, str):
        body = body.encode()
    start_response(status, [("Content-Type", content_type), ("Content-Length", str(len(body))), *headers])
    return [body]


def respond_json(start_response, value):
    return respond(start_response, json.dumps(value), "application/json")


def read_all(stream, size=65536):
    parts = []
    while True:
        part = stream.read(size)
        if not part:
            return b"".join(parts)
        parts.append(part)


# ---- what a well-behaved application does


def hello(request, start_response):
    return respond(start_response, "Hello, world!")


def some_bytes(request, start_response):
    return respond(start_response, pattern(int(request.rest[0])), "application/octet-stream")


def echo(request, start_response):
    return respond(start_response, read_all(request.environ["wsgi.input"]), "application/octet-stream")


def environ(request, start_response):
    plain = (str, bool, int, float, type(None))
    return respond_json(
        start_response,
        {
            key: list(value) if isinstance(value, tuple) else value if isinstance(value, plain) else repr(value)
            for key, value in request.environ.items()
        },
    )


def status(request, start_response):
    """/status/204, /status/304 … without content; ?length=N adds a Content-Length, as HEAD and 304 may have."""
    code = request.rest[0]
    headers = [] if code in ("204", "304") else [("Content-Type", "text/plain")]
    if request.text("length"):
        headers.append(("Content-Length", request.text("length")))
    start_response(code + " " + request.text("reason", "Whatever"), headers)
    return []


def stream(request, start_response):
    """?n=chunks &delay=seconds between them, or &gate=file that must be there &size=bytes of each: `chunk 0\\n`, padded."""
    count, delay, gate = request.integer("n", 3), request.number("delay", 0), request.text("gate")
    size = request.integer("size", 0)
    start_response("200 OK", [("Content-Type", "text/plain")])

    def chunks():
        for index in range(count):
            if index and delay:
                # wait: a stream that is slow
                time.sleep(delay)
            while index and gate and not os.path.exists(gate):
                time.sleep(0.01)
            yield (b"chunk %d\n" % index).rjust(size, b".")

    return chunks()


def sleep(request, start_response):
    seconds = request.number("s", 1)
    print("sleeping %s" % seconds, flush=True)
    # wait: a view that takes long
    time.sleep(seconds)
    return respond(start_response, "slept")


def hold(request, start_response):
    """?gate=file: holds its worker until the file is there."""
    print("holding", flush=True)
    while not os.path.exists(request.text("gate")):
        time.sleep(0.01)  # wait: a test has no other way to tell an application
    return respond(start_response, "let go")



def write_callable(request, start_response):
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"written 1\n")
    write(b"written 2\n")
    return [b"returned\n"]


def many_parts(request, start_response):
    """A list with empty parts among the others."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"", b"one ", b"", b"two", b""]


def empty(request, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return []


def headers(request, start_response):
    """Repeated fields, cookies, latin-1 values, a reason phrase of its own, odd spelling."""
    return respond(
        start_response,
        "headers",
        status="200 Fine by me",
        headers=[
            ("Set-Cookie", "a=1; Path=/"),
            ("Set-Cookie", "b=2; Path=/"),
            ("X-Latin", "caf\xe9"),
            ("x-ODD-caSe", "kept"),
            ("X-Empty", ""),
        ],
    )


def print_line(request, start_response):
    print("printed " + request.text("m", "something"))
    return respond(start_response, "printed")



def errors(request, start_response):
    stream = request.environ["wsgi.errors"]
    stream.write("to wsgi.errors: %s\n" % request.text("m", "something"))
    stream.flush()
    stream.writelines(["one line\n", "another line\n"])
    return respond(start_response, "written")


def early_hints(request, start_response):
    hint = request.environ.get("wsgi.early_hints")
    if hint:
        hint([("Link", "</style.css>; rel=preload; as=style")])
    return respond(start_response, "hinted" if hint else "no wsgi.early_hints")


def exc_info_before(request, start_response):
    """A second start_response with exc_info before the head is sent replaces the first."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-First", "1")])
    try:
        raise ValueError("replaced")
    except ValueError:
        start_response("503 Replaced", [("Content-Type", "text/plain")], sys.exc_info())
    return [b"replaced"]


# ---- request content


def input_read(request, start_response):
    """/input/MODE: what each way of reading gives, as JSON, and that the end stays the end."""
    stream = request.environ["wsgi.input"]
    mode = request.rest[0]
    size = request.integer("size", 7)
    if mode == "read":
        got = []
        while True:
            part = stream.read(size)
            if not part:
                break
            got.append(part)
    elif mode == "read-all":
        got = [stream.read()]
    elif mode == "read-negative":
        got = [stream.read(-1)]
    elif mode == "readline":
        got = list(iter(stream.readline, b""))
    elif mode == "readline-size":
        got = list(iter(lambda: stream.readline(size), b""))
    elif mode == "readlines":
        got = stream.readlines()
    elif mode == "readlines-hint":
        got = stream.readlines(size)
    elif mode == "iterate":
        got = list(stream)
    else:
        raise ValueError("unknown mode " + mode)
    rest = read_all(stream)
    after = [stream.read(1), stream.read(1)]
    decode = [part.decode("latin-1") for part in got]
    return respond_json(
        start_response,
        {"got": decode, "rest": rest.decode("latin-1"), "after": [part.decode("latin-1") for part in after]},
    )


def unread_body(request, start_response):
    return respond(start_response, "did not look")


def half_read_body(request, start_response):
    part = request.environ["wsgi.input"].read(10)
    return respond(start_response, part, "application/octet-stream")


def slow_echo(request, start_response):
    """Answers each part of the body as it is read."""
    stream = request.environ["wsgi.input"]
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return iter(lambda: stream.read(65536), b"")


# ---- files


def wrap(request, stream, block_size=8192):
    wrapper = request.environ.get("wsgi.file_wrapper")
    return wrapper(stream, block_size) if wrapper else iter(lambda: stream.read(block_size), b"")


def temporary_file(size):
    """Without a name: the gateway must open it through its descriptor."""
    stream = tempfile.TemporaryFile()
    stream.write(pattern(size))
    stream.seek(0)
    return stream


def file(request, start_response):
    """?size=bytes of the file; Content-Length is given unless ?length=no."""
    size = request.integer("size", 100_000)
    headers = [("Content-Type", "application/octet-stream")]
    if request.text("length") != "no":
        headers.append(("Content-Length", str(size)))
    start_response("200 OK", headers)
    return wrap(request, CountedFile(temporary_file(size)))


def file_partial(request, start_response):
    """?skip=bytes &length=bytes: a file that was read into, and only a part of the rest is promised."""
    size, skip = request.integer("size", 100_000), request.integer("skip", 1000)
    length = request.integer("length", 5000)
    stream = CountedFile(temporary_file(size))
    stream.read(skip)
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(length))])
    return wrap(request, stream)


def file_named(request, start_response):
    stream = open(__file__, "rb")
    start_response("200 OK", [("Content-Type", "text/x-python")])
    return wrap(request, stream)


class CountedFile:
    """A real file whose close() is counted."""

    def __init__(self, stream):
        self.stream = stream
        self.read, self.fileno, self.tell = stream.read, stream.fileno, stream.tell

    def close(self):
        count_close()
        self.stream.close()


class FileLike:
    """No descriptor behind it, and only what PEP 3333 asks for."""

    def __init__(self, content):
        self.content = content

    def read(self, size):
        part, self.content = self.content[:size], self.content[size:]
        return part

    def close(self):
        count_close()


def filelike(request, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    return wrap(request, FileLike(pattern(request.integer("size", 100_000))))


# ---- close()


def count_close():
    global closed
    closed += 1
    print("closed %d" % closed, flush=True)


class Closing:
    """An iterable whose close() is counted and said; ?n= chunks &delay= &raise=1 after the first."""

    def __init__(self, request):
        self.left = request.integer("n", 1)
        self.delay = request.number("delay", 0)
        self.size = request.integer("size", 5)
        self.fails = bool(request.text("raise"))
        self.given = 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.given == self.left:
            raise StopIteration
        if self.given and self.fails:
            raise RuntimeError("raised while iterating")
        if self.given and self.delay:
            # wait: a stream that is slow
            time.sleep(self.delay)
        self.given += 1
        return b"x" * self.size

    def close(self):
        count_close()


def closing(request, start_response):
    code = request.text("status", "200")
    headers = [] if code in ("204", "304") else [("Content-Type", "text/plain")]
    start_response(code + " Status", headers)
    return Closing(request)


def closing_raises(request, start_response):
    """close() itself fails after a complete response."""

    class Broken(Closing):
        def close(self):
            count_close()
            raise RuntimeError("close failed")

    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return Broken(request)



# ---- where it runs


def process(request, start_response):
    return respond_json(
        start_response,
        {
            "pid": os.getpid(),
            "parent": os.getppid(),
            "thread": threading.current_thread().name,
            "version": sys.version.split()[0],
            "executable": sys.executable,
            "argv": sys.argv,
            "path": sys.path,
            "cwd": os.getcwd(),
            "environment": dict(os.environ),
            "modules": sorted(name for name in sys.modules if "jumak" in name),
            "descriptors": len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None,
        },
    )


def child(request, start_response):
    """What a subprocess of the application sees: sys.path, environment and inherited descriptors."""
    code = "import json, os, sys; print(json.dumps([sys.path, dict(os.environ), sorted(os.listdir('/proc/self/fd'))]))"
    output = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True, close_fds=False).stdout
    return respond(start_response, output, "application/json")


# ---- what an application should not do


def crash(request, start_response):
    raise RuntimeError("crashed on purpose")


def crash_mid(request, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])

    def chunks():
        yield b"so far, so good\n"
        raise RuntimeError("crashed in the middle")

    return chunks()


def crash_after_start(request, start_response):
    """Raises after start_response, before any content: the head was never sent, so this is a clean 500."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    raise RuntimeError("crashed after start_response")


def exc_info_after(request, start_response):
    """start_response with exc_info after the head is gone must raise that exception again."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    write(b"the head is gone\n")
    try:
        raise ValueError("too late")
    except ValueError:
        start_response("500 Too Late", [("Content-Type", "text/plain")], sys.exc_info())
    return [b"never"]


def exit_process(request, start_response):
    os._exit(17)



def system_exit(request, start_response):
    raise SystemExit(3)


def kill(request, start_response):
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def no_start_response(request, start_response):
    return [b"nobody called start_response"]


def start_twice(request, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return []


def returns_none(request, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])


def returns_text(request, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return "text instead of a list of bytes"


def yields_text(request, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return ["text instead of bytes"]


BAD_STATUS = {
    "number": 200,
    "short": "20 OK",
    "letters": "abc OK",
    "crlf": "200 OK\r\nX-Split: yes",
    "interim": "100 Continue",
    "nul": "200 O\0K",
    "wide": "200 \uc8fc\ub9c9",
}
BAD_HEADER = {
    "crlf": ("X-Bad", "a\r\nX-Split: yes"),
    "lf": ("X-Bad", "a\nX-Split: yes"),
    "nul": ("X-Bad", "a\0b"),
    "wide": ("X-Bad", "\uc8fc\ub9c9"),
    "name-space": ("X Bad", "a"),
    "name-colon": ("X-Bad:", "a"),
    "name-empty": ("", "a"),
    "name-crlf": ("X-Bad\r\nX-Split", "yes"),
    "value-bytes": ("X-Bad", b"a"),
    "value-number": ("X-Bad", 1),
    "not-a-pair": ("X-Bad",),
    "length": ("Content-Length", "five"),
    "length-negative": ("Content-Length", "-5"),
}


def bad_status(request, start_response):
    """?kind= one of BAD_STATUS."""
    start_response(BAD_STATUS[request.text("kind", "short")], [("Content-Type", "text/plain")])
    return [b"never"]


def bad_header(request, start_response):
    """?kind= one of BAD_HEADER."""
    start_response("200 OK", [("Content-Type", "text/plain"), BAD_HEADER[request.text("kind", "crlf")]])
    return [b"never"]


def hop_by_hop(request, start_response):
    """Fields that belong to the server, not to the application (RFC9110§7.6.1)."""
    return respond(
        start_response, "hop", headers=[("Connection", "X-Mine"), ("Keep-Alive", "timeout=1"), ("X-Mine", "1")]
    )


def chunked_by_hand(request, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Transfer-Encoding", "chunked")])
    return [b"5\r\nhello\r\n0\r\n\r\n"]


def short(request, start_response):
    """Less than Content-Length promises."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "100")])
    return [b"short"]


def long(request, start_response):
    """More than Content-Length promises."""
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"exact", b"and more"]


def content_with_204(request, start_response):
    start_response("204 No Content", [])
    return [b"must not be sent"]


def noncanonical(request, start_response):
    """Header names in odd spelling, framing fields among them."""
    body = b"noncanonical"
    start_response("200 OK", [("content-type", "text/plain"), ("CONTENT-LENGTH", str(len(body))), ("dAtE", "yesterday")])
    return [body]


PATHS = {
    "": hello,
    "bad-header": bad_header,
    "bad-status": bad_status,
    "bytes": some_bytes,
    "child": child,
    "chunked-by-hand": chunked_by_hand,
    "closing": closing,
    "closing-raises": closing_raises,
    "content-with-204": content_with_204,
    "crash": crash,
    "crash-after-start": crash_after_start,
    "crash-mid": crash_mid,
    "early-hints": early_hints,
    "echo": echo,
    "empty": empty,
    "environ": environ,
    "errors": errors,
    "exc-info-after": exc_info_after,
    "exc-info-before": exc_info_before,
    "exit": exit_process,
    "file": file,
    "file-named": file_named,
    "file-partial": file_partial,
    "filelike": filelike,
    "half-read-body": half_read_body,
    "headers": headers,
    "hello": hello,
    "hold": hold,
    "hop-by-hop": hop_by_hop,
    "input": input_read,
    "kill": kill,
    "long": long,
    "many-parts": many_parts,
    "no-start-response": no_start_response,
    "noncanonical": noncanonical,
    "print": print_line,
    "process": process,
    "returns-none": returns_none,
    "returns-text": returns_text,
    "short": short,
    "sleep": sleep,
    "slow-echo": slow_echo,
    "start-twice": start_twice,
    "status": status,
    "stream": stream,
    "system-exit": system_exit,
    "unread-body": unread_body,
    "write-callable": write_callable,
    "yields-text": yields_text,
}


def application(environ, start_response):
    request = Request(environ)
    view = PATHS.get(request.name)
    if view is None:
        return respond(start_response, "no such path: " + request.name, status="404 Not Found")
    return view(request, start_response)
