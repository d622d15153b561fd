"""Prints in every way that there is, for the tests of the logs. The path says how."""

import logging
import subprocess
import sys
import threading
import time
import traceback

# As frameworks do: the handler keeps the stream that is there when the application is imported.
logging.basicConfig(format="%(levelname)s %(message)s")
print("imported")


def fail(depth):
    if depth:
        fail(depth - 1)
    raise ValueError("bad luck")


def line_by_line(_):
    """A traceback in many writes, with time between them for others."""
    try:
        fail(2)
    except ValueError:
        for line in traceback.format_exc().splitlines():
            print(line, file=sys.stderr, flush=True)
            # wait: others may print between two lines
            time.sleep(0.0005)


def by_logging(name):
    try:
        fail(2)
    except ValueError:
        logging.exception("it failed in %s", name)


def in_a_thread(name):
    thread = threading.Thread(target=print, args=("thread of " + name,))
    thread.start()
    thread.join()


WAYS = {
    "quiet": lambda name: None,
    "print": lambda name: print("printed by", name),
    "parts": lambda name: (print("part 1", end=" ", flush=True), print("part 2", end=" "), sys.stdout.flush()),
    "bytes": lambda name: sys.stdout.buffer.write(b"bytes of " + name.encode() + b"\n"),
    "line-by-line": line_by_line,
    "logging": by_logging,
    "thread": in_a_thread,
    "subprocess": lambda name: subprocess.run([sys.executable, "-c", "print('child of %s')" % name], check=True),
    "raise": lambda name: fail(2),
    "escape": lambda name: print("\x1f=forged\x1fnot marked"),
}


def application(environ, start_response):
    way, _, name = environ["PATH_INFO"].strip("/").partition("/")
    WAYS[way](name)
    if way == "print":
        environ["wsgi.errors"].write("to errors by %s\n" % name)
    body = environ["HTTP_X_REQUEST_ID"].encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
