"""An ASGI worker with several links, as it has where the gateway has several threads."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import unittest
from typing import Any, List

from jumak_worker.asgi import worker as asgi_worker
from jumak_worker.wire import framing, multiplex

from .asgi_harness import AsgiTest, FakeGateway, frame, scope
from .test_asgi_processes import SOCKETS_IN_A_FORK, Worker


async def echo(its_scope: dict, receive: Any, send: Any) -> None:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": its_scope["path"].encode() + body})


class Gate:
    """An application whose requests to ``/wait`` wait for the client's end or for ``open``; ``ends`` tells which it was."""

    def __init__(self) -> None:
        self.ends: List[str] = []
        self.waiting = threading.Semaphore(0)
        self.ended = threading.Semaphore(0)
        #: Made on the loop.
        self.event: Any = None

    async def __call__(self, its_scope: dict, receive: Any, send: Any) -> None:
        if its_scope["path"].startswith("/wait"):
            await receive()
            opened = asyncio.ensure_future(self.event.wait())
            gone = asyncio.ensure_future(receive())
            self.waiting.release()
            await asyncio.wait({opened, gone}, return_when=asyncio.FIRST_COMPLETED)
            self.ends.append(its_scope["path"] + (" gone" if gone.done() else " opened"))
            for task in (opened, gone):
                task.cancel()
            self.ended.release()
            if gone.done() and not gone.cancelled():
                return
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": its_scope["path"].encode()})


class Links(AsgiTest):
    def test_links_are_greeted_and_served_in_turn_and_exchanges_have_numbers_of_their_own(self) -> None:
        for host in self.each_loop(echo):
            links = [host.gateway, host.connect(), host.connect()]
            for turn in range(5):
                # The same number on each link.
                begun = [
                    (gateway, gateway.begin(scope(path="/%d-%d" % (number, turn))), number)
                    for number, gateway in enumerate(links)
                ]
                for gateway, exchange, number in reversed(begun):
                    self.assertEqual(exchange, turn + 1)
                    self.assertEqual(gateway.answer(exchange).body, b"/%d-%d" % (number, turn))

    def test_content_of_two_links_is_not_mixed(self) -> None:
        for host in self.each_loop(echo):
            links = [host.gateway, host.connect()]
            numbers = [gateway.begin(scope("POST", path="/p"), follows=True) for gateway in links]
            for piece in range(3):
                for name, gateway, number in zip((b"a", b"b"), links, numbers):
                    gateway.send(frame(framing.BODY, number, name * 10))
            for gateway, number in zip(links, numbers):
                gateway.send(frame(framing.BODY_END, number))
            bodies = [gateway.answer(number).body for gateway, number in zip(links, numbers)]
            self.assertEqual(bodies, [b"/p" + b"a" * 30, b"/p" + b"b" * 30])

    def test_each_link_has_its_own_credit_and_heartbeat(self) -> None:
        size = multiplex.WINDOW + 100_000

        async def large(its_scope: dict, receive: Any, send: Any) -> None:
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"x" * (size if its_scope["path"] == "/large" else 1)})

        for host in self.each_loop(large):
            first, second = host.gateway, host.connect()
            number = first.begin(scope(path="/large"))
            # The first gives no credit: its exchange stands still.
            self.assertEqual(second.get().body, b"x")
            self.assertTrue(second.is_silent())
            self.assertEqual(len(first.answer(number).body), size)

    def test_a_link_that_is_lost_takes_only_its_own_exchanges(self) -> None:
        for host in self.each_loop(gate := Gate()):
            host.call(lambda: setattr(gate, "event", asyncio.Event()))
            gate.ends.clear()
            lost, kept = host.connect(), host.gateway
            lost.begin(scope(path="/wait-lost"))
            number = kept.begin(scope(path="/wait-kept"))
            for _ in range(2):
                self.assertTrue(gate.waiting.acquire(timeout=20))
            lost.close()
            self.assertTrue(gate.ended.acquire(timeout=20))
            self.assertEqual(gate.ends, ["/wait-lost gone"])
            again = host.connect()
            self.assertEqual(again.get(scope(path="/again")).body, b"/again")
            host.call(gate.event.set)
            self.assertEqual(kept.answer(number).body, b"/wait-kept")
            self.assertTrue(gate.ended.acquire(timeout=20))

    def test_a_link_that_breaks_the_rules_is_dropped_and_the_others_live_on(self) -> None:
        for host in self.each_loop(echo):
            bad = host.connect()
            bad.send(frame(99, 0, b"x" * 10) + multiplex.FRAME.pack(2**31, framing.REQUEST, 1))
            bad.read_to_end()
            self.assertEqual(host.gateway.get(scope(path="/a")).body, b"/a")
            self.assertIn("the link to the gateway was closed", host.log.getvalue())

    def test_links_beyond_the_bound_are_refused_and_closed_ones_make_room(self) -> None:
        spare = asgi_worker.SPARE_LINKS
        asgi_worker.SPARE_LINKS = 2
        self.addCleanup(setattr, asgi_worker, "SPARE_LINKS", spare)
        for host in self.each_loop(echo):
            links = [host.gateway, host.connect(), host.connect()]
            for _ in range(3):
                refused = FakeGateway(host._path)
                self.assertRaises((EOFError, ConnectionResetError), refused.read)
                refused.close()
                for gateway in links:
                    self.assertEqual(gateway.get(scope(path="/a")).body, b"/a")
                links.pop().close()
                # Until it is seen to be closed.
                while len(links) < 3:
                    with contextlib.suppress(EOFError, OSError):
                        links.append(host.connect())
            self.assertIn("a link of the gateway was refused: 3 are open", host.log.getvalue())

    def test_stop_waits_until_all_links_are_closed(self) -> None:
        for host in self.each_loop(echo):
            links = [host.gateway, host.connect(), host.connect()]
            host.worker.stop()
            for gateway in links:
                self.assertEqual(gateway.get(scope(path="/still")).body, b"/still")
            while links:
                # Some turns of the loop after the last one was closed.
                self.assertTrue(links[0].is_silent())
                self.assertEqual(links[0].get(scope(path="/still")).body, b"/still")
                links.pop().close()
            host._thread.join(20)
            self.assertFalse(host._thread.is_alive())


