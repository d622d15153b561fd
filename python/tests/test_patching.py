"""`--worker-class gevent` before the application is imported, without gevent: what is said where it is missing, or makes no sense."""

from __future__ import annotations

import socket
import sys
import threading
import types
import unittest
from unittest import mock

from jumak_worker import unpatched
from jumak_worker.loading import patching
from jumak_worker.loading.load_error import LoadError

from .test_loader import GOOD, Loader

ASGI = "async def application(scope, receive, send):\n    pass\n"


class Patching(Loader):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(setattr, patching, "of_hub", patching.of_hub)
        patching.of_hub = set()

    def test_without_gevent_it_says_where_to_install_it(self) -> None:
        self.write("app.py", "raise AssertionError('it is not imported')\n")
        with mock.patch.dict(sys.modules, {"gevent": None}), self.assertRaises(LoadError) as caught:
            self.load(workerClass="gevent")
        self.assertIn("worker-class is gevent", caught.exception.message)
        self.assertIn(sys.executable, caught.exception.message)
        self.assertIn("pip install gevent", caught.exception.message)

    def test_a_gevent_that_cannot_be_imported_is_not_a_missing_one(self) -> None:
        self.write("gevent/__init__.py", "raise ImportError('libev.so.4: cannot open shared object file')\n")
        self.write("app.py", GOOD)
        with self.assertRaisesRegex(LoadError, "cannot import gevent: ImportError: libev.so.4"):
            self.load(workerClass="gevent")

    def test_an_asgi_application_is_refused(self) -> None:
        self.write("app.py", ASGI)
        with mock.patch.object(patching, "patch"), self.assertRaisesRegex(LoadError, "app:application is an ASGI application"):
            self.load(workerClass="gevent")

    def test_it_patches_before_the_import_and_knows_what_the_hub_opens(self) -> None:
        self.write("app.py", "import gevent\nassert gevent.steps == ['patched', 'hub'], gevent.steps\n" + GOOD)
        opened = socket.socketpair()
        self.addCleanup(opened[0].close)
        self.addCleanup(opened[1].close)
        fake, monkey = types.ModuleType("gevent"), types.ModuleType("gevent.monkey")
        fake.steps = []  # type: ignore[attr-defined]
        fake.monkey = monkey  # type: ignore[attr-defined]
        epolls = []

        hub = mock.Mock()
        hub.loop.reset_sigchld = lambda: fake.steps.append("SIGCHLD")  # type: ignore[attr-defined]

        def get_hub() -> mock.Mock:
            if not epolls:
                fake.steps.append("hub")  # type: ignore[attr-defined]
                epolls.append(socket.socket())
            return hub

        fake.get_hub = get_hub  # type: ignore[attr-defined]
        fake.reinit = lambda: fake.steps.append("reinit")  # type: ignore[attr-defined]
        monkey.patch_all = lambda: fake.steps.append("patched")  # type: ignore[attr-defined]
        with mock.patch.dict(sys.modules, {"gevent": fake, "gevent.monkey": monkey}):
            self.load(workerClass="gevent")
            with epolls[0] as epoll:
                self.assertEqual(patching.of_hub, {epoll.fileno()})
            patching.after_fork()
        self.assertEqual(fake.steps, ["patched", "hub", "reinit", "SIGCHLD"])


class Unpatched(unittest.TestCase):
    def test_a_thread_is_of_the_operating_system_also_when_threading_is_patched(self) -> None:
        for patched in (threading.Thread, object):
            found = []
            done = threading.Event()

            def run() -> None:
                found.append(unpatched.get_ident())
                done.set()

            with mock.patch.object(threading, "Thread", patched):
                unpatched.start_thread(run, "jumak-test")
                self.assertTrue(done.wait(20))
            self.assertNotEqual(found, [unpatched.get_ident()])


if __name__ == "__main__":
    unittest.main()
