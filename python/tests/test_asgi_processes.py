"""A real preloader and its workers with an ASGI application, driven as the master drives them."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import unittest

from .asgi_harness import FakeGateway, scope
from .harness import WAIT, Gateway, Master, environ, request

APP = """
import asyncio, os, signal, sys, time
imported_in = os.getpid()
async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        print("startup in", os.getpid())
        scope["state"]["started_in"] = os.getpid()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        print("shutdown")
        await send({"type": "lifespan.shutdown.complete"})
        return
    path = scope["path"]
    if path == "/block":
        print("blocked")
        time.sleep(1000)
    if path == "/fork":
        pid = os.fork()
        if pid:
            os.waitpid(pid, 0)
    if path == "/exit":
        signal.signal(signal.SIGUSR2, lambda *_: sys.exit(5))
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGUSR2)
    text = "%d %d %d" % (imported_in, scope["state"]["started_in"], os.getpid())
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": text.encode()})
    if path == "/background":
        go = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, go.set)
        print("in the background")
        await go.wait()
        print("background done")
"""


#: Answers how many sockets a process that it forks has.
SOCKETS_IN_A_FORK = """
import os
async def application(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    read, write = os.pipe()
    if not os.fork():
        paths = ["/proc/self/fd/" + fd for fd in os.listdir("/proc/self/fd")]
        os.write(write, b"%d" % sum(os.readlink(path).startswith("socket:") for path in paths if os.path.islink(path)))
        os._exit(0)
    os.close(write)
    body = os.read(read, 10)
    os.close(read)
    os.wait()
    await send({"type": "http.response.body", "body": body})
"""


class Worker:
    """One worker of a master's preloader, as the master sees it."""

    def __init__(self, test: unittest.TestCase, source: str = APP, **start: object) -> None:
        self.master = Master(source, **start)
        test.addCleanup(self.master.close)
        self.loaded = self.master.receive("waiting" if start.get("preload") == "off" else "loaded")
        self.master.send("fork", worker=1, token="tok-en")
        forked = self.master.receive("forked")
        self.pid: int = forked["pid"]
        self.output = os.fdopen(os.open(forked["output"], os.O_RDONLY), "r")
        test.addCleanup(self.output.close)
        os.unlink(forked["output"])
        self.master.send("output-opened", worker=1)
        self.socket, self._lines = self.master.worker_channel()
        test.addCleanup(self._lines.close)
        test.addCleanup(self.socket.close)
        assert self.receive()["type"] == "hello"
        self._test = test

    def receive(self) -> dict:
        return json.loads(self._lines.readline())

    def send(self, type: str, **fields: object) -> None:
        self.socket.sendall(json.dumps({"type": type, **fields}).encode() + b"\n")

    def link(self) -> FakeGateway:
        """After "ready"."""
        self.ready = self.receive()
        assert self.ready["type"] == "ready", self.ready
        return self.relink()

    def relink(self) -> FakeGateway:
        gateway = FakeGateway(self.ready["socket"])
        self._test.addCleanup(gateway.close)
        gateway.greet()
        return gateway


class Processes(unittest.TestCase):
    def test_start_up_is_each_workers_own_and_the_import_is_shared(self) -> None:
        worker = Worker(self)
        self.assertEqual(worker.loaded["interface"], "asgi")
        gateway = worker.link()
        self.assertEqual((worker.ready["slots"], worker.ready["interface"]), (100, "asgi"))
        self.assertEqual(worker.output.readline(), "startup in %d\n" % worker.pid)
        expected = b"%d %d %d" % (worker.master.process.pid, worker.pid, worker.pid)
        self.assertEqual(gateway.get().body, expected)

    def test_without_preload_each_worker_imports(self) -> None:
        worker = Worker(self, preload="off")
        self.assertEqual(worker.link().get().body, b"%d %d %d" % ((worker.pid,) * 3))

    def test_stop_waits_for_background_tasks_and_then_shuts_down(self) -> None:
        worker = Worker(self)
        gateway = worker.link()
        self.assertEqual(gateway.get(scope("GET", "/background")).status, 200)
        self.assertEqual(worker.output.readline(), "startup in %d\n" % worker.pid)
        self.assertEqual(worker.output.readline(), "\x1f=r-1\x1fin the background\n")
        gateway.close()
        worker.send("stop")
        # The answer comes after the control thread has told the loop.
        worker.send("stacks", thread="")
        self.assertEqual(worker.receive()["type"], "stacks")
        os.kill(worker.pid, signal.SIGUSR1)
        exited = worker.master.receive("exited")
        self.assertEqual((exited["code"], exited["signal"]), (0, None))
        self.assertEqual(worker.output.read(), "\x1f=r-1\x1fbackground done\nshutdown\n")

    def test_a_start_up_that_fails_is_a_load_that_failed(self) -> None:
        source = (
            "async def application(scope, receive, send):\n    await receive()\n"
            "    await send({'type': 'lifespan.startup.failed', 'message': 'no database'})\n"
        )
        worker = Worker(self, source)
        failed = worker.receive()
        self.assertEqual(failed["type"], "load-failed")
        self.assertEqual(failed["message"], "the application's start-up failed: no database")
        self.assertEqual(worker.master.receive("exited")["code"], 3)
        self.assertEqual(worker.output.read(), "")

    def test_a_loop_that_is_blocked_tells_where(self) -> None:
        worker = Worker(self)
        gateway = worker.link()
        gateway.begin(scope("GET", "/block"))
        worker.output.readline()
        self.assertEqual(worker.output.readline(), "\x1f=r-1\x1fblocked\n")
        # The line may arrive before the application has returned from `print`.
        for _ in range(100):
            worker.send("stacks", thread="")
            stacks = worker.receive()
            if "time.sleep" in stacks["text"]:
                break
        self.assertEqual(stacks["type"], "stacks")
        self.assertRegex(stacks["text"], r"^Thread MainThread, which runs GET /block \(request r-1\):\n")
        self.assertRegex(stacks["text"], r'File ".*app.py", line \d+, in application\n    time.sleep')
        self.assertNotIn("jumak-control", stacks["text"])
        os.kill(worker.pid, signal.SIGKILL)

    def test_a_wsgi_worker_tells_too(self) -> None:
        source = "import threading\ndef application(environ, start_response): threading.Event().wait()\n"
        worker = Worker(self, source, threads=2)
        worker.ready = worker.receive()
        threads = []
        for _ in range(2):
            sock = socket.socket(socket.AF_UNIX)
            self.addCleanup(sock.close)
            sock.connect(worker.ready["socket"])
            threads.append(Gateway(sock).hello()["thread"])  # the slot runs
        worker.send("stacks", thread="")
        text = worker.receive()["text"]
        self.assertIn("Thread MainThread:\n", text)
        self.assertIn("Thread jumak-slot-2:\n", text)
        self.assertEqual(len(set(threads)), 2)
        for thread in threads:
            worker.send("stacks", thread=thread)
            self.assertEqual(worker.receive()["text"], "  (in no code of the application)\n")
        worker.send("stacks", thread="0x%016x" % 1)
        self.assertEqual(worker.receive()["text"], "  (the thread has ended)\n")

    def test_who_holds_the_gil_tells_by_a_signal(self) -> None:
        source = (
            "import re\ndef application(environ, start_response):\n    print('begun')\n"
            "    re.match('(a+)+$', 'a' * 64 + 'b')\n"
        )
        worker = Worker(self, source)
        ready = worker.receive()
        sock = socket.socket(socket.AF_UNIX)
        self.addCleanup(sock.close)
        sock.connect(ready["socket"])
        gateway = Gateway(sock)
        thread = gateway.hello()["thread"]
        gateway.send(request(environ()))
        self.assertIn("begun", worker.output.readline())
        self.addCleanup(os.kill, worker.pid, signal.SIGKILL)
        while True:
            # As the master does: on running Python code the signal may crash it.
            worker.send("stacks", thread=thread)
            if not select.select([worker.socket], [], [], 0.3)[0]:
                break
            worker.receive()
        worker.master.send("signal", worker=1, signal="URG")
        heading = ""
        while True:
            line = worker.output.readline()
            heading = line if line.endswith("(most recent call first):\n") else heading
            if "in application" in line:
                break
        self.assertIn(" %s " % thread, heading)

    def test_a_link_that_is_closed_makes_room_for_the_next(self) -> None:
        worker = Worker(self)
        gateway = worker.link()
        for _ in range(3):
            self.assertEqual(gateway.get().status, 200)
            gateway.close()
            gateway = worker.relink()

    def test_signals_to_all_processes_end_no_worker(self) -> None:
        worker = Worker(self)
        gateway = worker.link()
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(worker.pid, number)
            self.assertEqual(gateway.get().status, 200)

    def test_a_forked_process_that_comes_back_does_not_answer(self) -> None:
        worker = Worker(self)
        gateway = worker.link()
        worker.output.readline()
        self.assertEqual(gateway.get(scope("GET", "/fork")).status, 200)
        self.assertIn("came back from it", worker.output.readline())
        self.assertTrue(gateway.is_silent())
        self.assertEqual(gateway.get().status, 200)

    def test_a_forked_process_holds_no_link_open(self) -> None:
        worker = Worker(self, SOCKETS_IN_A_FORK, lifespan="off")
        # What is left is the loop's own: a pair with both ends here.
        self.assertEqual(worker.link().get().body, b"2")

    def test_a_signal_handler_that_exits_ends_the_worker_in_order(self) -> None:
        worker = Worker(self)
        gateway = worker.link()
        self.assertEqual(gateway.get(scope("GET", "/exit")).status, 200)
        gateway.read_to_end()
        self.assertEqual(worker.master.receive("exited")["code"], 5)
        self.assertTrue(worker.output.read().endswith("shutdown\n"))

    def test_the_masters_end_is_the_end_of_all(self) -> None:
        worker = Worker(self)
        gateway = worker.link()
        gateway.close()
        worker.master.control.shutdown(socket.SHUT_RDWR)
        worker.socket.shutdown(socket.SHUT_RDWR)
        self.assertEqual(worker.master.process.wait(WAIT), 0)
        with self.assertRaises(ProcessLookupError):
            os.kill(worker.pid, 0)
        self.assertTrue(worker.output.read().endswith("shutdown\n"))


if __name__ == "__main__":
    unittest.main()
