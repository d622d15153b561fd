"""``sys.stdout`` and ``sys.stderr`` of preloader and workers: whole lines, marked with the request that they belong to.

Runs in whatever thread prints. Each thread keeps its line until the line is complete, and writes it at once: the lines of two threads
never mix. A line begins with a mark if it belongs to a request, or if one call printed several lines. The master takes the marks
away; ``src/master/output/records.ts`` defines them. A subprocess writes to the descriptor itself, without marks.

Invariants: nothing that is printed raises an error or is lost, whatever the locale. At most 64 KiB of an unfinished line are kept for
each thread and stream. Every mark is ours: its first byte is escaped in what the application prints. A line without its end is
written when it is flushed, when its request ends, and when its thread or the process ends.
Not here: our own lines (``log.py``).
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections import deque
from contextvars import ContextVar
from typing import Any, Deque, Dict, Optional, Set

from .. import unpatched

#: Bytes of an unfinished line that are kept.
_MAX_PARTIAL = 64 * 1024

_ENCODING = "utf-8"
_ERRORS = "backslashreplace"
_MARK = b"\x1f"

#: The id of the request that an asyncio task belongs to, as it came: one thread runs many requests. Read when the task prints.
task_request: ContextVar[bytes] = ContextVar("jumak_request", default=b"")
_ESCAPED = b"\\x1f"

#: The ids of requests that have printed something lately. An id is not added again right after itself.
_printed: Deque[str] = deque(maxlen=1000)

#: One for both streams, which end in the same pipe. Reentrant, because signal handlers print too.
_lock = unpatched.RLock()


class ThreadOutput:
    """The output of one thread: the request that it runs, and its unfinished lines."""

    __slots__ = ("request", "partial", "_begun", "_pid")

    def __init__(self) -> None:
        #: The id of the request; empty: none. The slot sets it.
        self.request = ""
        #: Streams in the middle of a line → what is kept of that line. Empty when there is nothing to finish.
        self.partial: Dict[LineWriter, bytes] = {}
        #: Streams whose line was written in part.
        self._begun: Set[LineWriter] = set()
        self._pid = os.getpid()

    def end_request(self) -> None:
        """Ends the unfinished lines. What is printed from now on belongs to no request."""
        if self.partial:
            self.finish()
        self.request = ""

    def finish(self) -> None:
        for writer in list(self.partial):
            self._write_lines(writer, self.partial.pop(writer) + b"\n")

    def take(self, writer: "LineWriter", data: bytes) -> None:
        """Prints the lines of ``data`` and keeps what follows the last of them."""
        kept = self.partial.pop(writer, None)
        if kept:
            data = kept + data
        end = data.rfind(b"\n") + 1
        if end:
            self._write_lines(writer, data if end == len(data) else data[:end])
        if end < len(data):
            self.partial[writer] = data[end:]
            if len(data) - end > _MAX_PARTIAL:
                self.flush(writer)
        elif writer in self._begun:
            self.partial[writer] = b""  # `data` was empty

    def flush(self, writer: "LineWriter") -> None:
        """Writes what is kept of a line; the rest of the line follows."""
        kept = self.partial.get(writer)
        if kept:
            self.partial[writer] = b""
            self._begun.add(writer)
            self._note_printed()
            writer.write_all(self._mark(b"~") + kept.replace(_MARK, _ESCAPED) + b"\n")

    def _write_lines(self, writer: "LineWriter", lines: bytes) -> None:
        """``lines``: one or several whole lines."""
        if _MARK in lines:
            lines = lines.replace(_MARK, _ESCAPED)
        last = lines.rfind(b"\n", 0, -1) + 1
        if last:
            before = lines[: last - 1].split(b"\n")
            lines = b"".join([b"%s%s\n" % (self._mark(b">"), line) for line in before]) + self._mark(b"=") + lines[last:]
        elif self.request or task_request.get() or writer in self._begun:
            lines = self._mark(b"=") + lines
        self._begun.discard(writer)
        self._note_printed()
        writer.write_all(lines)

    def _note_printed(self) -> None:
        request = self._request()
        if request and not (_printed and _printed[-1] == request):
            _printed.append(request)

    def _request(self) -> str:
        return self.request or task_request.get().decode("latin-1")

    def _mark(self, kind: bytes) -> bytes:
        request = self._request()
        return b"\x1f%s%s\x1f" % (kind, request.encode("ascii", "replace"))

    def became_child(self) -> None:
        """In a forked process: the parent finishes the unfinished lines."""
        self.partial.clear()
        self._begun.clear()
        self._pid = os.getpid()

    def __del__(self) -> None:
        # The thread has ended. In a forked process all other threads have ended too, but the parent writes their lines.
        if self.partial and os.getpid() == self._pid:
            self.finish()


class LineWriter(io.BufferedIOBase):
    """``sys.stdout.buffer``: takes bytes. Cannot be closed: the descriptor belongs to the process."""

    mode = "wb"

    def __init__(self, fd: int, name: str) -> None:
        self._fd = fd
        self.name = name

    def write(self, data: Any) -> int:
        data = bytes(data)
        _output().take(self, data)
        return len(data)

    def write_all(self, data: bytes) -> None:
        """Writes all of ``data`` to the descriptor. No other thread of this process writes in between."""
        with _lock:
            view = memoryview(data)
            while view:
                try:
                    view = view[os.write(self._fd, view) :]
                except BlockingIOError:
                    unpatched.select([], [self._fd], [])  # a subprocess has made it non-blocking for all
                except OSError:
                    return  # closed, or its reader has gone: nobody can be told

    def flush(self) -> None:
        _output().flush(self)

    def close(self) -> None:
        # At the interpreter's end, when what is in this file has gone already, nothing waits.
        if _output is not None:
            self.flush()

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True


class OutputStream(io.TextIOBase):
    """``sys.stdout`` and ``sys.stderr``. Text is UTF-8, as the master reads it; ``reconfigure`` does not change that."""

    encoding = _ENCODING
    errors = _ERRORS
    newlines = None
    line_buffering = True
    write_through = False
    mode = "w"

    def __init__(self, fd: int, name: str) -> None:
        self.name = name
        self.buffer: LineWriter = LineWriter(fd, name)

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError("write() argument must be str, not %s" % type(text).__name__)
        _output().take(self.buffer, text.encode(_ENCODING, _ERRORS))
        return len(text)

    def flush(self) -> None:
        _output().flush(self.buffer)

    def close(self) -> None:
        # At the interpreter's end, when what is in this file has gone already, nothing waits.
        if _output is not None:
            self.flush()

    def reconfigure(
        self,
        *,
        encoding: Any = None,
        errors: Any = None,
        newline: Any = None,
        line_buffering: Any = None,
        write_through: Any = None,
    ) -> None:
        self.flush()

    def fileno(self) -> int:
        return self.buffer.fileno()

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True


class TerminalStream(OutputStream):
    """A ``sys.stdout`` that is a terminal, while developing: everything appears at once, as it is."""

    write_through = True

    def __init__(self, fd: int, name: str) -> None:
        super().__init__(fd, name)
        self.buffer: LineWriter = _TerminalWriter(fd, name)

    def write(self, text: str) -> int:
        self.buffer.write(text.encode(_ENCODING, _ERRORS))
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return self.buffer.isatty()


class _TerminalWriter(LineWriter):
    def write(self, data: Any) -> int:
        data = bytes(data)
        self.write_all(data)
        return len(data)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return os.isatty(self.fileno())


class _Local(threading.local):
    def __init__(self) -> None:
        self.output = ThreadOutput()


_local = _Local()
#: The output of a request that runs in a greenlet, beside others in its thread. None: the thread's own counts.
greenlet_output: ContextVar[Optional[ThreadOutput]] = ContextVar("jumak_output", default=None)


def has_printed(request: str) -> bool:
    """Whether the request with this id has printed something; only the last thousand are remembered."""
    try:
        return request in _printed
    except RuntimeError:
        return True  # another thread prints at this moment: the log is not silent


def of_this_thread() -> ThreadOutput:
    return _local.output


def _output() -> ThreadOutput:
    return greenlet_output.get() or _local.output


#: The descriptor that the master reads as our standard error.
errors_fd = 2


def install(fd: int = 2) -> None:
    """Called once, before anything of the application runs: an application may keep the streams, as logging does.

    ``fd``: what the master reads as our standard error; not 2 where descriptor 2 is a terminal.
    """
    for stream in (sys.stdout, sys.stderr):
        # They stay as sys.__stdout__ and sys.__stderr__. What is printed there must not raise either.
        reconfigure = getattr(stream, "reconfigure")
        reconfigure(encoding=_ENCODING, errors=_ERRORS, line_buffering=True)
    sys.stdout = OutputStream(1, "<stdout>")
    global errors_fd
    errors_fd = fd
    sys.stderr = OutputStream(fd, "<stderr>")
    os.register_at_fork(after_in_child=_became_child)


def _became_child() -> None:
    global _lock
    # Another thread may have held it at the fork.
    _lock = unpatched.RLock()
    _output().became_child()
