"""Applications called through a real link, for the tests of this folder."""

from __future__ import annotations

import contextlib
import io
import unittest
from typing import Callable, Optional, Tuple

from .harness import Response, Slot

TEXT = [("Content-Type", "text/plain")]


def answer(body, headers=(), status: str = "200 OK") -> Callable:
    """An application that returns ``body``, or what it makes when it is a function."""

    def application(env, start_response):
        start_response(status, TEXT + list(headers) if not status.startswith(("204", "304")) else list(headers))
        return body() if callable(body) else body

    return application


class Closing:
    """An iterable that counts its close()."""

    def __init__(self, *chunks, fails: Optional[BaseException] = None) -> None:
        self.chunks, self.fails, self.closed, self.taken = chunks, fails, 0, 0

    def __iter__(self):
        for chunk in self.chunks:
            self.taken += 1
            yield chunk
        if self.fails:
            raise self.fails

    def close(self) -> None:
        self.closed += 1


class Case(unittest.TestCase):
    def call(self, application: Callable, method: str = "GET", **more) -> Tuple[Response, str]:
        """The response, and what the log got. Afterwards the slot must still work."""
        log = io.StringIO()
        with (
            contextlib.redirect_stderr(log),
            Slot(lambda env, start: application(env, start) if env["PATH_INFO"] == "/" else probe(env, start)) as slot,
        ):
            response = slot.get(method, **more)
            self.assertEqual(slot.get(path="/probe").body, b"probe")
        return response, log.getvalue()

    def body(self, application: Callable, method: str = "GET", **more) -> bytes:
        response, log = self.call(application, method, **more)
        self.assertEqual((response.ended, log), ("end", ""))
        return response.body

    def fails(self, application: Callable, words: str, method: str = "GET", **more) -> Response:
        response, log = self.call(application, method, **more)
        self.assertRegex(response.ended, "failed: ")
        self.assertRegex(log, words)
        self.assertNotIn("jumak_worker", log)
        self.assertIn("%s /" % method, log)
        return response


def probe(env, start_response):
    start_response("200 OK", [])
    return [b"probe"]
