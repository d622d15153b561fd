"""The spawner of CGI programs: records, its table, and which file a path means."""

from __future__ import annotations

import json
import os
import struct
import tempfile
import unittest
from typing import Any, Dict

from jumak_worker.cgi import messages, records
from jumak_worker.cgi.environment import variables_of
from jumak_worker.cgi.programs import Found, Program, Programs, Refused

from .harness import PACKAGE

VECTORS = os.path.join(os.path.dirname(os.path.dirname(PACKAGE.rstrip("/"))), "test/vectors/cgi.json")


def pair(name: bytes, value: bytes) -> bytes:
    def length(text: bytes) -> bytes:
        return bytes([len(text)]) if len(text) < 0x80 else struct.pack("!I", len(text) | 0x80000000)

    return length(name) + length(value) + name + value


class Records(unittest.TestCase):
    def test_the_same_however_they_are_cut(self) -> None:
        data = records.record(records.PARAMS, b"abc") + records.HEADER.pack(1, records.STDIN, 1, 2, 3) + b"xy\0\0\0" + records.END
        whole = list(records.Reader().receive(data))
        self.assertEqual(whole, [(records.PARAMS, b"abc"), (records.STDIN, b"xy"), (records.END_REQUEST, bytes(8))])
        for size in range(1, len(data)):
            reader = records.Reader()
            cut = [one for at in range(0, len(data), size) for one in reader.receive(data[at : at + size])]
            self.assertEqual(cut, whole, size)

    def test_another_request_is_refused(self) -> None:
        with self.assertRaises(records.RecordError):
            list(records.Reader().receive(records.HEADER.pack(1, records.STDIN, 2, 0, 0)))

    def test_parameters(self) -> None:
        long = b"x" * 300
        self.assertEqual(records.parameters(pair(b"A", b"") + pair(b"B", long)), {b"A": b"", b"B": long})

    def test_lengths_that_lie(self) -> None:
        whole = pair(b"NAME", b"x" * 200)
        for end in range(1, len(whole)):
            with self.assertRaises(records.RecordError, msg=end):
                records.parameters(whole[:end])
        with self.assertRaises(records.RecordError):
            records.parameters(b"\xff\xff\xff\xff\x01a")


class Messages(unittest.TestCase):
    def test_vectors(self) -> None:
        with open(VECTORS, encoding="utf-8") as file:
            vectors = json.load(file)
        for right in vectors["right"]:
            messages.check(right)
        for wrong in vectors["wrong"]:
            with self.assertRaises(messages.MessageError, msg=wrong):
                messages.check(wrong)

    def test_a_program_of_the_configuration_before_stays_until_the_next_change(self) -> None:
        programs = Programs()

        def table(*keys: str) -> Dict[str, Any]:
            return {"type": "programs", "processes": 2, "token": "t", "programs": {key: entry("/srv") for key in keys}}

        programs.set(table("a"))
        programs.set(table("b"))
        self.assertEqual([programs.get(key) is not None for key in (b"a", b"b", b"c")], [True, True, False])
        programs.set(table("b"))
        self.assertIsNone(programs.get(b"a"))


def entry(path: str, **more: Any) -> Dict[str, Any]:
    return {
        "path": path,
        "isDirectory": True,
        "links": "within",
        "mayBeWritable": False,
        "owners": [0, os.getuid()],
        "interpreters": {},
        "variables": {},
        **more,
    }


