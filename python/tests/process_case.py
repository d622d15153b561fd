"""A real preloader and its workers, driven as the master drives them; for the tests of this folder."""

from __future__ import annotations

import json
import os
import socket
import unittest
from typing import Any

from .harness import Gateway, Master

APP = """
import os, sys
imported_in = os.getpid()
def application(environ, start_response):
    print("hello from", environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [("%d %d" % (imported_in, os.getpid())).encode()]
"""


def open_and_read(path: str) -> str:
    with open(path) as file:
        return file.read()


class ProcessCase(unittest.TestCase):
    def master(self, source: str = APP, **start: Any) -> Master:
        master = Master(source, **start)
        self.addCleanup(master.close)
        return master

    def fork(self, master: Master, number: int = 1):
        master.send("fork", worker=number, token="tok-en")
        forked = master.receive("forked")
        output = os.fdopen(os.open(forked["output"], os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0)
        self.addCleanup(output.close)
        os.unlink(forked["output"])
        master.send("output-opened", worker=number)
        sock, lines = master.worker_channel()
        self.addCleanup(lines.close)
        self.addCleanup(sock.close)
        hello = json.loads(lines.readline())
        self.assertEqual((hello["worker"], hello["token"]), (number, "tok-en"))
        return forked["pid"], output, sock, lines

    def link(self, path: str) -> Gateway:
        sock = socket.socket(socket.AF_UNIX)
        self.addCleanup(sock.close)
        sock.connect(path)
        gateway = Gateway(sock)
        gateway.hello()
        return gateway

    def gateway(self, lines: Any) -> Gateway:
        """A link to a forked worker, when it is ready."""
        return self.link(json.loads(lines.readline())["socket"])
