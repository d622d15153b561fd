"""HTTP exchanges of ASGI applications that make mistakes, or whose clients leave."""

from __future__ import annotations

import asyncio
import threading
import unittest
from typing import Any, Callable, List

from jumak_worker.wire import multiplex

from .asgi_harness import AsgiTest, disconnect, frame, request, scope
from .asgi_messages import START, END, body, sends


class Mistakes(AsgiTest):
    """The client gets a 500 (FAILED before RESPONSE) or a cut (FAILED after it). The log gets a sentence and the place."""

    def failed(self, application: Callable, words: str, status: int = 0, sent: Any = None) -> None:
        with self.host(application) as host:
            answer = host.gateway.get(sent or scope("GET", "/wrong"))
            self.assertEqual(answer.status, status)
            self.assertRegex(answer.ended, "^failed: .*" + words)
            self.assertRegex(host.log.getvalue(), "application error in GET /wrong \\(request r-1\\)\n")
            self.assertRegex(host.log.getvalue(), words)
            self.assertEqual(host.log.getvalue().count("application error"), 1)

    def test_messages_out_of_order(self) -> None:
        for messages, words, status in (
            ([], "returned without starting a response", 0),
            ([START], "returned without completing its response", 0),
            ([START, body(b"a", True)], "returned without completing its response", 200),
            ([END], "http.response.body was sent before http.response.start", 0),
            ([START, START], "http.response.start was sent after the response was started", 0),
            ([START, body(b"a", True), START], "http.response.start was sent after the response was started", 200),
            ([{"type": "http.response.trailers"}], "http.response.trailers was sent where none are due", 0),
            ([dict(START, trailers=True), END], "without the trailers that it had announced", 200),
            ([{"type": "http.response.pathsend", "path": "/"}], "pathsend was sent before http.response.start", 0),
            ([{"type": "websocket.accept"}], "no message of type 'websocket.accept'", 0),
            ([{"type": None}], "no message of type None", 0),
        ):
            with self.subTest(words):
                self.failed(sends(*messages), words, status)

    def test_wrong_types(self) -> None:
        def start(**fields: Any) -> list:
            return [dict(START, **fields)]

        for messages, words in (
            ([None], "send\\(\\) was given None"),
            (["http.response.start"], "send\\(\\) was given 'http.response.start'"),
            ([{}], "send\\(\\) was given {}"),
            (start(status="200"), "status must be an int like 200, not str"),
            (start(status=None), "status must be an int like 200, not NoneType"),
            (start(status=True), "status must be an int like 200, not bool"),
            (start(status=99), "status must be between 200 and 599: 99"),
            (start(status=101), "status must be between 200 and 599: 101"),
            (start(headers=5), "headers must be an iterable"),
            (start(headers=[b"ab"]), "a header name must be bytes, not int"),
            (start(headers=[("x-a", b"1")]), "a header name must be bytes, not str: 'x-a'"),
            (start(headers=[(b"x-a", "1")]), "the value of header b'x-a' must be bytes, not str: '1'"),
            (start(headers=[(b"x-a", b"1", b"2")]), "pairs"),
            (start(headers=[(b"x a", b"1")]), "not a header name: b'x a'"),
            (start(headers=[(b"", b"1")]), "not a header name: b''"),
            (start(headers=[(b"x-a", b"1\r\nx-b: 2")]), "header b'x-a' has a control character"),
            (start(headers=[(b"x-a", b"1\0")]), "header b'x-a' has a control character"),
            (start(headers=[(b"content-length", b"-1")]), "Content-Length must be a number of bytes"),
            (start(headers=[(b"content-length", b"1"), (b"Content-Length", b"1")]), "Content-Length is given twice"),
            (start(headers=[(b"x-a", b"x" * 300_000)]), "300005 bytes long"),
            ([START, body("text")], "must be bytes, not str: 'text'"),  # type: ignore[arg-type]
            ([START, body(None)], "must be bytes, not None"),  # type: ignore[arg-type]
        ):
            with self.subTest(words):
                self.failed(sends(*messages), words)

    def test_more_or_less_than_content_length(self) -> None:
        start = dict(START, headers=[(b"content-length", b"4")])
        self.failed(sends(start, body(b"hello")), "more content than its Content-Length of 4")
        self.failed(sends(start, body(b"abc", True), body(b"de")), "more content than its Content-Length of 4", 200)
        self.failed(sends(start, body(b"abc")), "ended after 3 bytes, but its Content-Length is 4")
        self.failed(sends(start, body(b"ab", True), body(b"c")), "ended after 3 bytes, but its Content-Length", 200)

    def test_an_exception_before_and_within_the_response(self) -> None:
        async def before(scope, receive, send):
            raise KeyError("café")

        async def within(scope, receive, send):
            await sends(START, body(b"a", True))(scope, receive, send)
            await asyncio.sleep(0)
            raise KeyError("café")

        self.failed(before, "KeyError: 'café'")
        self.failed(within, "KeyError: 'café'", 200)

    def test_an_error_page_may_take_the_place_of_a_response_whose_head_waits(self) -> None:
        async def application(scope, receive, send):
            try:
                await send({"type": "http.response.start", "status": 200, "headers": [(b"x a", b"")]})
            except ValueError:
                await sends(dict(START, status=500), body(b"sorry"))(scope, receive, send)

        with self.host(application) as host:
            answer = host.gateway.get()
            self.assertEqual((answer.status, answer.body, answer.ended), (500, b"sorry", "end"))

    def test_exits_and_cancellations_end_a_request_and_no_worker(self) -> None:
        for error in (SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), GeneratorExit()):

            async def application(scope, receive, send):
                raise error

            with self.subTest(error):
                self.failed(application, type(error).__name__)

    def test_what_comes_after_the_end_is_ignored_with_one_complaint(self) -> None:
        with self.host(sends(START, END, body(b"more"), body(b"more"), START)) as host:
            self.assertEqual(host.gateway.get(scope("GET", "/x")).ended, "end")
            self.assertEqual(host.gateway.get(scope("GET", "/y")).ended, "end")
            self.assertEqual(host.log.getvalue().count("it is ignored"), 2)
            self.assertIn("GET /x (request r-1)\nhttp.response.body was sent after the response was complete", host.log.getvalue())

    def test_an_error_after_the_response_reaches_the_log_only(self) -> None:
        async def application(scope, receive, send):
            await sends(START, END)(scope, receive, send)
            raise RuntimeError("in the background")

        with self.host(application) as host:
            self.assertEqual(host.gateway.get().ended, "end")
            self.assertTrue(host.gateway.is_silent())
            self.assertIn("in the background", host.log.getvalue())

    def test_errors_after_a_disconnect_are_logged_unless_it_caused_them(self) -> None:
        async def application(scope, receive, send):
            await receive()
            await receive()
            try:
                await send(START)
            except OSError as error:
                if scope["path"] == "/wrapped":
                    raise RuntimeError("wrapped") from error
            raise ValueError("its own")

        with self.host(application) as host:
            for path in ("/wrapped", "/own"):
                host.gateway.send(disconnect(host.gateway.begin(scope("GET", path))))
            self.assertTrue(host.gateway.is_silent())
            self.assertNotIn("wrapped", host.log.getvalue())
            self.assertIn("GET /own", host.log.getvalue())
            self.assertIn("ValueError: its own", host.log.getvalue())

    def test_the_log_names_the_request(self) -> None:
        sent = scope("GET", "/a", raw_path=b"/a%0Ab", headers=[(b"x-request-id", b"r-17")])
        with self.host(sends()) as host:
            host.gateway.get(sent)
            self.assertIn("application error in GET /a%0Ab (request r-17)\n", host.log.getvalue())

    def test_a_send_that_is_cancelled_within_its_content_breaks_the_response_off(self) -> None:
        async def application(scope, receive, send):
            await send(START)
            waiting = asyncio.ensure_future(send(body(b"x" * 1_000_000)))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])

        with self.host(application) as host:
            answer = host.gateway.answer(host.gateway.begin(), gives_credit=False)
            self.assertIn("cancelled when a part of its content had gone", answer.ended)
            self.assertEqual(len(answer.body), multiplex.WINDOW)


