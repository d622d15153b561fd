"""Frames: the vectors that both languages read, and links whose bytes are cut anywhere."""

from __future__ import annotations

import contextlib
import json
import os
import random
import socket
import struct
import threading
import unittest
from typing import List

from jumak_worker import __version__
from jumak_worker.process import messages
from jumak_worker.wsgi import response_head
from jumak_worker.wire import framing
from jumak_worker.process.control import ControlChannel
from jumak_worker.wsgi.environ import Environs
from jumak_worker.wsgi.link import Link

from .harness import Gateway, Slot, base, environ, frame, request

VECTORS = os.path.join(os.path.dirname(__file__), "..", "..", "test", "vectors")


def vectors(name: str) -> List[dict]:
    with open(os.path.join(VECTORS, name), encoding="utf-8") as file:
        return json.load(file)


def hello(env, start_response):
    start_response("200 OK", [])
    return [b"hello"]


class FedLink(Link):
    """A link that reads the given bytes, cut as given, instead of a socket."""

    def __init__(self, pieces: List[bytes]) -> None:
        feed, sock = socket.socketpair()
        super().__init__(sock, lambda *_: [], Environs({}), 7, 2)
        self._feed, self._pieces = feed, iter([piece for piece in pieces if piece])

    def _receive(self, wanted: int) -> None:
        while len(self._data) - self._position < wanted:
            self._feed.sendall(next(self._pieces))
            super()._receive(len(self._data) - self._position + 1)

    def frames(self) -> List[dict]:
        frames: List[dict] = []
        try:
            while True:
                frames.append(describe(self._next_frame(), self.payload()))
        except StopIteration:
            return frames
        finally:
            self._feed.close()
            self._socket.close()


def describe(kind: int, payload: bytes) -> dict:
    if kind == framing.HELLO:
        return {"type": "HELLO", "hello": json.loads(payload)}
    if kind == framing.REQUEST:
        start = framing.REQUEST_HEAD.size - framing.FRAME_HEADER
        flags, length, names_length = struct.unpack_from("<BII", payload)
        head = payload[start : start + length].decode("latin-1")
        names = head[:names_length].split("\0")
        values = head[names_length:].split("\0", len(names) - 1)
        body = None if flags & framing.REQUEST_BODY_FOLLOWS else payload[start + length :].hex()
        request = {"type": "REQUEST", "environ": dict(zip(names, values)), "body": body}
        return {**request, "handshake": True} if flags & framing.REQUEST_HANDSHAKE else request
    if kind == framing.BODY:
        return {"type": "BODY", "data": payload.hex()}
    if kind == framing.BODY_END:
        return {"type": "BODY_END"}
    assert kind == framing.FILE_OPENED
    return {"type": "FILE_OPENED", "opened": payload == b"\1"}


def encode(one: dict) -> bytes:
    kind = one["type"]
    if kind == "HELLO":
        hello = one["hello"]
        return framing.hello(hello["build"], hello["worker"], hello["slots"], int(hello["thread"], 16))
    if kind in ("RESPONSE", "INFORM"):
        flat = one["headers"]
        head, _ = response_head.encode(one["reason"], list(zip(flat[::2], flat[1::2])))
        if kind == "INFORM":
            return framing.inform(one["status"], head)
        return framing.response(one["status"], one["end"], one["runMicros"], head, bytes.fromhex(one["body"]))
    if kind == "CHUNK":
        data = bytes.fromhex(one["data"])
        return framing.chunk_header(len(data)) + data
    if kind == "END":
        return framing.end(one["runMicros"])
    if kind == "FILE":
        return framing.file(one["fd"], one["offset"], one["length"], int(one["device"]), int(one["inode"]))
    if kind == "TAKEN":
        return framing.taken(one["flags"]) + bytes.fromhex(one["raw"])
    assert kind == "FAILED"
    return framing.failed(one["runMicros"], one["reason"])


class Vectors(unittest.TestCase):
    def test_what_the_gateway_sends_is_understood_cut_anywhere(self) -> None:
        for vector in vectors("wire.json"):
            if vector["from"] != "gateway":
                continue
            data = bytes.fromhex(vector["hex"])
            expected = [{key: value for key, value in one.items()} for one in vector["frames"]]
            with self.subTest(vector["name"]):
                self.assertEqual(FedLink([data]).frames(), expected)
                self.assertEqual(FedLink([data[i : i + 1] for i in range(len(data))]).frames(), expected)
                for seed in range(5):
                    cuts = sorted(random.Random(seed).randrange(len(data) + 1) for _ in range(4))
                    pieces = [data[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(data)])]
                    self.assertEqual(FedLink(pieces).frames(), expected)

    def test_what_a_worker_sends_has_these_bytes(self) -> None:
        checked = 0
        for vector in vectors("wire.json"):
            if vector["from"] == "worker" and "refused" not in vector:
                with self.subTest(vector["name"]):
                    mine = b"".join(map(encode, vector["frames"]))
                    self.assertEqual(frames_of(mine), frames_of(bytes.fromhex(vector["hex"])))
                    checked += 1
        self.assertGreater(checked, 5)

    def test_control_lines(self) -> None:
        for vector in vectors("control.json"):
            with self.subTest(vector["name"]):
                ours, theirs = socket.socketpair()
                with ours, theirs:
                    if vector["from"] == "python":
                        ControlChannel(ours, {}).send(**vector["message"])
                        self.assertEqual(json.loads(theirs.makefile("rb").readline()), vector["message"])
                        self.assertTrue(vector["line"].startswith('{"type":'))
                        continue
                    message = dict(vector["message"])
                    if "build" in message:
                        message["build"] = __version__
                    theirs.sendall(json.dumps(message).encode() + b"\n")
                    shapes = messages.PRELOADER if vector["channel"] == "preloader" else messages.WORKER
                    self.assertEqual(ControlChannel(ours, shapes).receive(), message)


