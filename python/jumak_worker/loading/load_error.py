"""Why an application cannot be served: it could not be imported, or its start-up failed."""

from __future__ import annotations

from typing import Optional

from ..output import tracebacks


class LoadError(Exception):
    """``message``: one sentence for the user; ``cause``: the exception of the application, if there is one."""

    def __init__(self, message: str, cause: Optional[BaseException] = None, traceback: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cause = cause
        #: The frames of the application; empty: there are none.
        self.traceback = traceback if cause is None else tracebacks.format_exception(cause)
