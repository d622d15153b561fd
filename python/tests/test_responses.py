"""Responses in their less common shapes: every kind of iterable, lengths that do not fit, start_response called late.

The rules of PEP 3333 one by one are in test_wsgi.py.
"""

from __future__ import annotations

import io
import sys
import threading
import unittest
from contextlib import redirect_stderr
from typing import Any, Callable, List

from jumak_worker.wire import framing

from .harness import WAIT, Response, Slot, environ, request

TEXT = [("Content-Type", "text/plain")]


class Iterable:
    """Counts what is done with it."""

    def __init__(self, chunks: Any) -> None:
        self.chunks = chunks
        self.made = self.closed = 0

    def __iter__(self):
        for chunk in self.chunks:
            self.made += 1
            yield chunk

    def close(self) -> None:
        self.closed += 1


def answering(result: Any, status: str = "200 OK", headers: Any = None) -> Callable:
    """An application that returns `result`, or what it returns when it is callable."""

    def application(env, start_response):
        start_response(status, TEXT if headers is None else headers)
        return result() if callable(result) else result

    return application


def endless():
    while True:
        yield b"x" * 1000


class ResponseTest(unittest.TestCase):
    def setUp(self) -> None:
        self.log = io.StringIO()
        redirected = redirect_stderr(self.log)
        redirected.__enter__()
        self.addCleanup(redirected.__exit__, None, None, None)

    def get(self, application: Callable, method: str = "GET", **more: Any) -> Response:
        """The response to one request. The slot still answers afterwards, and is closed, so the log is complete."""
        with Slot(self.then_well(application)) as slot:
            response = slot.get(method, **more)
            self.assertEqual(slot.get(path="/well").body, b"well")
        self.assertIsNone(slot.error)
        return response

    @staticmethod
    def then_well(application: Callable) -> Callable:
        def both(env, start_response):
            if env["PATH_INFO"] == "/well":
                return answering([b"well"])(env, start_response)
            return application(env, start_response)

        return both


class StartResponse(ResponseTest):
    def test_a_status_without_a_reason_and_no_headers_at_all(self) -> None:
        response = self.get(answering([], "200", []))
        self.assertEqual((response.status, response.reason, response.headers), (200, "", [("Content-Length", "0")]))

    def test_called_after_the_first_content_is_too_late(self) -> None:
        def application(env, start_response):
            yield b"early"
            start_response("200 OK", TEXT)

        self.assertRegex(self.get(application).ended, "failed: .*before it called start_response")

    def test_with_exc_info_from_204_to_500_there_is_content_again(self) -> None:
        def application(env, start_response):
            start_response("204 No Content", [])
            start_response("500 Oops", TEXT, (ValueError, ValueError("no"), None))
            return [b"content"]

        self.assertEqual(self.get(application).body, b"content")

    def test_keyword_names_of_pep_3333(self) -> None:
        def application(env, start_response):
            start_response(status="200 OK", headers=TEXT, exc_info=None)
            return [b"ok"]

        self.assertEqual(self.get(application).status, 200)


