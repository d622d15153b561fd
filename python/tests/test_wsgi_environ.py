"""The environ of a request, by PEP 3333 and by the validator of wsgiref."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import unittest
import wsgiref.validate
from typing import Callable, List

from jumak_worker.output.streams import OutputStream

from .harness import Slot, base, environ, request
from .wsgi_case import TEXT, Case, answer, probe


class Environ(Case):
    def environ(self, threads: int = 1, multiprocess: bool = True, **more: str) -> dict:
        seen: List[dict] = []

        def application(env, start_response):
            seen.append(dict(env))
            return probe(env, start_response)

        with Slot(application, threads, multiprocess) as slot:
            slot.get(**more)
        return seen[0]

    def test_what_pep_3333_wants_is_there(self) -> None:
        env = self.environ(threads=2, multiprocess=False)
        self.assertEqual((env["wsgi.version"], env["wsgi.url_scheme"], env["wsgi.run_once"]), ((1, 0), "http", False))
        self.assertEqual((env["wsgi.multithread"], env["wsgi.multiprocess"]), (True, False))
        self.assertIs(env["wsgi.input_terminated"], True)
        self.assertRegex(env["SERVER_SOFTWARE"], r"^jumak/\d")
        self.assertIs(self.environ()["wsgi.multithread"], False)

    def test_early_hints(self) -> None:
        def application(env, start_response):
            env["wsgi.early_hints"]([("Link", "</a.css>; rel=preload; as=style")])
            env["wsgi.early_hints"]([("Link", "</b.js>; rel=preload; as=script")])
            start_response("200 OK", TEXT)
            return [b"hinted"]

        response, _ = self.call(application)
        self.assertEqual(
            response.informs,
            [[("Link", "</a.css>; rel=preload; as=style")], [("Link", "</b.js>; rel=preload; as=script")]],
        )

    def test_bad_early_hints_are_named(self) -> None:
        self.fails(lambda env, start_response: env["wsgi.early_hints"]([("Link", "a\nb")]), "header Link has a control")

    def printed(self, application: Callable, run: Callable[..., None], slots: int = 1) -> bytes:
        """What the application printed to a stderr like a worker's, while `run` had that many slots."""
        read, write = os.pipe()
        self.addCleanup(os.close, read)
        shared = base(slots)
        with contextlib.ExitStack() as stack:
            stack.callback(os.close, write)
            stack.enter_context(contextlib.redirect_stderr(OutputStream(write, "<stderr>")))
            run(*[stack.enter_context(Slot(application, shared=shared)) for _ in range(slots)])
        return os.read(read, 65536)

    def test_errors_keeps_lines_together_and_names_the_request(self) -> None:
        def application(env, start_response):
            errors = env["wsgi.errors"]
            errors.write("one ")
            errors.write("line\nand ")
            errors.writelines(["another", "\n", "third\n"])
            errors.write("no end")
            return probe(env, start_response)

        lines = [b"one line", b"and another", b"third", b"no end"]
        named = self.printed(application, lambda slot: slot.get(HTTP_X_REQUEST_ID="r-1"))
        marks = [b"=", b">", b"=", b"="]
        self.assertEqual(named.splitlines(), [b"\x1f%sr-1\x1f%s" % pair for pair in zip(marks, lines)])

    def test_errors_of_two_threads_do_not_mix(self) -> None:
        barrier = threading.Barrier(2)

        def application(env, start_response):
            for word in ("a", "b", "c\n"):
                barrier.wait(20)
                env["wsgi.errors"].write(env["PATH_INFO"] + word)
            return probe(env, start_response)

        def run(one: Slot, two: Slot) -> None:
            one.gateway.send(request(environ(path="/1")))
            two.gateway.send(request(environ(path="/2")))
            one.gateway.response()
            two.gateway.response()

        self.assertEqual(sorted(self.printed(application, run, 2).splitlines()), [b"/1a/1b/1c", b"/2a/2b/2c"])

    def test_the_traceback_of_a_request_names_it_and_what_follows_does_not(self) -> None:
        def application(env, start_response):
            if env["PATH_INFO"] == "/bad":
                raise ValueError("bad")
            sys.stderr.write("fine\n")
            return probe(env, start_response)

        def run(slot: Slot) -> None:
            slot.get(path="/bad", HTTP_X_REQUEST_ID="r-1")
            slot.get()

        *traceback, last = self.printed(application, run).splitlines()
        self.assertEqual(traceback[0], b"\x1f>r-1\x1fapplication error in GET /bad")
        self.assertEqual(traceback[-1], b"\x1f=r-1\x1fValueError: bad")
        self.assertEqual(last, b"fine")


class Validated(Case):
    """The same behind wsgiref.validate, which checks both sides of the protocol."""

    def test_applications_under_wsgiref_validate(self) -> None:
        def echo(env, start_response):
            body = env["wsgi.input"].read(100)
            start_response("200 OK", TEXT)
            return [body]

        def writes(env, start_response):
            start_response("200 OK", TEXT)(b"written")
            return [b"returned"]

        def stream(env, start_response):
            start_response("200 OK", TEXT)
            return (b"%d" % i for i in range(3))

        def lines(env, start_response):
            got = env["wsgi.input"].readline() + b"|" + b"|".join(env["wsgi.input"].readlines())
            env["wsgi.errors"].write("")
            env["wsgi.errors"].flush()
            start_response("200 OK", TEXT)
            return [got]

        for application, method, body, expected in (
            (echo, "POST", b"content", b"content"),
            (writes, "GET", b"", b"writtenreturned"),
            (stream, "GET", b"", b"012"),
            (lines, "POST", b"a\nb\nc", b"a\n|b\n|c"),
            (answer(lambda: [], status="204 No Content"), "GET", b"", b""),
            (answer([b"x"]), "HEAD", b"", b""),
        ):
            with self.subTest(application):
                self.assertEqual(self.body(wsgiref.validate.validator(application), method, body=body), expected)


if __name__ == "__main__":
    unittest.main()
