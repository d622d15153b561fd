"""The other ends, for tests: a master that starts a real preloader, and a gateway that speaks to one slot."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple, Type

from jumak_worker import __version__
from jumak_worker.wire import framing
from jumak_worker.wsgi.environ import Environs, base_environ
from jumak_worker.wsgi.link import Link

PACKAGE = os.path.dirname(os.path.abspath(sys.modules["jumak_worker"].__file__ or ""))
WAIT = 20

#: Passes the control socket on as descriptor 3, as Node does.
EXEC_WITH_FD_3 = """
import os, sys
fd = int(sys.argv[1])
if fd == 3:
    os.set_inheritable(3, True)
else:
    os.dup2(fd, 3)
    os.close(fd)
os.execv(sys.executable, [sys.executable, sys.argv[2]])
"""


class Response(NamedTuple):
    status: int
    reason: str
    headers: List[Tuple[str, str]]
    body: bytes
    #: How it ended: "end" or "failed: reason".
    ended: str
    informs: List[List[Tuple[str, str]]]
    frames: List[int]

    def header(self, name: str) -> Optional[str]:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def environ(method: str = "GET", path: str = "/", **more: str) -> dict:
    result = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "4711",
        "HTTP_HOST": "localhost:8000",
        "HTTP_X_REQUEST_ID": "",
        "RAW_URI": path,
        "REQUEST_URI": path,
        "wsgi.url_scheme": "http",
    }
    result.update(more)
    return result


def frame(kind: int, payload: bytes = b"") -> bytes:
    return framing.FRAME.pack(len(payload), kind) + payload


def request(env: dict, body: bytes = b"", follows: bool = False, handshake: bool = False) -> bytes:
    """``SCRIPT_NAME`` and ``REQUEST_URI`` are left out, because the worker adds them. The path comes last."""
    names = [name for name in env if name not in ("SCRIPT_NAME", "REQUEST_URI", "PATH_INFO")] + ["PATH_INFO"]
    encoded = "\0".join(names).encode("latin-1")
    head = encoded + "\0".join(env[name] for name in names).encode("latin-1")
    return frame(framing.REQUEST, struct.pack("<BII", follows + 2 * handshake, len(head), len(encoded)) + head + body)


class Gateway:
    """The gateway's end of a link. Not a copy of the real one: it only records what the worker sends."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        sock.settimeout(WAIT)
        self._data = b""

    def hello(self) -> dict:
        kind, payload = self.read()
        assert kind == framing.HELLO
        self.send(frame(framing.HELLO, json.dumps({"build": __version__}).encode()))
        return json.loads(payload)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self) -> Tuple[int, bytes]:
        while True:
            if len(self._data) >= framing.FRAME_HEADER:
                length, kind = framing.FRAME.unpack_from(self._data)
                end = framing.FRAME_HEADER + length
                if len(self._data) >= end:
                    payload, self._data = self._data[framing.FRAME_HEADER : end], self._data[end:]
                    return kind, payload
            more = self.socket.recv(65536)
            if not more:
                raise EOFError("the worker closed the link")
            self._data += more

    def read_exactly(self, size: int) -> bytes:
        """Bytes that are no frame."""
        while len(self._data) < size:
            more = self.socket.recv(size - len(self._data))
            if not more:
                raise EOFError("the worker closed the link")
            self._data += more
        data, self._data = self._data[:size], self._data[size:]
        return data

    def read_to_end(self) -> bytes:
        data, self._data = self._data, b""
        while True:
            more = self.socket.recv(65536)
            if not more:
                return data
            data += more

    def response(self, accept_file: bool = True) -> Response:
        status, reason, headers, body = 0, "", [], b""
        informs, frames = [], []
        while True:
            kind, payload = self.read()
            frames.append(kind)
            if kind == framing.INFORM:
                informs.append(_pairs(payload[2:].decode("latin-1").split("\0")[1:]))
            elif kind == framing.RESPONSE:
                status, flags, _, head_length = struct.unpack_from("<HBII", payload)
                reason, *rest = payload[11 : 11 + head_length].decode("latin-1").split("\0")
                headers = _pairs(rest)
                body = payload[11 + head_length :]
                if flags & framing.RESPONSE_END:
                    return Response(status, reason, headers, body, "end", informs, frames)
            elif kind == framing.CHUNK:
                body += payload
            elif kind == framing.FILE:
                fd, offset, length, device, inode = struct.unpack("<IQQQQ", payload)
                if accept_file:
                    found = os.fstat(fd)  # the worker is a thread of this process
                    assert (found.st_dev, found.st_ino) == (device, inode)
                    body += os.pread(fd, length, offset)
                self.send(frame(framing.FILE_OPENED, b"\1" if accept_file else b"\0"))
            elif kind == framing.END:
                return Response(status, reason, headers, body, "end", informs, frames)
            elif kind == framing.FAILED:
                return Response(status, reason, headers, body, "failed: " + payload[4:].decode(), informs, frames)
            else:
                raise AssertionError("unexpected frame %d" % kind)


