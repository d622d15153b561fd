"""Response heads: a cached head is the same as a new one."""

from __future__ import annotations

import io
import unittest
from contextlib import redirect_stderr

from jumak_worker.asgi import response_head as asgi_head
from jumak_worker.wire import head_cache
from jumak_worker.wsgi import response_head

from .harness import Slot


class Remembered(unittest.TestCase):
    def test_equal_headers_are_encoded_alike_and_what_is_wrong_stays_wrong(self) -> None:
        for _ in range(3):
            self.assertEqual(asgi_head.encode([(b"a", b"1"), (b"content-length", b"5")]), (b"\0a\x001\0content-length\x005", 5))
            self.assertEqual(asgi_head.encode([[b"a", b"1"]]), (b"\0a\x001", None))
            self.assertEqual(asgi_head.encode(((b"a", b"1"),)), (b"\0a\x001", None))
            for wrong in ([(b"a", "1")], [(b"a", b"1\n")], [(b"a b", b"1")], [b"a"], [(b"a",)], [5]):
                with self.assertRaises((TypeError, ValueError)):
                    asgi_head.encode(wrong)

    def test_of_wsgi_too(self) -> None:
        for _ in range(3):
            head = response_head.make("200 OK", [("A", "1"), ("Content-Length", "5")])
            self.assertEqual(head, (b"OK\0A\x001\0Content-Length\x005", 5, 200, False))
            self.assertEqual(response_head.make("304 Same", (("A", "1"),)), (b"Same\0A\x001", None, 304, True))
            for wrong in ([("A", b"1")], [(b"A", "1")], [("A", "1\n")], [("A b", "1")], ["A"], [("A",)], [5], [[]], {}):
                with self.assertRaises((TypeError, ValueError)):
                    response_head.make("200 OK", wrong)

    def test_what_start_response_looks_up_is_what_it_would_make(self) -> None:
        class Text(str):
            pass

        answers = [
            (status, headers, "%s %s" % (status, headers))
            for status in ("200 OK", "200 Fine", "201 OK", "204 OK", "200 OK\n", "99 OK", Text("200 Subclass"), b"200 OK", 200)
            for headers in (
                [],
                [("A", "1")],
                [("A", "2")],
                [["A", "1"]],
                (("A", "1"),),
                [("A", Text("1"))],
                [("A", "1"), ("Content-Length", "2")],
                [("Content-Length", "2"), ("A", "1")],
                [("A", 1)],
                [("A", "1\r")],
                {("A", "1"): 0},
                {("A", "1")},
                None,
            )
        ]

        def application(env, start_response):
            status, headers, _ = answers[int(env["PATH_INFO"])]
            start_response(status, headers)
            return [b"ab"]

        first: dict = {}
        with redirect_stderr(io.StringIO()), Slot(application) as slot:
            for turn in range(3):
                for number, (status, headers, name) in enumerate(answers):
                    response = slot.get(path=str(number))
                    self.assertEqual(response, first.setdefault(number, response), name)
                    good = isinstance(status, str) and status[:2] == "20" and "\n" not in status
                    good = good and isinstance(headers, (list, tuple)) and repr(headers)[-4:] not in (" 1)]", "r')]")
                    self.assertEqual(response.ended == "end", good, name)
                    if good:
                        sent = [tuple(header) for header in headers]
                        self.assertEqual((str(response.status), response.reason), tuple(status.split(" ")))
                        self.assertEqual(response.headers[: len(sent)], sent)

    def test_a_list_of_headers_that_was_changed_is_another(self) -> None:
        headers = [("A", "1")]

        def application(env, start_response):
            start_response("200 OK", headers)
            headers.append(("B", str(len(headers))))
            return []

        with Slot(application) as slot:
            for number in range(5):
                self.assertEqual([value for _, value in slot.get().headers[:-1]], ["1", *map(str, range(1, number + 1))])

    def test_what_may_change_is_not_remembered(self) -> None:
        value = bytearray(b"1")
        self.assertEqual(asgi_head.encode([(b"x", value)])[0], b"\0x\x001")
        value[0] = ord("2")
        self.assertEqual(asgi_head.encode([(b"x", value)])[0], b"\0x\x002")

    def test_an_application_that_invents_headers_does_not_fill_the_memory(self) -> None:
        for number in range(2000):
            asgi_head.encode([(b"etag", b"%d" % number)])
            asgi_head.encode([(b"set-cookie", b"%d" % number * 200)])
            response_head.make("200 OK", [("ETag", "%d" % number)])
            response_head.make("200 OK", [("Set-Cookie", "%d" % number * 200)])
            response_head.make("200 OK" + str(number) * 200, [])
        for cache in (asgi_head._cache, response_head.cache):
            self.assertLessEqual(len(cache.known), head_cache._MAX_HEADS)
            self.assertLessEqual(max(len(head) for head, *_ in cache.known.values()), head_cache._MAX_LENGTH)


if __name__ == "__main__":
    unittest.main()
