"""PEP 3333 through a real link: what an application may do, what it must not, and what its clients then see."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import sys
import threading
import unittest
import wsgiref.validate
from typing import Callable, List, Optional, Tuple
from unittest import mock

from jumak_worker import wire
from jumak_worker.output import OutputStream

from .harness import Response, Slot, base, environ, request

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


class Bodies(Case):
    def test_a_list_is_one_frame_with_its_length(self) -> None:
        for body, length in (([b"one"], "3"), ([b"", b"one ", b"", b"two"], "7"), ((b"a", b"b"), "2"), ([], "0")):
            response, _ = self.call(answer(body))
            self.assertEqual((response.body, response.header("Content-Length")), (b"".join(body), length))
            self.assertEqual(response.frames, [wire.RESPONSE])

    def test_a_large_list_has_its_length_too(self) -> None:
        big = bytes(range(256)) * 10000
        response, _ = self.call(answer([big, b"end"]))
        self.assertEqual(response.body, big + b"end")
        self.assertEqual(response.header("Content-Length"), str(len(big) + 3))

    def test_a_declared_length_stays_as_it_is(self) -> None:
        response, _ = self.call(answer([b"12345"], [("content-LENGTH", "5")]))
        self.assertEqual([value for name, value in response.headers if name.lower() == "content-length"], ["5"])

    def test_an_iterable_of_one_item_has_a_length(self) -> None:
        class One:
            def __len__(self):
                return 1

            def __iter__(self):
                return iter([b"whole"])

        response, _ = self.call(answer(One()))
        self.assertEqual((response.header("Content-Length"), response.frames), ("5", [wire.RESPONSE]))

    def test_a_generator_has_no_length_and_its_chunks_leave_at_once(self) -> None:
        go = threading.Event()

        def chunks():
            yield b""
            yield b"first"
            go.wait(20)
            yield b"second"

        with Slot(answer(chunks)) as slot:
            slot.gateway.send(request(environ()))
            kind, payload = slot.gateway.read()
            self.assertEqual((kind, payload[-5:]), (wire.RESPONSE, b"first"))
            go.set()
            self.assertEqual(slot.gateway.read(), (wire.CHUNK, b"second"))
            self.assertEqual(slot.gateway.read()[0], wire.END)

    def test_the_head_waits_for_the_first_content(self) -> None:
        """PEP 3333: a generator may call start_response again, with exc_info, after empty chunks."""

        def application(env, start_response):
            start_response("200 OK", TEXT)
            yield b""
            try:
                raise ValueError
            except ValueError:
                start_response("503 Later", TEXT, sys.exc_info())
            yield b"replaced"

        response, _ = self.call(application)
        self.assertEqual((response.status, response.reason, response.body), (503, "Later", b"replaced"))

    def test_start_response_within_the_generator(self) -> None:
        def application(env, start_response):
            start_response("202 Accepted", TEXT)
            yield b"late"

        response, _ = self.call(application)
        self.assertEqual((response.status, response.body), (202, b"late"))

    def test_an_iterator_with_a_declared_length_is_one_frame(self) -> None:
        class Body:
            def __iter__(self):
                return iter([b"12345"])

        response, _ = self.call(answer(Body(), [("Content-Length", "5")]))
        self.assertEqual((response.body, response.frames), (b"12345", [wire.RESPONSE]))

    def test_write_comes_before_what_is_returned(self) -> None:
        def application(env, start_response):
            write = start_response("200 OK", TEXT)
            write(b"written, ")
            write(b"")
            write(b"again, ")
            return [b"returned"]

        self.assertEqual(self.body(application), b"written, again, returned")

    def test_bytes_are_any_size(self) -> None:
        for size in (1, 65536, 65537, wire.MAX_CHUNK, wire.MAX_CHUNK + 1, 3 * wire.MAX_CHUNK):
            data = bytes(size - 1) + b"."
            self.assertEqual(self.body(answer(lambda: iter([data, data]))), data + data)

    def test_repeated_headers_order_and_latin_1_are_kept(self) -> None:
        headers = [("Set-Cookie", "a=1"), ("X-Latin", "caf\xe9\t!"), ("set-cookie", "b=2"), ("X-Empty", "")]
        response, _ = self.call(answer([b""], headers, "299 Fine by m\xe9"))
        self.assertEqual(response.headers[1:5], headers)
        self.assertEqual((response.status, response.reason), (299, "Fine by m\xe9"))


class NoContent(Case):
    def test_head_has_the_length_and_no_content(self) -> None:
        response, _ = self.call(answer([b"hello"]), "HEAD")
        self.assertEqual((response.header("Content-Length"), response.body), ("5", b""))

    def test_head_does_not_make_the_content(self) -> None:
        for body in (Closing(b"a", b"b"), Closing(b"", b"a")):
            response, _ = self.call(answer(body), "HEAD")
            self.assertEqual((response.header("Content-Length"), response.body), (None, b""))
            self.assertEqual((body.taken, body.closed), (0, 1))

    def test_head_iterates_until_the_head_is_known(self) -> None:
        taken = []

        def application(env, start_response):
            start_response("200 OK", TEXT)
            for chunk in (b"", b"a", b"b"):
                taken.append(chunk)
                yield chunk

        response, _ = self.call(application, "HEAD")
        self.assertEqual((response.status, response.body, taken), (200, b"", [b""]))

    def test_head_of_write_has_no_content(self) -> None:
        def application(env, start_response):
            start_response("200 OK", TEXT)(b"written")
            return []

        self.assertEqual(self.body(application, "HEAD"), b"")

    def test_204_and_304_have_neither_content_nor_a_length_of_ours(self) -> None:
        for status in ("204 No Content", "304 Not Modified"):
            for body in ([], [b"must not be sent"], Closing(b"nor this"), (x for x in [b"nor"])):
                response, _ = self.call(answer(body, status=status))
                self.assertEqual((response.body, response.header("Content-Length"), response.ended), (b"", None, "end"))


class Closes(Case):
    def test_close_is_called_once_in_every_case(self) -> None:
        for name, body, application, method in (
            ("success", Closing(b"a"), None, "GET"),
            ("head", Closing(b"a"), None, "HEAD"),
            ("empty", Closing(), None, "GET"),
            ("an error at first", Closing(fails=RuntimeError("x")), None, "GET"),
            ("an error later", Closing(b"a", fails=RuntimeError("x")), None, "GET"),
            ("SystemExit", Closing(b"a", fails=SystemExit(3)), None, "GET"),
            ("text", Closing("text"), None, "GET"),
        ):
            with self.subTest(name):
                self.call(application or answer(body), method)
                self.assertEqual(body.closed, 1)

    def test_close_without_start_response(self) -> None:
        body = Closing(b"a")
        self.fails(lambda env, start_response: body, "before it called start_response")
        self.assertEqual(body.closed, 1)

    def test_close_that_raises_is_logged_and_the_response_stands(self) -> None:
        class Broken(Closing):
            def close(self) -> None:
                super().close()
                raise RuntimeError("close failed")

        body = Broken(b"fine")
        response, log = self.call(answer(body))
        self.assertEqual((response.body, response.ended, body.closed), (b"fine", "end", 1))
        self.assertIn("close failed", log)

    def test_a_client_that_has_gone_stops_the_generator_and_closes_it(self) -> None:
        ended: List[str] = []
        first = threading.Event()

        def chunks():
            try:
                while True:
                    first.set()
                    yield bytes(100_000)
            except GeneratorExit:
                ended.append("closed")
                raise

        log = io.StringIO()
        with contextlib.redirect_stderr(log):
            slot = Slot(answer(chunks))
            slot.gateway.send(request(environ()))
            self.assertTrue(first.wait(20))
            slot.close()
        self.assertEqual((ended, slot.error, log.getvalue()), (["closed"], None, ""))

    def test_write_to_a_client_that_has_gone_raises_and_is_no_error_of_the_application(self) -> None:
        raised: List[BaseException] = []

        def application(env, start_response):
            write = start_response("200 OK", TEXT)
            try:
                while True:
                    write(bytes(100_000))
            except OSError as error:
                raised.append(error)
            raise RuntimeError("made of it by the application")

        log = io.StringIO()
        with contextlib.redirect_stderr(log):
            slot = Slot(application)
            slot.gateway.send(request(environ()))
            slot.gateway.read()
            slot.close()
        self.assertIsInstance(raised[0], ConnectionResetError)
        self.assertEqual((slot.error, log.getvalue()), (None, ""))


class Errors(Case):
    def test_an_exception_is_a_500_with_the_applications_frames_in_the_log(self) -> None:
        def application(env, start_response):
            raise RuntimeError("on purpose")

        response = self.fails(
            application, r'File ".*test_wsgi.py", line \d+, in application[^$]*RuntimeError: on purpose'
        )
        self.assertEqual((response.frames, response.ended), ([wire.FAILED], "failed: RuntimeError: on purpose"))

    def test_after_start_response_it_is_still_a_500(self) -> None:
        def application(env, start_response):
            start_response("200 OK", TEXT)
            raise RuntimeError("on purpose")

        self.assertEqual(self.fails(application, "on purpose").frames, [wire.FAILED])

    def test_after_content_it_is_a_cut(self) -> None:
        response = self.fails(
            answer(lambda: iter(Closing(b"so far", fails=RuntimeError("middle")))), "RuntimeError: middle"
        )
        self.assertEqual(
            (response.status, response.body, response.frames), (200, b"so far", [wire.RESPONSE, wire.FAILED])
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
        """What the application printed to a stderr like a worker's, while `run` was called with that many slots."""
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
