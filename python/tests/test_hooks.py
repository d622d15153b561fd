"""Configuration files of gunicorn: what is said of their values, and what hooks of requests see."""

from __future__ import annotations

import enum
import importlib
import logging
import os
import pathlib
import sys
import tempfile
import unittest
from importlib.machinery import PathFinder
from typing import Any, Callable, Dict, List
from unittest import mock

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
    return hooks_in(functions, {"workers": 3})


def hooks_in(names: Dict[str, Any], settings: Dict[str, Any]) -> Hooks:
    configuration = {
        "path": None,
        "module": None,
        "display": "gunicorn.conf.py",
        "hooks": list(names),
        "settings": settings,
        "variables": {},
        "umask": None,
        "isReload": False,
    }
    hooks = Hooks(configuration, names, 1)
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


class LoggerClass(unittest.TestCase):
    """Classes of the user's in the place of gunicorn's logger. Here gunicorn is not found, so its stand-in is their base."""

    SOURCE = (
        "import gunicorn\n"
        "from gunicorn import glogging\n"
        "gunicorn.SERVER_SOFTWARE = ''\n"
        "class Quiet(glogging.Logger):\n"
        "    def access(self, resp, req, environ, request_time):\n"
        "        if req.path != '/health':\n"
        "            super().access(resp, req, environ, request_time)\n"
        "    def atoms(self, *args):\n"
        "        return {**super().atoms(*args), 'zone': 'eu'}\n"
        "logger_class = Quiet\n"
    )
    ENVIRON = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/a",
        "RAW_URI": "/a?b",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.1",
        "HTTP_X_A": '"1"',
        "HTTP_AUTHORIZATION": "Basic dTpw",
    }

    def setUp(self) -> None:
        real = PathFinder.find_spec

        def without_gunicorn(name: str, path: Any = None, target: Any = None) -> Any:
            return None if name.partition(".")[0] == "gunicorn" else real(name, path, target)

        hidden = mock.patch.object(PathFinder, "find_spec", without_gunicorn)
        hidden.start()
        self.addCleanup(hidden.stop)
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.log = os.path.join(directory.name, "access.log")
        for name in ("gunicorn.error", "gunicorn.access"):
            self.addCleanup(self.forget, logging.getLogger(name))

    def forget(self, logger: logging.Logger) -> None:
        for handler in logger.handlers:
            handler.close()
        logger.handlers, logger.propagate = [], True

    def hooks(self, names: Dict[str, Any], **settings: Any) -> Hooks:
        form = "%(h)s %(u)s %(r)s %(s)s %(b)s %(zone)s %({x-a}i)s %({Content-Type}o)s %({gone}e)s"
        given = {"accesslog": self.log, "access_log_format": form, "logger_class": "Quiet", **settings}
        return hooks_in(names, given)

    def written(self) -> List[str]:
        with open(self.log) as file:
            return file.read().splitlines()

    def ask(self, hooks: Hooks, path: str, application: Callable) -> None:
        served = hooks.around(application)
        result = served({**self.ENVIRON, "PATH_INFO": path}, lambda status, headers, exc_info=None: None)
        list(result)
        getattr(result, "close", lambda: None)()

    def test_access_and_atoms_of_the_class_write_the_line_of_each_request(self) -> None:
        names = evaluate(self.SOURCE)
        self.assertNotIn("gunicorn", sys.modules)
        hooks = self.hooks(names)
        self.assertIsInstance(hooks.server.log, names["Quiet"])

        def application(environ: Dict[str, Any], start_response: Callable) -> Any:
            start_response("201 Created", [("Content-Type", "text/x")])
            return iter([b"12", b"345"])

        self.ask(hooks, "/a", application)
        self.ask(hooks, "/health", application)
        self.assertEqual(self.written(), ['192.0.2.1 u GET /a?b HTTP/1.1 201 5 eu \\"1\\" text/x -'])

    def test_an_error_of_the_application_is_written_as_500(self) -> None:
        def application(environ: Dict[str, Any], start_response: Callable) -> Any:
            raise ValueError

        hooks = self.hooks(evaluate(self.SOURCE), access_log_format="%(s)s")
        with self.assertRaises(ValueError):
            self.ask(hooks, "/a", application)
        self.assertEqual(self.written(), ["500"])

    def test_a_class_that_fails_stops_the_start_with_its_frames(self) -> None:
        names = evaluate("class Broken:\n    def __init__(self, cfg):\n        cfg.loglevel.nope()\nlogger_class = Broken\n")
        with self.assertRaises(LoadError) as caught:
            self.hooks(names, logger_class="Broken")
        self.assertIn("logger_class of gunicorn.conf.py failed: AttributeError", caught.exception.message)
        with self.assertRaises(LoadError) as caught:
            self.hooks({}, logger_class="no_such.Class")
        self.assertIn("No module named 'no_such'", caught.exception.message)

    def test_the_application_sees_no_stand_in(self) -> None:
        self.hooks(evaluate(self.SOURCE))
        with self.assertRaises(ImportError):
            importlib.import_module("gunicorn.glogging")
