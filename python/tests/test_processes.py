"""A real preloader and its workers, driven as the master drives them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
import tempfile
import unittest

from .harness import Gateway, Master, environ, request

APP = """
import os, sys
imported_in = os.getpid()
def application(environ, start_response):
    print("hello from", environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [("%d %d" % (imported_in, os.getpid())).encode()]
"""


class Processes(unittest.TestCase):
    def master(self, source: str = APP, **start: object) -> Master:
        master = Master(source, **start)
        self.addCleanup(master.close)
        return master

    def fork(self, master: Master, number: int = 1):
        master.send("fork", worker=number)
        forked = master.receive("forked")
        output = os.fdopen(os.open(forked["output"], os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0)
        self.addCleanup(output.close)
        os.unlink(forked["output"])
        master.send("output-opened", worker=number)
        sock, lines = master.worker_channel()
        self.addCleanup(lines.close)
        self.addCleanup(sock.close)
        self.assertEqual(json.loads(lines.readline())["worker"], number)
        return forked["pid"], output, sock, lines

    def link(self, path: str) -> Gateway:
        sock = socket.socket(socket.AF_UNIX)
        self.addCleanup(sock.close)
        sock.connect(path)
        gateway = Gateway(sock)
        gateway.hello()
        return gateway

    def test_preloaded_workers_share_the_import_and_serve(self) -> None:
        master = self.master()
        loaded = master.receive("loaded")
        self.assertEqual(loaded["application"], "app:application")
        self.assertEqual(loaded["python"], "%d.%d.%d" % sys.version_info[:3])
        pid, output, sock, lines = self.fork(master)
        ready = json.loads(lines.readline())
        self.assertEqual((ready["type"], ready["slots"]), ("ready", 1))
        gateway = self.link(ready["socket"])
        gateway.send(request(environ(path="/a")))
        response = gateway.response()
        self.assertEqual(response.body, b"%d %d" % (master.process.pid, pid))
        self.assertEqual(output.read(100), b"hello from /a\n")
        gateway.socket.close()
        sock.sendall(b'{"type": "stop"}\n')
        exited = master.receive("exited")
        self.assertEqual((exited["pid"], exited["code"], exited["signal"]), (pid, 0, None))

    def test_without_preload_each_worker_imports(self) -> None:
        master = self.master(preload="off")
        master.receive("waiting")
        pid, _, _, lines = self.fork(master)
        gateway = self.link(json.loads(lines.readline())["socket"])
        gateway.send(request(environ()))
        self.assertEqual(gateway.response().body, b"%d %d" % (pid, pid))

    def test_threads_are_slots(self) -> None:
        master = self.master(
            "import threading\nbarrier = threading.Barrier(2)\ndef app(environ, start_response):\n"
            "    barrier.wait(20)\n    start_response('200 OK', [])\n    return [str(environ['wsgi.multithread']).encode()]\n",
            threads=2,
        )
        master.receive("loaded")
        _, _, _, lines = self.fork(master)
        path = json.loads(lines.readline())["socket"]
        gateways = [self.link(path), self.link(path)]
        for gateway in gateways:
            gateway.send(request(environ()))
        self.assertEqual([gateway.response().body for gateway in gateways], [b"True", b"True"])

    def test_a_link_that_is_closed_makes_room_for_the_next(self) -> None:
        master = self.master()
        master.receive("loaded")
        _, _, _, lines = self.fork(master)
        path = json.loads(lines.readline())["socket"]
        for _ in range(3):
            gateway = self.link(path)
            gateway.send(request(environ()))
            self.assertEqual(gateway.response().status, 200)
            gateway.socket.close()

    def test_a_worker_that_is_killed_is_reported_with_its_signal(self) -> None:
        master = self.master()
        master.receive("loaded")
        pid, _, _, lines = self.fork(master)
        lines.readline()
        os.kill(pid, signal.SIGKILL)
        exited = master.receive("exited")
        self.assertEqual((exited["worker"], exited["code"], exited["signal"]), (1, None, "SIGKILL"))
        master.send("signal", worker=1, signal="KILL")  # nobody any more: must not hit a stranger, nor end the preloader
        self.fork(master, 2)

    def test_the_masters_end_is_the_end_of_all(self) -> None:
        master = self.master()
        master.receive("loaded")
        pid, output, sock, lines = self.fork(master)
        lines.readline()
        lines.close()
        sock.close()
        master.control.shutdown(socket.SHUT_RDWR)
        self.assertEqual(master.process.wait(20), 0)
        with self.assertRaises(ProcessLookupError):
            os.kill(pid, 0)

    def test_a_thread_started_at_import_is_unsafe_to_fork(self) -> None:
        source = "import threading, time\ndef work():\n    time.sleep(60)\nthreading.Thread(target=work, daemon=True, name='jobs').start()\n" + APP
        master = self.master(source, preload="auto")
        hazards = master.receive("unsafe")["hazards"]
        self.assertEqual([hazard["kind"] for hazard in hazards], ["thread"])
        self.assertRegex(hazards[0]["what"], r'thread "jobs", started for .*app\.py:2')
        self.assertEqual(master.process.wait(20), 0)

    def test_a_connection_made_at_import_is_unsafe_to_fork(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        port = listener.getsockname()[1]
        source = "import socket\nconnection = socket.create_connection(('127.0.0.1', %d))\n" % port + APP
        master = self.master(source, preload="auto")
        self.assertEqual(master.receive("unsafe")["hazards"], [{"kind": "socket", "what": "connection to 127.0.0.1:%d" % port}])

    def test_datagram_sockets_and_listeners_may_be_shared(self) -> None:
        source = (
            "import socket\na = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\na.connect(('127.0.0.1', 9))\n"
            "b = socket.create_server(('127.0.0.1', 0))\nc, d = socket.socketpair()\n" + APP
        )
        self.master(source, preload="auto").receive("loaded")

    def test_what_cannot_be_loaded_is_told_with_their_frames_only(self) -> None:
        for source, message, traceback in (
            ("import nowhere_to_be_found\n", "no module nowhere_to_be_found", "app.py"),
            ("def application(:\n", "SyntaxError", "app.py"),
            ("raise RuntimeError('no')\n", "RuntimeError: no", 'raise RuntimeError'),
            ("import sys; sys.exit(4)\n", "SystemExit(4)", "app.py"),
            ("aplication = print\n", "no attribute 'application' or 'app'; it has: aplication", None),
            ("application = 42\n", "is a int", None),
            ("async def application(scope, receive, send): pass\n", "ASGI", None),
        ):
            with self.subTest(source):
                failed = self.master(source).receive("load-failed")
                self.assertIn(message, failed["message"])
                self.assertNotIn("jumak_worker", failed["traceback"])
                self.assertNotIn("importlib", failed["traceback"])
                if traceback is None:
                    self.assertEqual(failed["traceback"], "")
                else:
                    self.assertIn(traceback, failed["traceback"])

    def test_a_module_that_does_not_exist_is_told_apart(self) -> None:
        failed = self.master(module="nowhere.wsgi").receive("load-failed")
        self.assertIn("there is no module nowhere", failed["message"])
        self.assertEqual(failed["traceback"], "")

    def test_a_file_and_a_factory(self) -> None:
        source = (
            "def make():\n    def application(environ, start_response):\n        start_response('200 OK', [])\n"
            "        return [b'made']\n    return application\n"
        )
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory)
        file = os.path.join(directory, "elsewhere.py")
        with open(file, "w") as opened:
            opened.write(source)
        master = self.master(module=None, attributes=["make"], factory=True, file=file)
        self.assertEqual(master.receive("loaded")["application"], "elsewhere:make()")

    def test_nothing_of_ours_is_in_the_applications_world(self) -> None:
        source = """
import os, sys, subprocess
seen = [sys.path, sorted(os.environ), sorted(os.listdir('/proc/self/fd'))]
child = subprocess.run([sys.executable, '-c', 'import os; print(sorted(os.listdir("/proc/self/fd")))'], stdout=subprocess.PIPE, close_fds=False, check=True)
def application(environ, start_response):
    import json
    start_response('200 OK', [])
    return [json.dumps([sys.path, sorted(os.environ), child.stdout.decode()]).encode()]
"""
        master = self.master(source)
        master.receive("loaded")
        _, _, _, lines = self.fork(master)
        gateway = self.link(json.loads(lines.readline())["socket"])
        gateway.send(request(environ()))
        path, names, fds = json.loads(gateway.response().body)
        self.assertEqual([entry for entry in path if "jumak" in entry], [])
        self.assertEqual(path[0], master.application_directory)
        self.assertEqual([name for name in names if "JUMAK" in name], [])
        self.assertEqual(eval(fds), ["0", "1", "2", "3"])  # 3 is the directory that listdir reads

    def test_a_mismatched_build_is_refused(self) -> None:
        self.assertIn("build", self.master(build="0.0.0").receive("load-failed")["message"])


if __name__ == "__main__":
    unittest.main()
