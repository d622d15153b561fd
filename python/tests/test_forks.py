"""Processes that the application of a worker forks, and what signals do to them and to the worker."""

from __future__ import annotations

import os
import select
import signal
import time
import unittest

from .harness import environ, request
from .process_case import APP, ProcessCase, open_and_read


class Forks(ProcessCase):
    def test_a_process_that_the_application_forks_holds_nothing_of_ours(self) -> None:
        """Else a worker that has ended would seem to live, and a copy could answer in its place."""
        source = """
import os, sys, time
def sockets():
    links = ['/proc/self/fd/' + name for name in os.listdir('/proc/self/fd')]
    return [os.readlink(link) for link in links if os.path.lexists(link) and 'socket' in os.readlink(link)]
def application(environ, start_response):
    start_response('200 OK', [])
    if environ['PATH_INFO'] == '/returns':
        if os.fork() == 0:
            return [b'from the child']
    if environ['PATH_INFO'] == '/exits':
        if os.fork() == 0:
            raise SystemExit(0)
    if environ['PATH_INFO'] == '/fds':
        read, write = os.pipe()
        if os.fork() == 0:
            os.write(write, repr(sockets()).encode())
            os._exit(0)
        os.close(write)
        return [os.fdopen(read, 'rb').read()]
    return [b'%d' % os.getpid()]
"""
        for preload in ("on", "off"):
            master = self.master(source, preload=preload)
            master.receive("loaded" if preload == "on" else "waiting")
            pid, output, _, lines = self.fork(master)
            gateway = self.gateway(lines)
            for path, body in (("/fds", b"[]"), ("/returns", b"%d" % pid), ("/exits", b"%d" % pid), ("/", b"%d" % pid)):
                with self.subTest(path):
                    gateway.send(request(environ(path=path)) + request(environ(path="/")))
                    self.assertEqual(gateway.response().body, body)
                    self.assertEqual(gateway.response().body, b"%d" % pid)

    def test_multiprocessing_starts_no_second_preloader(self) -> None:
        source = """
import multiprocessing, os
def double(n):
    return 2 * n
def application(environ, start_response):
    start_response('200 OK', [])
    with multiprocessing.get_context(environ['HTTP_METHOD']).Pool(1) as pool:
        return [b'%d' % pool.apply(double, (21,))]
"""
        master = self.master(source)
        master.receive("loaded")
        _, _, _, lines = self.fork(master)
        gateway = self.gateway(lines)
        for method in ("spawn", "fork"):
            gateway.send(request(environ(HTTP_METHOD=method)))
            self.assertEqual(gateway.response().body, b"42", method)

    def test_ending_is_left_to_the_master_and_its_signal_kills(self) -> None:
        master = self.master()
        master.receive("loaded")
        pid, output, sock, lines = self.fork(master)
        gateway = self.gateway(lines)
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(pid, number)
            os.kill(master.process.pid, number)
        gateway.send(request(environ()))
        self.assertEqual(gateway.response().status, 200)
        master.send("signal", worker=1, signal="KILL")
        self.assertEqual(master.receive("exited")["signal"], "SIGKILL")

    def test_what_the_application_forks_can_be_terminated_at_once(self) -> None:
        source = """
import os, signal, threading, time
def fork_and_terminate():
    child = os.fork()
    if child == 0:
        time.sleep(60)
        os._exit(0)
    os.kill(child, signal.SIGTERM)
    return os.waitpid(child, 0)[1]
def application(environ, start_response):
    # Many: what goes wrong here depends on how far the child has come.
    found = [fork_and_terminate() for _ in range(100)]
    thread = threading.Thread(target=lambda: found.append(fork_and_terminate()))
    thread.start()
    thread.join()
    start_response('200 OK', [])
    return [str(sorted({os.WTERMSIG(status) for status in found})).encode()]
"""
        master = self.master(source)
        master.receive("loaded")
        pid, _, _, lines = self.fork(master)
        gateway = self.gateway(lines)
        gateway.send(request(environ()))
        self.assertEqual(gateway.response().body, b"[15]")
        # The worker itself still ignores the signal.
        os.kill(pid, signal.SIGTERM)
        gateway.send(request(environ()))
        self.assertEqual(gateway.response().body, b"[15]")

    def test_what_the_application_forks_is_interrupted_as_any_python(self) -> None:
        source = """
import os, signal, time
def application(environ, start_response):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, b'up')
            while True:
                # wait: a child that idles; one long sleep could begin just after the signal
                time.sleep(0.01)
        except KeyboardInterrupt:
            os._exit(7)
    os.read(read, 2)
    os.kill(child, signal.SIGINT)
    status = os.waitpid(child, 0)[1]
    start_response('200 OK', [])
    return [str(os.WEXITSTATUS(status)).encode()]
"""
        master = self.master(source)
        master.receive("loaded")
        _, _, _, lines = self.fork(master)
        gateway = self.gateway(lines)
        gateway.send(request(environ()))
        self.assertEqual(gateway.response().body, b"7")

    def test_a_signal_handler_of_the_application_may_end_the_worker_between_requests(self) -> None:
        source = (
            "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(4))\n"
            "import atexit\natexit.register(print, 'at exit')\n" + APP
        )
        master = self.master(source)
        master.receive("loaded")
        pid, output, _, lines = self.fork(master)
        gateway = self.gateway(lines)
        gateway.send(request(environ()))
        gateway.response()
        os.kill(pid, signal.SIGTERM)
        # The response comes before its request has ended in the worker, and a SystemExit within a request ends only that request.
        while not select.select([master.control], [], [], 2)[0]:
            os.kill(pid, signal.SIGTERM)
        self.assertEqual(gateway.read_to_end(), b"")
        self.assertEqual(master.receive("exited")["code"], 4)
        self.assertIn(b"at exit", output.read(1000))

    def test_what_a_worker_leaves_behind_is_no_zombie(self) -> None:
        source = """
import os
def application(environ, start_response):
    if os.fork() == 0:
        read, write = os.pipe()
        if os.fork() == 0:
            os.close(write)
            os.read(read, 1)  # until its parent has ended
        os._exit(0)
    os.wait()
    start_response('200 OK', [])
    return []
"""
        master = self.master(source)
        master.receive("loaded")
        _, _, _, lines = self.fork(master)
        gateway = self.gateway(lines)
        gateway.send(request(environ()))
        gateway.response()
        tasks = "/proc/%d/task/%d/children" % (master.process.pid, master.process.pid)
        deadline = time.monotonic() + 20
        while len(open_and_read(tasks).split()) > 1:
            self.assertLess(time.monotonic(), deadline, "the grandchild stays")
            time.sleep(0.02)

    def test_handlers_that_the_application_set_at_import_are_its_workers_handlers(self) -> None:
        source = (
            "import signal\nsignal.signal(signal.SIGCHLD, lambda *_: print('child ended'))\n"
            "import os\ndef app(env, start):\n    if os.fork() == 0: os._exit(0)\n    os.wait()\n    start('200 OK', [])\n    return []\n"
        )
        master = self.master(source)
        master.receive("loaded")
        _, output, _, lines = self.fork(master)
        gateway = self.gateway(lines)
        gateway.send(request(environ()))
        gateway.response()
        self.assertEqual(output.read(100), b"child ended\n")


if __name__ == "__main__":
    unittest.main()
