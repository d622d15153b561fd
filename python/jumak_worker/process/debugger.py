"""Debuggers, while developing (``--reload``): which threads are in one, and a keyboard for it.

In a worker a thread of its own looks at all frames a few times a second. It tells the master, which switches off the deadlines of this
worker until no thread is in a debugger. Frames tell: pdb and its relatives (ipdb, pudb, remote ones) run ``bdb.py``, debugpy and
PyCharm run pydevd, and code that reads from the terminal runs functions of this file. Invariant: no debugger is patched.

Where Jumak was started in a terminal (``start["terminal"]``), descriptors 0 to 2 of preloader and workers are the terminal, and so is
``sys.stdout``, unbuffered: ``input()`` and readline need the real ones. ``sys.stderr`` goes to the log as always.
Not here: Ctrl-C itself (``ignored_signals.py``), streams (``output/streams.py``).
"""

from __future__ import annotations

import builtins
import io
import os
import sys
from types import FrameType
from typing import Any, Callable, Optional

from .. import unpatched
from ..output.streams import TerminalStream
from . import ignored_signals

#: Seconds between two looks. The gateway considers an event loop blocked after two seconds.
_INTERVAL = 0.2
#: Files whose functions run only in a debugger, or in code that reads from the terminal.
_FILES = frozenset((os.path.join(os.path.dirname(os.__file__), "bdb.py"), os.path.abspath(__file__)))
#: Parts of the paths of installed packages that do the same.
_PARTS = ("pydevd", os.path.join("IPython", "terminal"))

_input = builtins.input


def is_debugged(frame: Optional[FrameType]) -> bool:
    """Whether the thread that runs ``frame`` is in a debugger, or waits for the keyboard."""
    while frame is not None:
        path = frame.f_code.co_filename
        if path in _FILES or any(part in path for part in _PARTS):
            return True
        frame = frame.f_back
    return False


def start() -> None:
    """Called once, in the preloader."""
    # The master passes Ctrl-C on to a worker that is in a debugger.
    ignored_signals.is_interruptible = is_debugged


def watch(tell: Callable[[bool], None]) -> None:
    """In a worker: calls ``tell(True)`` when a thread enters a debugger and none was in one, ``tell(False)`` when the last has left."""
    unpatched.start_thread(lambda: _watch(tell), "jumak-debugger")


def _watch(tell: Callable[[bool], None]) -> None:
    own = unpatched.get_ident()
    was = False
    while True:
        unpatched.sleep(_INTERVAL)
        now = any(is_debugged(frame) for thread, frame in sys._current_frames().items() if thread != own)
        if now != was:
            was = now
            tell(now)


def framework_note(application: Any) -> str:
    """How to make a framework show more of an error; empty where it shows all, or is unknown. No code of the application runs."""
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
    """Called once, in the preloader. What is printed appears at once, also a prompt without a line's end."""
    sys.stdout = TerminalStream(1, "<stdout>")
    if sys.stdin is not None:
        sys.stdin = _Keyboard(sys.stdin.buffer, encoding="utf-8", errors="replace")
    builtins.input = _ask


def restore_terminal() -> None:
    """Switches echo and line mode on again: a worker that has ended may have been killed at a prompt of readline."""
    try:
        import termios

        mode = termios.tcgetattr(0)
        mode[0] |= termios.ICRNL
        mode[1] |= termios.OPOST
        mode[3] |= termios.ICANON | termios.ECHO | termios.ISIG | termios.IEXTEN
        termios.tcsetattr(0, termios.TCSADRAIN, mode)
    except Exception:
        pass  # it is no longer a terminal


def _ask(*arguments: Any) -> str:
    """``input``. The frame of this function tells that the thread waits for the keyboard."""
    return _input(*arguments)


class _Keyboard(io.TextIOWrapper):
    """``sys.stdin``, whose frames tell the same."""

    def read(self, *arguments: Any) -> str:
        return super().read(*arguments)

    def readline(self, *arguments: Any) -> str:
        return super().readline(*arguments)

    def __next__(self) -> str:
        line = self.readline()
        if not line:
            raise StopIteration
        return line
