"""The application that a file of PasteDeploy describes: ``production.ini#main``.

Runs in the preloader, or in each worker with ``--preload off``; loaded only for such an application. PasteDeploy is the one of the
application's environment. Raises LoadError.
"""

from __future__ import annotations

import configparser
import os
from typing import Dict
from urllib.parse import quote

from ..output import tracebacks
from .load_error import LoadError


def load(file: str, section: str, variables: Dict[str, str]) -> object:
    """``variables``: they win over those of ``[DEFAULT]`` that the file has."""
    name = os.path.basename(file)
    try:
        from paste.deploy import loadapp  # type: ignore[import-untyped]
    except ImportError as error:
        # The package may be there and broken.
        cause = error if getattr(error, "name", None) not in ("paste", "paste.deploy") else None
        raise LoadError(
            "%s is a file of PasteDeploy, which cannot be imported: %s; install it beside the application (pip install PasteDeploy)"
            % (name, tracebacks.one_line(error)),
            cause,
        ) from None
    try:
        # It decodes the path.
        return loadapp("config:" + quote(file), name=section, global_conf=dict(variables))
    except SystemExit as error:
        raise LoadError("%s#%s left with SystemExit(%r)" % (name, section, error.code), error) from None
    except BaseException as error:
        raise LoadError("%s#%s could not be made: %s" % (name, section, tracebacks.one_line(error)), error) from None


def has_logging(file: str) -> bool:
    """Whether its section ``[loggers]`` sets up Python's logging."""
    parser = configparser.ConfigParser()
    try:
        with open(file, encoding="utf-8") as opened:
            parser.read_file(opened)
    except OSError as error:
        raise LoadError(tracebacks.one_line(error)) from None
    except (configparser.Error, ValueError) as error:
        raise LoadError("%s is wrong: %s" % (os.path.basename(file), tracebacks.one_line(error))) from None
    return parser.has_section("loggers")
