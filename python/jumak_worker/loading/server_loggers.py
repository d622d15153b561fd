"""The loggers of gunicorn and of uvicorn, as applications and files for ``logging.config`` expect them.

Runs in the preloader, or in each worker with ``--preload off``, before the import. What they write goes to standard error, so into the log of
Jumak. Not here: files and dictionaries (``log_config.py``), a class of the user's (``hooks/logger.py``).
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Dict, Optional

#: uvicorn's level below DEBUG.
TRACE = 5
#: Behind it stand the messages: ``INFO:     `` is as long as ``CRITICAL: ``.
_PREFIX_WIDTH = 9
_COLOURS = {TRACE: 34, logging.DEBUG: 36, logging.INFO: 32, logging.WARNING: 33, logging.ERROR: 31, logging.CRITICAL: 91}


def make_gunicorns(level: str) -> None:
    """Applications look at the handlers and the level of ``gunicorn.error``, and give them to their own loggers."""
    error = logging.getLogger("gunicorn.error")
    if not error.handlers:
        _give(error, logging.Formatter("[%(levelname)s] %(message)s"))
    error.setLevel(level.upper())
    error.propagate = False
    access = logging.getLogger("gunicorn.access")
    access.setLevel(logging.INFO)
    access.propagate = False


def make_uvicorns() -> None:
    for name in ("uvicorn", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers = []
        _give(logger, LevelFormatter("%(levelprefix)s %(message)s"))
        logger.propagate = False
        logger.setLevel(logging.INFO)


def _give(logger: logging.Logger, formatter: logging.Formatter) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logger.addHandler(handler)


#: What gunicorn's dictionary has where the given one has no such key.
GUNICORNS_DICTIONARY: Dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "root": {"level": "INFO", "handlers": ["console"]},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "handlers": ["error_console"], "propagate": True},
        "gunicorn.access": {"level": "INFO", "handlers": ["console"], "propagate": True},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "generic", "stream": "ext://sys.stdout"},
        "error_console": {"class": "logging.StreamHandler", "formatter": "generic", "stream": "ext://sys.stderr"},
    },
    "formatters": {
        "generic": {
            "format": "%(asctime)s [%(process)d] [%(levelname)s] %(message)s",
            "datefmt": "[%Y-%m-%d %H:%M:%S %z]",
        },
    },
}


class LevelFormatter(logging.Formatter):
    """Knows ``%(levelprefix)s``, and the fields of an access line, which are empty: the gateway writes those lines."""

    def __init__(
        self, fmt: Optional[str] = None, datefmt: Optional[str] = None, style: str = "%", use_colors: Optional[bool] = None
    ) -> None:
        super().__init__(fmt, datefmt, style)  # type: ignore[arg-type]
        self._has_colours = use_colors is True

    def formatMessage(self, record: logging.LogRecord) -> str:
        name = record.levelname
        blanks = " " * (_PREFIX_WIDTH - 1 - len(name))
        colour = _COLOURS.get(record.levelno) if self._has_colours else None
        record.levelprefix = "%s:%s" % (name if colour is None else "\x1b[%dm%s\x1b[0m" % (colour, name), blanks)
        for field in ("client_addr", "request_line", "status_code"):
            record.__dict__.setdefault(field, "")
        return super().formatMessage(record)
