"""HTTP exchanges by the ASGI specification: what arrives, and what may be sent."""

from __future__ import annotations

import asyncio
import sys
import threading
import unittest
from typing import Any, List

from jumak_worker.wire import framing, multiplex
from jumak_worker.asgi.exchange import ClientDisconnected

from .asgi_harness import AsgiTest, credit, disconnect, frame, request, scope
from .asgi_messages import START, END, body, sends


class Requests(AsgiTest):
    def test_the_scope_is_the_gateways_and_what_the_worker_adds(self) -> None:
        seen: List[dict] = []

        async def application(scope, receive, send):
            seen.append(scope)
            await sends(START, END)(scope, receive, send)

        sent = scope("POST", "/café", query_string=b"a=1", client=None, server=("/run/x.sock", None))
        for host in self.each_loop(application):
            host.gateway.get(sent)
            found = seen.pop()
            self.assertEqual(found.pop("asgi"), {"version": "3.0", "spec_version": "2.5"})
            self.assertEqual(
                sorted(found.pop("extensions")),
                [
                    "http.response.early_hint",
                    "http.response.pathsend",
                    "http.response.trailers",
                    "http.response.zerocopysend",
                ],
            )
            self.assertEqual(found, {**sent, "root_path": ""})

    def test_what_an_application_does_to_its_scope_reaches_no_other_request(self) -> None:
        async def application(scope, receive, send):
            text = repr((sorted(scope["asgi"]), sorted(scope["extensions"]), "state" in scope))
            scope["asgi"].clear()
            scope["extensions"].clear()
            scope["state"] = 1
            await sends(START, body(text.encode()))(scope, receive, send)

        with self.host(application) as host:
            self.assertEqual(host.gateway.get().body, host.gateway.get().body)

    def test_content_that_is_there_comes_in_one_message(self) -> None:
        async def application(scope, receive, send):
            message = await receive()
            await sends(START, body(repr(message).encode()))(scope, receive, send)

        for host in self.each_loop(application):
            for content in (b"", b"hello"):
                expected = {"type": "http.request", "body": content, "more_body": False}
                self.assertEqual(host.gateway.get(scope("POST"), content).body, repr(expected).encode())

    def test_content_that_follows_is_streamed_and_credit_given_back_as_it_is_taken(self) -> None:
        taken = threading.Semaphore(0)

        async def application(scope, receive, send):
            size = 0
            while True:
                while not taken.acquire(blocking=False):
                    await asyncio.sleep(0)
                message = await receive()
                size += len(message["body"])
                if not message["more_body"]:
                    break
            await sends(START, body(b"%d" % size))(scope, receive, send)

        with self.host(application) as host:
            gateway = host.gateway
            number = gateway.begin(scope("POST"), follows=True)
            piece = b"x" * multiplex.MAX_CONTENT
            for _ in range(4):
                gateway.send(frame(framing.BODY, number, piece))
            self.assertTrue(gateway.is_silent())
            taken.release()
            given = gateway.expect(multiplex.CREDIT, number)
            self.assertEqual(int.from_bytes(given, "little"), multiplex.WINDOW)
            gateway.send(frame(framing.BODY, number, b"ab") + frame(framing.BODY, number) + frame(framing.BODY_END, number))
            for _ in range(3):
                taken.release()
            self.assertEqual(gateway.answer(number).body, b"%d" % (multiplex.WINDOW + 2))

    def test_small_pieces_are_given_back_in_steps(self) -> None:
        async def application(scope, receive, send):
            while (await receive())["more_body"]:
                pass
            await sends(START, END)(scope, receive, send)

        with self.host(application) as host:
            gateway = host.gateway
            number = gateway.begin(scope("POST"), follows=True)
            for _ in range(100):
                gateway.send(frame(framing.BODY, number, b"x" * 1000))
                gateway.send(frame(multiplex.PING, 0, b"\1\0\0\0"))
            # One step of credit; the rest is less than a step.
            kinds = [gateway.read().kind for _ in range(101)]
            gateway.send(frame(framing.BODY_END, number))
            self.assertEqual(kinds.count(multiplex.CREDIT), 1)
            gateway.expect(framing.RESPONSE, number)

    def test_a_client_that_has_gone_is_told_to_who_waits_and_to_who_comes_later(self) -> None:
        heard: List[Any] = []
        done = threading.Event()

        async def application(scope, receive, send):
            await receive()
            heard.append(await receive())
            heard.append(await receive())
            try:
                await send(START)
            except OSError as error:
                heard.append(type(error))
            done.set()

        for host in self.each_loop(application):
            heard.clear()
            done.clear()
            number = host.gateway.begin()
            host.gateway.send(disconnect(number))
            self.assertTrue(done.wait(20))
            gone = {"type": "http.disconnect"}
            self.assertEqual(heard, [gone, gone, ClientDisconnected])
            self.assertTrue(host.gateway.is_silent())
            self.assertEqual(host.log.getvalue(), "")

    def test_a_client_that_goes_within_its_upload(self) -> None:
        heard: List[Any] = []
        done = threading.Event()

        async def application(scope, receive, send):
            heard.append(await receive())
            heard.append(await receive())
            done.set()

        with self.host(application) as host:
            number = host.gateway.begin(scope("POST"), follows=True)
            host.gateway.send(frame(framing.BODY, number, b"ab"))
            self.assertTrue(host.gateway.is_silent())
            host.gateway.send(disconnect(number))
            self.assertTrue(done.wait(20))
        self.assertEqual([one["type"] for one in heard], ["http.request", "http.disconnect"])

    def test_after_the_response_there_is_no_client_any_more(self) -> None:
        heard: List[Any] = []
        done = threading.Event()

        async def application(scope, receive, send):
            waiting = asyncio.ensure_future(receive())
            await asyncio.sleep(0)
            heard.append((await waiting)["type"])
            waiting = asyncio.ensure_future(receive())
            await asyncio.sleep(0)
            await sends(START, END)(scope, receive, send)
            heard.append((await waiting)["type"])
            heard.append((await receive())["type"])
            done.set()

        for host in self.each_loop(application):
            heard.clear()
            done.clear()
            self.assertEqual(host.gateway.get().status, 200)
            self.assertTrue(done.wait(20))
            self.assertEqual(heard, ["http.request", "http.disconnect", "http.disconnect"])

    def test_several_tasks_may_wait_and_one_that_is_cancelled_takes_nothing_from_the_others(self) -> None:
        async def application(scope, receive, send):
            await receive()
            first, second = asyncio.ensure_future(receive()), asyncio.ensure_future(receive())
            await asyncio.sleep(0)
            first.cancel()
            await asyncio.wait([first])
            await send(START)
            await send(body(b"a", True))
            message = await second
            heard.append(message["type"])
            done.set()

        heard: List[str] = []
        done = threading.Event()
        with self.host(application) as host:
            number = host.gateway.begin()
            host.gateway.expect(framing.RESPONSE, number)
            host.gateway.send(disconnect(number))
            self.assertTrue(done.wait(20))
        self.assertEqual(heard, ["http.disconnect"])


