"""Real workers whose slots have several links: their sockets, processes that they fork, signals, their end."""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import socket
import stat
import struct
import termios
import unittest
from typing import Any, List, Tuple

from .harness import Gateway, environ, request
from .process_case import APP, ProcessCase, open_and_read


def until_asleep(pid: int) -> None:
    """Until the main thread waits for something: the response comes before its request is over."""
    while open_and_read("/proc/%d/task/%d/stat" % (pid, pid)).rpartition(")")[2].split()[0] != "S":
        os.sched_yield()


class SlotProcesses(ProcessCase):
    def worker(self, source: str = APP, links: int = 2, count: int = 2, **start: Any) -> Tuple[Any, int, Any, Any, List[Gateway]]:
        """Master, pid, output and control socket of a worker, and ``count`` links to its first slot."""
        master = self.master(source, links=links, **start)
        master.receive("loaded")
        pid, output, sock, lines = self.fork(master)
        ready = json.loads(lines.readline())
        self.path = ready["socket"]
        self.assertTrue(self.path.endswith("/w1.sock"))
        self.assertEqual(ready["slots"], start.get("threads", 1))
        links = [self.link(self.path + ".0") for _ in range(count)]
        for gateway in links:
            # Its hello was read.
            gateway.send(request(environ()))
            gateway.response()
        return master, pid, output, sock, links

    def end_by_signal(self, master: Any, pid: int) -> int:
        """The exit code. What a signal handler raises within a request ends only that request, and the last one may not be over yet."""
        until_asleep(pid)
        os.kill(pid, signal.SIGTERM)
        while not select.select([master.control], [], [], 2)[0]:
            os.kill(pid, signal.SIGTERM)
        return master.receive("exited")["code"]

    def test_each_slot_has_a_socket_of_its_own_which_goes_with_the_worker(self) -> None:
        for is_apart, mode in ((False, 0o600), (True, 0o660)):
            master, _, _, sock, _ = self.worker(threads=3, count=0, isApart=is_apart)
            found = sorted(name for name in os.listdir(master.directory) if name.startswith("w"))
            self.assertEqual(found, ["w1.sock.0", "w1.sock.1", "w1.sock.2"])
            for name in found:
                status = os.stat(os.path.join(master.directory, name))
                self.assertTrue(stat.S_ISSOCK(status.st_mode))
                self.assertEqual(stat.S_IMODE(status.st_mode), mode)
            for slot in (2, 0, 1):
                gateway = self.link("%s.%d" % (self.path, slot))
                gateway.send(request(environ()))
                self.assertEqual(gateway.response().status, 200)
                gateway.socket.close()
            sock.sendall(b'{"type": "stop"}\n')
            self.assertEqual(master.receive("exited")["code"], 0)
            self.assertEqual([name for name in os.listdir(master.directory) if name.startswith("w")], [])

    def test_what_is_left_at_a_path_is_replaced(self) -> None:
        master = self.master(links=2, threads=2)
        master.receive("loaded")
        with open(os.path.join(master.directory, "w1.sock.1"), "w"):
            pass
        _, _, _, lines = self.fork(master)
        gateway = self.link(json.loads(lines.readline())["socket"] + ".1")
        gateway.send(request(environ()))
        self.assertEqual(gateway.response().status, 200)

    def test_stop_with_three_links_ends_when_the_last_is_closed_and_runs_atexit_handlers(self) -> None:
        source = "import atexit, os\natexit.register(lambda: print('atexit in', os.getpid()))\n" + APP
        master, pid, output, sock, links = self.worker(source, links=3, count=3, threads=2)
        sock.sendall(b'{"type": "stop"}\n')
        for gateway in links:
            gateway.send(request(environ()))
            self.assertEqual(gateway.response().status, 200)
        for gateway in links:
            self.assertEqual(select.select([master.control], [], [], 0)[0], [])
            gateway.socket.close()
        self.assertEqual(master.receive("exited")["code"], 0)
        self.assertTrue(output.read(1000).endswith(b"atexit in %d\n" % pid))

    def test_a_process_that_the_application_forks_holds_no_link_and_does_not_answer(self) -> None:
        source = """
import os
def ours():
    paths = ['/proc/self/fd/' + name for name in os.listdir('/proc/self/fd')]
    found = [os.readlink(path) for path in paths if os.path.lexists(path)]
    return [one for one in found if 'socket' in one or 'eventpoll' in one]
def application(environ, start_response):
    start_response('200 OK', [])
    if environ['PATH_INFO'] == '/returns' and os.fork() == 0:
        return [b'from the child']
    if environ['PATH_INFO'] == '/exits' and os.fork() == 0:
        raise SystemExit(0)
    if environ['PATH_INFO'] == '/fds':
        read, write = os.pipe()
        if os.fork() == 0:
            os.write(write, repr(ours()).encode())
            os._exit(0)
        os.close(write)
        return [os.fdopen(read, 'rb').read()]
    return [b'%d' % os.getpid()]
"""
        _, pid, output, _, links = self.worker(source, links=3, count=3, threads=2)
        links.append(self.link(self.path + ".1"))
        for path, body in (("/fds", b"[]"), ("/returns", b"%d" % pid), ("/exits", b"%d" % pid), ("/", b"%d" % pid)):
            for gateway in links:
                with self.subTest(path):
                    gateway.send(request(environ(path=path)) + request(environ(path="/")))
                    self.assertEqual([gateway.response().body for _ in range(2)], [body, b"%d" % pid])
        # A copy of the wait has changed nothing: links still come and go.
        links[0].socket.close()
        gateway = self.link(self.path + ".0")
        gateway.send(request(environ()))
        self.assertEqual(gateway.response().body, b"%d" % pid)
        self.assertIn(b"came back from it", output.read(10_000))

    def test_a_signal_handler_that_exits_while_the_slot_waits_ends_the_worker_with_all_links(self) -> None:
        source = (
            "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(4))\n"
            "import atexit\natexit.register(print, 'at exit')\n" + APP
        )
        master, pid, output, _, links = self.worker(source, links=3, count=3, threads=2)
        self.assertEqual(self.end_by_signal(master, pid), 4)
        self.assertEqual([gateway.read_to_end() for gateway in links], [b""] * 3)
        self.assertIn(b"at exit", output.read(1000))

    def test_a_signal_handler_that_exits_in_the_middle_of_a_request_that_comes_ends_the_worker_too(self) -> None:
        source = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(4))\n" + APP
        master, pid, _, _, links = self.worker(source)
        links[0].send(request(environ())[:-3])
        # Until the slot has taken it.
        while struct.unpack("i", fcntl.ioctl(links[0].socket, termios.TIOCOUTQ, b"\0" * 4))[0]:
            os.sched_yield()
        self.assertEqual(self.end_by_signal(master, pid), 4)

    def test_a_signal_handler_that_returns_interrupts_nothing(self) -> None:
        source = "import signal\nsignal.signal(signal.SIGTERM, lambda *_: print('handled'))\n" + APP
        _, pid, output, _, links = self.worker(source)
        os.kill(pid, signal.SIGTERM)
        for gateway in links:
            gateway.send(request(environ()))
            self.assertEqual(gateway.response().status, 200)
        self.assertIn(b"handled", output.read(1000))

    def test_a_signal_handler_that_raises_another_error_while_the_slot_waits_is_told_and_ends_the_worker(self) -> None:
        source = "import signal\ndef late(*_): raise TimeoutError('late')\nsignal.signal(signal.SIGTERM, late)\n" + APP
        master, pid, output, _, links = self.worker(source)
        self.assertEqual(self.end_by_signal(master, pid), 70)
        self.assertEqual([gateway.read_to_end() for gateway in links], [b""] * 2)
        self.assertIn(b"TimeoutError: late", output.read(10_000))

    def test_a_signal_handler_that_forks_while_the_slot_waits_leaves_no_second_worker(self) -> None:
        source = "import os, signal\nsignal.signal(signal.SIGTERM, lambda *_: os.fork())\n" + APP
        _, pid, output, _, links = self.worker(source)
        for _ in range(10):
            until_asleep(pid)
            os.kill(pid, signal.SIGTERM)
            for gateway in links:
                gateway.send(request(environ()))
                self.assertTrue(gateway.response().body.endswith(b" %d" % pid))
        os.set_blocking(output.fileno(), True)
        text = b""
        while text.count(b"came back from it") + text.count(b"is broken") < 10:
            text += output.read(1000)
        self.assertNotIn(b"is broken", text)

    def test_the_masters_end_is_the_end_of_all(self) -> None:
        master, pid, _, sock, links = self.worker()
        for gateway in links:
            gateway.socket.close()
        sock.shutdown(socket.SHUT_RDWR)
        master.control.shutdown(socket.SHUT_RDWR)
        self.assertEqual(master.process.wait(20), 0)
        with self.assertRaises(ProcessLookupError):
            os.kill(pid, 0)


if __name__ == "__main__":
    unittest.main()