class Ends(AsgiTest):
    def test_cancel_ends_the_task_and_logs_where_it_was(self) -> None:
        ended: List[str] = []
        done = threading.Event()

        async def deep():
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                ended.append("cancelled")
                raise
            finally:
                done.set()

        async def steps():
            await deep()
            yield 1

        async def application(scope, receive, send):
            async for _ in steps():
                pass

        for host in self.each_loop(application):
            ended.clear()
            done.clear()
            number = host.gateway.begin(scope("GET", "/slow"))
            self.assertTrue(host.gateway.is_silent())
            host.gateway.send(frame(multiplex.CANCEL, number))
            self.assertTrue(done.wait(20))
            self.assertTrue(host.gateway.is_silent())
            self.assertEqual(ended, ["cancelled"])
            log = host.log.getvalue()
            self.assertIn("GET /slow", log)
            for name in ("in application", "in steps", "in deep"):
                self.assertIn(name, log)
            self.assertNotIn("Traceback", log)

    def test_cancel_at_once(self) -> None:
        async def application(scope, receive, send):
            await asyncio.get_running_loop().create_future()

        for host in self.each_loop(application):
            host.gateway.send(request(1, scope()) + frame(multiplex.CANCEL, 1))
            self.assertTrue(host.gateway.is_silent())
            host.leave()
            self.assertIn("the deadline has passed of GET /", host.log.getvalue())

    def test_cancel_follows_the_task_that_is_waited_for(self) -> None:
        async def view():
            await asyncio.sleep(1000)

        async def application(scope, receive, send):
            await asyncio.ensure_future(view())

        with self.host(application) as host:
            number = host.gateway.begin()
            self.assertTrue(host.gateway.is_silent())
            host.gateway.send(frame(multiplex.CANCEL, number))
            self.assertTrue(host.gateway.is_silent())
            self.assertRegex(host.log.getvalue(), "(?s)in application.*which waits for .*in view")

    def test_a_link_that_breaks_is_the_going_of_all_its_clients_and_the_next_serves_on(self) -> None:
        heard: List[str] = []
        both = threading.Barrier(3)

        async def application(scope, receive, send):
            if scope["path"] == "/wait":
                await receive()
                heard.append((await receive())["type"])
                await asyncio.get_running_loop().run_in_executor(None, both.wait, 20)
            else:
                await sends(START, END)(scope, receive, send)

        for host in self.each_loop(application):
            heard.clear()
            host.gateway.begin(scope("GET", "/wait"))
            host.gateway.begin(scope("GET", "/wait"))
            self.assertTrue(host.gateway.is_silent())
            host.gateway.close()
            both.wait(20)
            self.assertEqual(heard, ["http.disconnect"] * 2)
            self.assertEqual(host.connect().get().status, 200)

    def test_stop_waits_for_what_runs(self) -> None:
        go = threading.Event()
        ended: List[str] = []

        async def application(scope, receive, send):
            await sends(START, END)(scope, receive, send)
            while not go.is_set():
                await asyncio.sleep(0)
            ended.append("background")

        for host in self.each_loop(application):
            go.clear()
            ended.clear()
            host.gateway.get()
            host.worker.stop()
            host.gateway.close()
            threading.Timer(0.05, go.set).start()
            host.leave()
            self.assertEqual(ended, ["background"])

    def test_what_nobody_waits_for_is_logged_once(self) -> None:
        async def lost():
            raise ZeroDivisionError("lost")

        async def application(scope, receive, send):
            task = asyncio.ensure_future(lost())
            await asyncio.sleep(0)
            del task
            await sends(START, END)(scope, receive, send)

        for host in self.each_loop(application):
            host.gateway.get()
            host.gateway.get()
            self.assertTrue(host.gateway.is_silent())
            self.assertEqual(host.log.getvalue().count("ZeroDivisionError: lost"), 2)
            self.assertIn("never retrieved", host.log.getvalue())


if __name__ == "__main__":
    unittest.main()
