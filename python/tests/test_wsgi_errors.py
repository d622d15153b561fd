"""Mistakes of WSGI applications: what the client and the log get, and that no other request notices."""

from __future__ import annotations

import contextlib
import gc
import io
import sys
import unittest
from unittest import mock

from jumak_worker.wire import framing

from .harness import Slot
from .wsgi_case import TEXT, Case, Closing, answer


class Errors(Case):
    def test_an_exception_is_a_500_with_the_applications_frames_in_the_log(self) -> None:
        def application(env, start_response):
            raise RuntimeError("on purpose")

        response = self.fails(
            application, r'File ".*test_wsgi_errors.py", line \d+, in application[^$]*RuntimeError: on purpose'
        )
        self.assertEqual((response.frames, response.ended), ([framing.FAILED], "failed: RuntimeError: on purpose"))

    def test_after_start_response_it_is_still_a_500(self) -> None:
        def application(env, start_response):
            start_response("200 OK", TEXT)
            raise RuntimeError("on purpose")

        self.assertEqual(self.fails(application, "on purpose").frames, [framing.FAILED])

    def test_after_content_it_is_a_cut(self) -> None:
        response = self.fails(
            answer(lambda: iter(Closing(b"so far", fails=RuntimeError("middle")))), "RuntimeError: middle"
        )
        self.assertEqual(
            (response.status, response.body, response.frames), (200, b"so far", [framing.RESPONSE, framing.FAILED])
        )

    def test_the_worker_survives_whatever_is_raised(self) -> None:
        class Nasty(Exception):
            def __str__(self) -> str:
                raise ValueError("no text")

        for error in (
            SystemExit(3),
            KeyboardInterrupt(),
            GeneratorExit(),
            MemoryError(),
            RecursionError(),
            StopIteration(),
            Nasty(),
            BaseException(),
        ):

            def application(env, start_response, error=error):
                raise error

            with self.subTest(type(error).__name__):
                self.fails(application, type(error).__name__)

    def test_exc_info_after_the_head_raises_it_again(self) -> None:
        def application(env, start_response):
            start_response("200 OK", TEXT)(b"gone")
            try:
                raise ValueError("too late")
            except ValueError:
                start_response("500 Error", TEXT, sys.exc_info())
            return [b"never"]

        response = self.fails(application, "ValueError: too late")
        self.assertEqual((response.status, response.body), (200, b"gone"))

    def test_exc_info_before_the_head_replaces_it(self) -> None:
        def application(env, start_response):
            start_response("200 OK", TEXT + [("Content-Length", "99")])
            try:
                raise ValueError
            except ValueError:
                start_response("500 Error", TEXT, sys.exc_info())
            return [b"replaced"]

        response, log = self.call(application)
        self.assertEqual(
            (response.status, response.body, response.header("Content-Length"), log), (500, b"replaced", "8", "")
        )

    def test_what_breaks_the_protocol_is_named(self) -> None:
        def twice(env, start_response):
            start_response("200 OK", TEXT)
            start_response("200 OK", TEXT)

        def not_started(env, start_response):
            return [b"body"]

        for application, words in (
            (twice, "start_response was called a second time"),
            (not_started, "before it called start_response"),
            (lambda env, start_response: [], "returned without calling start_response"),
            (lambda env, start_response: iter([]), "returned without calling start_response"),
            (answer(None), "returned None"),
            (answer("text"), r"returned str \('text'\)"),
            (answer(b"bytes"), "returned bytes"),
            (answer(7), r"returned int \(7\)"),
            (answer(["text"]), r"a list with str \('text'\): it must be bytes"),
            (answer([b"a", bytearray(b"b")]), "a list with bytearray"),
            (answer(lambda: iter(["text"])), "yielded str"),
            (lambda env, start_response: start_response("200 OK", TEXT)("text"), "write.. was given str"),
        ):
            with self.subTest(words):
                self.fails(application, words)

    def test_a_bad_status_is_named(self) -> None:
        for status in (
            200,
            b"200 OK",
            None,
            "20 OK",
            "abc OK",
            "2000 OK",
            "200OK",
            "200 OK\r\nX: y",
            "200 O\0K",
            "200 \uc8fc",
            "100 Continue",
            "600 Six",
            "",
        ):
            with self.subTest(status):
                self.fails(
                    lambda env, start_response: start_response(status, TEXT),
                    "the status must .*" + ("str" if not isinstance(status, str) else ""),
                )

    def test_a_bad_header_is_named(self) -> None:
        for headers, words in (
            ([("X-Bad", "a\r\nX-Split: yes")], "header X-Bad has a control character"),
            ([("X-Bad", "a\nb")], "X-Bad"),
            ([("X-Good", "a"), ("X-Bad", "a\0b")], "X-Bad"),
            ([("X-Bad", "\uc8fc")], "X-Bad has characters outside latin-1"),
            ([("X-Bad", b"a")], "X-Bad must be a str, not bytes"),
            ([("X-Bad", 1)], "X-Bad must be a str, not int"),
            ([("X Bad", "a")], "not a header name: 'X Bad'"),
            ([("X-Bad:", "a")], "not a header name"),
            ([("", "a")], "not a header name: ''"),
            ([("X\r\nY", "a")], "not a header name"),
            ([(b"X", "a")], "a header name must be a str, not bytes"),
            ([([], "a")], "a header name must be a str, not list"),
            ([("X-Bad",)], r"\(name, value\) tuples: \('X-Bad',\)"),
            ([7], r"\(name, value\) tuples: 7"),
            ({"X": "y"}, "must be a list of .* not dict"),
            (None, "not NoneType"),
            ([("Content-Length", "five")], "Content-Length must be a number of bytes: 'five'"),
            ([("Content-Length", "-5")], "Content-Length must be"),
            ([("Content-Length", "+5")], "Content-Length must be"),
            ([("Content-Length", "\u0665")], "Content-Length"),
            ([("Content-Length", 5)], "Content-Length must be"),
            ([("Content-Length", "5"), ("content-length", "5")], "Content-Length is given twice"),
            ([("X-Big", "x" * 300_000)], "headers are 3000.. bytes long"),
        ):
            with self.subTest(words):
                self.fails(lambda env, start_response: start_response("200 OK", headers), words)

    def test_more_content_than_declared_is_cut_off_and_logged(self) -> None:
        for body in ([b"exact and more"], lambda: iter([b"exact", b"and more", b"!"]), [b"exa", b"ct and more"]):
            response, log = self.call(answer(body, [("Content-Length", "5")]))
            self.assertEqual((response.body, response.ended), (b"exact", "end"))
            self.assertIn("more content than its Content-Length of 5", log)

    def test_less_content_than_declared_is_a_cut(self) -> None:
        for body in ([b"short"], lambda: iter([b"short"])):
            response = self.fails(
                answer(body, [("Content-Length", "100")]), "ended after 5 bytes, but its Content-Length is 100"
            )
            self.assertEqual((response.status, response.body), (200, b"short"))
        response = self.fails(answer([], [("Content-Length", "100")]), "ended after 0 bytes")
        self.assertEqual(response.status, 200)

    def test_the_log_line_has_no_query_and_no_line_break(self) -> None:
        _, log = self.call(lambda env, start_response: [], RAW_URI="/a%0Ab?token=secret")
        self.assertTrue(log.startswith("application error in GET /a%0Ab\n"), log)

    def test_sys_stderr_that_was_closed_or_removed_does_not_stop_the_worker(self) -> None:
        for stream in (None, io.StringIO()):
            if stream:
                stream.close()
            with (
                mock.patch("os.write") as write,
                contextlib.redirect_stderr(stream),
                Slot(lambda env, start: []) as slot,
            ):
                self.assertIn("failed", slot.get().ended)
                self.assertIn("failed", slot.get().ended)
            self.assertEqual([call[0][0] for call in write.call_args_list], [2, 2])


