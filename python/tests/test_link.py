"""A link that is interrupted in the middle of a frame. Batches, cuts and rules of the wire are in test_wire.py."""

from __future__ import annotations

import io
import socket
import unittest
import weakref
from contextlib import redirect_stderr
from itertools import chain
from time import perf_counter
from typing import Any, Callable, List
from unittest import mock

from jumak_worker import __version__
from jumak_worker.wire import framing
from jumak_worker.wsgi.link import Link

from .harness import Gateway, Slot, base, environ, frame, request


class Interrupted:
    """A socket on which a signal handler raises an error while data with `marker` is sent, or waited for."""

    def __init__(self, sock: socket.socket, error: BaseException, marker: bytes) -> None:
        self._sock, self._error, self._marker = sock, error, marker

    def sendall(self, data: bytes) -> None:
        at = bytes(data).find(self._marker)
        self._sock.sendall(data if at < 0 else data[:at])
        if at >= 0:
            raise self._error

    def sendmsg(self, pieces: List[bytes]) -> int:
        data = b"".join(pieces)
        self.sendall(data)
        return len(data)

    def recv(self, size: int) -> bytes:
        data = self._sock.recv(size)
        if self._marker in data:
            raise self._error
        return data


class Grudging:
    """A socket whose `sendmsg` takes only a part, as when a signal comes."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.recv, self.sendall = sock.recv, sock.sendall

    def sendmsg(self, pieces: List[bytes]) -> int:
        data = b"".join(pieces)[:5000]
        self._sock.sendall(data)
        return len(data)


class Pieces(unittest.TestCase):
    def test_large_content_arrives_whole_and_in_order_however_much_the_socket_takes(self) -> None:
        def application(env, start_response):
            size = int(env["QUERY_STRING"])
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [env["PATH_INFO"].encode() * size]

        sizes = [1, 4000, 1, 3000, 20_000, 1, 4000, 2]
        for wrap in (Grudging, lambda sock: sock):
            ours, theirs = socket.socketpair()
            with ours, theirs:
                gateway = Gateway(ours)
                batch = [request(environ(path="/%d" % i, QUERY_STRING=str(size))) for i, size in enumerate(sizes)]
                gateway.send(frame(framing.HELLO, ('{"build": "%s"}' % __version__).encode()) + b"".join(batch))
                link = Link(wrap(theirs), application, base(), 1, 1)  # type: ignore[arg-type]
                ours.shutdown(socket.SHUT_WR)
                link.serve()
                theirs.close()
                self.assertEqual(gateway.read()[0], framing.HELLO)
                got = [gateway.response().body for _ in sizes]
                self.assertEqual(got, [b"/%d" % i * size for i, size in enumerate(sizes)])


class Interruptions(unittest.TestCase):
    def run_link(self, application: Callable, error: BaseException, marker: bytes, data: bytes) -> Any:
        """What the gateway got after its hello, and the worker's log."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            gateway = Gateway(ours)
            gateway.send(frame(framing.HELLO, ('{"build": "%s"}' % __version__).encode()) + data)
            with redirect_stderr(io.StringIO()) as log:
                Link(Interrupted(theirs, error, marker), application, base(), 1, 1).serve()  # type: ignore[arg-type]
            theirs.close()
            self.assertEqual(gateway.read()[0], framing.HELLO)
            return gateway.read_to_end(), log.getvalue()

    def test_nothing_follows_a_frame_that_was_cut_by_an_exception(self) -> None:
        """The gateway would take a FAILED frame for content."""

        def complete(env, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"begin<middle>end"]

        def stream(env, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            yield b"x"
            yield b"begin" + b"-" * 70_000 + b"<middle>end"

        def swallowed(env, start_response):
            write = start_response("200 OK", [("Content-Type", "text/plain")])
            try:
                write(b"begin<middle>end")
            except BaseException:
                pass
            return [b"goes on"]

        def large(env, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"begin" + b"-" * 70_000 + b"<middle>end"]

        for application in (complete, large, stream, swallowed):
            for error in (TimeoutError("too slow"), RuntimeError("too slow"), KeyboardInterrupt()):
                with self.subTest(application.__name__, error=error):
                    sent, log = self.run_link(application, error, b"<middle>", request(environ()) + request(environ()))
                    self.assertIn(b"begin", sent)
                    self.assertNotIn(b"end", sent)
                    self.assertNotIn(b"goes on", sent)
                    self.assertIn("signal handler of the application raised %s" % type(error).__name__, log)

    def test_a_response_that_an_exception_takes_away_is_not_answered_by_the_next_one(self) -> None:
        """A handler may raise at any step: when a call begins, or after it. The gateway only counts responses."""

        def application(env, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [env["PATH_INFO"].encode()]

        class Late(list):
            def clear(self) -> None:
                super().clear()
                raise TimeoutError("too slow")

        clock = mock.Mock(side_effect=chain([TimeoutError("too slow")], iter(perf_counter, None)))
        for step, held, read_clock in (("begun", [], clock), ("joined", Late(), perf_counter)):
            with self.subTest(step), mock.patch("jumak_worker.wsgi.connection.perf_counter", read_clock):
                ours, theirs = socket.socketpair()
                with ours, theirs:
                    gateway = Gateway(ours)
                    batch = b"".join(request(environ(path="/%d" % i)) for i in range(3))
                    gateway.send(frame(framing.HELLO, ('{"build": "%s"}' % __version__).encode()) + batch)
                    link = Link(theirs, application, base(), 1, 1)
                    link.held = held
                    ours.shutdown(socket.SHUT_WR)
                    with redirect_stderr(io.StringIO()) as log:
                        link.serve()
                    theirs.close()
                    self.assertEqual(gateway.read()[0], framing.HELLO)
                    self.assertEqual(gateway.read_to_end(), b"")
                self.assertIn("signal handler of the application raised TimeoutError", log.getvalue())

    def test_a_handler_that_leaves_ends_the_worker_whatever_the_application_makes_of_it(self) -> None:
        def raised(env, start_response):
            start_response("200 OK", [])(b"begin<middle>end")

        def swallowed(env, start_response):
            try:
                raised(env, start_response)
            except SystemExit:
                pass
            return []

        def complete(env, start_response):
            start_response("200 OK", [])
            return [b"begin<middle>end"]

        for application in (raised, swallowed, complete):
            with self.subTest(application.__name__), self.assertRaises(SystemExit) as left:
                self.run_link(application, SystemExit(4), b"<middle>", request(environ()))
            self.assertEqual(left.exception.code, 4)

    def test_content_whose_reading_was_interrupted_is_not_read_on(self) -> None:
        def application(env, start_response):
            try:
                env["wsgi.input"].read()
            except TimeoutError:
                pass
            start_response("200 OK", [])
            return [b"as if it had been read"]

        # More than one recv takes, so that the marker is in a later one.
        contents = [*[b"." * 30_000] * 3, b"<middle>"]
        data = request(environ("POST"), follows=True)
        data += b"".join(frame(framing.BODY, content) for content in contents) + frame(framing.BODY_END)
        sent, log = self.run_link(application, TimeoutError(), b"<middle>", data)
        self.assertEqual(sent, b"")
        self.assertIn("TimeoutError", log)

    def test_an_application_that_catches_the_error_of_the_wire_does_not_go_on(self) -> None:
        def application(env, start_response):
            try:
                env["wsgi.input"].read()
            except framing.WireError:
                pass
            start_response("200 OK", [])
            return [b"as if it had been read"]

        data = request(environ("POST"), follows=True) + request(environ()) + frame(framing.BODY_END)
        self.assertEqual(self.run_link(application, ValueError(), b"never", data), (b"", ""))

    def test_a_gateway_that_has_gone_is_no_line_in_the_log(self) -> None:
        def application(env, start_response):
            start_response("200 OK", [])
            return [b"<middle>"]

        _, log = self.run_link(application, BrokenPipeError(32, "Broken pipe"), b"<middle>", request(environ()))
        self.assertEqual(log, "")


class Memory(unittest.TestCase):
    def test_of_a_request_is_free_before_the_next_one_is_awaited(self) -> None:
        class Large:
            pass

        made: List[Callable] = []
        left: List[int] = []

        class Watched(Link):
            def _receive(self, wanted: int) -> None:
                left.append(sum(large() is not None for large in made))
                super()._receive(wanted)

        def application(env, start_response):
            env["large"] = large = Large()
            made.append(weakref.ref(large))
            env["wsgi.input"].read()
            start_response("200 OK", [])
            return [b""]

        with Slot(application, link=Watched) as slot:
            for follows in (False, True):
                slot.gateway.send(request(environ(), follows=follows) + frame(framing.BODY_END) * follows)
                slot.gateway.response()
        # The last look comes after both, while the link waits for its end.
        self.assertEqual((set(left), len(made)), ({0}, 2))


if __name__ == "__main__":
    unittest.main()
