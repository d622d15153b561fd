"""PEP 3333 through a real link: what an application may answer, and what its clients then see."""

from __future__ import annotations

import contextlib
import io
import sys
import threading
import unittest
from typing import List

from jumak_worker.wire import framing

from .harness import Slot, environ, request
from .wsgi_case import TEXT, Case, Closing, answer


class Bodies(Case):
    def test_a_list_is_one_frame_with_its_length(self) -> None:
        for body, length in (([b"one"], "3"), ([b"", b"one ", b"", b"two"], "7"), ((b"a", b"b"), "2"), ([], "0")):
            response, _ = self.call(answer(body))
            self.assertEqual((response.body, response.header("Content-Length")), (b"".join(body), length))
            self.assertEqual(response.frames, [framing.RESPONSE])

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
        self.assertEqual((response.header("Content-Length"), response.frames), ("5", [framing.RESPONSE]))

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
            self.assertEqual((kind, payload[-5:]), (framing.RESPONSE, b"first"))
            go.set()
            self.assertEqual(slot.gateway.read(), (framing.CHUNK, b"second"))
            self.assertEqual(slot.gateway.read()[0], framing.END)

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
        self.assertEqual((response.body, response.frames), (b"12345", [framing.RESPONSE]))

    def test_write_comes_before_what_is_returned(self) -> None:
        def application(env, start_response):
            write = start_response("200 OK", TEXT)
            write(b"written, ")
            write(b"")
            write(b"again, ")
            return [b"returned"]

        self.assertEqual(self.body(application), b"written, again, returned")

    def test_bytes_are_any_size(self) -> None:
        for size in (1, 65536, 65537, framing.MAX_CHUNK, framing.MAX_CHUNK + 1, 3 * framing.MAX_CHUNK):
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


if __name__ == "__main__":
    unittest.main()
