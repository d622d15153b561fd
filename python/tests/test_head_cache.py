"""Response heads: what is remembered changes nothing."""

from __future__ import annotations

import unittest

from jumak_worker import asgi_head, head_cache, response_head


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
            encoded = response_head.encode("OK", [("A", "1"), ("Content-Length", "5")])
            self.assertEqual(encoded, (b"OK\0A\x001\0Content-Length\x005", 5))
            self.assertEqual(response_head.encode("Fine", (("A", "1"),)), (b"Fine\0A\x001", None))
            for wrong in ([("A", b"1")], [(b"A", "1")], [("A", "1\n")], [("A b", "1")], ["A"], [("A",)], [5], [[]]):
                with self.assertRaises((TypeError, ValueError)):
                    response_head.encode("OK", wrong)

    def test_what_may_change_is_not_remembered(self) -> None:
        value = bytearray(b"1")
        self.assertEqual(asgi_head.encode([(b"x", value)])[0], b"\0x\x001")
        value[0] = ord("2")
        self.assertEqual(asgi_head.encode([(b"x", value)])[0], b"\0x\x002")

    def test_an_application_that_invents_headers_does_not_fill_the_memory(self) -> None:
        for number in range(2000):
            asgi_head.encode([(b"etag", b"%d" % number)])
            asgi_head.encode([(b"set-cookie", b"%d" % number * 200)])
            response_head.encode("OK", [("ETag", "%d" % number)])
        for cache in (asgi_head._cache, response_head.cache):
            self.assertLessEqual(len(cache.known), head_cache._MAX_HEADS)
            self.assertLessEqual(max(len(head) for head, *_ in cache.known.values()), head_cache._MAX_LENGTH)


if __name__ == "__main__":
    unittest.main()
