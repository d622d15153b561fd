"""A real preloader and its workers, driven as the master drives them."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from typing import Any

from jumak_worker import __version__, osprocess, wire

from .harness import EXEC_WITH_FD_3, PACKAGE, Gateway, Master, environ, frame, request

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


class Processes(unittest.TestCase):
    def master(self, source: str = APP, **start: Any) -> Master:
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

    @unittest.skipUnless(sys.platform == "linux", "/proc")
    def test_the_kernel_kills_a_worker_before_the_processes_that_all_depend_on(self) -> None:
        master = self.master()
        master.receive("loaded")
        pid, _, _, lines = self.fork(master)
        self.assertEqual(json.loads(lines.readline())["type"], "ready")
        own = int(open_and_read("/proc/self/oom_score_adj"))
        self.assertEqual(int(open_and_read("/proc/%d/oom_score_adj" % pid)), min(1000, own + 300))

    def test_post_fork_is_called_in_each_worker_before_it_is_ready(self) -> None:
        source = APP + "def hook():\n    global imported_in\n    print('forked', os.getpid() != imported_in)\n"
        for preload in ("on", "off"):
            with self.subTest(preload=preload):
                hook = {"module": "app", "attribute": "hook"}
                master = self.master(source, preload=preload, postFork=hook)
                master.receive("loaded" if preload == "on" else "waiting")
                _, output, _, lines = self.fork(master)
                self.assertEqual(json.loads(lines.readline())["type"], "ready")
                self.assertEqual(output.read(100), b"forked %r\n" % (preload == "on"))

    def test_post_fork_that_fails_is_a_load_failure_with_the_frames_of_the_application(self) -> None:
        source = APP + "def hook():\n    raise KeyError('DB')\ndef leave():\n    sys.exit(4)\nnumber = 5\n"
        for module, attribute, message, frame_of in (
            ("app", "hook", "--post-fork app:hook failed: KeyError: 'DB'", "hook"),
            ("app", "leave", "--post-fork app:leave left with SystemExit(4)", "leave"),
            ("app", "hok", "--post-fork app:hok: module app has no attribute 'hok'; it has: hook", ""),
            ("app", "number", "--post-fork app:number failed: TypeError: 'int' object is not callable", ""),
            ("ap", "hook", "--post-fork ap:hook: there is no module ap ", ""),
        ):
            with self.subTest(attribute):
                master = self.master(source, postFork={"module": module, "attribute": attribute})
                master.receive("loaded")
                _, _, _, lines = self.fork(master)
                failure = json.loads(lines.readline())
                self.assertEqual(failure["type"], "load-failed")
                self.assertEqual(failure["message"][: len(message)], message)
                self.assertIn(frame_of, failure["traceback"])
                self.assertEqual(master.receive("exited")["code"], 3)

    @unittest.skipUnless(sys.platform == "linux" and os.geteuid() == 0, "needs root, to stop being it")
    def test_privileges_are_dropped_before_the_import_with_the_groups_of_the_user(self) -> None:
        import grp
        import pwd

        nobody = pwd.getpwnam("nobody")
        source = (
            "import os\n"
            "names = 'HOME', 'USER', 'LOGNAME'\n"
            "status = open('/proc/self/status').read()\n"
            "me = [os.getresuid(), os.getresgid(), sorted(os.getgroups()), [os.environ.get(n) for n in names]]\n"
            "try:\n    os.setuid(0)\n    me = 'root again'\nexcept PermissionError:\n    pass\n"
            "def application(environ, start_response):\n"
            "    start_response('200 OK', [])\n"
            "    return [repr(me).encode()]\n"
            "def hook():\n    print(repr(me), os.stat('/proc/self/fd').st_uid)\n"
        )
        readable = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, readable)
        os.chmod(readable, 0o755)
        with open(os.path.join(readable, "application_of_nobody.py"), "w") as file:
            file.write(source)
        # One that was installed in root's home is of no use to others.
        python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
        master = self.master(
            "",
            python=python,
            identity={"uid": nobody.pw_uid, "gid": nobody.pw_gid, "userName": "nobody"},
            postFork={"module": "application_of_nobody", "attribute": "hook"},
            module="application_of_nobody",
            directory=readable,
        )
        os.chown(master.directory, nobody.pw_uid, nobody.pw_gid)
        os.chown(os.path.join(master.directory, "control.sock"), nobody.pw_uid, nobody.pw_gid)
        answer = json.loads(master._lines.readline())
        if "cannot read the Python" in answer.get("message", ""):
            self.skipTest(answer["message"])
        self.assertEqual(answer["type"], "loaded", answer)
        _, output, _, lines = self.fork(master)
        self.assertEqual(json.loads(lines.readline())["type"], "ready")
        groups = {g.gr_gid for g in grp.getgrall() if "nobody" in g.gr_mem} | {nobody.pw_gid}
        home = [nobody.pw_dir, "nobody", "nobody"]
        expected = [(nobody.pw_uid,) * 3, (nobody.pw_gid,) * 3, sorted(groups), home]
        # Dumpable: /proc/self/fd is its own, and not root's.
        self.assertEqual(output.read(1000).decode(), "%r %d\n" % (expected, nobody.pw_uid))

    @unittest.skipIf(os.geteuid() == 0, "root can become anybody")
    def test_an_identity_that_cannot_be_had_is_a_load_failure(self) -> None:
        master = self.master(identity={"uid": 0, "gid": 0, "userName": "root"})
        self.assertIn("cannot become user root", master.receive("load-failed")["message"])

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
        master.send(
            "signal", worker=1, signal="KILL"
        )  # nobody any more: must not hit a stranger, nor end the preloader
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
        source = (
            "import threading, time\ndef work():\n    time.sleep(60)\n"
            "threading.Thread(target=work, daemon=True, name='jobs').start()\n" + APP
        )
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
        self.assertEqual(
            master.receive("unsafe")["hazards"], [{"kind": "socket", "what": "connection to 127.0.0.1:%d" % port}]
        )

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
            ("raise RuntimeError('no')\n", "RuntimeError: no", "raise RuntimeError"),
            ("import sys; sys.exit(4)\n", "SystemExit(4)", "app.py"),
            ("aplication = print\n", "no attribute 'application' or 'app'; it has: aplication", None),
            ("application = 42\n", "app:application is of type int, which cannot be called", None),
            ("def application(scope): pass\n", "ASGI 2", None),
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
child = subprocess.run([sys.executable, '-c', 'import os; print(sorted(os.listdir("/proc/self/fd")))'],
                       stdout=subprocess.PIPE, close_fds=False, check=True)
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

    def test_a_process_that_the_application_forks_holds_nothing_of_ours(self) -> None:
        """Else a worker that has ended would seem to live on, and a copy could answer in its place."""
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
            gateway = self.link(json.loads(lines.readline())["socket"])
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
        gateway = self.link(json.loads(lines.readline())["socket"])
        for method in ("spawn", "fork"):
            gateway.send(request(environ(HTTP_METHOD=method)))
            self.assertEqual(gateway.response().body, b"42", method)

    def test_stop_runs_atexit_handlers_in_the_worker_alone(self) -> None:
        source = "import atexit, os\natexit.register(lambda: print('atexit in', os.getpid()))\n" + APP
        for threads in (1, 3):
            master = self.master(source, threads=threads)
            master.receive("loaded")
            pid, output, sock, lines = self.fork(master)
            path = json.loads(lines.readline())["socket"]
            sock.sendall(b'{"type": "stop"}\n')
            self.assertEqual(master.receive("exited")["code"], 0)
            self.assertEqual(output.read(100), b"atexit in %d\n" % pid)
            self.assertFalse(os.path.exists(path))
            master.control.shutdown(socket.SHUT_RDWR)
            out, err = master.process.communicate(timeout=20)
            self.assertEqual((master.process.returncode, out, err), (0, b"", b""))

    def test_a_worker_that_is_told_to_stop_finishes_what_its_links_carry(self) -> None:
        master = self.master(
            "import sys\ndef app(env, start):\n    env['wsgi.input'].read()\n    start('200 OK', [])\n    return [b'done']\n"
        )
        master.receive("loaded")
        _, _, sock, lines = self.fork(master)
        gateway = self.link(json.loads(lines.readline())["socket"])
        gateway.send(request(environ("POST"), follows=True))
        sock.sendall(b'{"type": "stop"}\n')
        gateway.send(frame(wire.BODY_END))
        self.assertEqual(gateway.response().body, b"done")
        gateway.socket.close()
        self.assertEqual(master.receive("exited")["code"], 0)

    def test_a_worker_that_cannot_load_says_so_and_exits_with_3(self) -> None:
        master = self.master("raise RuntimeError('no')\n", preload="off")
        master.receive("waiting")
        _, _, _, lines = self.fork(master)
        failed = json.loads(lines.readline())
        self.assertEqual(failed["type"], "load-failed")
        self.assertIn("RuntimeError: no", failed["traceback"])
        self.assertEqual(master.receive("exited")["code"], 3)

    def test_a_worker_whose_output_nobody_has_opened_yet_loses_no_line(self) -> None:
        master = self.master("import os\nprint('last words')\nos._exit(9)\n", preload="off")
        master.receive("waiting")
        master.send("fork", worker=1)
        path = master.receive("forked")["output"]
        self.assertEqual(master.receive("exited")["code"], 9)
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as output:
            self.assertEqual(output.read(100), b"last words\n")

    def test_a_fork_that_cannot_be_is_told_and_the_next_one_works(self) -> None:
        master = self.master()
        master.receive("loaded")
        path = os.path.join(master.directory, "w1.out")
        os.mkdir(path)
        master.send("fork", worker=1)
        self.assertIn("File exists", master.receive("fork-failed")["message"])
        self.fork(master, 2)

    def test_ending_is_left_to_the_master_and_its_signal_kills(self) -> None:
        master = self.master()
        master.receive("loaded")
        pid, output, sock, lines = self.fork(master)
        gateway = self.link(json.loads(lines.readline())["socket"])
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
        gateway = self.link(json.loads(lines.readline())["socket"])
        gateway.send(request(environ()))
        self.assertEqual(gateway.response().body, b"[15]")
        # The worker itself is as deaf as before.
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
        gateway = self.link(json.loads(lines.readline())["socket"])
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
        gateway = self.link(json.loads(lines.readline())["socket"])
        gateway.send(request(environ()))
        gateway.response()
        os.kill(pid, signal.SIGTERM)
        # The response is here before its request has quite ended there, and a SystemExit within one ends only that.
        while not select.select([master.control], [], [], 2)[0]:
            os.kill(pid, signal.SIGTERM)
        self.assertEqual(gateway.read_to_end(), b"")
        self.assertEqual(master.receive("exited")["code"], 4)
        self.assertIn(b"at exit", output.read(1000))

    def test_what_a_worker_leaves_behind_is_no_zombie(self) -> None:
        source = """
