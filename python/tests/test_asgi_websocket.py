"""WebSockets by the ASGI specification. Frames, pings and the close handshake are the gateway's, and tested there."""

from __future__ import annotations

import asyncio
import struct
import threading
import unittest
from typing import Any, Callable, List

from jumak_worker.wire import framing, multiplex
from jumak_worker.asgi.exchange import ClientDisconnected

from .asgi_harness import AsgiTest, FakeGateway, credit, disconnect, frame, message, pairs, websocket

ACCEPT = {"type": "websocket.accept"}


def closed(gateway: FakeGateway, number: int) -> tuple:
    payload = gateway.expect(multiplex.CLOSE, number)
    return struct.unpack_from("<H", payload)[0], payload[2:].decode()


def talks(*messages: Any) -> Callable:
    async def application(scope, receive, send):
        await receive()
        for one in messages:
            await send(one)

    return application


async def echo(scope, receive, send):
    assert (await receive())["type"] == "websocket.connect"
    await send(ACCEPT)
    while True:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            break
        await send(dict(event, type="websocket.send"))


class Messages(AsgiTest):
    def test_text_and_bytes_both_ways(self) -> None:
        for host in self.each_loop(echo):
            gateway = host.gateway
            number = gateway.open()
            gateway.send(message(number, "größe") + message(number, b"\0\xff") + message(number, "") + message(number, b""))
            self.assertEqual(gateway.text(number), "größe")
            for payload in (b"\2\0\xff", b"\1", b"\2"):
                self.assertEqual(gateway.expect(multiplex.MESSAGE, number), payload)
            gateway.send(disconnect(number, 1000))
            self.assertTrue(gateway.is_silent())
            self.assertEqual(host.log.getvalue(), "")

    def test_messages_are_put_together_and_cut_into_frames(self) -> None:
        text = "é" * 100_000
        data = text.encode()
        for host in self.each_loop(echo):
            gateway = host.gateway
            number = gateway.open()
            # Cut within a character.
            gateway.send(message(number, data[:50_001], True) + message(number, data[50_001:100_001], True))
            given = sum(int.from_bytes(gateway.expect(multiplex.CREDIT, number), "little") for _ in range(2))
            self.assertEqual(given, 100_001)
            gateway.send(frame(multiplex.MESSAGE, number, bytes([multiplex.MESSAGE_TEXT]) + data[100_001:]))
            received, flags = b"", []
            while not flags or flags[-1] & multiplex.MESSAGE_MORE:
                found = gateway.read()
                if found.kind == multiplex.MESSAGE:
                    flags.append(found.payload[0])
                    received += found.payload[1:]
            # The first frames said bytes, the last one text: the last one counts.
            self.assertEqual(flags, [129, 129, 129, 1])
            self.assertEqual(received, data)

    def test_a_message_longer_than_the_window_arrives(self) -> None:
        async def application(scope, receive, send):
            await receive()
            await send(ACCEPT)
            size = len((await receive())["bytes"])
            await send({"type": "websocket.send", "text": str(size)})

        with self.host(application) as host:
            gateway = host.gateway
            number = gateway.open()
            available, rest = multiplex.WINDOW, 2_000_000
            while rest > 0:
                while available <= 0:
                    available += int.from_bytes(gateway.expect(multiplex.CREDIT, number), "little")
                size = min(rest, multiplex.MAX_CONTENT)
                rest -= size
                available -= size
                gateway.send(message(number, b"x" * size, rest > 0))
            while True:
                found = gateway.read()
                if found.kind == multiplex.MESSAGE:
                    break
            self.assertEqual(found.payload[1:], b"2000000")

    def test_what_the_application_does_not_take_is_not_given_back(self) -> None:
        go = threading.Event()

        async def application(scope, receive, send):
            await receive()
            await send(ACCEPT)
            while not go.is_set():
                await asyncio.sleep(0)
            while (await receive())["type"] == "websocket.receive":
                pass

        for host in self.each_loop(application):
            go.clear()
            gateway = host.gateway
            number = gateway.open()
            for _ in range(200):
                gateway.send(message(number, b"x" * 1000))
            gateway.send(message(number, b"y" * 1000, True))
            self.assertTrue(gateway.is_silent())
            go.set()
            # 64 messages reach a step; the last 8 of them do not. The part of a message is given back at once.
            given = [int.from_bytes(gateway.expect(multiplex.CREDIT, number), "little") for _ in range(4)]
            self.assertEqual(given, [64 * (1000 + multiplex.MESSAGE_COST)] * 3 + [1000])

    def test_a_message_longer_than_the_window_waits_until_it_is_asked_for(self) -> None:
        go = threading.Event()

        async def application(scope, receive, send):
            await receive()
            await send(ACCEPT)
            while not go.is_set():
                await asyncio.sleep(0)
            # Two of them: one that gives up takes nothing from the other.
            first, second = asyncio.ensure_future(receive()), asyncio.ensure_future(receive())
            await asyncio.sleep(0)
            first.cancel()
            await send({"type": "websocket.send", "text": str(len((await second)["bytes"]))})

        for host in self.each_loop(application):
            go.clear()
            gateway = host.gateway
            number = gateway.open()
            part = b"x" * multiplex.MAX_CONTENT
            for _ in range(4):
                gateway.send(message(number, part, True))
            self.assertTrue(gateway.is_silent())
            go.set()
            given = 0
            while given < 4 * len(part):
                given += int.from_bytes(gateway.expect(multiplex.CREDIT, number), "little")
            for _ in range(4):
                gateway.send(message(number, part, True))
                self.assertEqual(int.from_bytes(gateway.expect(multiplex.CREDIT, number), "little"), len(part))
            gateway.send(message(number, b"x"))
            self.assertEqual(gateway.text(number), str(8 * len(part) + 1))

    def test_send_waits_for_credit_and_empty_messages_cost_too(self) -> None:
        sent: List[int] = []

        async def application(scope, receive, send):
            await receive()
            await send(ACCEPT)
            for number in range(20_000):
                await send({"type": "websocket.send", "text": ""})
                sent.append(number)
            await receive()

        for host in self.each_loop(application):
            sent.clear()
            gateway = host.gateway
            number = gateway.open()
            for _ in range(multiplex.WINDOW // multiplex.MESSAGE_COST):
                self.assertEqual(gateway.text(number), "")
            self.assertTrue(gateway.is_silent())
            gateway.send(credit(number, 1))
            self.assertEqual(gateway.text(number), "")
            self.assertTrue(gateway.is_silent())

    def test_frames_of_messages_that_several_tasks_send_do_not_mix(self) -> None:
        async def application(scope, receive, send):
            await receive()
            await send(ACCEPT)
            messages = [bytes([number]) * 200_000 for number in range(4)] + [b"short"]
            await asyncio.gather(*(send({"type": "websocket.send", "bytes": one}) for one in messages))

        for host in self.each_loop(application):
            gateway = host.gateway
            number = gateway.open()
            whole, part = [], b""
            while len(whole) < 5:
                payload = gateway.expect(multiplex.MESSAGE, number)
                gateway.send(credit(number, len(payload) - 1))
                part += payload[1:]
                if not payload[0] & multiplex.MESSAGE_MORE:
                    whole.append((part[:1], len(part)))
                    part = b""
            self.assertEqual(sorted(whole), sorted([(bytes([n]), 200_000) for n in range(4)] + [(b"s", 5)]))
            self.assertEqual(closed(gateway, number), (1000, ""))

    def test_a_send_that_is_cancelled_within_its_message_ends_the_socket(self) -> None:
        async def application(scope, receive, send):
            await receive()
            await send(ACCEPT)
            try:
                await asyncio.wait_for(send({"type": "websocket.send", "bytes": b"x" * 1_000_000}), 0.01)
            except asyncio.TimeoutError:
                pass
            assert (await receive())["type"] == "websocket.disconnect"

        with self.host(application) as host:
            number = host.gateway.open()
            for _ in range(4):
                host.gateway.expect(multiplex.MESSAGE, number)
            self.assertIn(b"cancelled", host.gateway.expect(framing.FAILED, number))


class Openings(AsgiTest):
    def test_the_scope(self) -> None:
        async def application(scope, receive, send):
            found = (scope["type"], scope["scheme"], scope["subprotocols"], list(scope["extensions"]), "method" in scope)
            await receive()
            await send(ACCEPT)
            await send({"type": "websocket.send", "text": repr(found)})

        with self.host(application) as host:
            number = host.gateway.open(websocket("/", "a", "b"))
            expected = ("websocket", "ws", ["a", "b"], ["websocket.http.response"], False)
            self.assertEqual(host.gateway.text(number), repr(expected))

    def test_accept_with_a_subprotocol_and_headers(self) -> None:
        accept = dict(ACCEPT, subprotocol="b", headers=[(b"x-a", b"1")])
        with self.host(talks(accept)) as host:
            number = host.gateway.begin(websocket("/", "a", "b"))
            payload = host.gateway.expect(multiplex.ACCEPT, number)
            self.assertEqual(payload, b"b\0x-a\x001")

    def test_a_socket_that_is_not_wanted_is_forbidden(self) -> None:
        for messages in ([{"type": "websocket.close"}], [{"type": "websocket.close", "code": 4000}], []):
            with self.subTest(messages), self.host(talks(*messages)) as host:
                answer = host.gateway.get(websocket())
                self.assertEqual((answer.status, answer.body, answer.ended), (403, b"", "end"))
                self.assertEqual(host.log.getvalue(), "")

    def test_a_denial_response(self) -> None:
        start = {"type": "websocket.http.response.start", "status": 401, "headers": [(b"x-a", b"1")]}
        whole = {"type": "websocket.http.response.body", "body": b"no"}
        with self.host(talks(start, whole)) as host:
            answer = host.gateway.get(websocket())
            self.assertEqual((answer.status, answer.body), (401, b"no"))
            self.assertEqual(answer.headers, [("x-a", "1"), ("content-length", "2")])
        with self.host(talks(start, dict(whole, more_body=True), whole)) as host:
            answer = host.gateway.get(websocket())
            self.assertEqual((answer.body, answer.kinds), (b"nono", [framing.RESPONSE, framing.CHUNK, framing.END]))

    def test_after_a_denial_the_socket_is_closed(self) -> None:
        heard: List[Any] = []
        done = threading.Event()

        async def application(scope, receive, send):
            await talks({"type": "websocket.close"})(scope, receive, send)
            heard.append(await receive())
            done.set()

        with self.host(application) as host:
            host.gateway.get(websocket())
            self.assertTrue(done.wait(20))
        self.assertEqual(heard, [{"type": "websocket.disconnect", "code": 1006, "reason": ""}])


class Ends(AsgiTest):
    def test_the_clients_close_comes_after_its_messages_and_send_fails(self) -> None:
        heard: List[Any] = []
        go, done = threading.Event(), threading.Event()

        async def application(scope, receive, send):
            await receive()
            await send(ACCEPT)
            while not go.is_set():
                await asyncio.sleep(0)
            for _ in range(3):
                heard.append(await receive())
            try:
                await send({"type": "websocket.send", "text": "x"})
            except OSError as error:
                heard.append(type(error))
            done.set()

        for host in self.each_loop(application):
            heard.clear(), go.clear(), done.clear()
            number = host.gateway.open()
            host.gateway.send(message(number, "last") + disconnect(number, 4001, "größe"))
            self.assertTrue(host.gateway.is_silent())
            go.set()
            self.assertTrue(done.wait(20))
            gone = {"type": "websocket.disconnect", "code": 4001, "reason": "größe"}
            self.assertEqual(heard, [{"type": "websocket.receive", "text": "last"}, gone, gone, ClientDisconnected])

    def test_no_code_is_1005_and_a_broken_link_1006(self) -> None:
        heard: List[int] = []
        done = threading.Semaphore(0)

        async def application(scope, receive, send):
            await receive()
            await send(ACCEPT)
            heard.append((await receive())["code"])
            done.release()

        with self.host(application) as host:
            host.gateway.send(disconnect(host.gateway.open()))
            self.assertTrue(done.acquire(timeout=20))
            host.gateway.open()
            host.gateway.close()
            self.assertTrue(done.acquire(timeout=20))
        self.assertEqual(heard, [1005, 1006])

    def test_a_client_that_goes_before_it_was_accepted(self) -> None:
        heard: List[Any] = []
        done = threading.Event()

        async def application(scope, receive, send):
            await receive()
            heard.append((await receive())["type"])
            try:
                await send(ACCEPT)
            finally:
                done.set()

        with self.host(application) as host:
            host.gateway.send(disconnect(host.gateway.begin(websocket()), 1006))
            self.assertTrue(done.wait(20))
            self.assertTrue(host.gateway.is_silent())
            self.assertEqual((heard, host.log.getvalue()), (["websocket.disconnect"], ""))

    def test_the_applications_close(self) -> None:
        for close, expected in (
            ({}, (1000, "")),
            ({"code": None, "reason": None}, (1000, "")),
            ({"code": 4000, "reason": "bye"}, (4000, "bye")),
            ({"code": 1001, "reason": "é" * 100}, (1001, "é" * 61)),
        ):
            with self.subTest(close), self.host(talks(ACCEPT, dict(close, type="websocket.close"))) as host:
                self.assertEqual(closed(host.gateway, host.gateway.open()), expected)
                self.assertEqual(host.log.getvalue(), "")

    def test_its_own_close_is_what_receive_tells(self) -> None:
        heard: List[Any] = []
        done = threading.Event()

        async def application(scope, receive, send):
            await talks(ACCEPT)(scope, receive, send)
            waiting = asyncio.ensure_future(receive())
            await asyncio.sleep(0)
            await send({"type": "websocket.close", "code": 4002, "reason": "enough"})
            heard.append(await waiting)
            done.set()

        for host in self.each_loop(application):
            done.clear()
            closed(host.gateway, host.gateway.open())
            self.assertTrue(done.wait(20))
            self.assertEqual(heard.pop(), {"type": "websocket.disconnect", "code": 4002, "reason": "enough"})

    def test_returning_closes_normally(self) -> None:
        with self.host(talks(ACCEPT)) as host:
            self.assertEqual(closed(host.gateway, host.gateway.open()), (1000, ""))

    def test_messages_that_were_on_their_way_when_it_closed_are_no_error(self) -> None:
        with self.host(talks(ACCEPT)) as host:
            number = host.gateway.open()
            closed(host.gateway, number)
            host.gateway.send(message(number, "late") + credit(number, 5) + disconnect(number, 1000))
            self.assertTrue(host.gateway.is_silent())
            self.assertEqual(host.log.getvalue(), "")

    def test_an_exception_before_and_after_accept(self) -> None:
        async def application(scope, receive, send):
            await receive()
            if scope["path"] == "/after":
                await send(ACCEPT)
            raise KeyError("why")

        with self.host(application) as host:
            self.assertIn("KeyError: 'why'", host.gateway.get(websocket("/before")).ended)
            number = host.gateway.open(websocket("/after"))
            self.assertIn(b"KeyError", host.gateway.expect(framing.FAILED, number))
            self.assertIn("application error in WebSocket /after (request r-1)\n", host.log.getvalue())


class Mistakes(AsgiTest):
    def test_they_are_named(self) -> None:
        send = {"type": "websocket.send"}
        for messages, words in (
            ([dict(send, text="x")], "websocket.send was sent before websocket.accept"),
            ([ACCEPT, ACCEPT], "websocket.accept was sent after websocket.accept"),
            ([ACCEPT, send], "either 'text' or 'bytes'"),
            ([ACCEPT, dict(send, text="x", bytes=b"x")], "either 'text' or 'bytes'"),
            ([ACCEPT, dict(send, text=b"x")], "text of websocket.send must be a str, not bytes"),
            ([ACCEPT, dict(send, bytes="x")], "bytes of websocket.send must be bytes, not str"),
            ([ACCEPT, dict(send, text="\ud800")], "UnicodeEncodeError"),
            ([ACCEPT, {"type": "websocket.http.response.start"}], "was sent after websocket.accept"),
            ([{"type": "websocket.http.response.body"}], "http.response.body was sent before http.response.start"),
            ([{"type": "http.response.start"}], "no message of type 'http.response.start' to send in a WebSocket"),
            ([dict(ACCEPT, subprotocol="c")], "has not offered the subprotocol 'c'"),
            ([dict(ACCEPT, subprotocol=b"a")], "subprotocol of websocket.accept must be a str"),
            ([dict(ACCEPT, headers=[(b"Sec-WebSocket-Protocol", b"a")])], "not as a header"),
            ([dict(ACCEPT, headers=[("x", b"a")])], "a header name must be bytes"),
            ([ACCEPT, {"type": "websocket.close", "code": 99}], "between 1000 and 4999: 99"),
            ([ACCEPT, {"type": "websocket.close", "reason": b"x"}], "reason of websocket.close must be a str"),
            ([None], "send\\(\\) was given None"),
        ):
            with self.subTest(words), self.host(talks(*messages)) as host:
                number = host.gateway.begin(websocket("/wrong", "a"))
                while True:
                    found = host.gateway.read()
                    if found.kind != multiplex.ACCEPT:
                        break
                self.assertEqual((found.kind, found.exchange), (framing.FAILED, number))
                self.assertRegex(found.payload[4:].decode(), words)
                self.assertRegex(host.log.getvalue(), words)

    def test_sending_after_its_own_close(self) -> None:
        with self.host(talks(ACCEPT, {"type": "websocket.close"}, {"type": "websocket.send", "text": "x"})) as host:
            closed(host.gateway, host.gateway.open())
            self.assertTrue(host.gateway.is_silent())
            self.assertIn("websocket.send was sent after the WebSocket was closed", host.log.getvalue())


if __name__ == "__main__":
    unittest.main()