def _pairs(flat: List[str]) -> List[Tuple[str, str]]:
    return list(zip(flat[::2], flat[1::2]))


def base(threads: int = 1, multiprocess: bool = True) -> Environs:
    return Environs(base_environ(threads > 1, multiprocess))


class Slot:
    """A slot that runs an application in a thread, with a gateway connected to it."""

    def __init__(
        self,
        application: Callable,
        threads: int = 1,
        multiprocess: bool = True,
        link: Type[Link] = Link,
        shared: Optional[Environs] = None,
        offers_files: bool = True,
    ) -> None:
        """``shared``: the environs of a worker that has several slots."""
        ours, theirs = socket.socketpair()
        self.gateway = Gateway(ours)
        self._theirs = theirs
        self.error: Optional[BaseException] = None
        running = link(theirs, application, shared or base(threads, multiprocess), 1, threads, offers_files)
        self._thread = threading.Thread(target=self._serve, args=(running,))
        self._thread.start()
        self.hello = self.gateway.hello()

    def _serve(self, link: Link) -> None:
        try:
            link.serve()
        except BaseException as error:
            self.error = error
        finally:
            self._theirs.close()

    def __enter__(self) -> "Slot":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.gateway.socket.close()
        self.join()

    def join(self) -> None:
        """The link has ended."""
        self._thread.join(WAIT)
        assert not self._thread.is_alive(), "the slot hangs"

    def get(
        self, method: str = "GET", path: str = "/", body: bytes = b"", accept_file: bool = True, **env: str
    ) -> Response:
        if body:
            env.setdefault("CONTENT_LENGTH", str(len(body)))
        self.gateway.send(request(environ(method, path, **env), body))
        return self.gateway.response(accept_file)


def start_message(runtime_directory: str, directory: str) -> dict:
    """The fields of ``start``, with a module ``app`` in ``directory``."""
    return {
        "build": __version__,
        "generation": 1,
        "masterPid": os.getpid(),
        "runtimeDirectory": runtime_directory,
        "directory": directory,
        "module": "app",
        "file": None,
        "attributes": ["application", "app"],
        "factory": False,
        "paste": None,
        "display": "app",
        "settingsFrom": "",
        "threads": 1,
        "concurrency": 100,
        "workerClass": "auto",
        "links": 1,
        "lifespan": "auto",
        "rootPath": "",
        "findStatic": True,
        "multiprocess": True,
        "preload": "on",
        "locateHazards": False,
        "identity": None,
        "isApart": False,
        "postFork": None,
        "configuration": None,
        "importPath": [],
        "interface": "auto",
        "loop": "auto",
        "logConfig": None,
        "loggers": None,
        "isDevelopment": False,
        "isCheck": False,
        "terminal": False,
    }


class Master:
    """Starts a real preloader and speaks the master's side."""

    def __init__(
        self, source: str, python: str = sys.executable, inherited: Sequence[int] = (), **start: object
    ) -> None:
        self.directory = tempfile.mkdtemp(prefix="jw-")
        self.application_directory = os.path.join(self.directory, "app")
        os.mkdir(self.application_directory)
        with open(os.path.join(self.application_directory, "app.py"), "w") as file:
            file.write(source)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(os.path.join(self.directory, "control.sock"))
        self._listener.listen()
        self._listener.settimeout(WAIT)
        ours, theirs = socket.socketpair()
        ours.settimeout(WAIT)
        self.control = ours
        self._lines = ours.makefile("r", encoding="utf-8")
        self.process = subprocess.Popen(
            [python, "-c", EXEC_WITH_FD_3, str(theirs.fileno()), PACKAGE],
            pass_fds=[theirs.fileno(), *inherited],
            cwd=self.application_directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        theirs.close()
        message = start_message(self.directory, self.application_directory)
        message.update(start)
        self.send("start", **message)

    def send(self, type: str, **fields: object) -> None:
        self.control.sendall(json.dumps({"type": type, **fields}).encode() + b"\n")

    def receive(self, type: str) -> dict:
        message = json.loads(self._lines.readline() or '{"type": "end of file"}')
        assert message["type"] == type, "%r instead of %s" % (message, type)
        return message

    def worker_channel(self):
        """The next worker that connects: (socket, lines)."""
        sock, _ = self._listener.accept()
        sock.settimeout(WAIT)
        return sock, sock.makefile("r", encoding="utf-8")

    def close(self) -> None:
        self._lines.close()
        self.control.close()
        self._listener.close()
        self.process.wait(WAIT)
        for stream in (self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        shutil.rmtree(self.directory)
