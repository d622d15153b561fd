"""The lifespan: modes, state, and what becomes of start-ups and shutdowns that fail."""

from __future__ import annotations

import asyncio
import unittest
from typing import Any, Callable, List

from jumak_worker.asgi import lifespan
from jumak_worker.loading.load_error import LoadError

from .asgi_harness import AsgiTest, Host

START = {"type": "http.response.start", "status": 200}


def application(startup: Callable = None, shutdown: Callable = None, state: dict = {}, log: List[str] = []) -> Callable:  # type: ignore[assignment]
    """``startup``, ``shutdown``: coroutine functions that are given ``send``."""

    async def completes_startup(send):
        await send({"type": "lifespan.startup.complete"})

    async def completes_shutdown(send):
        await send({"type": "lifespan.shutdown.complete"})

    async def application(scope, receive, send):
        if scope["type"] == "lifespan":
            assert (await receive()) == {"type": "lifespan.startup"}
            log.append("startup")
            scope["state"].update(state)
            await (startup or completes_startup)(send)
            assert (await receive()) == {"type": "lifespan.shutdown"}
            log.append("shutdown")
            await (shutdown or completes_shutdown)(send)
        else:
            text = repr(scope.get("state")).encode()
            scope.get("state", {})["more"] = 1
            await send(START)
            await send({"type": "http.response.body", "body": text})

    return application


def raising(error: BaseException) -> Callable:
    async def raises(send):
        raise error

    return raises


def sending(**message: Any) -> Callable:
    async def sends(send):
        await send(message)

    return sends


class Lifespans(AsgiTest):
    def refused(self, app: Callable, mode: str) -> LoadError:
        with Host(app, lifespan=mode) as host:
            self.assertIsInstance(host.error, LoadError)
        assert isinstance(host.error, LoadError)
        return host.error

    def test_start_up_state_and_shutdown(self) -> None:
        for mode in ("auto", "on"):
            log: List[str] = []
            for host in self.each_loop(application(state={"pool": 5}, log=log), lifespan=mode):
                self.assertEqual(log, ["startup"])
                # Each request has a copy.
                self.assertEqual([host.gateway.get().body for _ in range(2)], [b"{'pool': 5}"] * 2)
                host.leave()
                self.assertEqual(log, ["startup", "shutdown"])
                self.assertEqual(host.log.getvalue(), "")
                log.clear()

    def test_off_asks_nothing_and_there_is_no_state(self) -> None:
        log: List[str] = []
        with self.host(application(log=log), lifespan="off") as host:
            self.assertEqual(host.gateway.get().body, b"None")
        self.assertEqual(log, [])

    def test_a_start_up_that_says_it_failed(self) -> None:
        failed = {"type": "lifespan.startup.failed"}
        text = 'Traceback (most recent call last):\n  File "app.py", line 3\nOSError: no database\n'
        for mode in ("auto", "on"):
            error = self.refused(application(sending(**failed, message="no database")), mode)
            self.assertEqual((error.message, error.traceback), ("the application's start-up failed: no database", ""))
            error = self.refused(application(sending(**failed, message=text)), mode)
            self.assertEqual(error.message, "the application's start-up failed: OSError: no database")
            self.assertEqual(error.traceback, text.strip())
            self.assertIn("it does not say why", self.refused(application(sending(**failed)), mode).message)

    def test_applications_that_know_no_lifespan_are_served_without_a_word(self) -> None:
        async def asserts(scope, receive, send):
            assert scope["type"] == "http", "only http"
            await application()(scope, receive, send)

        async def returns(scope, receive, send):
            if scope["type"] == "http":
                await application()(scope, receive, send)

        async def answers(scope, receive, send):
            await receive()
            await send(START)
            await send({"type": "http.response.body", "body": b"None"})

        for app, words in ((asserts, "it raised AssertionError: only http"), (returns, "it returned"), (answers, "sent")):
            with self.subTest(words):
                with self.host(app, lifespan="auto") as host:
                    self.assertEqual(host.gateway.get().body, b"None")
                self.assertEqual(host.log.getvalue(), "")
                error = self.refused(app, "on")
                self.assertIn("(--lifespan on)", error.message)
                self.assertIn(words, error.message)

    def test_one_that_raises_when_it_has_received_startup_is_served_and_logged(self) -> None:
        app = application(raising(OSError("no database")))
        with self.host(app, lifespan="auto") as host:
            self.assertEqual(host.gateway.get().body, b"None")
        self.assertIn("raised OSError: no database on lifespan.startup", host.log.getvalue())
        self.assertIn("in raises", host.log.getvalue())
        self.assertIn("in raises", self.refused(app, "on").traceback)

    def test_a_shutdown_that_fails_raises_or_returns(self) -> None:
        async def returns(send):
            pass

        for shutdown, words in (
            (sending(type="lifespan.shutdown.failed", message="disk full"), "shutdown failed: disk full"),
            (raising(OSError("disk full")), "application error in its lifespan, at shutdown\n"),
            (returns, ""),
        ):
            with self.subTest(words), self.host(application(shutdown=shutdown), lifespan="on") as host:
                host.leave()
                self.assertIn(words, host.log.getvalue())
                self.assertEqual(bool(host.log.getvalue()), bool(words))

    def test_a_shutdown_that_hangs_is_left(self) -> None:
        async def hangs(send):
            await asyncio.get_running_loop().create_future()

        patience, lifespan._SHUTDOWN_GRACE = lifespan._SHUTDOWN_GRACE, 0.05
        self.addCleanup(setattr, lifespan, "_SHUTDOWN_GRACE", patience)
        for host in self.each_loop(application(shutdown=hangs), lifespan="on"):
            host.leave()
            self.assertIn("shutdown took longer", host.log.getvalue())

    def test_one_that_ends_while_it_is_served(self) -> None:
        async def dies(send):
            await send({"type": "lifespan.startup.complete"})
            await asyncio.sleep(0)
            raise KeyError("died")

        with self.host(application(dies), lifespan="auto") as host:
            self.assertEqual(host.gateway.get().status, 200)
            self.assertTrue(host.gateway.is_silent())
            self.assertIn("application error in its lifespan, while it was served", host.log.getvalue())

    def test_messages_out_of_order(self) -> None:
        async def twice(send):
            await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.startup.complete"})

        async def early(send):
            await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})

        for startup, words in ((twice, "sent a second time"), (early, "where no shutdown was asked for")):
            with self.subTest(words), self.host(application(startup), lifespan="on") as host:
                host.leave()
                self.assertIn(words, host.log.getvalue())

    def test_tasks_that_are_left_behind_are_cancelled(self) -> None:
        ended: List[str] = []

        async def leaves(send):
            async def background():
                try:
                    await asyncio.sleep(1000)
                finally:
                    ended.append("cancelled")

            tasks.append(asyncio.ensure_future(background()))
            await send({"type": "lifespan.startup.complete"})

        tasks: List[Any] = []
        for host in self.each_loop(application(leaves), lifespan="on"):
            host.gateway.get()
            host.leave()
            self.assertEqual(ended, ["cancelled"])
            ended.clear()
            tasks.clear()


if __name__ == "__main__":
    unittest.main()
