"""Response heads of ASGI applications: what is remembered changes nothing."""

from __future__ import annotations

import unittest

from jumak_worker import asgi_head


class Remembered(unittest.TestCase):
    def test_equal_headers_are_encoded_alike_and_what_is_wrong_stays_wrong(self) -> None:
        for _ in range(3):
            self.assertEqual(asgi_head.encode([(b"a", b"1"), (b"content-length", b"5")]), (b"\0a\x001\0content-length\x005", 5))
            self.assertEqual(asgi_head.encode([[b"a", b"1"]]), (b"\0a\x001", None))
            self.assertEqual(asgi_head.encode(((b"a", b"1"),)), (b"\0a\x001", None))
            for wrong in ([(b"a", "1")], [(b"a", b"1\n")], [(b"a b", b"1")], [b"a"], [(b"a",)], [5]):
                with self.assertRaises((TypeError, ValueError)):
                    asgi_head.encode(wrong)

    def test_what_may_change_is_not_remembered(self) -> None:
        value = bytearray(b"1")
        self.assertEqual(asgi_head.encode([(b"x", value)])[0], b"\0x\x001")
        value[0] = ord("2")
        self.assertEqual(asgi_head.encode([(b"x", value)])[0], b"\0x\x002")

    def test_an_application_that_invents_headers_does_not_fill_the_memory(self) -> None:
        for number in range(2000):
            asgi_head.encode([(b"etag", b"%d" % number)])
            asgi_head.encode([(b"set-cookie", b"%d" % number * 200)])
        self.assertLessEqual(len(asgi_head._encoded), asgi_head._MAX_ENCODED)
        self.assertLessEqual(max(map(len, (head for head, _ in asgi_head._encoded.values()))), asgi_head._MAX_ENCODED_LENGTH)


if __name__ == "__main__":
    unittest.main()