class Files(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.outer = os.path.realpath(directory.name)
        self.root = os.path.join(self.outer, "cgi-bin")
        self.make("cgi-bin/run")
        self.make("cgi-bin/deep/run.py")
        self.make("outside")

    def make(self, name: str, mode: int = 0o755) -> str:
        path = os.path.join(self.outer, name)
        if not os.path.isdir(os.path.dirname(path)):
            os.mkdir(os.path.dirname(path))
            os.chmod(os.path.dirname(path), 0o755)
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n")
        os.chmod(path, mode)
        return path

    def find(self, below: str, **more: Any) -> Found:
        return Program(entry(self.root, **more)).find(os.fsencode(below))

    def refused(self, below: str, **more: Any) -> Refused:
        with self.assertRaises(Refused, msg=below) as caught:
            self.find(below, **more)
        return caught.exception

    def test_the_first_file_on_the_path_is_the_program(self) -> None:
        found = self.find("/deep/run.py/a//b/")
        self.assertEqual((found.name, found.info), (b"/deep/run.py", b"/a//b/"))
        self.assertEqual(found.command, [os.fsencode(os.path.join(self.root, "deep/run.py"))])
        self.assertEqual(self.find("/run").info, b"")

    def test_what_is_no_program(self) -> None:
        self.make("cgi-bin/.run")
        for below in ("", "/", "run", "/deep", "/deep/", "/no", "//run", "/.run", "/../outside", "/deep/../run", "/deep/../../outside", "/a\nb", "/a\\b", "/run\x7f"):
            self.assertEqual(self.refused(below).status, 404, below)

    def test_links(self) -> None:
        for target, name in (("run", "in"), ("../outside", "out"), ("deep", "directory")):
            os.symlink(target, os.path.join(self.root, name))
        self.assertEqual(self.find("/in/x").path, os.fsencode(os.path.join(self.root, "run")))
        self.assertEqual(self.find("/directory/run.py").path, os.fsencode(os.path.join(self.root, "deep/run.py")))
        self.assertEqual(self.refused("/out").status, 404)
        self.assertEqual(self.find("/out", links="followed").name, b"/out")
        self.assertEqual(self.refused("/in", links="off-limits").status, 404)

    def test_what_others_may_write_is_not_run(self) -> None:
        self.make("cgi-bin/all", 0o757)
        self.make("cgi-bin/group", 0o775)
        self.make("cgi-bin/open/run")
        os.chmod(os.path.join(self.root, "open"), 0o777)
        for below, why in (("/all", "everybody"), ("/group", "its group"), ("/open/run", "everybody")):
            refused = self.refused(below)
            self.assertEqual(refused.status, 403)
            self.assertIn(why, str(refused))
            self.assertEqual(self.find(below, mayBeWritable=True).info, b"")
        os.symlink("open/run", os.path.join(self.root, "into"))
        self.assertEqual(self.refused("/into").status, 403)
        self.assertIn("belongs to user", str(self.refused("/run", owners=[os.getuid() + 1])))

    def test_interpreters(self) -> None:
        self.make("cgi-bin/x.pl", 0o644)
        self.assertIn("not executable", str(self.refused("/x.pl")))
        found = self.find("/x.pl/y", interpreters={".pl": "/usr/bin/perl"})
        self.assertEqual(found.command, [b"/usr/bin/perl", os.fsencode(os.path.join(self.root, "x.pl"))])

    def test_one_program(self) -> None:
        program = Program(entry(os.path.join(self.root, "run"), isDirectory=False))
        self.assertEqual(program.find(b"/a/b")[1:3], (b"", b"/a/b"))
        self.assertEqual(program.find(b"").info, b"")
        with self.assertRaises(Refused):
            program.find(b"ner")


class Environment(unittest.TestCase):
    def test_variables(self) -> None:
        program = Program(entry("/srv", variables={"PATH": "/bin", "LANG": "C"}))
        found = Found(b"/srv/run", b"/run", b"/a", [b"/srv/run"])
        given = {
            b"JUMAK_PROGRAM": b"k",
            b"JUMAK_BELOW": b"/run/a",
            b"SCRIPT_NAME": b"/cgi-bin",
            b"DOCUMENT_ROOT": b"/www",
            b"LANG": b"ko",
            b"HTTP_PROXY": b"evil",
        }
        expected = {
            b"PATH": b"/bin",
            b"LANG": b"ko",
            b"SCRIPT_NAME": b"/cgi-bin/run",
            b"SCRIPT_FILENAME": b"/srv/run",
            b"PATH_INFO": b"/a",
            b"PATH_TRANSLATED": b"/www/a",
            b"DOCUMENT_ROOT": b"/www",
            b"JUMAK_CGI": b"t",
        }
        self.assertEqual(variables_of(given, program, found, b"t"), expected)


if __name__ == "__main__":
    unittest.main()
