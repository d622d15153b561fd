"""Logging that is set up before the import: files as ``logging.config`` reads them, and the loggers of uvicorn."""

from __future__ import annotations

import io
import logging
import os
import sys
import tempfile
import unittest
from typing import Any, Optional

from jumak_worker.loading import log_config, server_loggers
from jumak_worker.loading.load_error import LoadError

NAMES = ("gunicorn.error", "gunicorn.access", "uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi", "shop")
JSON = """{"version": 1, "disable_existing_loggers": false,
 "formatters": {"plain": {"format": "shop %(levelname)s %(message)s"}, "there": {"()": "uvicorn.logging.DefaultFormatter",
  "fmt": "%(levelprefix)s %(message)s", "use_colors": false}},
 "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stderr"},
  "there": {"class": "logging.StreamHandler", "formatter": "there", "stream": "ext://sys.stderr"}},
 "loggers": {"shop": {"handlers": ["out"], "level": "INFO"}, "uvicorn": {"handlers": ["there"], "level": "WARNING"}}}
"""
INI = """[loggers]
keys=root,shop
[handlers]
keys=out
[formatters]
keys=plain
[logger_root]
handlers=
[logger_shop]
level=INFO
handlers=out
qualname=shop
propagate=0
[handler_out]
class=StreamHandler
args=(sys.stderr,)
formatter=plain
[formatter_plain]
format=shop %(levelname)s %(message)s
"""


class LogConfig(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.addCleanup(self.forget)
        self.addCleanup(setattr, sys, "stderr", sys.stderr)
        sys.stderr = self.log = io.StringIO()

    def forget(self) -> None:
        for name in NAMES:
            logger = logging.getLogger(name)
            logger.handlers, logger.propagate = [], True
            logger.setLevel(logging.NOTSET)

    def file(self, name: str, text: str) -> str:
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def refused(self, path: str) -> str:
        with self.assertRaises(LoadError) as caught:
            log_config.set_up(path, None)
        return caught.exception.message

    def test_files(self) -> None:
        for name, text in (("log.json", JSON), ("log.ini", INI), ("log.conf", INI)):
            with self.subTest(name):
                self.forget()
                log_config.set_up(self.file(name, text), None)
                logging.getLogger("shop").info("open")
                self.assertEqual(self.log.getvalue(), "shop INFO open\n")
                self.log.truncate(0)
                self.log.seek(0)

    def test_what_is_wrong_with_a_file(self) -> None:
        self.assertRegex(self.refused(os.path.join(self.directory, "none.ini")), r"none.ini \(--log-config\): FileNotFound")
        self.assertRegex(self.refused(self.file("a.json", "{")), r"a.json \(--log-config\) is wrong: JSONDecodeError")
        self.assertIn("is wrong: ", self.refused(self.file("b.ini", "nothing")))
        handler = '{"version": 1, "handlers": {"out": {"class": "logging.FileHandler", "filename": "/nowhere/x"}}}'
        self.assertRegex(self.refused(self.file("c.json", handler)), "ValueError: Unable to configure handler 'out'; FileNotFound")

    def test_a_record_has_no_more_fields_behind_the_handler_of_gunicorn(self) -> None:
        server_loggers.make_gunicorns("info")
        record = logging.makeLogRecord({"msg": "soup", "levelname": "INFO"})
        before = set(vars(record))
        handler = logging.getLogger("gunicorn.error").handlers[0]
        self.assertEqual(handler.format(record), "[INFO] soup")
        self.assertEqual(set(vars(record)) - before, {"message"})

    def test_a_dictionary_of_gunicorn_has_the_rest_of_its_defaults(self) -> None:
        root = logging.getLogger()
        for name, value in (("handlers", list(root.handlers)), ("level", root.level)):
            self.addCleanup(setattr, root, name, value)
        loggers = {"shop": {"handlers": ["error_console"], "level": "INFO", "propagate": False}}
        log_config.by_dictionary({"loggers": loggers}, "gunicorn.conf.py")
        logging.getLogger("shop").info("open")
        self.assertRegex(self.log.getvalue(), r"^\[.+\] \[\d+\] \[INFO\] open\n$")
        with self.assertRaises(LoadError) as caught:
            log_config.by_dictionary({"handlers": {}}, "gunicorn.conf.py")
        self.assertIn("logconfig_dict of gunicorn.conf.py is wrong: ", caught.exception.message)

    def test_yaml(self) -> None:
        path = self.file("log.yaml", JSON)
        yaml: Any
        try:
            import yaml  # type: ignore[import-untyped]
        except ImportError:
            self.assertIn("needs PyYAML: install it", self.refused(path))
            return
        log_config.set_up(path, None)
        self.assertEqual(logging.getLogger("shop").level, logging.INFO)

    def say(self, level: Optional[int], file: Optional[str] = None) -> str:
        log_config.set_up(file, {"server": "uvicorn", "level": level})
        logger = logging.getLogger("uvicorn.error")
        for at in (5, logging.DEBUG, logging.INFO, logging.CRITICAL):
            logger.log(at, "x")
        return self.log.getvalue()

    def test_the_loggers_of_uvicorn(self) -> None:
        self.assertEqual(self.say(None), "INFO:     x\nCRITICAL: x\n")
        self.assertEqual(logging.getLogger("uvicorn.access").propagate, False)

    def test_levels(self) -> None:
        self.assertEqual(self.say(5), "TRACE:    x\nDEBUG:    x\nINFO:     x\nCRITICAL: x\n")

    def test_a_file_for_uvicorn_needs_no_uvicorn(self) -> None:
        self.assertEqual(self.say(None, self.file("log.json", JSON)), "CRITICAL: x\n")
        self.assertNotIn("uvicorn", sys.modules)

    def test_a_level_wins_over_a_file(self) -> None:
        self.assertEqual(self.say(logging.INFO, self.file("log.json", JSON)), "INFO:     x\nCRITICAL: x\n")


if __name__ == "__main__":
    unittest.main()
