"""While developing: which files were read, and the report of a failure; in real preloaders and workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

from jumak_worker.loading import sources
from jumak_worker.output import code_owner, failure_report

from .harness import Master, environ, request
from .process_case import ProcessCase

LAZY = """
def application(environ, start_response):
    import lazy
    start_response("200 OK", [])
    return [lazy.NAME]
"""


def write(master: Master, name: str, text: str) -> str:
    path = os.path.join(master.application_directory, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    return path


def names(message: dict) -> list:
    return [os.path.basename(one["path"]) for one in message["files"]]


class Imported(ProcessCase):
    def test_files_of_the_user_with_their_state(self) -> None:
        master = self.master("import json, part\n" + LAZY, isDevelopment=True, preload="off")
        path = write(master, "part.py", "x = 1\n")
        master.receive("waiting")
        _, _, _, lines = self.fork(master)
        message = json.loads(lines.readline())
        self.assertEqual(message["type"], "imported")
        self.assertEqual(sorted(names(message)), ["app.py", "part.py"])
        part = next(one for one in message["files"] if one["path"] == path)
        found = os.stat(path)
        self.assertEqual((part["size"], round(part["modified"], 3)), (6, round(found.st_mtime_ns / 1e6, 3)))

    def test_the_preloader_tells_before_it_says_loaded(self) -> None:
        master = self.master(isDevelopment=True)
        self.assertEqual(names(master.receive("imported")), ["app.py"])
        master.receive("loaded")

    def test_what_a_request_imports_is_told_at_once(self) -> None:
        master = self.master(LAZY, isDevelopment=True)
        write(master, "lazy.py", "NAME = b'lazy'\n")
        master.receive("imported")
        master.receive("loaded")
        _, _, _, lines = self.fork(master)
        ready = json.loads(lines.readline())
        gateway = self.link(ready["socket"])
        gateway.send(request(environ()))
        self.assertEqual(gateway.response().body, b"lazy")
        self.assertEqual(names(json.loads(lines.readline())), ["lazy.py"])

    def test_a_failed_load_tells_what_was_read_and_where_it_went_wrong(self) -> None:
        master = self.master("import part\n", isDevelopment=True)
        write(master, "part.py", "good = 1\ndef (\n")
        self.assertEqual(sorted(names(master.receive("imported"))), ["app.py", "part.py"])
        exception = master.receive("report")["report"]["exceptions"][0]
        master.receive("load-failed")
        self.assertEqual(exception["type"], "SyntaxError")
        last = exception["frames"][-1]
        self.assertEqual((os.path.basename(last["file"]), last["line"], last["isOwn"]), ("part.py", 2, True))
        self.assertEqual(last["source"], ["good = 1", "def ("])

    def test_in_production_nothing_is_told(self) -> None:
        self.master().receive("loaded")


class Bytecode(unittest.TestCase):
    """Two texts of one length within one second: the `.pyc` of the first is valid for the second."""

    def run_module(self, directory: str, develop: bool) -> str:
        code = "import sys; sys.path.insert(0, %r)\n" % directory
        if develop:
            code += "sys.path.insert(0, %r)\nfrom jumak_worker.loading import sources; sources.start()\n" % os.getcwd()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        done = subprocess.run(
            [sys.executable, "-c", code + "import part; print(part.x)"],
            stdout=subprocess.PIPE,
            check=True,
            env=environment,
        )
        return done.stdout.decode().strip()

    def test_the_newer_text_runs(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "part.py")

            def save(text: str, at: float) -> None:
                with open(path, "w") as file:
                    file.write(text)
                os.utime(path, (at, at))

            now = int(time.time())
            save("x = 1\n", now)
            self.assertEqual(self.run_module(directory, develop=False), "1")
            save("x = 2\n", now + 0.5)
            self.assertEqual(self.run_module(directory, develop=True), "2")
            # Once it is certain, it is kept again.
            save("x = 3\n", now - 60)
            self.assertEqual(self.run_module(directory, develop=True), "3")
            self.assertEqual(len(os.listdir(os.path.join(directory, "__pycache__"))), 1)


class Own(unittest.TestCase):
    def test_not_pythons_not_installed_not_ours(self) -> None:
        self.assertTrue(code_owner.is_own("/home/me/shop/views.py"))
        for path in (
            os.__file__,
            json.__file__,
            sources.__file__,
            "/home/me/.venv/lib/python3.13/site-packages/flask/app.py",
            "/usr/lib/python3/dist-packages/x.py",
            "<string>",
        ):
            self.assertFalse(code_owner.is_own(path), path)


class Report(unittest.TestCase):
    def report_of(self, error: BaseException) -> dict:
        with mock.patch.object(failure_report, "is_wanted", True):
            text = failure_report.encode(error)
        self.assertLessEqual(len(text), failure_report.MAX_BYTES)
        return json.loads(text)

    def raised(self, function) -> BaseException:
        try:
            function()
        except BaseException as error:
            return error
        raise AssertionError("nothing was raised")

    def test_none_is_made_in_production(self) -> None:
        self.assertEqual(failure_report.encode(ValueError("bad")), "")

    def test_frames_with_their_lines_and_no_values(self) -> None:
        secret = "hun" + "ter2"

        def fail() -> None:
            password = secret
            raise ValueError("bad %d" % len(password))

        exception = self.report_of(self.raised(fail))["exceptions"][0]
        self.assertEqual((exception["type"], exception["message"]), ("ValueError", "bad 7"))
        frame = exception["frames"][-1]
        self.assertEqual(frame["name"], "fail")
        self.assertIn("raise ValueError", frame["source"][frame["line"] - frame["firstLine"]])
        self.assertNotIn("hunter2", json.dumps(exception))

    def test_a_cause_and_a_context(self) -> None:
        def fail() -> None:
            try:
                try:
                    {}["x"]
                except KeyError:
                    int("y")
            except ValueError as error:
                raise RuntimeError("z") from error

        found = [(one["type"], one["relation"]) for one in self.report_of(self.raised(fail))["exceptions"]]
        self.assertEqual(found, [("RuntimeError", ""), ("ValueError", "cause"), ("KeyError", "context")])

    def test_an_endless_recursion_with_an_endless_message_is_bounded(self) -> None:
        def fail(n: int) -> None:
            if n == 0:
                raise ValueError("\u2764" * 1_000_000)
            fail(n - 1)

        exception = self.report_of(self.raised(lambda: fail(500)))["exceptions"][0]
        self.assertGreater(exception["omitted"], 400)
        self.assertEqual(exception["frames"][-1]["name"], "fail")

    def test_an_exception_that_cannot_say_what_it_is(self) -> None:
        class Mute(Exception):
            def __str__(self) -> str:
                raise RuntimeError

        def fail() -> None:
            raise Mute

        self.assertEqual(self.report_of(self.raised(fail))["exceptions"][0]["frames"][-1]["name"], "fail")