class LinkProcesses(unittest.TestCase):
    def test_all_links_come_over_one_socket(self) -> None:
        worker = Worker(self, links=3)
        first = worker.link()
        self.assertTrue(worker.ready["socket"].endswith("/w1.sock"))
        links = [first, worker.relink(), worker.relink()]
        for gateway in links:
            self.assertEqual(gateway.get().status, 200)
        worker.send("stop")
        for gateway in links:
            gateway.close()
        self.assertEqual(worker.master.receive("exited")["code"], 0)
        self.assertTrue(worker.output.read().endswith("shutdown\n"))

    def test_a_forked_process_that_comes_back_answers_on_no_link(self) -> None:
        worker = Worker(self, links=2)
        links = [worker.link(), worker.relink()]
        worker.output.readline()
        self.assertEqual(links[0].get(scope("GET", "/fork")).status, 200)
        self.assertIn("came back from it", worker.output.readline())
        for gateway in links:
            self.assertTrue(gateway.is_silent())
            self.assertEqual(gateway.get().status, 200)

    def test_a_forked_process_holds_no_link_open(self) -> None:
        worker = Worker(self, SOCKETS_IN_A_FORK, lifespan="off", links=3)
        links = [worker.link(), worker.relink(), worker.relink()]
        # What is left is the loop's own: a pair with both ends here.
        self.assertEqual([gateway.get().body for gateway in links], [b"2"] * 3)

    def test_a_signal_handler_that_exits_closes_all_links(self) -> None:
        worker = Worker(self, links=3)
        links = [worker.link(), worker.relink(), worker.relink()]
        self.assertEqual(links[1].get(scope("GET", "/exit")).status, 200)
        for gateway in links:
            gateway.read_to_end()
        self.assertEqual(worker.master.receive("exited")["code"], 5)
        self.assertTrue(worker.output.read().endswith("shutdown\n"))

    def test_the_masters_end_is_the_end_of_all(self) -> None:
        worker = Worker(self, links=2)
        for gateway in (worker.link(), worker.relink()):
            gateway.close()
        worker.master.control.shutdown(socket.SHUT_RDWR)
        worker.socket.shutdown(socket.SHUT_RDWR)
        self.assertEqual(worker.master.process.wait(20), 0)
        self.assertTrue(worker.output.read().endswith("shutdown\n"))


if __name__ == "__main__":
    unittest.main()
