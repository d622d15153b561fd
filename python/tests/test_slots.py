"""Slots that have several links, as they do where the gateway has several threads."""

from __future__ import annotations

import contextlib
import io
import os
import select
import shutil
import socket
import tempfile
import threading
import unittest
from typing import Any, Callable, Iterator, List
from unittest import mock

from jumak_worker.wire import framing
from jumak_worker.wsgi.environ import base_environ
from jumak_worker.wsgi.slot import SlotLink
from jumak_worker.wsgi.worker import WsgiWorker

from .harness import WAIT, Gateway, base, environ, frame, request
from .test_link import Interrupted


class Worker:
    """A worker in threads of this process, and gateways that are connected to its slots."""

    def __init__(self, application: Callable, slots: int = 1, links: int = 2) -> None:
        self.directory = tempfile.mkdtemp(prefix="jw-")
        self.worker = WsgiWorker(application, 1, slots, base_environ(slots > 1, True), True, links)
        self._listeners = []
        for suffix in self.worker.socket_suffixes:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(self._path(suffix))
            listener.listen()
            self._listeners.append(listener)
        self.gateways: List[Gateway] = []
        self._thread = threading.Thread(target=self.worker.serve, args=(self._listeners,))
        self._thread.start()

    def _path(self, suffix: str) -> str:
        return os.path.join(self.directory, "w1.sock" + suffix)

    def connect(self, slot: int = 0) -> Gateway:
        """Before the hellos."""
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(self._path(".%d" % slot))
        self.gateways.append(Gateway(sock))
        return self.gateways[-1]

    def link(self, slot: int = 0) -> Gateway:
        gateway = self.connect(slot)
        gateway.hello()
        return gateway

    def join(self) -> None:
        self._thread.join(WAIT)
        assert not self._thread.is_alive(), "the worker does not leave"

    @property
    def is_serving(self) -> bool:
        return self._thread.is_alive()

    def leave(self) -> None:
        for gateway in self.gateways:
            gateway.socket.close()
        self.worker.stop()
        self.join()
        for listener in self._listeners:
            listener.close()
        shutil.rmtree(self.directory)


