"""`sys.stdout` and `sys.stderr` of a worker: whole lines, marks; nothing is lost, and nothing raises."""

from __future__ import annotations

import contextvars
import gc
import io
import logging
import os
import subprocess
import sys
import tempfile
import textwrap
import threading
import traceback
import unittest
from typing import List

from jumak_worker.output import streams
from jumak_worker.output.streams import OutputStream, of_this_thread

PACKAGE_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Case(unittest.TestCase):
    def setUp(self) -> None:
        # A file, not a pipe: its reader may be late.
        self.file = tempfile.TemporaryFile(buffering=0)
        self.addCleanup(self.file.close)
        self.at = 0
        self.stream = OutputStream(self.file.fileno(), "<stderr>")
        self.addCleanup(of_this_thread().end_request)

    def printed(self) -> bytes:
        data = os.pread(self.file.fileno(), 1 << 20, self.at)
        self.at += len(data)
        return data


class Lines(Case):
    def test_a_line_goes_out_when_it_is_complete(self) -> None:
        self.stream.write("one ")
        self.assertEqual(self.printed(), b"")
        self.stream.write("line\nand")
        self.assertEqual(self.printed(), b"one line\n")
        self.stream.write("\n")
        self.assertEqual(self.printed(), b"and\n")

    def test_a_line_of_a_request_is_marked_with_its_id(self) -> None:
        of_this_thread().request = "r-1"
        print("hello", "there", file=self.stream)
        of_this_thread().end_request()
        print("bye", file=self.stream)
        self.assertEqual(self.printed(), b"\x1f=r-1\x1fhello there\nbye\n")

    def test_a_line_of_a_task_is_marked_with_the_id_of_its_request(self) -> None:
        for name, mark in ((b"r-1", b"r-1"), (b"caf\xe9", b"caf?")):
            context = contextvars.copy_context()
            context.run(streams.task_request.set, name)
            context.run(print, "hello", file=self.stream)
            self.assertEqual(self.printed(), b"\x1f=%s\x1fhello\n" % mark)
        print("bye", file=self.stream)
        self.assertEqual(self.printed(), b"bye\n")

    def test_requests_in_one_thread_do_not_mix_their_lines(self) -> None:
        def begin(name: str) -> None:
            output = streams.ThreadOutput()
            output.request = name
            streams.greenlet_output.set(output)
            self.stream.write(name + " begins, ")

        def end(name: str) -> None:
            self.stream.write(name + " ends\n")

        # Each greenlet has a context of its own.
        contexts = {name: contextvars.Context() for name in ("one", "two")}
        for step in (begin, end):
            for name, context in contexts.items():
                context.run(step, name)
        self.stream.write("no request\n")
        self.assertEqual(
            self.printed(), b"\x1f=one\x1fone begins, one ends\n\x1f=two\x1ftwo begins, two ends\nno request\n"
        )

    def test_lines_of_one_call_are_marked_as_belonging_together(self) -> None:
        self.stream.write("a\nb\n\nc\n")
        self.assertEqual(self.printed(), b"\x1f>\x1fa\n\x1f>\x1fb\n\x1f>\x1f\n\x1f=\x1fc\n")
        of_this_thread().request = "r"
        self.stream.write("a\nb\nrest")
        self.assertEqual(self.printed(), b"\x1f>r\x1fa\n\x1f=r\x1fb\n")

    def test_a_line_without_its_end_goes_out_in_parts_when_it_is_flushed(self) -> None:
        print("one", end=" ", file=self.stream, flush=True)
        self.assertEqual(self.printed(), b"\x1f~\x1fone \n")
        self.stream.flush()
        self.stream.write("")
        self.assertEqual(self.printed(), b"")
        print("two", end=" ", file=self.stream, flush=True)
        print("three", file=self.stream)
        print("next", file=self.stream)
        self.assertEqual(self.printed(), b"\x1f~\x1ftwo \n\x1f=\x1fthree\nnext\n")

    def test_a_request_ends_its_lines(self) -> None:
        of_this_thread().request = "r"
        print("kept", end="", file=self.stream)
        of_this_thread().end_request()
        self.assertEqual(self.printed(), b"\x1f=r\x1fkept\n")
        of_this_thread().request = "r"
        print("flushed", end="", file=self.stream, flush=True)
        of_this_thread().end_request()
        self.assertEqual(self.printed(), b"\x1f~r\x1fflushed\n\x1f=r\x1f\n")

    def test_an_endless_line_is_kept_only_in_part(self) -> None:
        for _ in range(40):
            self.stream.write("x" * 1000)
        self.assertEqual(self.printed(), b"")
        for _ in range(40):
            self.stream.write("x" * 1000)
        part = self.printed()
        self.assertTrue(part.startswith(b"\x1f~\x1fxxx") and len(part) > 64 * 1024)
        self.stream.write("\n")
        self.assertEqual(len(part) + len(self.printed()), 80_000 + len(b"\x1f~\x1f\n\x1f=\x1f\n"))

    def test_the_first_byte_of_a_mark_is_escaped(self) -> None:
        self.stream.write("\x1f=r\x1fforged\n")
        self.stream.write("\x1f")
        self.stream.flush()
        self.assertEqual(self.printed(), b"\\x1f=r\\x1fforged\n\x1f~\x1f\\x1f\n")

    def test_threads_do_not_mix_their_lines_nor_their_requests(self) -> None:
        barrier = threading.Barrier(2)

        def run(name: str) -> None:
            of_this_thread().request = name
            for _ in range(50):
                barrier.wait(20)
                self.stream.write(name)
                barrier.wait(20)
                self.stream.write(name + "\n")
            of_this_thread().end_request()

        threads = [threading.Thread(target=run, args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        self.assertEqual(sorted(self.printed().splitlines()), [b"\x1f=a\x1faa"] * 50 + [b"\x1f=b\x1fbb"] * 50)

    def test_a_thread_ends_its_lines(self) -> None:
        thread = threading.Thread(target=lambda: self.stream.write("last words"))
        thread.start()
        thread.join(20)
        gc.collect()
        self.assertEqual(self.printed(), b"last words\n")


class AsAStream(Case):
    def test_nothing_that_is_printed_raises(self) -> None:
        self.stream.write("\udcff é \U0001f40e\n")
        self.assertEqual(self.printed(), "\\udcff é \U0001f40e\n".encode())
        with self.assertRaises(TypeError):
            self.stream.write(b"bytes")  # type: ignore[arg-type]
        closed = OutputStream(10_000, "<closed>")
        closed.write("to nowhere\n")
        closed.flush()

    def test_it_stays_open(self) -> None:
        self.stream.close()
        self.stream.buffer.close()
        self.stream.write("still here\n")
        self.assertEqual((self.printed(), self.stream.closed), (b"still here\n", False))

    def test_what_libraries_ask_of_it(self) -> None:
        stream = self.stream
        self.assertEqual((stream.encoding, stream.errors, stream.isatty()), ("utf-8", "backslashreplace", False))
        self.assertEqual((stream.fileno(), stream.buffer.fileno()), (self.file.fileno(), self.file.fileno()))
        self.assertEqual((stream.writable(), stream.readable(), stream.seekable()), (True, False, False))
        stream.reconfigure(encoding="latin-1", line_buffering=False)
        stream.write("é\n")
        self.assertEqual(self.printed(), "é\n".encode())
        for use in (stream.read, stream.detach, stream.tell):
            with self.assertRaises(io.UnsupportedOperation):
                use()

    def test_bytes_through_its_buffer(self) -> None:
        self.stream.write("text ")
        self.stream.buffer.write(b"bytes\n")
        self.stream.buffer.write(memoryview(b"\xff\n"))
        self.assertEqual(self.printed(), b"text bytes\n\xff\n")

    def test_a_wrapper_around_its_buffer(self) -> None:
        wrapper = io.TextIOWrapper(self.stream.buffer, encoding="latin-1", line_buffering=True)
        wrapper.write("é\n")
        del wrapper
        gc.collect()
        self.stream.write("after\n")
        self.assertEqual(self.printed(), b"\xe9\nafter\n")

    def test_logging_and_tracebacks(self) -> None:
        of_this_thread().request = "r"
        handler = logging.StreamHandler(self.stream)
        logger = logging.Logger("test")
        logger.addHandler(handler)
        try:
            raise ValueError("bad")
        except ValueError:
            logger.exception("it failed")
            logged = self.printed().splitlines()
            traceback.print_exc(file=self.stream)
        self.assertEqual(logged[0], b"\x1f>r\x1fit failed")
        self.assertEqual(logged[-1], b"\x1f=r\x1fValueError: bad")
        self.assertTrue(all(line.startswith(b"\x1f>r\x1f") for line in logged[:-1]))
        self.assertIn(b"\x1f=r\x1fValueError: bad", self.printed().splitlines())

    def test_a_pipe_that_somebody_made_non_blocking(self) -> None:
        read_fd, write_fd = os.pipe()
        self.addCleanup(os.close, read_fd)
        self.addCleanup(os.close, write_fd)
        os.set_blocking(write_fd, False)
        got: List[bytes] = []

        def read() -> None:
            while sum(map(len, got)) < 1_000_001:
                got.append(os.read(read_fd, 65536))

        reader = threading.Thread(target=read)
        reader.start()
        OutputStream(write_fd, "<stderr>").write("x" * 1_000_000 + "\n")
        reader.join(20)
        self.assertEqual(b"".join(got), b"x" * 1_000_000 + b"\n")


class Processes(unittest.TestCase):
    def run_program(self, source: str) -> List[bytes]:
        program = "import os, sys\nfrom jumak_worker.output import streams\nstreams.install()\n" + textwrap.dedent(source)
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=PACKAGE_ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=True,
        )
        return done.stdout.splitlines()

    def test_the_end_of_the_process_ends_its_lines(self) -> None:
        self.assertEqual(self.run_program("print('one')\nprint('two', end='')"), [b"one", b"\x1f~\x1ftwo"])

    def test_a_child_prints_nothing_of_its_parent_and_goes_on_alone(self) -> None:
        lines = self.run_program(
            """
            import threading
            started, end = threading.Event(), threading.Event()
            def other():
                print("other", end="")
                started.set()
                end.wait()
            thread = threading.Thread(target=other)
            thread.start()
            started.wait()
            print("parent", end="")
            streams._lock.acquire()
            import warnings
            warnings.simplefilter("ignore", DeprecationWarning)  # threads and fork
            pid = os.fork()
            if pid == 0:
                print("child")
                sys.stdout.flush()
                os._exit(0)
            streams._lock.release()
            os.waitpid(pid, 0)
            print("")
            end.set()
            thread.join()
            """
        )
        self.assertEqual(lines, [b"child", b"parent", b"other"])

    def test_subprocesses_and_c_code_write_past_it(self) -> None:
        lines = self.run_program(
            """
            import faulthandler, subprocess
            faulthandler.enable()
            streams.of_this_thread().request = "r"
            print("ours")
            subprocess.run([sys.executable, "-c", "print('theirs')"], stdout=sys.stderr, check=True)
            faulthandler.dump_traceback(all_threads=False)
            """
        )
        self.assertEqual(lines[:2], [b"\x1f=r\x1fours", b"theirs"])
        self.assertTrue(lines[2].startswith(b"Stack"), lines)

    def test_uncaught_errors_and_warnings(self) -> None:
        lines = self.run_program(
            """
            import warnings
            warnings.warn("careful")
            sys.excepthook(ValueError, ValueError("bad"), None)
            """
        )
        self.assertTrue(any(b"careful" in line for line in lines), lines)
        self.assertIn(b"ValueError: bad", lines[-1])


if __name__ == "__main__":
    unittest.main()
