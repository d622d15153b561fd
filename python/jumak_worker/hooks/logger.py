"""A class of the user's in the place of ``gunicorn.glogging.Logger``: ``logger_class``.

It is made once, in the preloader, before the import of the application; its ``setup`` makes the loggers ``gunicorn.error`` and
``gunicorn.access``. In a worker its ``access`` writes the line of each request that a WSGI application gets (``hooks.py``). Its base is gunicorn's
own class where gunicorn is installed, else a stand-in (``glogging.py``). Raises LoadError.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, Dict, Optional

from ..loading.load_error import LoadError
from ..output import tracebacks
from .objects import Settings
from .stand_in import stand_in

#: These mean gunicorn's own, and Jumak writes the logs.
_OWN = (None, "", "simple", "gunicorn.glogging.Logger", "gunicorn.instrument.statsd.Statsd")


class LoggerSettings:
    """``cfg`` as the class sees it, with gunicorn's defaults. What the loggers write to standard error comes into the log of Jumak."""

    #: Jumak has these, whatever was given.
    errorlog = "-"
    capture_output = False
    syslog = False

    loglevel = "info"
    access_log_format = '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"'
    logconfig_dict: Dict[str, Any] = {}
    proc_name = "gunicorn"
    disable_redirect_access_to_syslog = False
    statsd_prefix = dogstatsd_tags = ""
    #: A log file stays its owner's.
    user = group = -1

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        for name in ("loglevel", "access_log_format", "logconfig_dict", "proc_name"):
            value = getattr(settings, name)
            if value is not None:
                setattr(self, name, value)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._settings, name)


def make(settings: Settings, own: Dict[str, Any], display: str) -> Optional[Any]:
    """``own``: the names of the file. None: no class was given."""
    given = settings.settings.get("logger_class")
    if given in _OWN:
        return None
    of_file = own.get("logger_class")
    what = "logger_class of %s" % display
    with stand_in():
        try:
            # The command line names a class by its module; of a class in the file only the name was told.
            is_own = callable(of_file) and getattr(of_file, "__qualname__", None) == given
            kind = of_file if is_own else _load(str(given))
            return kind(LoggerSettings(settings))  # type: ignore[misc]
        except SystemExit as error:
            raise LoadError("%s left with SystemExit(%r)" % (what, error.code), error) from None
        except BaseException as error:
            raise LoadError("%s failed: %s" % (what, tracebacks.one_line(error)), error) from None


def _load(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    # The import of the application would do so.
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    return getattr(importlib.import_module(module), attribute)
