"""Python's logging, set up before the application is imported: by a file (``--log-config``), and with loggers of another server.

``by_dictionary`` is for a dictionary that gunicorn's configuration file has.

Runs in the preloader, or in each worker with ``--preload off``; loaded only where one of the two is given. Raises LoadError. A file is read
as ``logging.config`` reads it, by the ending of its name: ``.json``, ``.yaml`` and ``.yml``, and all others as ``fileConfig`` does, where
``%(here)s`` is the directory, as with gunicorn.

Files for uvicorn name its formatters. Where uvicorn is not installed, classes of the same names stand in for them while the file is read.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import logging.config
import os
import sys
from types import ModuleType
from typing import Any, Callable, Dict, Optional

from ..output import tracebacks
from . import server_loggers
from .load_error import LoadError


def set_up(file: Optional[str], loggers: Optional[dict], setting: str = " (--log-config)") -> None:
    """``loggers``: ``{"server": "uvicorn", "level": 20}``; a level of None changes none. ``setting``: for messages about the file."""
    if loggers is not None:
        logging.addLevelName(server_loggers.TRACE, "TRACE")
        if file is None:
            server_loggers.make_uvicorns()
    if file is not None:
        _read(file, setting)
    if loggers is not None and loggers["level"] is not None:
        # As there: it wins over the file, also where that says less.
        for name in ("uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
            logging.getLogger(name).setLevel(loggers["level"])


def by_dictionary(given: Dict[str, Any], where: str) -> None:
    """``given``: ``logconfig_dict`` of the configuration file ``where``. Raises LoadError."""
    _guarded("logconfig_dict of %s" % where, lambda: logging.config.dictConfig({**server_loggers.GUNICORNS_DICTIONARY, **given}))


def _read(file: str, setting: str) -> None:
    what = "the logging configuration %s%s" % (file, setting)

    def read() -> None:
        if file.endswith(".json"):
            with open(file, encoding="utf-8") as opened:
                logging.config.dictConfig(json.load(opened))
        elif file.endswith((".yaml", ".yml")):
            logging.config.dictConfig(_yaml(file, what))
        else:
            # It says nothing of a file that it cannot open.
            with open(file, encoding="utf-8") as opened:
                defaults = {"__file__": file, "here": os.path.dirname(file)}
                logging.config.fileConfig(opened, defaults, disable_existing_loggers=False)

    _guarded(what, read)


def _guarded(what: str, configure: Callable[[], None]) -> None:
    stand_ins = _stand_ins()
    sys.modules.update(stand_ins)
    try:
        configure()
    except LoadError:
        raise
    except OSError as error:
        raise LoadError("%s: %s" % (what, tracebacks.one_line(error))) from None
    except Exception as error:
        raise LoadError("%s is wrong: %s%s" % (what, tracebacks.one_line(error), _reason(error))) from None
    finally:
        for name in stand_ins:
            del sys.modules[name]


def _reason(error: BaseException) -> str:
    """``dictConfig`` says which part is wrong, and its cause says why."""
    cause = error.__cause__
    return "" if cause is None else "; %s" % tracebacks.one_line(cause)


def _yaml(file: str, what: str) -> Any:
    try:
        import yaml  # type: ignore[import-untyped]
    except ImportError:
        raise LoadError(
            "%s needs PyYAML: install it beside the application, or write the file as .json" % what
        ) from None
    with open(file, encoding="utf-8") as opened:
        return yaml.safe_load(opened)


def _stand_ins() -> dict:
    if "uvicorn" in sys.modules or importlib.util.find_spec("uvicorn") is not None:
        return {}
    package, module = ModuleType("uvicorn"), ModuleType("uvicorn.logging")
    for name in ("ColourizedFormatter", "DefaultFormatter", "AccessFormatter"):
        setattr(module, name, server_loggers.LevelFormatter)
    setattr(module, "TRACE_LOG_LEVEL", server_loggers.TRACE)
    setattr(package, "logging", module)
    return {"uvicorn": package, "uvicorn.logging": module}