def echo(env, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [env["PATH_INFO"].encode() + env["wsgi.input"].read()]


class Blocking:
    """An application whose request to ``/wait`` waits for ``go``."""

    def __init__(self) -> None:
        self.started = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.paths: List[str] = []

    def __call__(self, env: dict, start_response: Callable) -> Any:
        self.paths.append(env["PATH_INFO"])
        if env["PATH_INFO"] == "/wait":
            self.started.release()
            assert self.go.acquire(timeout=WAIT)
        return echo(env, start_response)


def ask(gateway: Gateway, path: str, *more: str) -> List[bytes]:
    gateway.send(b"".join(request(environ(path=one)) for one in (path, *more)))
    return [gateway.response().body for _ in (path, *more)]


def is_silent(gateway: Gateway) -> bool:
    return not select.select([gateway.socket], [], [], 0)[0]


@contextlib.contextmanager
def without_epoll() -> Iterator[None]:
    epoll = select.__dict__.pop("epoll", None)
    try:
        yield
    finally:
        if epoll is not None:
            select.__dict__["epoll"] = epoll


class Slots(unittest.TestCase):
    @contextlib.contextmanager
    def worker(self, application: Callable = echo, **options: Any) -> Iterator[Worker]:
        worker = Worker(application, **options)
        try:
            yield worker
        finally:
            worker.leave()

    def each_poller(self, application: Callable = echo, **options: Any) -> Iterator[Worker]:
        """With epoll and, as on macOS, without it."""
        for has_epoll in (True, False):
            hidden = contextlib.nullcontext() if has_epoll else without_epoll()
            with self.subTest(has_epoll=has_epoll), hidden, self.worker(application, **options) as worker:
                yield worker

    def test_links_are_greeted_and_served_in_turn(self) -> None:
        for worker in self.each_poller(links=3):
            links = [worker.connect() for _ in range(3)]
            hellos = [gateway.hello() for gateway in links]
            self.assertEqual(hellos, [hellos[0]] * 3)
            self.assertEqual(hellos[0]["slots"], 1)
            for turn in range(5):
                for number, gateway in enumerate(links):
                    path = "/%d-%d" % (number, turn)
                    self.assertEqual(ask(gateway, path, "/b", "/c"), [path.encode(), b"/b", b"/c"])

    def test_each_slot_is_a_thread_with_a_socket_of_its_own(self) -> None:
        barrier = threading.Barrier(3)

        def application(env, start_response):
            barrier.wait(WAIT)
            return echo(env, start_response)

        with self.worker(application, slots=3) as worker:
            links = [worker.connect(slot) for slot in range(3)]
            self.assertEqual(len({gateway.hello()["thread"] for gateway in links}), 3)
            for gateway in links:
                gateway.send(request(environ(path="/x")))
            self.assertEqual([gateway.response().body for gateway in links], [b"/x"] * 3)

    def test_two_links_never_run_at_the_same_time(self) -> None:
        application = Blocking()
        for worker in self.each_poller(application):
            first, second = worker.link(), worker.link()
            first.send(request(environ(path="/wait")) + request(environ(path="/wait")))
            self.assertTrue(application.started.acquire(timeout=WAIT))
            second.send(request(environ(path="/second")))
            application.go.release()
            # The batch of the first goes on.
            self.assertTrue(application.started.acquire(timeout=WAIT))
            self.assertTrue(is_silent(second))
            application.go.release()
            self.assertEqual([first.response().body for _ in range(2)], [b"/wait"] * 2)
            self.assertEqual(second.response().body, b"/second")

    def test_a_link_without_a_hello_holds_up_nobody(self) -> None:
        for worker in self.each_poller():
            silent = worker.connect()
            silent.read()
            gateway = worker.link()
            self.assertEqual(ask(gateway, "/a"), [b"/a"])

    def test_requests_right_behind_the_hello_are_answered(self) -> None:
        with self.worker() as worker:
            gateway = worker.connect()
            send = gateway.send
            hello: List[bytes] = []
            gateway.send = hello.append  # type: ignore[method-assign]
            gateway.hello()
            gateway.send = send  # type: ignore[method-assign]
            gateway.send(hello[0] + request(environ(path="/a")) + request(environ(path="/b")))
            self.assertEqual([gateway.response().body for _ in range(2)], [b"/a", b"/b"])

    def test_content_that_follows_and_a_request_in_pieces_are_read_to_their_end(self) -> None:
        for worker in self.each_poller():
            first, second = worker.link(), worker.link()
            whole = request(environ("POST", path="/p"), follows=True)
            for piece in (whole[:3], whole[3:20], whole[20:], frame(framing.BODY, b"-content"), frame(framing.BODY_END)):
                first.send(piece)
            self.assertEqual(first.response().body, b"/p-content")
            self.assertEqual(ask(second, "/s"), [b"/s"])
            large = b"x" * 1_500_000
            first.send(request(environ("PUT", path="/l"), body=large))
            self.assertEqual(first.response().body, b"/l" + large)
            self.assertEqual(ask(second, "/s"), [b"/s"])

    def test_a_response_that_was_held_leaves_although_content_was_left_unread(self) -> None:
        """Its content is read after the response is complete, and nothing follows."""

        def application(env, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"done"]

        with self.worker(application) as worker:
            gateway = worker.link()
            gateway.send(request(environ("PUT"), follows=True) + frame(framing.BODY, b"x") + frame(framing.BODY_END))
            self.assertEqual(gateway.response().body, b"done")

    def test_a_link_that_breaks_the_rules_is_dropped_and_the_others_live_on(self) -> None:
        wrong = {
            "a frame of": framing.FRAME.pack(2**31, framing.REQUEST),
            "frame 3 where a request": frame(framing.BODY, b"x"),
            "a request of 1 bytes": frame(framing.REQUEST, b"x"),
            "head cannot be read": frame(framing.REQUEST, b"\0\1\0\0\0\1\0\0\0x"),
        }
        for words, data in wrong.items():
            with contextlib.redirect_stderr(io.StringIO()) as log:
                for worker in self.each_poller():
                    good, bad = worker.link(), worker.link()
                    bad.send(data)
                    self.assertEqual(bad.read_to_end(), b"")
                    self.assertEqual(ask(good, "/a"), [b"/a"])
                    self.assertEqual(ask(worker.link(), "/b"), [b"/b"])
            self.assertIn(words, log.getvalue())

    def test_a_gateway_of_another_build_is_dropped(self) -> None:
        with contextlib.redirect_stderr(io.StringIO()) as log, self.worker() as worker:
            good, bad = worker.link(), worker.connect()
            bad.read()
            bad.send(frame(framing.HELLO, b'{"build": "other"}'))
            self.assertEqual(bad.read_to_end(), b"")
            self.assertEqual(ask(good, "/a"), [b"/a"])
        self.assertIn("the gateway is build other", log.getvalue())

    def test_a_link_that_dies_in_a_request_leaves_the_slot_to_the_other(self) -> None:
        application = Blocking()
        for worker in self.each_poller(application):
            application.paths.clear()
            dying, waiting = worker.link(), worker.link()
            dying.send(request(environ("POST", path="/wait")) + request(environ(path="/never")))
            self.assertTrue(application.started.acquire(timeout=WAIT))
            waiting.send(request(environ(path="/waits")))
            dying.socket.close()
            application.go.release()
            self.assertEqual(waiting.response().body, b"/waits")
            self.assertEqual(application.paths, ["/wait", "/waits"])

    def test_what_a_closed_link_has_left_is_over_before_the_next_link_is_greeted(self) -> None:
        application = Blocking()
        for worker in self.each_poller(application):
            application.paths.clear()
            other, dying = worker.link(), worker.link()
            # The slot is busy, so that all that follows is there when it looks again.
            other.send(request(environ(path="/wait")))
            self.assertTrue(application.started.acquire(timeout=WAIT))
            content = frame(framing.BODY, b"x" * 60_000)
            dying.send(request(environ("POST", path="/wait"), follows=True) + content * 2 + frame(framing.BODY_END))
            dying.socket.close()
            successor = worker.connect()
            application.go.release()
            self.assertTrue(application.started.acquire(timeout=WAIT))
            self.assertTrue(is_silent(successor))
            application.go.release()
            successor.hello()
            self.assertEqual(other.response().body, b"/wait")
            self.assertEqual(ask(successor, "/next"), [b"/next"])
            self.assertEqual(application.paths, ["/wait", "/wait", "/next"])

    def test_links_beyond_the_bound_wait_until_one_is_closed(self) -> None:
        for worker in self.each_poller(links=2):
            links = [worker.link() for _ in range(4)]
            late = [worker.connect() for _ in range(2)]
            for turn in range(2):
                for gateway in links:
                    self.assertEqual(ask(gateway, "/a"), [b"/a"])
                self.assertTrue(is_silent(late[0]))
                links.pop(0).socket.close()
                late[0].hello()
                links.append(late.pop(0))
            self.assertEqual(ask(links[-1], "/b"), [b"/b"])

    def test_a_link_that_has_gone_before_it_is_greeted_harms_nobody(self) -> None:
        for worker in self.each_poller():
            for _ in range(10):
                worker.connect().socket.close()
            self.assertEqual(ask(worker.link(), "/a"), [b"/a"])

    def test_stop_waits_until_all_links_are_closed(self) -> None:
        application = Blocking()
        for worker in self.each_poller(application, links=3, slots=2):
            links = [worker.link() for _ in range(3)]
            other = worker.link(1)
            links[0].send(request(environ(path="/wait")))
            self.assertTrue(application.started.acquire(timeout=WAIT))
            worker.worker.stop()
            late = worker.connect(1)
            self.assertEqual(ask(other, "/still"), [b"/still"])
            other.socket.close()
            application.go.release()
            self.assertEqual(links[0].response().body, b"/wait")
            for gateway in links:
                self.assertEqual(ask(gateway, "/a"), [b"/a"])
                self.assertTrue(worker.is_serving)
                gateway.socket.close()
            worker.join()
            self.assertTrue(is_silent(late))

    def test_stop_without_a_link_is_the_end(self) -> None:
        for worker in self.each_poller(slots=3):
            worker.worker.stop()
            worker.join()

    def test_a_handler_that_leaves_in_a_request_ends_the_worker_whatever_the_application_makes_of_it(self) -> None:
        def application(env, start_response):
            try:
                start_response("200 OK", [])(b"begin<middle>end")
            except SystemExit:
                pass
            return []

        ours, theirs = socket.socketpair()
        with ours, theirs:
            link = SlotLink(Interrupted(theirs, SystemExit(4), b"<middle>"), application, base(), 1, 1)  # type: ignore[arg-type]
            link.greet()
            gateway = Gateway(ours)
            gateway.hello()
            gateway.send(request(environ()))
            with self.assertRaises(SystemExit) as left:
                link.run()
            self.assertEqual((left.exception.code, link.is_closed), (4, True))

    def test_nothing_of_a_request_is_kept_while_other_links_are_served(self) -> None:
        with self.worker() as worker:
            gateway, other = worker.link(), worker.link()
            gateway.send(request(environ("PUT"), body=b"x" * 1_000_000))
            gateway.response()
            # Afterwards the slot has gone on from the first.
            ask(other, "/a")
            (slot,) = worker.worker._slots
            self.assertEqual(next(iter(slot._links.values()))._data, b"")

    def test_a_batch_costs_one_wait_and_nothing_is_registered_for_it(self) -> None:
        calls: List[str] = []

        class Counted:
            def __init__(self) -> None:
                self._poll = real()

            def __getattr__(self, name: str) -> Any:
                method = getattr(self._poll, name)

                def call(*arguments: Any) -> Any:
                    calls.append(name)
                    return method(*arguments)

                return call

        real = select.poll
        with without_epoll(), mock.patch.object(select, "poll", Counted), self.worker() as worker:
            gateway, other = worker.link(), worker.link()
            ask(gateway, "/a")
            ask(other, "/a")
            before = len(calls)
            for _ in range(10):
                ask(gateway, *["/b"] * 5)
            # The slot may not wait for the next one yet, or not have waited when we looked first.
            during = calls[before:]
            self.assertEqual(set(during), {"poll"})
            self.assertLessEqual(len(during), 11)


if __name__ == "__main__":
    unittest.main()
