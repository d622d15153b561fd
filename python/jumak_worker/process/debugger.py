"""Debuggers, while developing: who stands in one, and a keyboard for those that ask for one. Only with ``--reload``.

A thread in a debugger is known by its frames: pdb and what is built on it (ipdb, pudb, remote ones) has ``bdb.py`` among them,
debugpy and PyCharm have pydevd, and what reads from the terminal our own functions. A thread of ours looks a few times a second and tells
the master, which switches the deadlines of this worker off until it is over. So nothing of a debugger is patched.

Where Jumak was started in a terminal (``start["terminal"]``), descriptors 0 to 2 of preloader and workers are the terminal, and so is
``sys.stdout``, unbuffered: ``input()`` and readline want the real ones. ``sys.stderr`` goes to the log as ever.
"""

from __future__ import annotations

import builtins
import io
import os
import sys
import threading
import time
from types import FrameType
from typing import Any, Callable, Optional

from . import ignored_signals, output

#: Seconds between two looks. An event loop is taken for blocked after two seconds.
_INTERVAL = 0.2
#: Files whose functions run only while a debugger, or somebody who reads from the terminal, has the thread.
_FILES = frozenset((os.path.join(os.path.dirname(os.__file__), "bdb.py"), os.path.abspath(__file__)))
#: Parts of paths: of installed packages.
_PARTS = ("pydevd", os.path.join("IPython", "terminal"))

_input = builtins.input


def has(frame: Optional[FrameType]) -> bool:
    """Whether the thread that runs ``frame`` is in a debugger, or waits for the keyboard."""
    while frame is not None:
        path = frame.f_code.co_filename
        if path in _FILES or any(part in path for part in _PARTS):
            return True
        frame = frame.f_back
    return False


def start() -> None:
    """Once, in the preloader."""
    # Ctrl-C, which the master passes on to a worker that is in a debugger.
    ignored_signals.is_interruptible = has


def watch(tell: Callable[[bool], None]) -> None:
    """In a worker: calls ``tell`` each time that a thread goes into a debugger, and when the last one has left."""
    threading.Thread(target=_watch, args=(tell,), name="jumak-debugger", daemon=True).start()


def _watch(tell: Callable[[bool], None]) -> None:
    own = threading.get_ident()
    was = False
    while True:
        time.sleep(_INTERVAL)
        now = any(has(frame) for thread, frame in sys._current_frames().items() if thread != own)
        if now != was:
            was = now
            tell(now)


def framework_note(application: Any) -> str:
    """Where a framework has more to show than its settings let it; empty: it has not, or is none that is known. Nothing of the
    application runs for this."""
    framework = type(application).__module__.partition(".")[0]
    state = getattr(application, "__dict__", {})
    if framework == "flask":
        if dict.get(state.get("config") or {}, "DEBUG"):
            return "Flask's own debugger does not run here: exceptions are shown in the browser, breakpoint() asks in the terminal"
        return "Flask keeps exceptions to itself: FLASK_DEBUG=1 lets them be shown in the browser"
    if framework in ("fastapi", "starlette") and state.get("debug") is False:
        return "exceptions are in this log; debug=True of the application shows them in the browser"
    return ""


# -- the terminal


def take_terminal() -> None:
    """Once, in the preloader. What is printed appears at once, a prompt without a line's end too."""
    sys.stdout = output.TerminalStream(1, "<stdout>")
    if sys.stdin is not None:
        sys.stdin = _Keyboard(sys.stdin.buffer, encoding="utf-8", errors="replace")
    builtins.input = _ask


def restore_terminal() -> None:
    """After the end of a worker, which may have been killed at a prompt of readline: echo and lines are switched on again."""
    try:
        import termios

        mode = termios.tcgetattr(0)
        mode[0] |= termios.ICRNL
        mode[1] |= termios.OPOST
        mode[3] |= termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN
        termios.tcsetattr(0, termios.TCSADRAIN, mode)
    except Exception:
        pass  # it is no terminal any more


def _ask(*arguments: Any) -> str:
    """``input``: by this function's frame it is known who waits for the keyboard."""
    return _input(*arguments)


class _Keyboard(io.TextIOWrapper):
    """``sys.stdin``, for the same reason."""

    def read(self, *arguments: Any) -> str:
        return super().read(*arguments)

    def readline(self, *arguments: Any) -> str:
        return super().readline(*arguments)

    def __next__(self) -> str:
        line = self.readline()
        if not line:
            raise StopIteration
        return line
