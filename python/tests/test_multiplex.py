"""The frames of ASGI links: the vectors that both languages read, links whose bytes are cut anywhere, broken rules."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import threading
import unittest
from typing import Any, List

from jumak_worker.asgi import response_head
from jumak_worker.wire import framing, multiplex
from jumak_worker.asgi.link import Link
from jumak_worker.asgi.scopes import Scopes

from .asgi_harness import AsgiTest, FakeGateway, Host, frame, request, scope, websocket
from .test_wire import vectors


class RecordingLink(Link):
    """Says what it has read instead of acting on it."""

    def __init__(self) -> None:
        class Worker:
            loop = asyncio.new_event_loop()
            offers_files = True

        super().__init__(Worker())  # type: ignore[arg-type]
        Worker.loop.close()
        self.frames: List[dict] = []

    def write(self, frame: bytes) -> None:
        raise AssertionError("nothing is to be sent")

    def request(
        self, data: bytes, number: int, flags: int, _now: float, names_at: int, values_at: int, head_end: int, end: int
    ) -> None:
        its_scope = plain(Scopes("", None).make(data, names_at, values_at, head_end))
        del its_scope["asgi"], its_scope["root_path"]
        extensions = its_scope.pop("extensions")
        if "tls" in extensions:
            its_scope["tls"] = extensions["tls"]
        found = {"type": "REQUEST", "exchange": number, "scope": its_scope, "body": data[head_end:end].hex()}
        found["bodyFollows"] = bool(flags & framing.REQUEST_BODY_FOLLOWS)
        self.frames.append(found)

    def _other(self, kind: int, number: int, payload: bytes) -> None:
        found: dict = {"exchange": number}
        if kind == framing.HELLO:
            self._is_greeted = True
            found.update(type="HELLO", hello=json.loads(payload))
        elif kind == framing.BODY:
            found.update(type="BODY", data=payload.hex())
        elif kind == framing.BODY_END:
            found.update(type="BODY_END")
        elif kind == multiplex.DISCONNECT:
            code = struct.unpack_from("<H", payload)[0]
            found.update(type="DISCONNECT", code=code, reason=payload[2:].decode())
        elif kind == multiplex.CREDIT:
            found.update(type="CREDIT", bytes=struct.unpack("<I", payload)[0])
        elif kind == multiplex.PING:
            found.update(type="PING", token=struct.unpack("<I", payload)[0])
        elif kind == multiplex.ATTACH:
            found.update(type="ATTACH", token=struct.unpack("<I", payload)[0])
        elif kind == multiplex.CANCEL:
            found.update(type="CANCEL")
        elif kind == framing.FILE_OPENED:
            found.update(type="FILE_OPENED", opened=payload == b"\1")
        elif kind == multiplex.MESSAGE:
            flags = payload[0]
            is_text, is_more = bool(flags & multiplex.MESSAGE_TEXT), bool(flags & multiplex.MESSAGE_MORE)
            found.update(type="MESSAGE", text=is_text, more=is_more, data=payload[1:].hex())
        else:
            raise AssertionError("frame %d" % kind)
        self.frames.append(found)


def plain(value: Any) -> Any:
    """As the vectors have it: bytes in hexadecimal, no tuples."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value


def fed(pieces: List[bytes]) -> List[dict]:
    link = RecordingLink()
    link._is_greeted = True
    for piece in pieces:
        if piece:
            link.data_received(piece)
    return link.frames


def head_of(first: str, flat: List[str]) -> bytes:
    encoded = [one.encode("latin-1") for one in flat]
    return first.encode("latin-1") + response_head.encode(list(zip(encoded[::2], encoded[1::2])))[0]


