"""Configuration files of gunicorn: what is said of their values, and what hooks of requests see."""

from __future__ import annotations

import enum
import os
import pathlib
import tempfile
import unittest
from typing import Any, Callable, Dict, List

from jumak_worker.hooks import configuration_file
from jumak_worker.hooks.hooks import Hooks
from jumak_worker.loading.load_error import LoadError


class Colour(enum.IntEnum):
    RED = 2


def evaluate(source: str) -> Dict[str, Any]:
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "gunicorn.conf.py")
        with open(path, "w") as file:
            file.write(source)
        return configuration_file.evaluate(path, None, "gunicorn.conf.py")


def hooks_of(**functions: Callable) -> Hooks:
    configuration = {
        "path": None,
        "module": None,
        "display": "gunicorn.conf.py",
        "hooks": list(functions),
        "settings": {"workers": 3},
        "variables": {},
        "umask": None,
        "isReload": False,
    }
    hooks = Hooks(configuration, functions, 1)
    hooks.forking(7)
    hooks.forked(7, os.getpid())
    hooks.in_worker(7)
    return hooks


class ConfigurationFile(unittest.TestCase):
    def test_values_are_json_and_objects_are_named(self) -> None:
        names = {
            "workers": 3,
            "timeout": 2.5,
            "preload_app": True,
            "bind": ("a", "b"),
            "none": None,
            "raw": {"a": {1, 2}.pop()},
            "reqs": Colour.RED,
            "path": pathlib.Path("/x"),
            "endless": float("inf"),
            "huge": 2**70,
            "text": "x" * 20_000,
            "post_fork": evaluate,
            "logger_class": Colour,
            "os": os,
            "_own": 1,
        }
        self.assertEqual(
            configuration_file.describe(names),
            {
                "workers": 3,
                "timeout": 2.5,
                "preload_app": True,
                "bind": ["a", "b"],
                "none": None,
                "raw": {"a": 1},
                "reqs": 2,
                "path": {"object": type(pathlib.Path("/x")).__name__},
                "endless": {"object": "float"},
                "huge": {"object": "int"},
                "text": {"object": "str"},
                "post_fork": {"callable": "evaluate"},
                "logger_class": {"callable": "Colour"},
            },
        )

    def test_what_contains_itself_ends(self) -> None:
        endless: List[Any] = []
        endless.append(endless)
        self.assertIn("object", str(configuration_file.describe({"x": endless})))

    def test_an_error_has_the_frames_of_the_file_only(self) -> None:
        for source, message, traceback in (
            ("workers = 1 / 0\n", "gunicorn.conf.py failed: ZeroDivisionError: division by zero", "workers = 1 / 0"),
            ("def (\n", "gunicorn.conf.py failed: SyntaxError", "def ("),
            ("raise SystemExit(4)\n", "gunicorn.conf.py left with SystemExit(4)", ""),
            ("open('/no/such')\n", "gunicorn.conf.py failed: FileNotFoundError", "open("),
        ):
            with self.subTest(source), self.assertRaises(LoadError) as caught:
                evaluate(source)
            self.assertEqual(caught.exception.message[: len(message)], message)
            self.assertIn(traceback, caught.exception.traceback)
            self.assertNotIn("jumak_worker", caught.exception.traceback)
        with self.assertRaises(LoadError) as gone:
            configuration_file.evaluate("/no/such/file.py", None, "file.py")
        self.assertEqual(gone.exception.message, "file.py does not exist")


class Requests(unittest.TestCase):
    ENVIRON = {"REQUEST_METHOD": "GET", "PATH_INFO": "/a", "QUERY_STRING": "b=1", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_X_Y": "z"}

    def answer(self, hooks: Hooks, application: Callable) -> List[bytes]:
        result = hooks.around(application)(dict(self.ENVIRON), lambda *_: None)
        try:
            return list(result)
        finally:
            if hasattr(result, "close"):
                result.close()

    def test_without_hooks_of_requests_the_application_is_called_itself(self) -> None:
        self.assertIs(hooks_of(post_fork=lambda server, worker: None).around(evaluate), evaluate)

    def test_what_they_see(self) -> None:
        seen: List[Any] = []

        def parts(environ: dict, start_response: Callable):
            start_response("201 Created", [("A", "b")])
            yield b"one"
            yield b"three"

        def whole(environ: dict, start_response: Callable) -> list:
            start_response("204 No Content", [])
            return []

        hooks = hooks_of(
            pre_request=lambda worker, req: seen.append((worker.nr, req.method, req.uri, req.headers, req.version)),
            post_request=lambda worker, req, environ, resp: seen.append((resp.status_code, resp.sent, environ["PATH_INFO"])),
        )
        self.assertEqual(self.answer(hooks, parts), [b"one", b"three"])
        self.assertEqual(self.answer(hooks, whole), [])
        first = (1, "GET", "/a?b=1", [("X-Y", "z")], (1, 1))
        self.assertEqual(seen, [first, (201, 8, "/a"), (2, *first[1:]), (204, 0, "/a")])

    def test_post_request_with_fewer_arguments_and_after_an_error(self) -> None:
        def fail(environ: dict, start_response: Callable) -> None:
            raise KeyError("x")

        for function in (lambda worker, req: seen.append(2), lambda worker, req, environ: seen.append(3), lambda *all: seen.append(len(all))):
            seen: List[int] = []
            with self.assertRaises(KeyError):
                self.answer(hooks_of(post_request=function), fail)
            self.assertEqual(len(seen), 1)

    def test_the_first_generation_and_a_worker_that_fails_its_hook(self) -> None:
        def refuse(server: Any, worker: Any) -> None:
            raise ValueError("no")

        with self.assertRaises(LoadError) as caught:
            hooks_of(post_fork=refuse)
        self.assertEqual(caught.exception.message, "post_fork of gunicorn.conf.py failed: ValueError: no")
