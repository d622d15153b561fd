"""``http.response.pathsend`` and ``http.response.zerocopysend``."""

from __future__ import annotations

import os
import tempfile
import unittest
from typing import Any

from jumak_worker.wire import framing

from .asgi_harness import AsgiTest, scope

START = {"type": "http.response.start", "status": 200}
CONTENT = bytes(range(256)) * 1000


class Files(AsgiTest):
    def setUp(self) -> None:
        with tempfile.NamedTemporaryFile(delete=False) as file:
            file.write(CONTENT)
        self.path = file.name
        self.addCleanup(os.unlink, file.name)

    def application(self, *messages: Any, start: dict = START):
        async def application(scope, receive, send):
            with open(self.path, "rb") as file:
                file.seek(10)
                await send(start)
                for message in messages:
                    await send({key: file if value is open else value for key, value in message.items()})

        return application

    def pathsend(self, **more: Any) -> dict:
        return dict({"type": "http.response.pathsend", "path": self.path}, **more)

    def test_a_path_is_sent_by_the_gateway(self) -> None:
        for host in self.each_loop(self.application(self.pathsend())):
            before = len(os.listdir("/proc/self/fd"))
            answer = host.gateway.get()
            self.assertEqual((answer.body, answer.kinds), (CONTENT, [framing.RESPONSE, framing.FILE, framing.END]))
            self.assertEqual(answer.header("content-length"), str(len(CONTENT)))
            self.assertEqual(len(os.listdir("/proc/self/fd")), before)

    def test_where_the_gateway_cannot_open_it_the_content_crosses_the_link(self) -> None:
        for host in self.each_loop(self.application(self.pathsend())):
            answer = host.gateway.answer(host.gateway.begin(), opens_files=False)
            self.assertEqual((answer.body, answer.ended), (CONTENT, "end"))

    def test_a_gateway_that_is_another_user_is_offered_nothing(self) -> None:
        for host in self.each_loop(self.application(self.pathsend())):
            host.worker.offers_files = False
            answer = host.connect().get()
            self.assertEqual((answer.body, answer.ended), (CONTENT, "end"))
            self.assertEqual(answer.header("content-length"), str(len(CONTENT)))
            self.assertNotIn(framing.FILE, answer.kinds)

    def test_no_more_than_content_length_of_a_file_that_has_grown(self) -> None:
        start = dict(START, headers=[(b"content-length", b"1000")])
        with self.host(self.application(self.pathsend(), start=start)) as host:
            self.assertEqual(host.gateway.get().body, CONTENT[:1000])

    def test_head(self) -> None:
        start = dict(START, headers=[(b"content-length", b"256000")])
        with self.host(self.application(self.pathsend(), start=start)) as host:
            answer = host.gateway.get(scope("HEAD"))
            self.assertEqual((answer.body, answer.kinds), (b"", [framing.RESPONSE]))

    def test_an_empty_file(self) -> None:
        os.truncate(self.path, 0)
        with self.host(self.application(self.pathsend())) as host:
            answer = host.gateway.get()
            self.assertEqual((answer.body, answer.header("content-length"), answer.ended), (b"", "0", "end"))

    def test_zero_copy(self) -> None:
        for fields, expected in (
            ({}, CONTENT[10:]),
            ({"count": 5}, CONTENT[10:15]),
            ({"offset": 3, "count": 5}, CONTENT[3:8]),
            ({"offset": 255_990, "count": 50}, CONTENT[255_990:]),
            ({"offset": 900_000}, b""),
        ):
            message = dict({"type": "http.response.zerocopysend", "file": open}, **fields)
            with self.subTest(fields), self.host(self.application(message)) as host:
                answer = host.gateway.get()
                self.assertEqual((answer.body, answer.ended), (expected, "end"))
                self.assertEqual(answer.header("content-length"), str(len(expected)))

    def test_zero_copy_between_bodies_goes_on_where_it_was(self) -> None:
        more = {"type": "http.response.zerocopysend", "file": open, "count": 5, "more_body": True}
        text = {"type": "http.response.body", "body": b"--", "more_body": True}
        end = {"type": "http.response.body"}
        for host in self.each_loop(self.application(more, text, more, end)):
            for opens in (True, False):
                answer = host.gateway.answer(host.gateway.begin(), opens_files=opens)
                self.assertEqual((answer.body, answer.ended), (CONTENT[10:15] + b"--" + CONTENT[15:20], "end"))

    def test_mistakes(self) -> None:
        read, write = os.pipe()
        self.addCleanup(os.close, read)
        self.addCleanup(os.close, write)
        more = {"type": "http.response.body", "body": b"a", "more_body": True}
        short = dict(START, headers=[(b"content-length", b"300000")])
        zero = {"type": "http.response.zerocopysend"}
        for messages, words, start in (
            ([self.pathsend(path="/nowhere/at/all")], "No such file", START),
            ([self.pathsend(path=b"/x")], "path of http.response.pathsend must be a str, not bytes", START),
            ([self.pathsend(path=os.path.dirname(self.path))], "can only send regular files", START),
            ([more, self.pathsend()], "must be all content of its response", START),
            ([self.pathsend()], "ended after 256000 bytes, but its Content-Length is 300000", short),
            ([zero], "must be an open file, not NoneType", START),
            ([dict(zero, file=read, offset=0)], "can only send regular files", START),
            ([dict(zero, file=open, offset=-1)], "offset of http.response.zerocopysend must be a number", START),
        ):
            with self.subTest(words), self.host(self.application(*messages, start=start)) as host:
                self.assertRegex(host.gateway.get().ended, "failed: .*" + words)


if __name__ == "__main__":
    unittest.main()
