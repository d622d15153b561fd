"""A real preloader and its workers: their messages, what they serve, how they end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

from jumak_worker.system import osprocess
from jumak_worker.wire import framing

from .harness import environ, frame, request
from .process_case import APP, ProcessCase, open_and_read


class Processes(ProcessCase):
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
        # Other users cannot read a Python in root's home.
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
        # The process is dumpable: /proc/self/fd belongs to the user, not to root.
        self.assertEqual(output.read(1000).decode(), "%r %d\n" % (expected, nobody.pw_uid))

    @unittest.skipIf(os.geteuid() == 0, "root can become anybody")
    def test_an_identity_that_cannot_be_had_is_a_load_failure(self) -> None:
        master = self.master(identity={"uid": 0, "gid": 0, "userName": "root"})
        self.assertIn("cannot become user root", master.receive("load-failed")["message"])

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
        # The number has no process any more: the signal must hit no other process, and not end the preloader.
        master.send("signal", worker=1, signal="KILL")
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
        gateway = self.gateway(lines)
        gateway.send(request(environ("POST"), follows=True))
        sock.sendall(b'{"type": "stop"}\n')
        gateway.send(frame(framing.BODY_END))
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
        master.send("fork", worker=1, token="tok-en")
        path = master.receive("forked")["output"]
        self.assertEqual(master.receive("exited")["code"], 9)
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as output:
            self.assertEqual(output.read(100), b"last words\n")

    def test_a_fork_that_cannot_be_is_told_and_the_next_one_works(self) -> None:
        master = self.master()
        master.receive("loaded")
        path = os.path.join(master.directory, "w1.out")
        os.mkdir(path)
        master.send("fork", worker=1, token="tok-en")
        self.assertIn("File exists", master.receive("fork-failed")["message"])
        self.fork(master, 2)

    def test_a_file_or_link_where_its_output_goes_is_taken_away(self) -> None:
        master = self.master()
        master.receive("loaded")
        with open(os.path.join(master.directory, "w1.out"), "w"):
            pass
        self.fork(master, 1)
        os.symlink(os.path.join(master.directory, "elsewhere"), os.path.join(master.directory, "w2.out"))
        self.fork(master, 2)
        self.assertFalse(os.path.exists(os.path.join(master.directory, "elsewhere")))

    def test_the_umask_of_the_application_takes_nothing_from_its_worker(self) -> None:
        master = self.master("import os\nos.umask(0o777)\n" + APP)
        master.receive("loaded")
        master.send("fork", worker=1, token="tok-en")
        self.assertEqual(os.stat(master.receive("forked")["output"]).st_mode & 0o777, 0o600)

    def test_a_mismatched_build_is_refused(self) -> None:
        self.assertIn("build", self.master(build="0.0.0").receive("load-failed")["message"])


@unittest.skipUnless(hasattr(os, "SCHED_BATCH"), "the scheduler is Linux's")
class Scheduling(unittest.TestCase):
    #: Other tests have made a peer of this process, and what it starts has its scheduler.
    AS_EVER = "import os; os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))\n"

    def test_the_peer_does_not_interrupt(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        path = os.path.join(directory.name, "s")
        peer = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.recv(1)"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            with subprocess.Popen([sys.executable, "-c", self.AS_EVER + peer, path]) as process:
                connection, _ = listener.accept()
                with connection:
                    osprocess.finish_before_peer(connection)
                    self.assertEqual(os.sched_getscheduler(process.pid), os.SCHED_BATCH)

    def test_no_thread_of_the_peer_interrupts(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        path = os.path.join(directory.name, "s")
        peer = (
            "import socket, sys, threading\n"
            "def connect():\n    with socket.socket(socket.AF_UNIX) as s:\n        s.connect(sys.argv[1])\n        s.recv(1)\n"
            "def help():\n    open('/proc/self/task/%d/comm' % threading.get_native_id(), 'w').write('libuv-worker')\n    connect()\n"
            "others = [threading.Thread(target=target) for target in (help, connect)]\n"
            "for other in others: other.start()\nconnect()\nfor other in others: other.join()\n"
        )
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            with subprocess.Popen([sys.executable, "-c", self.AS_EVER + peer, path]) as process:
                with listener.accept()[0], listener.accept()[0], listener.accept()[0] as connection:
                    osprocess.finish_before_peer(connection, has_threads=True)
                    threads = map(int, os.listdir("/proc/%d/task" % process.pid))
                    found = sorted(os.sched_getscheduler(thread) for thread in threads)
                    self.assertEqual(found, [os.SCHED_OTHER, os.SCHED_BATCH, os.SCHED_BATCH])


if __name__ == "__main__":
    unittest.main()
