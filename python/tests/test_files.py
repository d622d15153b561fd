"""``wsgi.file_wrapper``: which files the gateway sends by itself, and that the worker sends all others."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import tempfile
import unittest
from typing import Any, Callable, Optional

from jumak_worker.wire import framing
from jumak_worker.wsgi.files import FileWrapper

from .harness import Response, Slot, environ, frame, request

CONTENT = bytes(range(256)) * 1000
BY_GATEWAY = [framing.RESPONSE, framing.FILE, framing.END]


class Files(unittest.TestCase):
    def setUp(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.path = os.path.join(self.directory.name, "file")
        with open(self.path, "wb") as file:
            file.write(CONTENT)
        self.closed = 0

    def send(self, make: Callable[[], Any], length: Optional[int] = None, method: str = "GET", offers: bool = True, **more: Any) -> Response:
        """The response; the file must be closed exactly once after it."""

        def application(env, start_response):
            headers = [] if length is None else [("Content-Length", str(length))]
            start_response("200 OK", headers)
            file = make()
            really_close = file.close

            def close() -> None:
                self.closed += 1
                really_close()

            with contextlib.suppress(AttributeError):
                file.close = close
            return env["wsgi.file_wrapper"](file, 4096)

        self.closed = 0
        log = io.StringIO()
        with contextlib.redirect_stderr(log), Slot(application, offers_files=offers) as slot:
            response = slot.get(method, **more)
            # The slot is free, the file closed, and the link in step.
            self.assertEqual(slot.get("HEAD").ended, "end")
        self.assertEqual((response.ended, log.getvalue(), self.closed), ("end", "", 2))
        return response

    def open(self, skip: int = 0, **how: Any) -> Any:
        file = open(self.path, "rb", **how)
        file.read(skip)
        return file

    def test_a_real_file_is_sent_by_the_gateway(self) -> None:
        for make in (self.open, lambda: self.open(buffering=0), lambda: open(self.path, "r+b")):
            response = self.send(make)
            self.assertEqual((response.body, response.frames), (CONTENT, BY_GATEWAY))
            self.assertEqual(response.header("Content-Length"), str(len(CONTENT)))

    def test_it_is_sent_from_its_position(self) -> None:
        response = self.send(lambda: self.open(1000))
        self.assertEqual((response.body, response.frames), (CONTENT[1000:], BY_GATEWAY))

    def test_only_what_content_length_promises_is_sent_without_a_complaint(self) -> None:
        for accepted in (True, False):
            response = self.send(lambda: self.open(1000), length=5000, accept_file=accepted)
            self.assertEqual(response.body, CONTENT[1000:6000])
            self.assertEqual(response.header("Content-Length"), "5000")

    def test_files_without_a_name_and_written_to_before(self) -> None:
        def make() -> Any:
            file = tempfile.TemporaryFile()
            file.write(CONTENT)
            file.seek(10)
            file.write(b"!")
            file.seek(5)
            return file

        expected = bytearray(CONTENT)
        expected[10:11] = b"!"
        self.assertEqual(self.send(make).body, expected[5:])

    def test_objects_whose_read_is_that_of_a_file(self) -> None:
        class Proxy:
            """As Django's File."""

            def __init__(self, file: Any) -> None:
                self.file = file
                self.close = file.close

            read = property(lambda self: self.file.read)

        for make in (lambda: Proxy(self.open()), lambda: self.named_temporary()):
            response = self.send(make)
            self.assertEqual((response.body, response.frames), (CONTENT, BY_GATEWAY))

    def named_temporary(self) -> Any:
        file = tempfile.NamedTemporaryFile()
        file.write(CONTENT)
        file.seek(0)
        return file

    def test_a_gateway_that_cannot_open_it_gets_the_content(self) -> None:
        response = self.send(self.open, accept_file=False)
        self.assertEqual(response.body, CONTENT)
        self.assertEqual(response.frames[:2] + response.frames[-1:], [framing.RESPONSE, framing.FILE, framing.END])

    def test_a_gateway_that_is_another_user_is_offered_nothing(self) -> None:
        for make, length, expected in (
            (self.open, None, CONTENT),
            (lambda: self.open(1000), None, CONTENT[1000:]),
            (lambda: self.open(1000), 5000, CONTENT[1000:6000]),
        ):
            response = self.send(make, length, offers=False)
            self.assertEqual((response.body, response.header("Content-Length")), (expected, str(len(expected))))
            self.assertNotIn(framing.FILE, response.frames)

    def test_what_is_read_otherwise_is_read(self) -> None:
        """A descriptor does not tell what `read` gives: a GzipFile has the descriptor of the compressed file."""

        class Shouting(io.BufferedReader):
            def read(self, size: Any = -1) -> bytes:
                return super().read(size).replace(b"\0", b"!")

        def zipped() -> Any:
            path = self.path + ".gz"
            with gzip.open(path, "wb") as file:
                file.write(CONTENT)
            return gzip.open(path, "rb")

        for make, expected in (
            (lambda: io.BytesIO(CONTENT), CONTENT),
            (zipped, CONTENT),
            (lambda: Shouting(io.FileIO(self.path)), CONTENT.replace(b"\0", b"!")),
        ):
            with self.subTest(expected[:1]):
                application_closed = self.closed_by_itself(make)
                self.assertEqual((application_closed.body, framing.FILE in application_closed.frames), (expected, False))

    def closed_by_itself(self, make: Callable[[], Any]) -> Response:
        files: list = []

        def application(env, start_response):
            start_response("200 OK", [])
            files.append(make())
            return env["wsgi.file_wrapper"](files[-1])

        with Slot(application) as slot:
            response = slot.get()
        self.assertTrue(files[0].closed)
        return response

    def test_a_file_like_with_nothing_but_read(self) -> None:
        class Minimal:
            def __init__(self) -> None:
                self.left = CONTENT

            def read(self, size: int) -> bytes:
                part, self.left = self.left[:size], self.left[size:]
                return part

        def application(env, start_response):
            start_response("200 OK", [])
            return env["wsgi.file_wrapper"](Minimal(), 1000)

        with Slot(application) as slot:
            self.assertEqual(slot.get().body, CONTENT)

    def test_empty_file_head_and_pipe(self) -> None:
        self.assertEqual(self.send(lambda: self.open(len(CONTENT))).body, b"")
        response = self.send(self.open, method="HEAD")
        self.assertEqual((response.body, framing.FILE in response.frames), (b"", False))
        read, write = os.pipe()
        os.write(write, b"through a pipe")
        os.close(write)
        self.assertEqual(self.closed_by_itself(lambda: os.fdopen(read, "rb")).body, b"through a pipe")

    def test_a_text_file_is_named_as_the_mistake(self) -> None:
        def application(env, start_response):
            start_response("200 OK", [])
            return env["wsgi.file_wrapper"](open(self.path, encoding="latin-1"))

        log = io.StringIO()
        with contextlib.redirect_stderr(log), Slot(application) as slot:
            self.assertIn("failed", slot.get().ended)
        self.assertIn("yielded str", log.getvalue())

    def test_a_wrapper_within_another_iterable_is_read(self) -> None:
        def application(env, start_response):
            start_response("200 OK", [])
            return (block.replace(b"\0", b"?") for block in env["wsgi.file_wrapper"](io.BytesIO(CONTENT)))

        with Slot(application) as slot:
            self.assertEqual(slot.get().body, CONTENT.replace(b"\0", b"?"))

    def test_requests_sent_ahead_wait_for_the_file(self) -> None:
        def application(env, start_response):
            start_response("200 OK", [])
            return FileWrapper(self.open()) if env["PATH_INFO"] == "/file" else [env["PATH_INFO"].encode()]

        with Slot(application) as slot:
            slot.gateway.send(b"".join(request(environ(path=path)) for path in ("/file", "/a", "/b")))
            self.assertEqual(slot.gateway.read()[0], framing.RESPONSE)
            self.assertEqual(slot.gateway.read()[0], framing.FILE)
            slot.gateway.send(
                request(environ(path="/c")) + frame(framing.FILE_OPENED, b"\1") + request(environ(path="/d"))
            )
            self.assertEqual(slot.gateway.read()[0], framing.END)
            self.assertEqual([slot.gateway.response().body for _ in range(4)], [b"/a", b"/b", b"/c", b"/d"])

    def test_content_that_nobody_read_is_not_in_the_way_of_the_answer(self) -> None:
        def application(env, start_response):
            start_response("200 OK", [])
            return FileWrapper(self.open())

        with Slot(application) as slot:
            slot.gateway.send(
                request(environ("POST"), follows=True) + frame(framing.BODY, b"unread") + frame(framing.BODY_END)
            )
            self.assertEqual(slot.gateway.response().body, CONTENT)

    def test_a_gateway_that_leaves_before_it_answers_is_no_error(self) -> None:
        def application(env, start_response):
            start_response("200 OK", [])
            return FileWrapper(self.open())

        log = io.StringIO()
        with contextlib.redirect_stderr(log):
            slot = Slot(application)
            slot.gateway.send(request(environ()))
            slot.gateway.read()
            slot.close()
        self.assertEqual((slot.error, log.getvalue()), (None, ""))


if __name__ == "__main__":
    unittest.main()
