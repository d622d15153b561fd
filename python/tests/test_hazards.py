"""What an import leaves open, the line that opened it, and whether workers may be forked after it."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import sys
import tempfile
import unittest
from typing import List, Tuple

from .harness import environ, request
from .process_case import APP, ProcessCase, open_and_read

#: Source, the kinds that are found, and what the first one says (the source begins in line 2 of app.py).
HAZARDS: List[Tuple[str, List[str], str]] = [
    ("f = open('records', 'w+b')\n", ["file"], r"file .*/records, opened at .*app\.py:2"),
    ("f = open('records', 'wb')\n", ["file"], r"file .*/records"),
    ("f = open('records', 'a+b')\n", ["file"], r"file .*/records"),
    ("open('records', 'w').close()\nf = open('records', 'rb', buffering=0)\n", ["file"], r"file .*app\.py:3"),
    ("import tempfile\nf = tempfile.TemporaryFile()\n", ["file"], r"file .*app\.py:3"),
    ("import sqlite3\nd = sqlite3.connect('db')\nd.execute('create table t (a)')\n", ["file"], r"file .*/db, .*app\.py:3"),
    ("import dbm.dumb, shelve\nd = shelve.Shelf(dbm.dumb.open('s'))\nf = d['a'] = 1\n", [], ""),
    ("import os\nf = os.open('.', os.O_RDONLY)\n", ["file"], r"directory .*app\.py:3"),
    ("import os\na, b = os.pipe()\n", ["pipe"], r"2 × pipe, opened at .*app\.py:3"),
    ("import os\nos.mkfifo('p')\nf = os.open('p', os.O_RDWR)\n", ["pipe"], r"pipe /.*/p, opened at .*app\.py:4"),
    ("import select\ne = select.epoll()\n", ["descriptor"], r"epoll, as event loops have, opened at .*app\.py:3"),
    ("import asyncio\nloop = asyncio.new_event_loop()\n", ["descriptor", "socket"], r"epoll.*app\.py:3"),
    ("import socket\na, b = socket.socketpair()\n", ["socket"], r"2 × socket pair, opened at .*app\.py:3"),
    ("import socket\na = socket.socket()\n", ["socket"], r"socket, opened at .*app\.py:3"),
    (
        "import socket\na = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\na.connect(('127.0.0.1', 9))\n",
        ["socket"],
        r"datagram socket to 127\.0\.0\.1:9, opened at .*app\.py:3",
    ),
    (
        "import fcntl\nf = open('lock', 'a')\nfcntl.flock(f, fcntl.LOCK_EX)\n",
        ["lock"],
        r"lock on .*/lock, opened at .*app\.py:3",
    ),
    ("import fcntl\nf = open('lock', 'a')\nfcntl.lockf(f, fcntl.LOCK_EX)\n", ["lock"], r"lock on .*/lock"),
    (
        "import subprocess\nc = subprocess.Popen(['cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n",
        ["process", "pipe"],
        r'process "cat", started at .*app\.py:3',
    ),
    ("import multiprocessing\nq = multiprocessing.get_context('fork').Queue()\n", ["pipe", "memory"], r"pipe.*app\.py:3"),
    ("import multiprocessing\nq = multiprocessing.get_context('fork').Lock()\n", ["memory"], "semaphore"),
    ("import mmap\nm = mmap.mmap(-1, 4096)\n", ["memory"], "shared memory"),
    ("import threading\nthreading.Timer(60, print).start()\n", ["thread"], 'thread "Thread-1'),
    (
        "import threading, time\ndef work():\n    time.sleep(60)\n"
        "threading.Thread(target=work, daemon=True, name='jobs').start()\n",
        ["thread"],
        r'thread "jobs", started for .*app\.py:3',
    ),
]
if hasattr(os, "eventfd"):
    HAZARDS.append(("import os\ne = os.eventfd(0)\n", ["descriptor"], r"eventfd, opened at .*app\.py:3"))

#: ``descriptors.py`` has the reason for each.
HARMLESS = {
    "a log": "import logging\nlogging.basicConfig(filename='log')\nlogging.error('x')\n",
    "an unbuffered log": "f = open('log', 'ab', buffering=0)\n",
    "what was closed": "import os, select\nopen('log', 'w').close()\nselect.epoll().close()\n",
    "devices without a state": "a = open('/dev/null', 'r+b', 0)\nb = open('/dev/urandom', 'rb', 0)\n",
    "a listener": "import socket\na = socket.create_server(('127.0.0.1', 0))\n",
    "syslog by UDP": "import logging.handlers\na = logging.handlers.SysLogHandler(('127.0.0.1', 9))\n",
    "nobody can answer it": "import socket\na = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n",
    "a map": "import mmap\nopen('m', 'w').write('text')\nf = open('m', 'rb')\n"
    "m = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)\n",
    "a loop that was closed": "import asyncio\nasyncio.run(asyncio.sleep(0))\n",
    "a child that has ended": "import subprocess\nsubprocess.run(['true'])\nchild = subprocess.Popen(['true'])\n"
    "import os\nos.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)\n",
    "a path without an open file": "import os\nf = os.open('.', os.O_PATH)\n",
}


class Hazards(ProcessCase):
    @unittest.skipUnless(sys.platform == "linux", "auto forks on Linux only")
    def test_each_hazard_is_found_and_its_line(self) -> None:
        for source, kinds, pattern in HAZARDS:
            with self.subTest(source):
                master = self.master("# the application\n" + source + APP, preload="auto", locateHazards=True)
                if not kinds:
                    master.receive("loaded")
                    continue
                hazards = master.receive("unsafe")["hazards"]
                self.assertEqual([hazard["kind"] for hazard in hazards], kinds, hazards)
                self.assertRegex(hazards[0]["what"], pattern)
                # A thread has its own description, and memory cannot be traced.
                placed = [hazard["what"] for hazard in hazards if hazard["kind"] not in ("thread", "memory")]
                self.assertEqual([what for what in placed if "app.py:" not in what], [])
                self.assertEqual(master.process.wait(20), 0)

    @unittest.skipUnless(sys.platform == "linux", "auto forks on Linux only")
    def test_without_the_search_for_lines_the_same_is_found(self) -> None:
        for source, kinds, _ in HAZARDS:
            if kinds:
                with self.subTest(source):
                    hazards = self.master(source + APP, preload="auto").receive("unsafe")["hazards"]
                    self.assertEqual([hazard["kind"] for hazard in hazards], kinds, hazards)
                    self.assertNotRegex(hazards[0]["what"], "opened at|started at")

    @unittest.skipUnless(sys.platform == "linux", "auto forks on Linux only")
    def test_what_is_harmless_is_forked(self) -> None:
        for what, source in HARMLESS.items():
            with self.subTest(what):
                self.assertEqual(self.master(source + APP, preload="auto").receive("loaded")["hazards"], [])

    def test_a_connection_is_found_with_its_peer(self) -> None:
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory)
        path = os.path.join(directory, "s")
        for family, address in ((socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_UNIX, path)):
            with self.subTest(family), socket.socket(family) as listener:
                listener.bind(address)
                listener.listen()
                name = listener.getsockname()
                source = "import socket\nconnection = socket.socket(%d)\nconnection.connect(%r)\n" % (family, name) + APP
                peer = "unix:%s" % path if family == socket.AF_UNIX else "127.0.0.1:%d" % name[1]
                hazards = self.master(source, preload="auto").receive("unsafe")["hazards"]
                self.assertEqual(hazards, [{"kind": "socket", "what": "connection to %s" % peer}])

    def test_what_the_application_calls_in_a_package_belongs_to_its_own_line(self) -> None:
        source = "import logging\nlogging.basicConfig(filename='log', filemode='w')\n" + APP
        hazards = self.master(source, preload="auto", locateHazards=True).receive("unsafe")["hazards"]
        self.assertRegex(hazards[0]["what"], r"file .*/log, opened at .*app\.py:2")

    def test_a_search_that_finds_nothing_leaves_nothing_behind(self) -> None:
        source = APP.replace("% (imported_in, os.getpid())", "% (imported_in, sys.gettrace() is None)")
        master = self.master(source, preload="auto", locateHazards=True)
        master.receive("loaded")
        _, _, _, lines = self.fork(master)
        gateway = self.gateway(lines)
        gateway.send(request(environ()))
        self.assertEqual(gateway.response().body, b"%d 1" % master.process.pid)

    def test_looking_at_a_socket_leaves_it_as_it_was(self) -> None:
        """With a default timeout Python makes a new socket object non-blocking, and with it every descriptor of the same open file."""
        source = (
            "import socket\na, b = socket.socketpair()\nc = socket.create_server(('127.0.0.1', 0))\n"
            "socket.setdefaulttimeout(30)\nd = socket.socket()\n" + APP
        ).replace("% (imported_in, os.getpid())", "% (sum(os.get_blocking(s.fileno()) for s in (a, b, c)),"
                  " os.get_blocking(d.fileno()))  + str(socket.getdefaulttimeout())")  # fmt: skip
        master = self.master(source, preload="on")
        self.assertEqual(len(master.receive("loaded")["hazards"]), 2)
        _, _, _, lines = self.fork(master)
        gateway = self.gateway(lines)
        gateway.send(request(environ()))
        self.assertEqual(gateway.response().body, b"3 030.0")

    def test_a_descriptor_of_whoever_started_jumak_is_no_hazard(self) -> None:
        ours, end = os.pipe()
        theirs = fcntl.fcntl(end, fcntl.F_DUPFD, 100)
        os.close(end)
        self.addCleanup(os.close, ours)
        try:
            source = "import os, sys\nos.fstat(int(os.environ['INHERITED']))\n" + APP
            os.environ["INHERITED"] = str(theirs)
            self.master(source, preload="auto", inherited=[theirs]).receive("loaded")
        finally:
            del os.environ["INHERITED"]
            os.close(theirs)

    def test_what_waits_in_the_buffer_of_a_log_is_written_once(self) -> None:
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory)
        path = os.path.join(directory, "log")
        master = self.master("log = open(%r, 'a')\nlog.write('imported\\n')\n" % path + APP, preload="auto")
        master.receive("loaded")
        for number in (1, 2):
            _, _, sock, lines = self.fork(master, number)
            lines.readline()
            sock.sendall(b'{"type":"stop"}\n')
            self.assertEqual(master.receive("exited")["code"], 0)
        self.assertEqual(open_and_read(path), "imported\n")

    def test_children_of_an_unsafe_import_are_gone_before_the_next_one_begins(self) -> None:
        """Each worker that imports starts its own; one more would do the work twice."""
        for what, handler in (("ends at once", "signal.SIG_DFL"), ("does not end by itself", "print")):
            source = (
                "import subprocess, sys, threading, time\n"
                "c = subprocess.Popen([sys.executable, '-c', 'import signal, time; signal.signal(signal.SIGTERM, %s);"
                " print(flush=True); time.sleep(60)'], stdout=subprocess.PIPE)\nc.stdout.readline()\n"
                "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n" % handler + APP
            )
            with self.subTest(what):
                master = self.master(source, preload="auto")
                master.receive("unsafe")
                self.assertEqual(master.process.wait(20), 0)
                # End of file: nobody has the pipe any more.
                self.assertEqual(master.process.stderr.read(), b"")

    def test_preload_on_forks_all_the_same_and_tells_what_was_found(self) -> None:
        master = self.master("import threading\nthreading.Timer(60, print).start()\n" + APP, preload="on")
        hazards = master.receive("loaded")["hazards"]
        self.assertEqual([hazard["kind"] for hazard in hazards], ["thread"])
        _, _, _, lines = self.fork(master)
        gateway = self.gateway(lines)
        gateway.send(request(environ()))
        self.assertEqual(gateway.response().status, 200)

    def test_many_are_told_in_a_bounded_message(self) -> None:
        source = "files = [open('f%d' % i, 'w') for i in range(100)]\n" + APP
        self.assertEqual(len(self.master(source, preload="auto").receive("unsafe")["hazards"]), 20)


if __name__ == "__main__":
    unittest.main()