import os, time
def application(environ, start_response):
    if os.fork() == 0:
        child = os.fork()
        if child == 0:
            time.sleep(0.2)
        os._exit(0)
    os.wait()
    start_response('200 OK', [])
    return []
"""
        master = self.master(source)
        master.receive("loaded")
        _, _, _, lines = self.fork(master)
        gateway = self.link(json.loads(lines.readline())["socket"])
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
        gateway = self.link(json.loads(lines.readline())["socket"])
        gateway.send(request(environ()))
        gateway.response()
        self.assertEqual(output.read(100), b"child ended\n")

    def test_processes_started_at_import_end_with_an_unsafe_preloader(self) -> None:
        """Each worker that imports starts its own; one more would do the work twice."""
        source = (
            "import subprocess, sys, threading, time\n"
            "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], stdout=sys.stderr)\n"
            "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n" + APP
        )
        master = self.master(source, preload="auto")
        master.receive("unsafe")
        self.assertEqual(master.process.wait(20), 0)
        # End of file: nobody has the pipe any more.
        self.assertEqual(master.process.stderr.read(), b"")

    def test_preload_on_forks_all_the_same_and_notes_what_was_found(self) -> None:
        source = "import threading, time\nthreading.Timer(60, print).start()\n" + APP
        master = self.master(source, preload="on")
        notes = master.receive("loaded")["notes"]
        self.assertRegex(notes[0], 'thread "Thread-1.*forked all the same')
        pid, _, _, lines = self.fork(master)
        gateway = self.link(json.loads(lines.readline())["socket"])
        gateway.send(request(environ()))
        self.assertEqual(gateway.response().status, 200)

    def test_a_database_on_a_unix_socket_is_a_hazard(self) -> None:
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory)
        path = os.path.join(directory, "s")
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(path)
        listener.listen()
        source = "import socket\nconnection = socket.socket(socket.AF_UNIX)\nconnection.connect(%r)\n" % path + APP
        self.assertEqual(
            self.master(source, preload="auto").receive("unsafe")["hazards"],
            [{"kind": "socket", "what": "connection to unix:%s" % path}],
        )

    def test_the_import_ends_with_the_master(self) -> None:
        """It may hang; the kernel's signal ends it. The master is the parent here, so a child plays it."""
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "app.py"), "w") as file:
                file.write("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
            start = {
                "type": "start",
                "build": __version__,
                "generation": 1,
                "runtimeDirectory": directory,
                "directory": directory,
                "module": "app",
                "file": None,
                "attributes": ["app"],
                "factory": False,
                "display": "app",
                "threads": 1,
                "multiprocess": True,
                "preload": "on",
                "identity": None,
                "isDevelopment": False,
            }
            master = "\n".join(
                (
                    "import json, os, socket, subprocess, sys",
                    "ours, theirs = socket.socketpair()",
                    "start = dict(json.loads(sys.argv[2]), masterPid=os.getpid())",
                    "fd = theirs.fileno()",
                    "child = subprocess.Popen([sys.executable, '-c', sys.argv[3], str(fd), sys.argv[1]], pass_fds=[fd])",
                    "ours.sendall(json.dumps(start).encode() + b'\\n')",
                    "sys.stdin.read()",
                )
            )
            process = subprocess.Popen(
                [sys.executable, "-c", master, PACKAGE, json.dumps(start), EXEC_WITH_FD_3],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            with process:
                self.assertEqual(process.stdout.readline(), b"importing\n")
                process.kill()
                self.assertEqual(process.stdout.read(), b"")  # the end of whoever had the pipe

    def test_a_mismatched_build_is_refused(self) -> None:
        self.assertIn("build", self.master(build="0.0.0").receive("load-failed")["message"])


@unittest.skipUnless(hasattr(os, "SCHED_BATCH"), "the scheduler is Linux's")
class Scheduling(unittest.TestCase):
    def test_the_peer_does_not_interrupt(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        path = os.path.join(directory.name, "s")
        peer = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.recv(1)"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            with subprocess.Popen([sys.executable, "-c", peer, path]) as process:
                connection, _ = listener.accept()
                with connection:
                    osprocess.finish_before_peer(connection)
                    self.assertEqual(os.sched_getscheduler(process.pid), os.SCHED_BATCH)


if __name__ == "__main__":
    unittest.main()
