"""Sockets for WebSockets: what takes a link, what does not, and how a link that was taken ends."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import select
import socket
import threading
import unittest
import warnings
from typing import Any, Callable, List, Tuple

from jumak_worker.wire import framing
from jumak_worker.wsgi import handshake
from jumak_worker.wsgi.worker import WsgiWorker

from .harness import WAIT, Gateway, Slot, environ, request
from .wsgi_case import answer, probe

HEAD = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"


def shake(slot: Slot, path: str = "/") -> None:
    slot.gateway.send(request(environ(path=path), handshake=True))


def through_a_copy(sock: socket.socket) -> None:
    with sock.dup() as copy:
        copy.sendall(HEAD)


def taken(gateway: Gateway) -> None:
    """And the client's bytes come on the link."""
    kind, flags = gateway.read()
    assert kind == framing.TAKEN
    if flags[0] & framing.TAKEN_WAITS:
        gateway.send(framing.LINK_STAYS)


class Handshakes(unittest.TestCase):
    def run_raw(self, application: Callable, sent: bytes = b"") -> Tuple[bytes, str]:
        """What the gateway got on the link that was taken, and the log. The gateway sends ``sent`` and the end."""
        log = io.StringIO()
        with contextlib.redirect_stderr(log), Slot(application) as slot:
            shake(slot)
            taken(slot.gateway)
            slot.gateway.send(sent)
            slot.gateway.socket.shutdown(socket.SHUT_WR)
            got = slot.gateway.read_to_end()
            slot.join()
            self.assertIsNone(slot.error)
        self.assertEqual(handshake._offered, {})
        return got, log.getvalue()

    def test_only_a_handshake_has_a_socket_and_one_that_is_not_used_changes_nothing(self) -> None:
        kept: List[Any] = []

        def application(env, start_response):
            sock = env.get("werkzeug.socket")
            if env["PATH_INFO"] == "/probe":
                self.assertNotIn("gunicorn.socket", env)
                return probe(env, start_response)
            self.assertIs(sock, env["gunicorn.socket"])
            self.assertIsInstance(sock, socket.socket)
            self.assertNotIn("fd=", "%r %s" % (sock, env))
            self.assertEqual((sock.family, sock.gettimeout()), (socket.AF_UNIX, None))
            sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
            kept.append(sock)
            return answer([b"soup"])(env, start_response)

        with Slot(application) as slot:
            for _ in range(2):
                shake(slot)
                self.assertEqual(slot.gateway.response().body, b"soup")
                self.assertEqual(slot.get(path="/probe").body, b"probe")
            for sock in kept:
                self.assertEqual(sock.fileno(), -1)
                with self.assertRaises(OSError):
                    sock.send(b"too late")
            self.assertEqual(handshake._offered, {})

    def test_each_use_takes_the_link_and_the_socket_is_an_ordinary_one_then(self) -> None:
        uses = [
            lambda sock: sock.send(HEAD),
            lambda sock: sock.sendall(HEAD),
            lambda sock: sock.sendmsg([HEAD]),
            lambda sock: os.write(sock.fileno(), HEAD),
            through_a_copy,
            lambda sock: (sock.settimeout(5), sock.sendall(HEAD)),
            lambda sock: (sock.setblocking(False), sock.send(HEAD)),
            lambda sock: (select.select([], [sock], [], WAIT), sock.send(HEAD)),
            lambda sock: (sock.makefile("wb", 0).write(HEAD)),
        ]
        for use in uses:
            seen: List[Any] = []

            def application(env, start_response, use=use, seen=seen):
                sock = env["werkzeug.socket"]
                use(sock)
                seen += type(sock), isinstance(sock, socket.socket), repr(sock)
                select.select([sock], [], [], WAIT)
                sock.sendall(sock.recv(100))
                return []

            self.assertEqual(self.run_raw(application, b"soup"), (HEAD + b"soup", ""))
            self.assertIs(seen[0], socket.socket)
            self.assertIn("family", seen[2])

    def test_to_read_takes_the_link_and_waits_for_the_client(self) -> None:
        def application(env, start_response):
            sock = env["werkzeug.socket"]
            sock.sendall(sock.recv(100) + b"!")
            return []

        self.assertEqual(self.run_raw(application, b"soup"), (b"soup!", ""))

    def test_threads_may_use_it_first_together(self) -> None:
        def application(env, start_response):
            sock = env["werkzeug.socket"]
            threads = [threading.Thread(target=sock.sendall, args=(b"x",)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            return []

        self.assertEqual(self.run_raw(application), (b"x" * 8, ""))

    def test_a_default_timeout_is_the_sockets_and_not_the_links(self) -> None:
        timeouts: List[Any] = []

        def application(env, start_response):
            if env["PATH_INFO"] == "/probe":
                return probe(env, start_response)
            sock = env["werkzeug.socket"]
            timeouts.append(sock.gettimeout())
            if env["PATH_INFO"] == "/ordinary":
                return answer([b"soup"])(env, start_response)
            try:
                sock.recv(1)
            except OSError as error:
                sock.sendall(type(error).__name__.encode())
            return []

        with Slot(application) as slot:
            socket.setdefaulttimeout(0.05)
            try:
                shake(slot, "/ordinary")
                self.assertEqual(slot.gateway.response().body, b"soup")
                self.assertEqual(slot.get(path="/probe").body, b"probe")
                shake(slot)
                taken(slot.gateway)
                self.assertIn(slot.gateway.read_to_end(), (b"timeout", b"TimeoutError"))
            finally:
                socket.setdefaulttimeout(None)
        self.assertEqual(timeouts, [0.05, 0.05])

    def test_what_is_returned_or_answered_later_goes_nowhere(self) -> None:
        for result in ([], None, [b"content"], b"bytes", iter([b"a"]), ["text"]):

            def application(env, start_response, result=result):
                env["werkzeug.socket"].sendall(HEAD)
                if result:
                    start_response("200 OK", [("Content-Type", "text/plain")])
                return result

            with self.subTest(result):
                self.assertEqual(self.run_raw(application), (HEAD, ""))

    def test_an_error_of_the_application_is_told_and_an_end_is_none(self) -> None:
        def generator(env, start_response):
            env["werkzeug.socket"].sendall(HEAD)
            yield b""
            raise ValueError("in a generator")

        for error, told in (
            (ValueError("after the 101"), True),
            (StopIteration(), False),
            (ConnectionResetError(), False),
            (SystemExit(3), True),
        ):

            def application(env, start_response, error=error):
                env["werkzeug.socket"].sendall(HEAD)
                raise error

            with self.subTest(error):
                got, log = self.run_raw(application)
                self.assertEqual(got, HEAD)
                self.assertEqual("application error in GET /" in log and type(error).__name__ in log, told, log)
                self.assertNotIn("jumak_worker", log)
        self.assertIn("in a generator", self.run_raw(generator)[1])

    def test_it_cannot_be_used_when_the_response_has_begun(self) -> None:
        errors: List[str] = []

        def application(env, start_response):
            if env["PATH_INFO"] == "/probe":
                return probe(env, start_response)
            write = start_response("200 OK", [("Content-Type", "text/plain")])
            write(b"soup")
            try:
                env["werkzeug.socket"].sendall(HEAD)
            except RuntimeError as error:
                errors.append(str(error))
            return [b" is ready"]

        with Slot(application) as slot:
            shake(slot)
            self.assertEqual(slot.gateway.response().body, b"soup is ready")
            self.assertEqual(slot.get(path="/probe").body, b"probe")
        self.assertEqual(len(errors), 1)

    def test_the_application_may_close_it_and_goes_on(self) -> None:
        may_return = threading.Event()

        def application(env, start_response):
            sock = env["werkzeug.socket"]
            sock.sendall(HEAD)
            sock.close()
            may_return.wait(WAIT)
            return []

        with Slot(application) as slot:
            shake(slot)
            taken(slot.gateway)
            self.assertEqual(slot.gateway.read_to_end(), HEAD)
            may_return.set()
            slot.join()

    def test_a_thread_that_still_reads_finds_the_end_and_nothing_is_left_open(self) -> None:
        ended: List[bytes] = []
        reader: List[threading.Thread] = []

        def application(env, start_response):
            sock = env["werkzeug.socket"]
            sock.sendall(HEAD)
            reader.append(threading.Thread(target=lambda: ended.append(sock.recv(1))))
            reader[0].start()
            return []

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Slot(application) as slot:
                shake(slot)
                taken(slot.gateway)
                # The gateway does not close its end: the worker does not wait for ever.
                self.assertEqual(slot.gateway.read_to_end(), HEAD)
                slot.join()
            reader[0].join(WAIT)
            gc.collect()
        self.assertEqual(ended, [b""])

    def test_the_last_bytes_pass_whatever_the_client_still_sends(self) -> None:
        def application(env, start_response):
            sock = env["werkzeug.socket"]
            sock.recv(1)
            sock.sendall(HEAD + b"last")
            return []

        got, _ = self.run_raw(application, b"x" * 100_000)
        self.assertEqual(got, HEAD + b"last")

    def test_a_gateway_that_has_gone_is_an_error_of_the_connection(self) -> None:
        errors: List[str] = []
        started, gone = threading.Event(), threading.Event()

        def application(env, start_response):
            started.set()
            gone.wait(WAIT)
            try:
                env["werkzeug.socket"].sendall(HEAD)
            except ConnectionError as error:
                errors.append(type(error).__name__)
            return []

        with Slot(application) as slot:
            shake(slot)
            started.wait(WAIT)
            slot.gateway.socket.close()
            gone.set()
            slot.join()
        self.assertEqual(errors, ["LinkClosed"])

    @unittest.skipUnless(hasattr(os, "SCHED_BATCH"), "Linux has it")
    def test_the_thread_of_a_websocket_interrupts_nobody_and_does_again_later(self) -> None:
        policies: List[int] = []

        def application(env, start_response):
            policies.append(os.sched_getscheduler(0))
            return answer([b"soup"])(env, start_response)

        with Slot(application) as slot:
            shake(slot)
            self.assertEqual(slot.gateway.response().body, b"soup")
            slot.get()
        self.assertEqual(policies, [os.SCHED_BATCH, os.SCHED_OTHER])

    def test_a_handshake_stands_alone(self) -> None:
        alone = request(environ(), handshake=True)
        for data in (request(environ(), b"content", handshake=True), alone + request(environ()), alone + b"x"):
            with Slot(probe) as slot:
                slot.gateway.send(data)
                with contextlib.suppress(ConnectionResetError):
                    self.assertEqual(slot.gateway.read_to_end(), b"")
                slot.join()
                self.assertIsInstance(slot.error, framing.WireError)

    def test_a_process_that_the_application_forks_keeps_nothing_that_was_not_used(self) -> None:
        def application(env, start_response):
            sock = env["werkzeug.socket"]
            fd = sock.__class__.__mro__[1].fileno(sock)
            pid = os.fork()
            if pid == 0:
                handshake.forget_in_child()
                try:
                    os.fstat(fd)
                except OSError:
                    os._exit(7)
                os._exit(0)
            status = os.waitpid(pid, 0)[1]
            return answer([b"%d" % os.WEXITSTATUS(status)])(env, start_response)

        with warnings.catch_warnings():
            # Of a process with threads.
            warnings.simplefilter("ignore", DeprecationWarning)
            with Slot(application) as slot:
                shake(slot)
                self.assertEqual(slot.gateway.response().body, b"7")


class PassedSockets(unittest.TestCase):
    """The gateway answers a whole 101 with the socket of the client."""

    def setUp(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.client = socket.create_connection(server.getsockname())
            self.accepted, _ = server.accept()
        self.client.settimeout(WAIT)
        # As an event loop has it.
        self.accepted.setblocking(False)
        self.addCleanup(self.client.close)
        self.addCleanup(self.accepted.close)

    def start(self, slot: Slot, sent: bytes = HEAD) -> None:
        shake(slot)
        assert slot.gateway.read() == (framing.TAKEN, b"\1")
        assert slot.gateway.read_exactly(len(sent)) == sent
        socket.send_fds(slot.gateway.socket, [framing.CLIENT_PASSED], [self.accepted.fileno()])

    def read_to_end(self) -> bytes:
        return b"".join(iter(lambda: self.client.recv(100), b""))

    def test_it_takes_the_place_of_the_link_and_waits_as_before(self) -> None:
        for use in (lambda sock: sock.send(HEAD), lambda sock: sock.sendall(bytearray(HEAD))):
            self.setUp()
            seen: List[Any] = []

            def application(env, start_response, use=use, seen=seen):
                sock = env["werkzeug.socket"]
                seen += use(sock), sock.getpeername(), type(sock).__name__, isinstance(sock, socket.socket)
                while True:
                    data = sock.recv(100)
                    if not data:
                        break
                    sock.sendall(data)
                sock.sendall(b"last")
                return [b"nobody sees this"]

            with Slot(application) as slot:
                self.start(slot)
                for _ in range(3):
                    self.client.sendall(b"soup")
                    self.assertEqual(self.client.recv(100), b"soup")
                self.client.shutdown(socket.SHUT_WR)
                self.assertEqual(slot.gateway.read_to_end(), b"")
                slot.join()
                self.assertEqual(self.read_to_end(), b"last")
            self.assertEqual(seen[1:], [self.client.getsockname(), "socket", True])
            self.assertEqual(handshake._passed, {})

    def test_a_close_by_the_application_ends_the_clients_connection(self) -> None:
        may_return = threading.Event()

        def application(env, start_response):
            sock = env["werkzeug.socket"]
            sock.sendall(HEAD)
            sock.sendall(b"last")
            sock.close()
            may_return.wait(WAIT)
            return []

        with Slot(application) as slot:
            self.start(slot)
            self.assertEqual(self.read_to_end(), b"last")
            may_return.set()
            self.assertEqual(slot.gateway.read_to_end(), b"")

    def test_the_gateways_end_is_the_clients(self) -> None:
        for leave in (lambda gateway: gateway.close(), lambda gateway: gateway.shutdown(socket.SHUT_WR)):
            self.setUp()
            read: List[bytes] = []

            def application(env, start_response, read=read):
                sock = env["werkzeug.socket"]
                sock.sendall(HEAD)
                read.append(sock.recv(100))
                return []

            with Slot(application) as slot:
                self.start(slot)
                leave(slot.gateway.socket)
                self.assertEqual(self.read_to_end(), b"")
                slot.join()
            self.assertEqual(read, [b""])

    def test_a_forked_process_ends_nothing_of_its_parent(self) -> None:
        def application(env, start_response):
            sock = env["werkzeug.socket"]
            sock.sendall(HEAD)
            pid = os.fork()
            if pid == 0:
                handshake.forget_in_child()
                sock.close()
                os._exit(0)
            os.waitpid(pid, 0)
            sock.sendall(b"still here")
            return []

        with warnings.catch_warnings():
            # Of a process with threads.
            warnings.simplefilter("ignore", DeprecationWarning)
            with Slot(application) as slot:
                self.start(slot)
                self.assertEqual(self.read_to_end(), b"still here")

    def test_a_101_that_the_gateway_refuses_is_an_error_of_the_connection(self) -> None:
        errors: List[str] = []

        def application(env, start_response):
            try:
                env["werkzeug.socket"].sendall(HEAD)
            except ConnectionError as error:
                errors.append(type(error).__name__)
            return []

        with Slot(application) as slot:
            shake(slot)
            self.assertEqual(slot.gateway.read(), (framing.TAKEN, b"\1"))
            slot.gateway.read_exactly(len(HEAD))
            slot.gateway.socket.close()
            slot.join()
        self.assertEqual(errors, ["LinkClosed"])

    def test_what_is_not_a_whole_101_waits_for_nothing(self) -> None:
        for first in (HEAD[:-1], HEAD + b"x", b"HTTP/1.1 403 No\r\n\r\n"):

            def application(env, start_response, first=first):
                sock = env["werkzeug.socket"]
                sock.sendall(first)
                return []

            with Slot(application) as slot:
                shake(slot)
                self.assertEqual(slot.gateway.read(), (framing.TAKEN, b"\0"))
                self.assertEqual(slot.gateway.read_to_end(), first)
                slot.join()


class SlotsWithSeveralLinks(unittest.TestCase):
    def test_a_link_that_is_taken_leaves_the_others_alone(self) -> None:
        def application(env, start_response):
            if env["PATH_INFO"] == "/probe":
                return probe(env, start_response)
            sock = env["werkzeug.socket"]
            sock.sendall(HEAD)
            while sock.recv(100):
                pass
            return []

        listener = socket.socket(socket.AF_UNIX)
        listener.bind("\0jumak-test-%d" % os.getpid())
        listener.listen()
        worker = WsgiWorker(application, 1, 1, {}, links=2)
        thread = threading.Thread(target=worker.serve, args=([listener],))
        thread.start()
        gateways = [Gateway(self._connect(listener)) for _ in range(2)]
        for gateway in gateways:
            gateway.hello()
        for _ in range(3):
            gateways[0].send(request(environ(), handshake=True))
            taken(gateways[0])
            gateways[1].send(request(environ(path="/probe")))
            gateways[0].socket.shutdown(socket.SHUT_WR)
            self.assertEqual(gateways[0].read_to_end(), HEAD)
            gateways[0].socket.close()
            self.assertEqual(gateways[1].response().body, b"probe")
            gateways[0] = Gateway(self._connect(listener))
            gateways[0].hello()
        worker.stop()
        for gateway in gateways:
            gateway.socket.close()
        thread.join(WAIT)
        self.assertFalse(thread.is_alive())
        listener.close()

    @staticmethod
    def _connect(listener: socket.socket) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(listener.getsockname())
        return sock
