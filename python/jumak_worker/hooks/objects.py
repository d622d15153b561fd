"""What hooks of a gunicorn configuration get: ``server``, ``worker``, ``req``, ``resp``, and the log and the settings that these have.

They have what hooks in the wild use, under gunicorn's names, and no more: a name that is missing raises AttributeError, as any object does.
Not here: when hooks are called (``hooks.py``).
"""

from __future__ import annotations

import logging
import os
from typing import Any, Dict, List, Optional, Tuple


class Log:
    """``server.log``: the logger ``gunicorn.error``, with gunicorn's names for it."""

    def __init__(self) -> None:
        self.error_log = logging.getLogger("gunicorn.error")
        self.access_log = logging.getLogger("gunicorn.access")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.error_log, name)


class Settings:
    """``server.cfg``: the settings that were given; of all others gunicorn's default is not known here, and they are None."""

    def __init__(self, settings: Dict[str, Any], own: Dict[str, Any]) -> None:
        self.settings = settings
        self._own = own

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        # The objects of the file itself: its functions and classes.
        return self._own[name] if name in self._own else self.settings.get(name)


class Server:
    """``server``: the preloader, which forks the workers as gunicorn's arbiter does."""

    def __init__(self, cfg: Settings, log: Log, master_pid: int) -> None:
        self.cfg = cfg
        self.log = log
        self.pid = os.getpid()
        self.master_pid = master_pid
        self.proc_name = cfg.proc_name or "gunicorn"
        #: The workers that live, by their process ids.
        self.WORKERS: Dict[int, Worker] = {}
        self.worker_age = 0

    @property
    def num_workers(self) -> int:
        return self.cfg.workers or 1

    @property
    def address(self) -> List[str]:
        return self.cfg.bind or []


class Worker:
    """``worker``: in the preloader before the fork, and in the worker after it."""

    def __init__(self, server: Server) -> None:
        server.worker_age += 1
        self.age = server.worker_age
        self.cfg = server.cfg
        self.log = server.log
        self.ppid = server.pid
        self.pid: Any = "[booting]"
        #: Requests that it has begun.
        self.nr = 0
        self.alive = True
        self.booted = False
        #: The application, once it is loaded.
        self.wsgi: Any = None

    def __str__(self) -> str:
        return "<Worker %s>" % self.pid


class Request:
    """``req`` of ``pre_request`` and ``post_request``, from the environ."""

    def __init__(self, environ: Dict[str, Any]) -> None:
        self.method: str = environ["REQUEST_METHOD"]
        self.path: str = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        self.query: str = environ.get("QUERY_STRING", "")
        self.uri: str = environ.get("RAW_URI") or (self.path + ("?" + self.query if self.query else ""))
        self.scheme: str = environ.get("wsgi.url_scheme", "http")
        self.remote_addr: Tuple[str, str] = (environ.get("REMOTE_ADDR", ""), environ.get("REMOTE_PORT", ""))
        protocol = environ.get("SERVER_PROTOCOL", "HTTP/1.1").rpartition("/")[2].split(".")
        self.version = (int(protocol[0]), int(protocol[1]) if len(protocol) > 1 else 0)
        self.headers: List[Tuple[str, str]] = [
            (name[5:].replace("_", "-"), value) for name, value in environ.items() if name.startswith("HTTP_")
        ]
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            if environ.get(name):
                self.headers.append((name.replace("_", "-"), environ[name]))


class ResponseSeen:
    """``resp`` of ``post_request``: what the application has answered."""

    def __init__(self) -> None:
        self.status: Optional[str] = None
        self.headers: List[Tuple[str, str]] = []
        #: Bytes of content.
        self.sent = 0

    @property
    def response_length(self) -> int:
        return self.sent

    @property
    def status_code(self) -> Optional[int]:
        return None if self.status is None else int(self.status.split(" ", 1)[0])
