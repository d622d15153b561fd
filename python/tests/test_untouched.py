"""The process belongs to the application: what it changes for the whole process does not disturb us, and we change nothing that it
could notice. The list of what we do touch is in python/README.md."""

from __future__ import annotations

import socket
import unittest
from unittest import mock

from jumak_worker.process import messages
from jumak_worker.loading import static_files
from jumak_worker.process.control import ControlChannel

from .test_loader import GOOD, Loader


class Loaded(Loader):
    def test_with_static_off_the_settings_are_not_looked_at(self) -> None:
        self.write("app.py", GOOD)
        with mock.patch.object(static_files, "find") as find:
            self.assertIsNone(self.load(findStatic=False).static)
        find.assert_not_called()

    def test_no_code_of_a_framework_runs_to_learn_its_version(self) -> None:
        self.write("bottle.py", "def __getattr__(name):\n    raise RuntimeError('asked for ' + name)\n")
        self.write("app.py", "import bottle\n" + GOOD)
        self.assertEqual(self.load().framework, "Bottle")


class DefaultTimeout(unittest.TestCase):
    def test_a_control_channel_waits_however_long(self) -> None:
        """`socket.setdefaulttimeout` is for all sockets that the process makes from then on: a silent master had "gone"."""
        self.addCleanup(socket.setdefaulttimeout, socket.getdefaulttimeout())
        socket.setdefaulttimeout(0.001)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ControlChannel(ours, messages.WORKER)
            self.assertIsNone(ours.gettimeout())


if __name__ == "__main__":
    unittest.main()
