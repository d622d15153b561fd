"""``init.py``: as an ordinary process, and as process 1 where the test may make a namespace."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import unittest
from typing import List

from .harness import PACKAGE, WAIT

INIT = os.path.join(PACKAGE, "process", "init.py")

#: Prints when it is ready, and then the name of each signal that it gets. Exits with 5 at TERM.
LISTENER = """
import os, signal, sys
def heard(number, _):
    # Not `print`: the signal may come while the one below has written, and has not returned.
    os.write(1, signal.Signals(number).name.encode() + b"\\n")
    if number == signal.SIGTERM:
        sys.exit(5)
for name in "TERM INT QUIT HUP USR1 USR2 TTIN TTOU".split():
    signal.signal(getattr(signal, "SIG" + name), heard)
print("ready", signal.pthread_sigmask(signal.SIG_BLOCK, []), flush=True)
while True:
    signal.pause()
"""

#: Several daemons, each of which outlives its parent.
ORPHANS = """
import os, sys, time
for _ in range(5):
    if os.fork() == 0:
        read, write = os.pipe()
        if os.fork() == 0:
            os.close(write)
            os.read(read, 1)  # until its parent has ended
        os._exit(0)
    os.wait()
def zombies():
    return [pid for pid in os.listdir("/proc") if pid.isdigit() and state(pid) == "Z"]
def state(pid):
    try:
        return open("/proc/%s/stat" % pid).read().rpartition(")")[2].split()[0]
    except OSError:
        return ""
def others():
    return [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) not in (1, os.getpid())]
deadline = time.monotonic() + 10
while others() and time.monotonic() < deadline:
    time.sleep(0.02)
print(os.getppid(), zombies(), others())
"""

#: Hands over to a child that ends before it, and tells of both.
PREDECESSOR = """
import os, sys
def tell(line):
    os.write(int(os.environ["JUMAK_INIT"]), (line % successor + "\\n").encode())
successor = os.fork()
if successor == 0:
    os._exit(9)
tell("%d")
os.waitpid(successor, 0)
if sys.argv[1]:
    tell(sys.argv[1])
"""

UNSHARE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]


def can_unshare() -> bool:
    return shutil.which("unshare") is not None and subprocess.call([*UNSHARE, "true"], stderr=subprocess.DEVNULL) == 0


class Init(unittest.TestCase):
    def start(self, *command: str, before: List[str] = []) -> subprocess.Popen:
        process = subprocess.Popen(
            [*before, sys.executable, "-I", "-S", INIT, *command], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def code(self, *command: str) -> int:
        return self.start(*command).wait(WAIT)

    def test_it_exits_with_the_code_of_the_program(self) -> None:
        self.assertEqual(self.code("sh", "-c", "exit 3"), 3)
        self.assertEqual(self.code("sh", "-c", "exit 0"), 0)
        self.assertEqual(self.code("sh", "-c", "kill -KILL $$"), 128 + 9)

    def test_a_successor_that_ends_before_its_predecessor(self) -> None:
        for last, code in (("%d 5", 5), ("%d 0", 0), ("", 1)):
            self.assertEqual(self.code(sys.executable, "-c", PREDECESSOR, last), code)

    def test_a_program_that_is_not_there(self) -> None:
        process = subprocess.run(
            [sys.executable, "-I", "-S", INIT, "/nowhere"], stderr=subprocess.PIPE, timeout=WAIT
        )
        self.assertEqual(process.returncode, 127)
        self.assertEqual(process.stderr.decode(), "jumak: /nowhere: [Errno 2] No such file or directory\n")

    def test_it_forwards_signals_and_blocks_none_for_the_program(self) -> None:
        process = self.start(sys.executable, "-c", LISTENER)
        assert process.stdout
        self.assertEqual(process.stdout.readline(), b"ready set()\n")
        for name in "INT QUIT HUP USR1 USR2 TTIN TTOU TERM".split():
            process.send_signal(getattr(signal, "SIG" + name))
            self.assertEqual(process.stdout.readline().decode(), "SIG%s\n" % name)
        self.assertEqual(process.wait(WAIT), 5)

    def test_the_program_has_a_group_of_its_own_and_the_descriptors(self) -> None:
        read, write = os.pipe()
        script = "import os; print(os.getpgid(0) == os.getpid()); os.write(%d, b'x')" % write
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", INIT, sys.executable, "-c", script], stdout=subprocess.PIPE, pass_fds=[write]
        )
        os.close(write)
        self.assertEqual(process.communicate(timeout=WAIT)[0], b"True\n")
        self.assertEqual(os.read(read, 10), b"x")
        os.close(read)

    @unittest.skipUnless(can_unshare(), "needs unshare and the right to use it")
    def test_as_process_1_it_leaves_no_zombie(self) -> None:
        process = self.start(sys.executable, "-c", ORPHANS, before=UNSHARE)
        self.assertEqual(process.communicate(timeout=WAIT)[0], b"1 [] []\n")


if __name__ == "__main__":
    unittest.main()
