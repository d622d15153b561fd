"""An application that is an enemy of the others behind the same program, for ``39-hostile-application.test.ts``.

``/try`` takes a JSON list of attempts and answers what became of each: ``done``, a value, or the name of the error. The code in a file ``lie``
beside it runs in the place of each message to the master, in preloader and worker, with ``type``, ``fields``, ``send`` and ``os``.
"""

import ctypes
import errno
import functools
import json
import os
import socket
import sys

control = next(one for name, one in sys.modules.items() if name.endswith(".control") and hasattr(one, "ControlChannel"))
honest = control.ControlChannel.send
#: Connections that ``flood`` keeps open.
kept = []
libc = ctypes.CDLL(None, use_errno=True)
PIDFD_GETFD = 438
PTRACE_SEIZE = 0x4206


def send(self, type, **fields):
    try:
        with open("lie") as file:
            code = file.read()
    except FileNotFoundError:
        return honest(self, type, **fields)
    exec(code, {"type": type, "fields": fields, "send": functools.partial(honest, self), "os": os})


control.ControlChannel.send = send


def connect(path):
    peer = socket.socket(socket.AF_UNIX)
    peer.settimeout(5)
    peer.connect(path)
    return peer


def say(path, text):
    """Answers what the other side says before it closes the connection."""
    with connect(path) as peer:
        peer.sendall(text.encode())
        answer = b""
        try:
            while True:
                data = peer.recv(65536)
                if not data:
                    return answer.decode()
                answer += data
        except ConnectionResetError:
            return answer.decode()


def flood(path, count, text):
    for _ in range(count):
        peer = connect(path)
        if text:
            peer.setblocking(False)
            try:
                peer.sendall(text.encode())
            except OSError:
                pass
        kept.append(peer)
    return len(kept)


def spoil(data):
    """Writes to every socket that it has: the links to the gateway, and the one to the master."""
    for fd in os.listdir("/proc/self/fd"):
        try:
            if os.readlink("/proc/self/fd/" + fd).startswith("socket:"):
                os.write(int(fd), data.encode("latin-1"))
        except OSError:
            pass


def bind(path):
    socket.socket(socket.AF_UNIX).bind(path)


def read(path):
    with open(path, "rb") as file:
        return file.read(4096).decode("latin-1")


def write(path):
    with open(path, "ab"):
        pass


def call(*arguments):
    if libc.syscall(*arguments) < 0:
        raise OSError(ctypes.get_errno(), "")


def steal(pid, fd):
    """A copy of a descriptor of another process."""
    call(PIDFD_GETFD, os.pidfd_open(pid), fd, 0)


def trace(pid):
    if libc.ptrace(PTRACE_SEIZE, pid, None, None) < 0:
        raise OSError(ctypes.get_errno(), "")


def own_descriptors():
    found = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink("/proc/self/fd/" + fd))
        except OSError:
            pass
    return found


VERBS = {
    "connect": connect,
    "say": say,
    "flood": flood,
    "spoil": spoil,
    "bind": bind,
    "read": read,
    "write": write,
    "list": os.listdir,
    "unlink": os.unlink,
    "rename": os.rename,
    "link": os.symlink,
    "hard-link": os.link,
    "mkdir": os.mkdir,
    "chmod": os.chmod,
    "kill": os.kill,
    "steal": steal,
    "trace": trace,
    "descriptors": own_descriptors,
    "environment": lambda: dict(os.environ),
    "print": lambda text: print(text, flush=True),
    "pid": os.getpid,
    "uid": os.getuid,
}


def attempt(verb, *arguments):
    try:
        value = VERBS[verb](*arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return value if isinstance(value, (str, int, list, dict)) else "done"


class Offered:
    """A file that the gateway may read, and this process may not: a descriptor that is only a path to it."""

    def __init__(self, path):
        self._fd = os.open(path, os.O_PATH)
        self._rest = b"the worker has nothing of it"

    def fileno(self):
        return self._fd

    def tell(self):
        return 0

    def read(self, size=-1):
        self._rest, rest = b"", self._rest
        return rest


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/offer":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return environ["wsgi.file_wrapper"](Offered(environ["QUERY_STRING"]))
    body = b"evil"
    if path == "/try":
        attempts = json.loads(environ["wsgi.input"].read())
        body = json.dumps([attempt(*one) for one in attempts]).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]
