"""The import in a preloader: what cannot be loaded, what the application sees, and the hook after the fork."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

from .harness import EXEC_WITH_FD_3, PACKAGE, WAIT, environ, request, start_message
from .process_case import APP, ProcessCase


class Preloading(ProcessCase):
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
        source += "async def wait():\n    pass\n"
        for module, attribute, message, frame_of in (
            ("app", "hook", "--post-fork app:hook failed: KeyError: 'DB'", "hook"),
            ("app", "leave", "--post-fork app:leave left with SystemExit(4)", "leave"),
            ("app", "hok", "--post-fork app:hok: module app has no attribute 'hok'; it has: hook", ""),
            ("app", "number", "--post-fork app:number failed: TypeError: 'int' object is not callable", ""),
            ("app", "wait", "--post-fork app:wait: it is asynchronous, and no event loop runs yet; name an ordinary function", ""),
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

    def test_without_preload_each_worker_imports(self) -> None:
        master = self.master(preload="off")
        master.receive("waiting")
        pid, _, _, lines = self.fork(master)
        gateway = self.gateway(lines)
        gateway.send(request(environ()))
        self.assertEqual(gateway.response().body, b"%d %d" % (pid, pid))

    def test_what_cannot_be_loaded_is_told_with_their_frames_only(self) -> None:
        for source, message, traceback in (
            ("import nowhere_to_be_found\n", "no module nowhere_to_be_found", "app.py"),
            ("def application(:\n", "SyntaxError", "app.py"),
            ("raise RuntimeError('no')\n", "RuntimeError: no", "raise RuntimeError"),
            ("import sys; sys.exit(4)\n", "SystemExit(4)", "app.py"),
            ("aplication = print\n", "no attribute 'application' or 'app'; it has: aplication", None),
            ("application = 42\n", "app:application is of type int, which cannot be called", None),
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
        gateway = self.gateway(lines)
        gateway.send(request(environ()))
        path, names, fds = json.loads(gateway.response().body)
        self.assertEqual([entry for entry in path if "jumak" in entry], [])
        self.assertEqual(path[0], master.application_directory)
        self.assertEqual([name for name in names if "JUMAK" in name], [])
        self.assertEqual(eval(fds), ["0", "1", "2", "3"])  # 3 is the directory that listdir reads

    def test_an_import_that_closes_all_that_is_open_ends_and_says_why(self) -> None:
        master = self.master("import os\nos.closerange(3, 256)\n" + APP)
        self.assertEqual(master.process.wait(WAIT), 3)
        self.assertIn(b"closed descriptors that it did not open", master.process.stderr.read())

    def test_a_worker_whose_import_closes_all_that_is_open_waits_to_be_killed(self) -> None:
        """The master sees that the connection has closed, and says so when it replaces the worker."""
        master = self.master("import os\nos.closerange(3, 256)\n" + APP, preload="off")
        master.receive("waiting")
        _, _, _, lines = self.fork(master)
        self.assertEqual(lines.readline(), "")
        master.send("signal", worker=1, signal="KILL")
        self.assertEqual(master.receive("exited")["signal"], "SIGKILL")

    def test_the_import_ends_with_the_master(self) -> None:
        """An import may hang: a signal of the kernel ends it. The master must be the parent, so a child process plays it."""
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "app.py"), "w") as file:
                file.write("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
            start = {"type": "start", **start_message(directory, directory)}
            master = "\n".join(
                (
                    "import json, os, socket, subprocess, sys",
                    "ours, theirs = socket.socketpair()",
                    "start = dict(json.loads(sys.argv[2]), masterPid=os.getpid())",
                    "fd = theirs.fileno()",
                    "child = subprocess.Popen([sys.executable, '-c', sys.argv[3], str(fd), sys.argv[1]], pass_fds=[fd])",
                    "ours.sendall(json.dumps(start).encode() + b'\\n')",
                    "theirs.close()",
                    "print(ours.makefile().read(), flush=True)",
                )
            )
            ours, theirs = socket.socketpair()
            ours.settimeout(WAIT)
            command = [sys.executable, "-c", master, PACKAGE, json.dumps(start), EXEC_WITH_FD_3]
            with ours, subprocess.Popen(command, stdout=theirs, stderr=theirs) as process:
                theirs.close()
                try:
                    said = b""
                    while said != b"importing\n":
                        more = ours.recv(4096)
                        said += more
                        self.assertTrue(more, "it has ended, and said: %s" % said.decode())
                finally:
                    process.kill()
                self.assertEqual(ours.recv(4096), b"")  # the end of whoever had the other end


if __name__ == "__main__":
    unittest.main()