def encode(one: dict) -> bytes:
    kind, number = one["type"], one["exchange"]
    if kind == "HELLO":
        return multiplex.hello(one["hello"]["build"], one["hello"]["worker"], one["hello"]["slots"])
    if kind == "RESPONSE":
        head, body = head_of("", one["headers"]), bytes.fromhex(one["body"])
        flags = framing.RESPONSE_END if one["complete"] else 0
        flags |= multiplex.RESPONSE_TRAILERS if one.get("hasTrailers") else 0
        return multiplex.response(number, one["status"], flags, one["runMicros"], head, body)
    if kind == "INFORM":
        return multiplex.inform(number, one["status"], head_of("", one["headers"]))
    if kind == "CHUNK":
        return multiplex.chunk(number, bytes.fromhex(one["data"]))
    if kind == "END":
        return multiplex.end(number, one["runMicros"], head_of("", one["trailers"])[1:])
    if kind == "FILE":
        device, inode = int(one["device"]), int(one["inode"])
        return multiplex.file(number, one["fd"], one["offset"], one["length"], device, inode)
    if kind == "FAILED":
        return multiplex.failed(number, one["runMicros"], one["reason"])
    if kind == "CREDIT":
        return multiplex.credit(number, one["bytes"])
    if kind == "PONG":
        return multiplex.pong(one["token"])
    if kind == "TAKEN":
        return multiplex.taken(number, one["token"], framing.TAKEN_WAITS if one["waits"] else 0)
    if kind == "ACCEPT":
        return multiplex.accept(number, head_of(one["subprotocol"], one["headers"]))
    if kind == "CLOSE":
        return multiplex.close(number, one["code"], one["reason"])
    assert kind == "MESSAGE"
    flags = multiplex.MESSAGE_TEXT if one["text"] else multiplex.MESSAGE_BINARY
    return multiplex.message(number, flags | (multiplex.MESSAGE_MORE if one["more"] else 0), bytes.fromhex(one["data"]))


class Vectors(unittest.TestCase):
    def test_what_the_gateway_sends_is_understood_cut_anywhere(self) -> None:
        checked = 0
        for vector in vectors("multiplex.json"):
            if vector["from"] != "gateway":
                continue
            data, expected = bytes.fromhex(vector["hex"]), vector["frames"]
            with self.subTest(vector["name"]):
                self.assertEqual(fed([data]), expected)
                self.assertEqual(fed([data[i : i + 1] for i in range(len(data))]), expected)
                for seed in range(5):
                    cuts = sorted(random.Random(seed).randrange(len(data) + 1) for _ in range(4))
                    pieces = [data[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(data)])]
                    self.assertEqual(fed(pieces), expected)
                checked += 1
        self.assertGreater(checked, 5)

    def test_what_a_worker_sends_has_these_bytes(self) -> None:
        checked = 0
        for vector in vectors("multiplex.json"):
            if vector["from"] == "worker" and "refused" not in vector:
                with self.subTest(vector["name"]):
                    mine = b"".join(map(encode, vector["frames"]))
                    self.assertEqual(frames_of(mine), frames_of(bytes.fromhex(vector["hex"])))
                    checked += 1
        self.assertGreater(checked, 5)


def frames_of(data: bytes) -> List[tuple]:
    """Hello is JSON, whose spaces do not matter; all else is compared byte by byte."""
    result = []
    while data:
        length, kind, number = multiplex.FRAME.unpack_from(data)
        end = multiplex.FRAME_HEADER + length
        payload, data = data[multiplex.FRAME_HEADER : end], data[end:]
        result.append((kind, number, json.loads(payload) if kind == framing.HELLO else payload.hex()))
    return result


async def echo(scope, receive, send):
    body = b""
    while True:
        message = await receive()
        body += message["body"]
        if not message["more_body"]:
            break
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": scope["path"].encode() + body})


