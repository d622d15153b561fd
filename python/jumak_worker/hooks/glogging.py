"""A stand-in for ``gunicorn.glogging``, where gunicorn is not installed: the base of a class that ``logger_class`` names.

It has what such classes override and call. Runs in the preloader (``setup``) and in workers (``access``). Files and levels are Jumak's: the server's
own lines do not come here. Written anew from what gunicorn documents.
"""

from __future__ import annotations

import base64
import json
import logging
import logging.config
import logging.handlers
import os
import sys
import time
import traceback
from typing import Any, Dict, Optional

from ..loading import server_loggers


class SafeAtoms(dict):
    """The atoms of a format: ``%(h)s``, ``%({name}i)s``. Quotes are escaped; one that is missing is ``-``."""

    def __init__(self, atoms: Dict[str, Any]) -> None:
        super().__init__(
            {name: value.replace('"', '\\"') if isinstance(value, str) else value for name, value in atoms.items()}
        )

    def __getitem__(self, name: str) -> Any:
        return self.get(name.lower() if name.startswith("{") else name, "-")


class Logger:
    """``cfg``: the settings (``logger.py``)."""

    LOG_LEVELS = {
        "critical": logging.CRITICAL,
        "error": logging.ERROR,
        "warning": logging.WARNING,
        "info": logging.INFO,
        "debug": logging.DEBUG,
    }
    loglevel = logging.INFO
    error_fmt = "%(asctime)s [%(process)d] [%(levelname)s] %(message)s"
    datefmt = "[%Y-%m-%d %H:%M:%S %z]"
    access_fmt = "%(message)s"
    syslog_fmt = "[%(process)d] %(message)s"
    atoms_wrapper_class = SafeAtoms

    def __init__(self, cfg: Any) -> None:
        self.error_log = logging.getLogger("gunicorn.error")
        self.error_log.propagate = False
        self.access_log = logging.getLogger("gunicorn.access")
        self.access_log.propagate = False
        self.cfg = cfg
        self.setup(cfg)

    def setup(self, cfg: Any) -> None:
        self.cfg = cfg
        self.loglevel = self.LOG_LEVELS.get(cfg.loglevel.lower(), logging.INFO)
        self.error_log.setLevel(self.loglevel)
        self.access_log.setLevel(logging.INFO)
        self._set_handler(self.error_log, cfg.errorlog, logging.Formatter(self.error_fmt, self.datefmt), sys.stderr)
        if cfg.accesslog is not None:
            self._set_handler(self.access_log, cfg.accesslog, logging.Formatter(self.access_fmt), sys.stdout)
        given = cfg.logconfig_dict
        if not given and cfg.logconfig_json:
            with open(cfg.logconfig_json, encoding="utf-8") as opened:
                given = json.load(opened)
        if given:
            logging.config.dictConfig({**server_loggers.GUNICORNS_DICTIONARY, **given})
        elif cfg.logconfig:
            logging.config.fileConfig(cfg.logconfig, disable_existing_loggers=False)

    def critical(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self.error_log.critical(msg, *args, **kwargs)

    def error(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self.error_log.error(msg, *args, **kwargs)

    def warning(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self.error_log.warning(msg, *args, **kwargs)

    def info(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self.error_log.info(msg, *args, **kwargs)

    def debug(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self.error_log.debug(msg, *args, **kwargs)

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self.error_log.exception(msg, *args, **kwargs)

    def log(self, lvl: Any, msg: Any, *args: Any, **kwargs: Any) -> None:
        level = self.LOG_LEVELS.get(lvl.lower(), logging.INFO) if isinstance(lvl, str) else lvl
        self.error_log.log(level, msg, *args, **kwargs)

    def atoms(self, resp: Any, req: Any, environ: Dict[str, Any], request_time: Any) -> Dict[str, Any]:
        micros = request_time.seconds * 1000000 + request_time.microseconds
        status = resp.status
        atoms = {
            "h": environ.get("REMOTE_ADDR", "-"),
            "l": "-",
            "u": self._get_user(environ) or "-",
            "t": self.now(),
            "r": "%s %s %s" % (environ["REQUEST_METHOD"], environ["RAW_URI"], environ["SERVER_PROTOCOL"]),
            "s": status.split(None, 1)[0] if isinstance(status, str) else status,
            "m": environ.get("REQUEST_METHOD"),
            "U": environ.get("PATH_INFO"),
            "q": environ.get("QUERY_STRING"),
            "H": environ.get("SERVER_PROTOCOL"),
            "b": str(resp.sent),
            "B": resp.sent,
            "f": environ.get("HTTP_REFERER", "-"),
            "a": environ.get("HTTP_USER_AGENT", "-"),
            "T": request_time.seconds,
            "D": micros,
            "M": micros // 1000,
            "L": "%d.%06d" % (request_time.seconds, request_time.microseconds),
            "p": "<%s>" % os.getpid(),
        }
        atoms.update(("{%s}i" % name.lower(), value) for name, value in req.headers)
        atoms.update(("{%s}o" % name.lower(), value) for name, value in resp.headers)
        atoms.update(("{%s}e" % name.lower(), value) for name, value in environ.items())
        return atoms

    @property
    def access_log_enabled(self) -> bool:
        cfg = self.cfg
        return bool(cfg.accesslog or cfg.logconfig or cfg.logconfig_dict or cfg.logconfig_json)

    def access(self, resp: Any, req: Any, environ: Dict[str, Any], request_time: Any) -> None:
        if not self.access_log_enabled:
            return
        safe = self.atoms_wrapper_class(self.atoms(resp, req, environ, request_time))
        try:
            self.access_log.info(self.cfg.access_log_format, safe)
        except Exception:
            self.error(traceback.format_exc())

    def now(self) -> str:
        return time.strftime("[%d/%b/%Y:%H:%M:%S %z]")

    def reopen_files(self) -> None:
        """Files are opened anew by what is written next (``WatchedFileHandler``)."""

    def close_on_exec(self) -> None:
        """Python opens files so."""

    def _set_handler(self, log: logging.Logger, output: Optional[str], fmt: logging.Formatter, stream: Any = None) -> None:
        for handler in [one for one in log.handlers if getattr(one, "_gunicorn", False)]:
            log.removeHandler(handler)
        if output is None:
            return
        # After logrotate has moved it, the file is made anew.
        made = logging.StreamHandler(stream) if output == "-" else logging.handlers.WatchedFileHandler(output)
        made.setFormatter(fmt)
        setattr(made, "_gunicorn", True)
        log.addHandler(made)

    def _get_user(self, environ: Dict[str, Any]) -> Optional[str]:
        scheme, _, rest = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            return base64.b64decode(rest.strip()).split(b":", 1)[0].decode()
        except ValueError:
            return None