class Responses(AsgiTest):
    def test_what_is_complete_at_once_is_one_frame_with_its_length(self) -> None:
        for host in self.each_loop(sends(START, body(b"hello"))):
            answer = host.gateway.get()
            self.assertEqual((answer.status, answer.body, answer.kinds), (200, b"hello", [framing.RESPONSE]))
            self.assertEqual(answer.headers, [("content-type", "text/plain"), ("content-length", "5")])

    def test_a_length_that_was_given_is_not_given_again(self) -> None:
        start = dict(START, headers=[(b"Content-Length", b"5")])
        with self.host(sends(start, body(b"hello"))) as host:
            self.assertEqual(host.gateway.get().headers, [("Content-Length", "5")])

    def test_content_in_parts_leaves_as_it_comes(self) -> None:
        go = threading.Event()

        async def application(scope, receive, send):
            await send(START)
            await send(body(b"a", True))
            while not go.is_set():
                await asyncio.sleep(0)
            await send(body(b"b", True))
            await send(END)

        for host in self.each_loop(application):
            go.clear()
            number = host.gateway.begin()
            payload = host.gateway.expect(framing.RESPONSE, number)
            self.assertTrue(payload.endswith(b"a"))
            go.set()
            self.assertEqual(host.gateway.expect(framing.CHUNK, number), b"b")
            host.gateway.expect(framing.END, number)

    def test_the_head_waits_for_the_first_content(self) -> None:
        async def application(scope, receive, send):
            await send(START)
            while not go.is_set():
                await asyncio.sleep(0)
            await send(body(b"", True))
            await send(END)

        go = threading.Event()
        with self.host(application) as host:
            number = host.gateway.begin()
            self.assertTrue(host.gateway.is_silent())
            go.set()
            answer = host.gateway.answer(number)
            self.assertEqual((answer.body, answer.kinds), (b"", [framing.RESPONSE, framing.END]))
            self.assertIsNone(answer.header("content-length"))

    def test_send_waits_for_credit(self) -> None:
        sent: List[int] = []

        async def application(scope, receive, send):
            await send(START)
            for number in range(100):
                await send(body(b"x" * 50_000, True))
                sent.append(number)
            await send(END)

        for host in self.each_loop(application):
            sent.clear()
            number = host.gateway.begin()
            received = len(host.gateway.expect(framing.RESPONSE, number)) - 11 - len(b"\0content-type\0text/plain")
            while received < multiplex.WINDOW:
                received += len(host.gateway.expect(framing.CHUNK, number))
            self.assertTrue(host.gateway.is_silent())
            self.assertEqual(sent, list(range(6)))
            host.gateway.send(credit(number, received))
            answer = host.gateway.answer(number)
            self.assertEqual(len(answer.body) + received, 5_000_000)

    def test_a_large_body_is_cut_into_frames(self) -> None:
        content = bytes(range(256)) * 4096
        with self.host(sends(START, body(content))) as host:
            answer = host.gateway.answer(host.gateway.begin())
            self.assertEqual(answer.body, content)
            self.assertEqual(answer.header("content-length"), str(len(content)))
            self.assertEqual(len(answer.kinds), 16 + 1)

    def test_a_client_that_goes_while_send_waits(self) -> None:
        raised: List[BaseException] = []
        done = threading.Event()

        async def application(scope, receive, send):
            await send(START)
            try:
                while True:
                    await send(body(b"x" * 65536, True))
            except OSError as error:
                raised.append(error)
                raise
            finally:
                done.set()

        for host in self.each_loop(application):
            done.clear()
            number = host.gateway.begin()
            for kind in (framing.RESPONSE, framing.CHUNK, framing.CHUNK, framing.CHUNK):
                host.gateway.expect(kind, number)
            host.gateway.send(disconnect(number))
            self.assertTrue(done.wait(20))
            self.assertIsInstance(raised.pop(), ClientDisconnected)
            self.assertTrue(host.gateway.is_silent())
            self.assertEqual(host.log.getvalue(), "")

    def test_head_and_statuses_without_content(self) -> None:
        async def application(scope, receive, send):
            status = int(scope["path"][1:])
            await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"7")]})
            await send(body(b"abc", True))
            await send(body(b"defghi"))

        with self.host(application) as host:
            for sent in (scope("HEAD", "/200"), scope("GET", "/204"), scope("GET", "/304")):
                answer = host.gateway.get(sent)
                self.assertEqual((answer.body, answer.ended, answer.kinds), (b"", "end", [framing.RESPONSE]))
            self.assertEqual(host.log.getvalue(), "")

    def test_head_has_the_length_of_get(self) -> None:
        with self.host(sends(START, body(b"hello"))) as host:
            answer = host.gateway.get(scope("HEAD"))
            self.assertEqual((answer.header("content-length"), answer.body), ("5", b""))

    def test_no_length_is_added_to_204_and_304(self) -> None:
        for status in (204, 304):
            with self.host(sends({"type": "http.response.start", "status": status}, END)) as host:
                self.assertEqual(host.gateway.get().headers, [])

    def test_trailers(self) -> None:
        messages = [
            dict(START, trailers=True),
            body(b"part", True),
            END,
            {"type": "http.response.trailers", "headers": [(b"x-a", b"1")], "more_trailers": True},
            {"type": "http.response.trailers", "headers": [(b"x-b", b"2")]},
        ]
        with self.host(sends(*messages)) as host:
            answer = host.gateway.get()
            self.assertEqual((answer.body, answer.trailers), (b"part", [("x-a", "1"), ("x-b", "2")]))
            self.assertEqual(host.gateway.get(scope("HEAD")).kinds, [framing.RESPONSE])

    def test_trailers_are_announced_with_the_head_however_the_content_comes(self) -> None:
        # The gateway must know before the content: only chunked content has room for them (RFC9110§6.5).
        trailers = {"type": "http.response.trailers", "headers": [(b"x-sum", b"5")]}
        start = {"type": "http.response.start", "status": 200, "trailers": True}
        length = dict(start, headers=[(b"content-length", b"5")])
        for messages in (
            (start, body(b"hello")),
            (length, body(b"hello")),
            (length, body(b"he", True), body(b"llo")),
        ):
            with self.host(sends(*messages, trailers)) as host:
                answer = host.gateway.get()
                self.assertEqual((answer.body, answer.ended, answer.trailers), (b"hello", "end", [("x-sum", "5")]))
                self.assertTrue(answer.announces_trailers)
        with self.host(sends(START, body(b"he", True), body(b"llo"))) as host:
            self.assertFalse(host.gateway.get().announces_trailers)

    def test_trailers_do_not_make_a_wrong_length_right(self) -> None:
        start = {"type": "http.response.start", "status": 200, "trailers": True, "headers": [(b"content-length", b"7")]}
        with self.host(sends(start, body(b"hello"))) as host:
            self.assertIn("its Content-Length is 7", host.gateway.get().ended)

    def test_trailers_of_empty_content(self) -> None:
        trailers = {"type": "http.response.trailers", "headers": [(b"x-sum", b"0")]}
        with self.host(sends(dict(START, trailers=True), END, trailers)) as host:
            answer = host.gateway.get()
            self.assertEqual((answer.body, answer.trailers), (b"", [("x-sum", "0")]))

    def test_early_hints(self) -> None:
        hint = {"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload", b"</b.js>; rel=preload"]}
        for messages in ((hint, START, END), (START, hint, END)):
            with self.host(sends(*messages)) as host:
                answer = host.gateway.get()
                links = [("link", "</a.css>; rel=preload"), ("link", "</b.js>; rel=preload")]
                self.assertEqual(answer.informs, [(103, links)])
                self.assertEqual(answer.status, 200)

    def test_transfer_encoding_is_the_servers(self) -> None:
        start = dict(START, headers=[(b"Transfer-Encoding", b"chunked"), (b"x-a", b"1")])
        with self.host(sends(start, body(b"a"))) as host:
            self.assertEqual(host.gateway.get().headers, [("x-a", "1"), ("content-length", "1")])

    def test_headers_may_be_any_iterable_and_values_any_bytes(self) -> None:
        start = dict(START, headers=iter([[b"x-a", bytearray(b"1")], (b"x-b", memoryview(b"2"))]))
        with self.host(sends(start, body(bytearray(b"ab")))) as host:
            answer = host.gateway.get()
            self.assertEqual(answer.headers, [("x-a", "1"), ("x-b", "2"), ("content-length", "2")])

    def test_a_background_task_goes_on_after_the_response(self) -> None:
        go, done = threading.Event(), threading.Event()

        async def application(scope, receive, send):
            await sends(START, END)(scope, receive, send)
            while scope["path"] == "/" and not go.is_set():
                await asyncio.sleep(0)
            done.set()

        for host in self.each_loop(application):
            go.clear()
            done.clear()
            number = host.gateway.begin()
            self.assertEqual(host.gateway.answer(number).status, 200)
            self.assertFalse(done.is_set())
            # Its number is free for another one.
            host.gateway.send(request(number, scope("GET", "/other")))
            self.assertEqual(host.gateway.answer(number).status, 200)
            done.clear()
            go.set()
            self.assertTrue(done.wait(20))

    def test_requests_of_one_read_are_answered_in_one_write(self) -> None:
        import jumak_worker.links.link as module

        patience, module._HOLD = module._HOLD, 60.0
        self.addCleanup(setattr, module, "_HOLD", patience)
        writes: List[int] = []
        for host in self.each_loop(sends(START, body(b"hello"))):
            link = next(iter(host.worker.links))

            def record() -> None:
                write = link._write_out

                def write_out() -> None:
                    writes.append(b"".join(link._out).count(b"hello"))
                    write()

                link._write_out = write_out

            host.call(record)
            host.gateway.send(b"".join(request(number, scope()) for number in range(1, 17)))
            for number in range(1, 17):
                self.assertEqual(host.gateway.answer(number).body, b"hello")
            self.assertEqual(writes, [16])
            writes.clear()

    @unittest.skipIf(sys.version_info < (3, 12), "without eager tasks it waits for the end of the loop's turn")
    def test_what_is_ready_does_not_wait_for_a_request_that_computes(self) -> None:
        started, go = threading.Event(), threading.Event()

        async def application(scope, receive, send):
            if scope["path"] == "/slow":
                started.set()
                go.wait(20)
            await sends(START, body(scope["path"].encode()))(scope, receive, send)

        import jumak_worker.links.link as module

        patience, module._HOLD = module._HOLD, 0.0
        self.addCleanup(setattr, module, "_HOLD", patience)
        with self.host(application) as host:
            host.gateway.send(request(1, scope()) + request(2, scope("GET", "/slow")))
            self.assertTrue(started.wait(20))
            self.assertEqual(host.gateway.answer(1).body, b"/")
            go.set()
            self.assertEqual(host.gateway.answer(2).body, b"/slow")


if __name__ == "__main__":
    unittest.main()
