"""``sys.stdout`` and ``sys.stderr`` of preloader and workers: whole lines, marked with the request that they belong to.

A line is kept, for each thread by itself, until it is complete, and written at once: threads do not mix theirs. Lines that
belong to a request, or are several of one call, begin with a mark that the master takes away (its format stands in
``src/master/output/records.ts``). A subprocess writes to the descriptor itself and never sees a mark.

Invariants: nothing that is printed raises or is lost, whatever the locale; at most 64 KiB of an unfinished line are kept for a
thread and stream; a mark is only ever ours, since its first byte is escaped in what the application prints. A line without
its end goes out when it is flushed, when its request ends, and when its thread or the process does.
"""

from __future__ import annotations

import io
import os
import select
import sys
import threading
from collections import deque
from contextvars import ContextVar
from typing import Any, Deque, Dict, Set

#: Bytes of a line without its end that are kept back.
_MAX_PARTIAL = 64 * 1024

_ENCODING = "utf-8"
_ERRORS = "backslashreplace"
_MARK = b"\x1f"

#: The request that an asyncio task belongs to, by its id as it came: its thread runs many at a time. Read when it prints.
task_request: ContextVar[bytes] = ContextVar("jumak_request", default=b"")
_ESCAPED = b"\\x1f"

#: Requests that have printed something lately, by their id; each once in a row.
_printed: Deque[str] = deque(maxlen=1000)

#: For both streams: they end in the same pipe. Reentrant, for signal handlers print too.
_lock = threading.RLock()


class ThreadOutput:
    """What one thread prints: the request that it runs, and its lines that have no end yet."""

    __slots__ = ("request", "partial", "_begun", "_pid")

    def __init__(self) -> None:
        #: Its id; empty: none. The slot sets it.
        self.request = ""
        #: Streams that are in the middle of a line, with what is kept back of it. Empty when there is nothing to finish.
        self.partial: Dict[LineWriter, bytes] = {}
        #: Those whose line went out in part.
        self._begun: Set[LineWriter] = set()
        self._pid = os.getpid()

    def end_request(self) -> None:
        """Ends the lines that have no end; what is printed from now on belongs to no request."""
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
            self.partial[writer] = b""  # there was nothing in ``data``

    def flush(self, writer: "LineWriter") -> None:
        """What is kept of a line goes out; the rest of it follows."""
        kept = self.partial.get(writer)
        if kept:
            self.partial[writer] = b""
            self._begun.add(writer)
            self._note_printed()
            writer.write_all(self._mark(b"~") + kept.replace(_MARK, _ESCAPED) + b"\n")

    def _write_lines(self, writer: "LineWriter", lines: bytes) -> None:
        """``lines``: one or several whole ones."""
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
        """The process was forked: what it was in the middle of, its parent will end."""
        self.partial.clear()
        self._begun.clear()
        self._pid = os.getpid()

    def __del__(self) -> None:
        # The thread has ended. In a forked child all the others have, and what they kept is the parent's.
        if self.partial and os.getpid() == self._pid:
            self.finish()


class LineWriter(io.BufferedIOBase):
    """``sys.stdout.buffer``: takes bytes. Cannot be closed: the descriptor is the process's own."""

    mode = "wb"

    def __init__(self, fd: int, name: str) -> None:
        self._fd = fd
        self.name = name

    def write(self, data: Any) -> int:
        data = bytes(data)
        _local.output.take(self, data)
        return len(data)

    def write_all(self, data: bytes) -> None:
        """To the descriptor, all of it, not mixed with what others of this process print."""
        with _lock:
            view = memoryview(data)
            while view:
                try:
                    view = view[os.write(self._fd, view) :]
                except BlockingIOError:
                    select.select([], [self._fd], [])  # a subprocess has made it non-blocking, for all
                except OSError:
                    return  # closed, or its reader has gone: there is nobody to tell

    def flush(self) -> None:
        _local.output.flush(self)

    def close(self) -> None:
        self.flush()

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True


class OutputStream(io.TextIOBase):
    """``sys.stdout``, ``sys.stderr``. Text is UTF-8, as the master reads it, whatever ``reconfigure`` is asked for."""

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
        _local.output.take(self.buffer, text.encode(_ENCODING, _ERRORS))
        return len(text)

    def flush(self) -> None:
        _local.output.flush(self.buffer)

    def close(self) -> None:
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
    """``sys.stdout`` that is a terminal, while developing: everything appears at once, in nobody's form."""

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


def has_printed(request: str) -> bool:
    """Whether the request with this id has, as far as it is remembered."""
    try:
        return request in _printed
    except RuntimeError:
        return True  # another thread is printing: whoever prints that much says enough


def of_this_thread() -> ThreadOutput:
    return _local.output


#: Of what the master reads as our standard error.
errors_fd = 2


def install(fd: int = 2) -> None:
    """Once, before anything of the application runs: it may keep the streams (logging does). ``fd``: of what the master reads as
    our standard error, where descriptor 2 is a terminal."""
    for stream in (sys.stdout, sys.stderr):
        # They stay as sys.__stdout__ and sys.__stderr__; nothing that is printed there must raise either.
        reconfigure = getattr(stream, "reconfigure")
        reconfigure(encoding=_ENCODING, errors=_ERRORS, line_buffering=True)
    sys.stdout = OutputStream(1, "<stdout>")
    global errors_fd
    errors_fd = fd
    sys.stderr = OutputStream(fd, "<stderr>")
    os.register_at_fork(after_in_child=_became_child)


def _became_child() -> None:
    global _lock
    # Another thread may have held it.
    _lock = threading.RLock()
    _local.output.became_child()