class Links(AsgiTest):
    def test_requests_cut_anywhere_are_answered_alike(self) -> None:
        data = request(1, scope(path="/a")) + request(2, scope("POST", "/b"), b"body")
        data += request(3, scope("PUT", "/c"), follows=True) + request(4, scope(path="/d"))
        data += frame(framing.BODY, 3, b"x" * 300) + frame(framing.BODY, 3) + frame(framing.BODY, 3, b"y") + frame(framing.BODY_END, 3)
        expected = {1: b"/a", 2: b"/bbody", 3: b"/c" + b"x" * 300 + b"y", 4: b"/d"}
        for host in self.each_loop(echo):
            for size in (1, 7, 100, 1000, len(data)):
                gateway = host.connect()
                for start in range(0, len(data), size):
                    gateway.send(data[start : start + size])
                found = {}
                while len(found) < 4:
                    one = gateway.read()
                    length = struct.unpack_from("<I", one.payload, 7)[0]
                    found[one.exchange] = one.payload[11 + length :]
                self.assertEqual(found, expected)

    def test_many_requests_with_large_frames(self) -> None:
        with self.host(echo) as host:
            body = bytes(range(256)) * 1000
            host.gateway.send(b"".join(request(number, scope(), body) for number in range(1, 9)))
            for number in range(1, 9):
                self.assertEqual(host.gateway.answer(number).body, b"/" + body)

    def test_a_worker_says_who_it_is_and_which_build(self) -> None:
        with self.host(echo, slots=50) as host:
            self.assertEqual((host.hello["worker"], host.hello["slots"]), (1, 50))

    def test_ping_is_answered_by_the_loop(self) -> None:
        for host in self.each_loop(echo):
            host.gateway.send(frame(multiplex.PING, 0, b"\1\2\3\4"))
            self.assertEqual(host.gateway.read().payload, b"\1\2\3\4")

    def test_frames_of_exchanges_that_are_over_are_ignored(self) -> None:
        with self.host(echo) as host:
            for kind, payload in (
                (framing.BODY, b"x"),
                (framing.BODY_END, b""),
                (multiplex.CREDIT, b"\1\0\0\0"),
                (multiplex.DISCONNECT, b"\0\0"),
                (multiplex.CANCEL, b""),
                (framing.FILE_OPENED, b"\1"),
                (multiplex.MESSAGE, b"\1x"),
            ):
                host.gateway.send(frame(kind, 77, payload))
            self.assertEqual(host.gateway.get().body, b"/")

    def test_what_breaks_the_rules_ends_the_link_and_the_next_is_served(self) -> None:
        pack = struct.Struct("<BII").pack
        waiting = request(1, scope(), follows=True)

        def strange_connection(connection: bytes) -> bytes:
            head = b"http" + connection + b"\0GET\0\0/\0/"
            return frame(framing.REQUEST, 1, pack(0, len(head), 4) + head)

        for name, data in {
            "a frame that is too large": multiplex.FRAME.pack(framing.MAX_PAYLOAD + 1, framing.REQUEST, 1),
            "a request shorter than its fixed part": frame(framing.REQUEST, 1, b"\0"),
            "a request shorter than its fixed part behind a whole one": waiting + frame(framing.REQUEST, 2, b"\0"),
            "a head longer than its frame": frame(framing.REQUEST, 1, pack(0, 100, 1) + b"x"),
            "names longer than their head": frame(framing.REQUEST, 1, pack(0, 4, 5) + b"httpx"),
            "a head of an unknown type": frame(framing.REQUEST, 1, pack(0, 4, 4) + b"smtp"),
            "a head without values": frame(framing.REQUEST, 1, pack(0, 4, 4) + b"http"),
            "a connection without numbers": frame(framing.REQUEST, 1, pack(0, 31, 4) + b"http1.1 http a b c  d\0GET\0\0/\0/1"),
            "a number that is in use": waiting + waiting,
            "content behind the end": waiting + frame(framing.BODY_END, 1) + frame(framing.BODY, 1, b"x"),
            "an unknown type": waiting + frame(99, 1),
            "a message to a request": waiting + frame(multiplex.MESSAGE, 1, b"\1x"),
            "a ping of three bytes": frame(multiplex.PING, 0, b"\0\0\0"),
            "request flags": frame(framing.REQUEST, 1, pack(2, 4, 4) + b"http"),
            "a connection of another version": strange_connection(b"3 http 1 127.0.0.1 80 127.0.0.1"),
            "a connection of another scheme": strange_connection(b"1.1 ftp 1 127.0.0.1 80 127.0.0.1"),
            "a port that is none": strange_connection(b"1.1 http 65536 127.0.0.1 80 127.0.0.1"),
            "a negative port": strange_connection(b"1.1 http 1 127.0.0.1 -80 127.0.0.1"),
            "an end of content with content": waiting + frame(framing.BODY_END, 1, b"x"),
            "a file that is half opened": waiting + frame(framing.FILE_OPENED, 1, b"\2"),
            "a cancellation with words": waiting + frame(multiplex.CANCEL, 1, b"x"),
            "a credit of three bytes": waiting + frame(multiplex.CREDIT, 1, b"\0\0\0"),
        }.items():
            with self.subTest(name), self.host(echo) as host:
                host.gateway.send(data)
                with self.assertRaises((EOFError, ConnectionResetError)):
                    while True:
                        host.gateway.read()
                self.assertIn("the link to the gateway was closed", host.log.getvalue())
                self.assertEqual(host.connect().get().body, b"/")

    def test_what_is_sent_beyond_its_credit_ends_the_link(self) -> None:
        async def takes_nothing(scope, receive, send):
            if scope["type"] == "websocket":
                await receive()
                await send({"type": "websocket.accept"})
            await asyncio.get_running_loop().run_in_executor(None, over.wait, 20)

        over = threading.Event()
        content = frame(framing.BODY, 1, bytes(65536))
        message = frame(multiplex.MESSAGE, 1, b"\2" + bytes(65536))
        for kind, frames in (("http", content * 5), ("websocket", message * 5)):
            with self.subTest(kind), self.host(takes_nothing) as host:
                head = scope() if kind == "http" else websocket()
                host.gateway.send(request(1, head, follows=kind == "http"))
                if kind == "websocket":
                    self.assertEqual(host.gateway.read().kind, multiplex.ACCEPT)
                host.gateway.send(frames)
                with self.assertRaises((EOFError, ConnectionResetError)):
                    while True:
                        host.gateway.read()
                over.set()
                self.assertIn("beyond its credit", host.log.getvalue())
            over.clear()

    def test_another_build_is_refused_by_name(self) -> None:
        for kind, payload, words in (
            (framing.HELLO, b'{"build": "9.9.9"}', "the gateway is build 9.9.9"),
            (framing.HELLO, b"[]", "hello"),
            (framing.HELLO, b'{"build": 7}', "hello"),
            (framing.HELLO, b'{"build": "%s"}' % (b"x" * 101), "hello"),
            (framing.REQUEST, b"no", "hello"),
        ):
            with self.subTest(words), self.host(echo) as host:
                stranger = FakeGateway(host._path)
                self.addCleanup(stranger.close)
                stranger.read()
                stranger.send(frame(kind, 0, payload))
                with self.assertRaises((EOFError, ConnectionResetError)):
                    stranger.read()
                self.assertIn(words, host.log.getvalue())

    def test_a_gateway_that_does_not_read_holds_send_back(self) -> None:
        sent = [0]

        async def application(scope, receive, send):
            await send({"type": "http.response.start", "status": 200})
            for _ in range(3):
                await send({"type": "http.response.body", "body": b"x" * 65_000, "more_body": True})
                sent[0] += 65_000
            await send({"type": "http.response.body"})

        for host in self.each_loop(application):
            sent[0] = 0
            count = 100
            host.gateway.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            host.gateway.send(b"".join(request(number, scope()) for number in range(1, count + 1)))
            # Another link: this one's PONGs wait behind all that.
            other = host.connect()
            last = -1
            while sent[0] != last:
                last = sent[0]
                self.assertTrue(other.is_silent())
            self.assertLess(last, 8 * 1024 * 1024)
            received = 0
            while received < count:
                received += host.gateway.read().kind == framing.END
            self.assertEqual(sent[0], count * 3 * 65_000)


if __name__ == "__main__":
    unittest.main()
