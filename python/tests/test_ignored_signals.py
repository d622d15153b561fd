"""Forks and signals with `ignored_signals.py`, each in a Python process of its own. With a preloader: `test_forks.py`."""

from __future__ import annotations

import os
import subprocess
import sys
import unittest

_PYTHON = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_START = """
import os, signal
from jumak_worker.process import ignored_signals
def blocked():
    return signal.pthread_sigmask(signal.SIG_BLOCK, ())
"""


class IgnoredSignals(unittest.TestCase):
    def run_python(self, source: str) -> str:
        command = [sys.executable, "-W", "error", "-c", _START + source]
        done = subprocess.run(command, cwd=_PYTHON, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.stderr, "")
        return done.stdout.strip()

    def test_an_interrupt_within_the_fork_ends_what_was_forked(self) -> None:
        source = """
# Registered before, so it runs while signals are held.
os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), signal.SIGINT))
ignored_signals.ignore()
child = os.fork()
if child == 0:
    os._exit(0)
print(os.WTERMSIG(os.waitpid(child, 0)[1]))
"""
        self.assertEqual(self.run_python(source), "2")

    def test_an_interrupt_that_was_ignored_stays_ignored(self) -> None:
        source = """
signal.signal(signal.SIGINT, signal.SIG_IGN)
os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), signal.SIGINT))
ignored_signals.ignore()
child = os.fork()
if child == 0:
    os.kill(os.getpid(), signal.SIGINT)
    os._exit(3)
print(os.WEXITSTATUS(os.waitpid(child, 0)[1]))
"""
        self.assertEqual(self.run_python(source), "3")

    def test_a_fork_within_a_fork_leaves_no_signal_blocked_in_any_of_the_processes(self) -> None:
        source = """
# Registered before, so it runs within the fork, like the handler of a signal that comes there.
inner = []
def fork_within():
    if not inner:
        inner.append(0)
        inner[0] = os.fork()
        if inner[0] == 0:
            os._exit(len(blocked()))
os.register_at_fork(before=fork_within)
ignored_signals.ignore()
outer = os.fork()
if outer == 0:
    os._exit(len(blocked()))
print([os.WEXITSTATUS(os.waitpid(pid, 0)[1]) for pid in (inner[0], outer)], blocked())
"""
        self.assertEqual(self.run_python(source), "[0, 0] set()")

    def test_what_the_application_itself_blocks_stays_blocked(self) -> None:
        source = """
ignored_signals.ignore()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
child = os.fork()
if child == 0:
    os._exit(blocked() == {signal.SIGTERM})
print(os.WEXITSTATUS(os.waitpid(child, 0)[1]), blocked() == {signal.SIGTERM})
"""
        self.assertEqual(self.run_python(source), "1 True")
