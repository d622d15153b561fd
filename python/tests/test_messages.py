"""Messages of the master, with each field wrong in every way: each is refused, and nothing else happens."""

from __future__ import annotations

import copy
import json
import os
import random
import socket
import unittest
from typing import Any, Iterator, List, Tuple

from jumak_worker import __version__
from jumak_worker.process import messages
from jumak_worker.process.control import MAX_LINE, ControlChannel
from jumak_worker.process.messages import MessageError

from .process_case import APP, ProcessCase

VECTORS = os.path.join(os.path.dirname(__file__), "..", "..", "test", "vectors", "control.json")
#: Fields that may be null.
NULLABLE = {"module", "file", "identity", "postFork", "configuration", "path", "umask", "logConfig", "loggers", "level", "paste"}
#: Texts and lists that may be empty.
MAY_BE_EMPTY = {
    "display",
    "hooks",
    "importPath",
    "rootPath",
    "runtimeDirectory",
    "settingsFrom",
    "thread",
    "userName",
}
#: Objects whose parts are checked by who reads them.
OPAQUE = {"settings", "variables", "paste"}
HUGE = "x" * 5000


def examples() -> List[Tuple[dict, dict]]:
    """Message and shapes of each that the master sends."""
    with open(VECTORS, encoding="utf-8") as file:
        found = [vector for vector in json.load(file) if vector["from"] == "master"]
    result = []
    for vector in found:
        message = dict(vector["message"])
        if "build" in message:
            message["build"] = __version__
        result.append((message, messages.PRELOADER if vector["channel"] == "preloader" else messages.WORKER))
    return result


def spoilt(value: Any, name: str) -> Iterator[Any]:
    """Values that the field must not have. ``...``: the field is left out."""
    yield ...
    if name not in NULLABLE:
        yield None
    if isinstance(value, bool):
        yield from (0, 1, "true", [], {})
    elif isinstance(value, int):
        yield from (-1, 2**53, 2**64, 1.5, float("nan"), float("inf"), 1e300, str(value), True, [value], {})
    elif isinstance(value, str):
        yield from (7, True, [value], {}, HUGE)
        if name not in MAY_BE_EMPTY:
            yield ""
    elif isinstance(value, list):
        yield from ("x", {}, 7, value * 1001 or [""])
        if name not in MAY_BE_EMPTY:
            yield []
        for i, inner in enumerate(value):
            for bad in spoilt(inner, ""):
                if bad is not ...:
                    yield value[:i] + [bad] + value[i + 1 :]
    elif isinstance(value, dict):
        yield from ([], "x", 7)
        for key, inner in value.items() if name not in OPAQUE else ():
            for bad in spoilt(inner, key):
                yield {k: bad if k == key else v for k, v in value.items() if not (k == key and bad is ...)}


class Messages(unittest.TestCase):
    def test_every_example_is_believed(self) -> None:
        for message, shapes in examples():
            with self.subTest(message["type"]):
                self.assertIs(messages.check(message, shapes), message)

    def test_there_is_an_example_of_every_message_and_a_check_of_every_field(self) -> None:
        for shapes in (messages.PRELOADER, messages.WORKER):
            seen: dict = {}
            for message, its in examples():
                if its is shapes:
                    seen.setdefault(message["type"], set()).update(set(message) - {"type"})
            self.assertEqual({kind: set(fields) for kind, fields in shapes.items()}, seen)

    def test_a_wrong_field_is_refused_and_named(self) -> None:
        count = 0
        for message, shapes in examples():
            for name in message:
                if name == "type":
                    continue
                for bad in spoilt(message[name], name):
                    wrong = copy.copy(message)
                    if bad is ...:
                        del wrong[name]
                    else:
                        wrong[name] = bad
                    with self.subTest(message["type"], field=name, value=bad), self.assertRaises(MessageError) as caught:
                        messages.check(wrong, shapes)
                    self.assertIn("field '%s' of message '%s'" % (name, message["type"]), str(caught.exception))
                    self.assertLess(len(str(caught.exception)), 1000)
                    count += 1
        self.assertGreater(count, 300)

    def test_what_is_no_message_is_refused(self) -> None:
        for wrong in (None, 7, "x", [], {}, {"type": 7}, {"type": "sudo"}, {"type": ["stop"]}, {"type": "__class__"}):
            with self.subTest(wrong), self.assertRaises(MessageError):
                messages.check(wrong, messages.WORKER)

    def test_whatever_comes_in_a_line_is_a_message_or_refused_and_the_next_one_is_read(self) -> None:
        dice = random.Random(5)
        lines = [b"[" * 100_000, b"{}", b"null", b'{"type":"stop"', b"\xff\xfe", b'{"type":"stacks","thread":1e999}', b""]
        for _ in range(300):
            line = bytearray(json.dumps(dice.choice(examples())[0]).encode())
            for _ in range(dice.randrange(4)):
                line[dice.randrange(len(line))] = dice.randrange(256)
            lines.append(bytes(line).replace(b"\n", b" "))
        for line in lines:
            ours, theirs = socket.socketpair()
            with ours, theirs:
                theirs.sendall(line + b'\n{"type":"stop"}\n')
                channel = ControlChannel(ours, messages.WORKER)
                try:
                    channel.receive()
                except MessageError:
                    pass
                self.assertEqual(channel.receive(), {"type": "stop"})

    def test_a_line_without_an_end_is_the_end(self) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            channel = ControlChannel(ours, messages.WORKER)
            is_open = True
            for _ in range(MAX_LINE // 4096 + 1):
                theirs.send(b"x" * 4096)
                is_open = channel.fill()
            self.assertFalse(is_open)


class Processes(ProcessCase):
    def test_a_start_that_cannot_be_believed_is_told_in_one_sentence(self) -> None:
        failed = self.master(threads=0).receive("load-failed")
        self.assertEqual(
            failed["message"],
            "the master sent field 'threads' of message 'start', which is 0 and should be a whole number from 1 to 65536",
        )

    def test_preloader_and_worker_go_on_after_a_message_that_is_none(self) -> None:
        master = self.master(APP)
        master.receive("loaded")
        master.send("fork", worker=-1)
        _, output, sock, _ = self.fork(master)
        sock.sendall(b'{"type":"stacks","thread":"; rm"}\n{"type":"stop"}\n')
        self.assertEqual(master.receive("exited")["code"], 0)
        self.assertIn(b"the master sent field 'thread' of message 'stacks', which is '; rm'", output.read(10_000))
        master.control.shutdown(socket.SHUT_RDWR)
        master.process.wait(20)
        self.assertIn(b"the master sent field 'worker' of message 'fork', which is -1", master.process.stderr.read())


if __name__ == "__main__":
    unittest.main()