class Iterables(ResponseTest):
    def test_of_every_kind(self) -> None:
        class OldProtocol:
            def __getitem__(self, index: int) -> bytes:
                return [b"a", b"", b"bc"][index]

        class Sized(Iterable):
            def __len__(self) -> int:
                return len(self.chunks)

        class Bytes(bytes):
            pass

        for name, make in {
            "list": lambda: [b"a", b"", b"bc"],
            "list of one": lambda: [b"abc"],
            "tuple": lambda: (b"ab", b"c"),
            "subclass of list": lambda: type("Rows", (list,), {})([b"a", b"bc"]),
            "subclass of bytes": lambda: [Bytes(b"abc")],
            "generator": lambda: (part for part in (b"", b"a", b"", b"bc", b"")),
            "iterator": lambda: iter([b"a", b"bc"]),
            "map": lambda: map(bytes, [b"ab", b"c"]),
            "set": lambda: {b"abc"},
            "dict": lambda: {b"ab": 1, b"c": 2},
            "object": lambda: Iterable([b"ab", b"c"]),
            "sized": lambda: Sized([b"abc"]),
            "wrongly sized": lambda: Sized([b"", b"a", b"bc"]),
            "getitem only": OldProtocol,
            "file": lambda: io.BytesIO(b"abc"),
        }.items():
            with self.subTest(name):
                response = self.get(answering(make))
                self.assertEqual((response.status, response.body, response.ended), (200, b"abc", "end"))

    def test_that_are_empty(self) -> None:
        for name, make in {
            "list": lambda: [],
            "empty bytes": lambda: [b"", b""],
            "generator": lambda: (part for part in ()),
            "generator of nothing": lambda: iter([b""]),
            "object": lambda: Iterable([]),
        }.items():
            with self.subTest(name):
                response = self.get(answering(make))
                self.assertEqual((response.status, response.body, response.frames), (200, b"", [framing.RESPONSE]))
                self.assertEqual(response.header("Content-Length"), "0")

    def test_a_complete_generators_chunk_leaves_before_its_last_work(self) -> None:
        go = threading.Event()

        def application(env, start_response):
            start_response("200 OK", [("Content-Length", "4")])
            yield b"done"
            go.wait(WAIT)

        with Slot(application) as slot:
            slot.gateway.send(request(environ()))
            self.assertTrue(slot.gateway.read()[1].endswith(b"done"))
            go.set()
            self.assertEqual(slot.gateway.read()[0], framing.END)

    def test_large_bodies_arrive_whole_with_their_length(self) -> None:
        for size in (200_000, 256 * 1024, 256 * 1024 + 1, framing.MAX_CHUNK, framing.MAX_CHUNK + 1, 5_000_000):
            body = bytes(range(256)) * (size // 256 + 1)
            body = body[:size]
            for name, make in {
                "list": lambda: [body],
                "parts": lambda: [body[:1000], body[1000:]],
                "generator": lambda: (part for part in (body[:1000], body[1000:])),
                "iterator": lambda: iter([body]),
            }.items():
                with self.subTest(name, size=size):
                    response = self.get(answering(make))
                    self.assertTrue(response.body == body)
                    if name in ("list", "parts"):
                        self.assertEqual(response.header("Content-Length"), str(size))

    def test_large_content_that_is_not_wanted_is_not_sent(self) -> None:
        for method, status, headers, length in (
            ("HEAD", "200 OK", [], "300000"),
            ("HEAD", "200 OK", [("Content-Length", "7")], "7"),
            ("GET", "204 No Content", [], None),
            ("GET", "304 Not Modified", [("Content-Length", "7")], "7"),
        ):
            for make in (lambda: [b"x" * 300_000], lambda: (b"x" * 150_000,) * 2):
                with self.subTest(method=method, status=status, headers=headers):
                    response = self.get(answering(make, status, headers), method)
                    self.assertEqual((response.body, response.frames), (b"", [framing.RESPONSE]))
                    self.assertEqual((response.ended, response.header("Content-Length")), ("end", length))

    def test_a_length_that_is_taken_back_after_the_content_was_yielded(self) -> None:
        """Content that fits the first head may not fit the second, which is sent."""

        class Response:
            def __init__(self, start_response: Callable, length: str) -> None:
                self.start_response, self.length, self.step = start_response, length, 0

            def __iter__(self):
                return self

            def __next__(self) -> bytes:
                self.step += 1
                if self.step == 1:
                    return b"12345"
                error = ValueError("late")
                self.start_response("500 Oops", [("Content-Length", self.length)], (ValueError, error, None))
                raise StopIteration

        for length, body, ended in (("9", b"12345", "failed: .*after 5 bytes"), ("3", b"123", "end"), ("5", b"12345", "end")):

            def application(env, start_response, length=length):
                start_response("200 OK", [("Content-Length", "5")])
                return Response(start_response, length)

            with self.subTest(length):
                response = self.get(application)
                self.assertEqual((response.status, response.header("Content-Length")), (500, length))
                self.assertEqual(response.body, body)
                self.assertRegex(response.ended, ended)

    def test_text_after_the_first_chunk_cuts_the_response(self) -> None:
        response = self.get(answering(lambda: iter([b"so far", "text"])))
        self.assertEqual((response.status, response.body), (200, b"so far"))
        self.assertIn("yielded str", response.ended)


class ContentLength(ResponseTest):
    def test_too_much_is_cut_off_and_said(self) -> None:
        endless_parts = Iterable(endless())
        for make in (
            lambda: [b"1234567"],
            lambda: [b"12345", b"67"],
            lambda: (part for part in (b"123", b"4567", b"8")),
            lambda: endless_parts,
        ):
            application = answering(make, headers=[("Content-Length", "5")])
            response = self.get(application, path="/long", RAW_URI="/long?secret")
            self.assertEqual((len(response.body), response.ended), (5, "end"))
            self.assertIn("application error in GET /long\n", self.log.getvalue())
            self.assertIn("more content than its Content-Length of 5: the rest was cut off", self.log.getvalue())
            self.log.truncate(0)
        self.assertEqual((endless_parts.made, endless_parts.closed), (1, 1))

    def test_zero_declared_and_some_made(self) -> None:
        response = self.get(answering([b"some"], headers=[("Content-Length", "0")]))
        self.assertEqual((response.status, response.body, response.ended), (200, b"", "end"))
        self.assertIn("more content", self.log.getvalue())

    def test_too_little_fails_after_the_head(self) -> None:
        for make in (
            lambda: [b"123"],
            lambda: [],
            lambda: iter([]),
            lambda: iter([b"12", b"3"]),
            lambda: (part for part in (b"123",)),
        ):
            response = self.get(answering(make, headers=[("Content-Length", "5")]))
            self.assertEqual(response.status, 200)
            self.assertRegex(response.ended, r"failed: .*ended after \d bytes, but its Content-Length is 5")


class Head(ResponseTest):
    def test_of_nothing_says_no_length(self) -> None:
        # Many applications leave the content out for HEAD: a length of zero would be wrong.
        self.assertIsNone(self.get(answering([]), "HEAD").header("Content-Length"))
        declaring = answering([], headers=[("Content-Length", "7")])
        self.assertEqual(self.get(declaring, "HEAD").header("Content-Length"), "7")

    def test_what_was_written_before_leaves_the_length_open_as_for_get(self) -> None:
        def application(_environ, start_response):
            write = start_response("200 OK", [("Content-Type", "text/plain")])
            write(b"written ")
            return result()

        class OneOf:
            """Neither a list nor a generator."""

            def __len__(self) -> int:
                return 1

            def __iter__(self):
                return iter((b"returned",))

        for result in (lambda: [b"returned"], lambda: (b"re", b"turned"), lambda: [], OneOf, lambda: iter([b"returned"])):
            for method, content in (("GET", b"written "), ("HEAD", b"")):
                response = self.get(application, method)
                self.assertIsNone(response.header("Content-Length"), method)
                self.assertTrue(response.body.startswith(content))
                self.assertEqual(response.ended, "end")

    def test_what_was_swallowed_does_not_count_for_another_response(self) -> None:
        def application(_environ, start_response):
            start_response("204 No Content", [])(b"swallowed")
            try:
                raise ValueError
            except ValueError:
                start_response("500 Oh", [("Content-Length", "4")], sys.exc_info())
            return iter([b"er", b"or"])

        response = self.get(application)
        self.assertEqual((response.status, response.body, response.ended), (500, b"eror", "end"))


class Environ(ResponseTest):
    def seen(self, **slot: Any) -> dict:
        seen: dict = {}

        def application(env, start_response):
            seen.update(env)
            return answering([])(env, start_response)

        with Slot(application, **slot) as opened:
            opened.get(path="/caf\xc3\xa9")
        return seen

    def test_flags_tell_the_truth(self) -> None:
        for threads, multiprocess in ((1, False), (1, True), (4, False), (4, True)):
            env = self.seen(threads=threads, multiprocess=multiprocess)
            self.assertIs(env["wsgi.multithread"], threads > 1)
            self.assertIs(env["wsgi.multiprocess"], multiprocess)
            self.assertIs(env["wsgi.run_once"], False)

    def test_nothing_of_one_request_is_in_the_next(self) -> None:
        seen: List[dict] = []

        def application(env, start_response):
            seen.append(dict(env))
            env["mine"] = env["wsgi.version"] = env["SERVER_SOFTWARE"] = "changed"
            return answering([])(env, start_response)

        with Slot(application) as slot:
            slot.get(HTTP_X="1")
            slot.get()
        self.assertEqual(seen[1]["wsgi.version"], (1, 0))
        self.assertFalse({"mine", "HTTP_X"} & set(seen[1]))


if __name__ == "__main__":
    unittest.main()