class Isolation(Case):
    def test_what_a_request_left_behind_leads_nowhere(self) -> None:
        kept: list = []

        def application(env, start_response):
            kept.append((env, start_response, start_response("200 OK", TEXT)))
            return [b"first"]

        def late(env, start_response):
            old_env, old_start, old_write = kept[0]
            for use in (lambda: old_write(b"smuggled"), lambda: old_start("200 OK", TEXT)(b"smuggled")):
                with self.assertRaises((RuntimeError, AssertionError)):
                    use()
            old_env["wsgi.early_hints"]([("Link", "</smuggled>")])
            self.assertIsNot(env, old_env)
            self.assertNotIn("X", env)
            start_response("200 OK", TEXT)
            return [b"second"]

        with Slot(lambda env, start: (late if kept else application)(env, start)) as slot:
            slot.get(HTTP_X="1")
            kept[0][0]["X"] = "1"
            response = slot.get()
        self.assertEqual((response.body, response.informs), (b"second", []))

    def test_a_request_leaves_no_cycle_behind(self) -> None:
        """Its memory (an upload!) is free at once, not at the next collection."""

        def application(env, start_response):
            env["wsgi.input"].read()
            start_response("200 OK", TEXT)
            return [b"x"] if env["PATH_INFO"] == "/list" else iter([b"x"])

        with Slot(application) as slot:
            for path in ("/list", "/iterator"):
                slot.get("POST", path, b"body")
                gc.collect()
                gc.disable()
                try:
                    for _ in range(10):
                        slot.get("POST", path, b"body")
                    self.assertEqual(gc.collect(), 0)
                finally:
                    gc.enable()


if __name__ == "__main__":
    unittest.main()
