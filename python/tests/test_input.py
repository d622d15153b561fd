"""``wsgi.input``: content that comes with the request, and content in frames."""

from __future__ import annotations

import contextlib
import io
import random
import unittest
from typing import Callable, List

from jumak_worker.wire import framing

from .harness import Slot, environ, frame, request

CONTENT = b"first line\nsecond\n\n" + b"x" * 70_000 + b"\nlast without end"


def in_frames(content: bytes, size: int) -> bytes:
    data = request(environ("POST", CONTENT_LENGTH=str(len(content))), follows=True)
    for start in range(0, len(content), size):
        data += frame(framing.BODY, content[start : start + size])
    return data + frame(framing.BODY_END)


def until_empty(read: Callable[[], bytes]) -> List[bytes]:
    return list(iter(read, b""))


def chunks_of(size: int) -> Callable:
    return lambda stream: until_empty(lambda: stream.read(size))


WAYS = {
    "read()": (lambda stream: [stream.read()]),
    "read(-1)": (lambda stream: [stream.read(-1)]),
    "read(None)": (lambda stream: [stream.read(None)]),
    "read(n)": chunks_of(1000),
    "read(n) of more than there is": (lambda stream: [stream.read(10_000_000)]),
    "readline()": (lambda stream: until_empty(stream.readline)),
    "readline(n)": (lambda stream: until_empty(lambda: stream.readline(7))),
    "readlines()": (lambda stream: stream.readlines()),
    "readlines(hint)": (lambda stream: stream.readlines(5) + stream.readlines()),
    "iteration": list,
    "mixed": (lambda stream: [stream.read(3), stream.readline(), next(stream), stream.read(0), *stream]),
}


class Input(unittest.TestCase):
    def read(self, data: bytes, way: Callable) -> List[bytes]:
        seen: List[List[bytes]] = []

        def application(env, start_response):
            stream = env["wsgi.input"]
            got = list(way(stream))
            # The end stays the end.
            self.assertEqual([stream.read(), stream.read(1), stream.readline(), list(stream)], [b"", b"", b"", []])
            seen.append(got)
            start_response("200 OK", [])
            return []

        with Slot(application) as slot:
            slot.gateway.send(data)
            self.assertEqual(slot.gateway.response().ended, "end")
        return seen[0]

    def test_every_way_to_read_gives_the_same_inline_and_in_frames_of_any_size(self) -> None:
        inline = request(environ("POST"), CONTENT)
        for name, way in WAYS.items():
            expected = list(way(io.BytesIO(CONTENT)))
            with self.subTest(name):
                self.assertEqual(self.read(inline, way), expected)
                for size in (1000, 65536, len(CONTENT)):
                    self.assertEqual(self.read(in_frames(CONTENT, size), way), expected)

    def test_any_order_of_reads_gives_the_content(self) -> None:
        for seed in range(20):
            chance = random.Random(seed)
            content = bytes(chance.choice(b"ab\n") for _ in range(chance.randrange(3000)))

            def way(stream, chance=chance) -> List[bytes]:
                got: List[bytes] = []
                while not got or got[-1]:
                    got.append(chance.choice([stream.readline, lambda: stream.read(chance.randrange(1, 50))])())
                return got

            with self.subTest(seed):
                self.assertEqual(b"".join(self.read(in_frames(content, chance.randrange(1, 500)), way)), content)

    def test_no_content_reads_as_empty(self) -> None:
        for data in (request(environ()), request(environ("POST"), follows=True) + frame(framing.BODY_END)):
            self.assertEqual(self.read(data, WAYS["read()"]), [b""])

    def test_what_is_left_unread_does_not_reach_the_next_request(self) -> None:
        kept: list = []

        def application(env, start_response):
            kept.append(env["wsgi.input"])
            part = env["wsgi.input"].read(int(env.get("HTTP_READ", "0")))
            start_response("200 OK", [])
            if env["PATH_INFO"] == "/fails":
                raise RuntimeError
            return [part]

        with contextlib.redirect_stderr(io.StringIO()), Slot(application) as slot:
            for path in ("/", "/fails"):
                for read in ("0", "10", "1001"):
                    slot.gateway.send(request(environ("POST", path, HTTP_READ=read), follows=True))
                    slot.gateway.send(
                        frame(framing.BODY, CONTENT[:1000]) + frame(framing.BODY, CONTENT[1000:]) + frame(framing.BODY_END)
                    )
                    response = slot.gateway.response()
                    if path == "/":
                        self.assertEqual(response.body, CONTENT[: int(read)])
                    self.assertEqual(slot.get("POST", body=b"next", HTTP_READ="9").body, b"next")
            # An input that was kept gives at most the rest of its own buffer, and nothing of a later request.
            for stream in kept:
                self.assertNotIn(b"next", stream.read())

    def test_content_is_read_while_the_response_streams(self) -> None:
        def application(env, start_response):
            start_response("200 OK", [])
            return iter(lambda: env["wsgi.input"].readline(), b"")

        with Slot(application) as slot:
            slot.gateway.send(request(environ("POST"), follows=True) + frame(framing.BODY, b"one\n"))
            self.assertEqual(slot.gateway.read()[1][-4:], b"one\n")
            slot.gateway.send(frame(framing.BODY, b"two\n"))
            self.assertEqual(slot.gateway.read(), (framing.CHUNK, b"two\n"))
            slot.gateway.send(frame(framing.BODY_END))
            self.assertEqual(slot.gateway.read()[0], framing.END)

    def test_reading_from_a_client_that_has_gone_raises_connection_reset(self) -> None:
        for way in (lambda stream: stream.read(), lambda stream: stream.readline(), list):
            raised: List[BaseException] = []

            def application(env, start_response):
                try:
                    way(env["wsgi.input"])
                except OSError as error:
                    raised.append(error)
                    raise RuntimeError("made of it by the application") from error
                return []

            log = io.StringIO()
            with contextlib.redirect_stderr(log):
                slot = Slot(application)
                slot.gateway.send(request(environ("POST"), follows=True) + frame(framing.BODY, b"part"))
                slot.close()
            self.assertIsInstance(raised[0], ConnectionResetError)
            self.assertIn("client has gone", str(raised[0]))
            self.assertEqual((slot.error, log.getvalue()), (None, ""))


if __name__ == "__main__":
    unittest.main()