def frames_of(data: bytes) -> List[tuple]:
    """Hello is JSON, whose spaces do not matter; all else is compared byte by byte."""
    result = []
    while data:
        length, kind = framing.FRAME.unpack_from(data)
        payload, data = data[framing.FRAME_HEADER : framing.FRAME_HEADER + length], data[framing.FRAME_HEADER + length :]
        if kind == framing.TAKEN:
            # No frame follows.
            return [*result, (kind, payload.hex(), data.hex())]
        result.append((kind, json.loads(payload) if kind == framing.HELLO else payload.hex()))
    return result


class Links(unittest.TestCase):
    def test_requests_cut_anywhere_are_answered_alike(self) -> None:
        def application(env, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [env["PATH_INFO"].encode() + env["wsgi.input"].read()]

        data = (
            request(environ(path="/a"))
            + request(environ("POST", "/b"), b"body")
            + request(environ("PUT", "/c"), follows=True)
        )
        data += (
            frame(framing.BODY, b"x" * 300)
            + frame(framing.BODY)
            + frame(framing.BODY, b"y")
            + frame(framing.BODY_END)
            + request(environ(path="/d"))
        )
        expected = [b"/a", b"/bbody", b"/c" + b"x" * 300 + b"y", b"/d"]
        for size in (1, 7, 100, 1000, len(data)):
            with self.subTest(size), Slot(application) as slot:
                for start in range(0, len(data), size):
                    slot.gateway.send(data[start : start + size])
                self.assertEqual([slot.gateway.response().body for _ in expected], expected)

    def test_a_frame_of_a_mebibyte_arrives_whole(self) -> None:
        def application(env, start_response):
            start_response("200 OK", [])
            return [b"%d" % len(env["wsgi.input"].read())]

        with Slot(application) as slot:
            slot.gateway.send(request(environ("POST"), follows=True))
            for _ in range(3):
                slot.gateway.send(frame(framing.BODY, b"z" * framing.MAX_CHUNK))
            slot.gateway.send(frame(framing.BODY_END))
            self.assertEqual(slot.gateway.response().body, b"%d" % (3 * framing.MAX_CHUNK))

    def test_what_breaks_the_rules_ends_the_link(self) -> None:
        for name, data in {
            "a frame that is too large": framing.FRAME.pack(framing.MAX_PAYLOAD + 1, framing.REQUEST),
            "content without a request": frame(framing.BODY, b"x"),
            "an unknown type": frame(99),
            "a request shorter than its fixed part": frame(framing.REQUEST, b"\0"),
            "a head longer than its frame": frame(framing.REQUEST, struct.pack("<BII", 0, 100, 1) + b"x"),
            "names longer than their head": frame(framing.REQUEST, struct.pack("<BII", 0, 2, 3) + b"ab"),
            "fewer values than names": frame(framing.REQUEST, struct.pack("<BII", 0, 4, 3) + b"A\0Bx"),
            "a head without a method": frame(framing.REQUEST, struct.pack("<BII", 0, 17, 8) + b"RAW_URI\0"[:7] + b"\0x" + b"a\0bcdefg"),
            "a request within content": request(environ("POST"), follows=True) + request(environ()),
        }.items():
            with self.subTest(name), Slot(lambda env, start_response: [env["wsgi.input"].read()]) as slot:
                slot.gateway.send(data)
                self.assertEqual(slot.gateway.read_to_end(), b"")
                slot.join()
                self.assertIsInstance(slot.error, framing.WireError)

    def test_what_is_wrong_with_a_frame_is_said_whether_others_follow_it_or_not(self) -> None:
        for data, words in (
            (framing.FRAME.pack(framing.MAX_PAYLOAD + 1, framing.REQUEST), "a frame of 2097153 bytes"),
            (frame(framing.BODY_END), "frame 4 where a request was expected"),
            (frame(framing.BODY, b"x" * 30), "frame 3 where a request was expected"),
            (frame(framing.REQUEST), "a request of 0 bytes"),
            (frame(framing.REQUEST, bytes(8)), "a request of 8 bytes"),
            (request(environ())[:5] + b"\4" + request(environ())[6:], "request flags 4"),
            (frame(framing.REQUEST, struct.pack("<BII", 0, 1, 1)), "a head longer than itself"),
            (frame(framing.REQUEST, struct.pack("<BII", 0, 2**32 - 1, 1)), "a head longer than itself"),
            (frame(framing.REQUEST, struct.pack("<BII", 0, 2, 3) + b"ab"), "a head longer than itself"),
        ):
            for before in (b"", request(environ())):
                for behind in (b"", b"\0", request(environ()) * 3):
                    with self.subTest(words, before=before, behind=behind), Slot(hello) as slot:
                        slot.gateway.send(before + data + behind)
                        with contextlib.suppress(ConnectionResetError):
                            slot.gateway.read_to_end()
                        slot.join()
                        self.assertRegex(str(slot.error), words)

    def test_another_build_is_refused_by_name(self) -> None:
        for payload, words in (
            (b'{"build": "9.9.9"}', "the gateway is build 9.9.9"),
            (b"[]", "hello"),
            (b'{"build": 7}', "hello"),
            (b'{"build": "%s"}' % (b"x" * 101), "hello"),
            (b"[" * 100_000, "hello"),
            (b"no", "hello"),
        ):
            ours, theirs = socket.socketpair()
            with self.subTest(payload), ours, theirs:
                Gateway(ours).send(frame(framing.HELLO, payload))
                with self.assertRaisesRegex(framing.WireError, words):
                    Link(theirs, lambda *_: [], base(), 1, 1).serve()

    def test_a_worker_says_who_it_is(self) -> None:
        with Slot(lambda *_: [], threads=3) as slot:
            self.assertRegex(slot.hello.pop("thread"), "^0x[0-9a-f]{16}$")
            self.assertEqual(slot.hello, {"build": __version__, "worker": 1, "slots": 3})


class Batches(unittest.TestCase):
    """`src/apps/wire/frames.ts`, "Batches"."""

    def setUp(self) -> None:
        self.started = threading.Event()
        self.go = threading.Event()

    def application(self, env, start_response):
        if env["PATH_INFO"] == "/wait":
            self.started.set()
            self.go.wait(20)
        start_response("200 OK", [("Content-Type", "text/plain")])
        if env["PATH_INFO"] == "/stream":
            return iter([b"a", b"b"])
        return [env["PATH_INFO"].encode()]

    def test_responses_of_a_batch_share_one_send(self) -> None:
        sends: List[bytes] = []

        class Counted(Link):
            def send(self, data: bytes) -> None:
                sends.append(data)
                super().send(data)

        import jumak_worker.wsgi.connection as module

        patience, module._HOLD = module._HOLD, 60.0
        self.addCleanup(setattr, module, "_HOLD", patience)
        with Slot(self.application, link=Counted) as slot:
            sends.clear()
            slot.gateway.send(b"".join(request(environ(path="/%d" % i)) for i in range(10)))
            self.assertEqual([slot.gateway.response().body for _ in range(10)], [b"/%d" % i for i in range(10)])
        self.assertEqual(len(sends), 1)

    def test_what_is_held_is_sent_before_a_method_that_is_not_idempotent_begins(self) -> None:
        with Slot(self.application) as slot:
            slot.gateway.send(request(environ(path="/first")) + request(environ("POST", "/wait")))
            self.assertTrue(self.started.wait(20))
            self.assertEqual(slot.gateway.response().body, b"/first")
            self.go.set()
            self.assertEqual(slot.gateway.response().body, b"/wait")

    def test_the_response_to_a_method_that_is_not_idempotent_is_not_held(self) -> None:
        with Slot(self.application) as slot:
            slot.gateway.send(request(environ("POST", "/first")) + request(environ(path="/wait")))
            self.assertTrue(self.started.wait(20))
            self.assertEqual(slot.gateway.response().body, b"/first")
            self.go.set()
            self.assertEqual(slot.gateway.response().body, b"/wait")

    def test_a_method_that_the_application_rewrites_in_its_environ_changes_nothing(self) -> None:
        def application(env, start_response):
            env["REQUEST_METHOD"] = "DELETE"
            return self.application(env, start_response)

        with Slot(application) as slot:
            slot.gateway.send(request(environ("POST", "/first")) + request(environ(path="/wait")))
            self.assertTrue(self.started.wait(20))
            self.assertEqual(slot.gateway.response().body, b"/first")
            self.go.set()
            slot.gateway.response()

    def test_what_is_held_is_sent_before_waiting_for_the_rest_of_a_request(self) -> None:
        with Slot(self.application) as slot:
            slot.gateway.send(request(environ(path="/first")) + request(environ(path="/second"))[:-3])
            self.assertEqual(slot.gateway.response().body, b"/first")

    def test_a_stream_behind_a_held_response_comes_in_order(self) -> None:
        with Slot(self.application) as slot:
            slot.gateway.send(
                request(environ(path="/first")) + request(environ(path="/stream")) + request(environ(path="/last"))
            )
            self.assertEqual([slot.gateway.response().body for _ in range(3)], [b"/first", b"ab", b"/last"])


if __name__ == "__main__":
    unittest.main()
