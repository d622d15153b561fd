"""Applications of PasteDeploy files. A stand-in for PasteDeploy is enough: the end-to-end tests have the real one."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any, Dict

from jumak_worker.loading import loader

from .test_loader import Loader

#: What it was asked for becomes the application's answer.
_STAND_IN = """
asked = []
def loadapp(uri, name=None, global_conf=None):
    asked.append((uri, name, global_conf))
    if name == "broken":
        raise LookupError("No section 'broken' found")
    if name == "leaves":
        raise SystemExit(4)
    if name == "nothing":
        return None
    def application(environ, start_response):
        return []
    return application
"""

_LOGGING = """
[loggers]
keys = root, shop
[handlers]
keys = file
[formatters]
keys =
[logger_root]
handlers =
[logger_shop]
level = WARNING
handlers = file
qualname = shop.of.paste
[handler_file]
class = FileHandler
args = ("%(here)s/shop.log",)
"""


class PasteDeploy(Loader):
    def setUp(self) -> None:
        super().setUp()
        self.write("paste/__init__.py", "")
        self.write("paste/deploy.py", _STAND_IN)
        for name in ("paste", "paste.deploy"):
            self.addCleanup(sys.modules.pop, name, None)

    def start(self, section: str = "main", text: str = "[app:main]\n", **variables: str) -> Dict[str, Any]:
        file = self.write("my live.ini", text)
        return {"module": None, "file": file, "attributes": [section], "paste": variables}

    def load(self, **start: Any) -> loader.LoadedApplication:
        # The application's directory, and not that of the file, is on the path.
        sys.path.insert(0, self.directory)
        self.addCleanup(sys.path.remove, self.directory)
        message = {"factory": False, "display": "my live.ini", "rootPath": "", "workerClass": "auto", "findStatic": False}
        message.update(isDevelopment=False, interface="auto", logConfig=None, loggers=None, configuration=None, settingsFrom="")
        return loader.load({**message, **start})

    def test_the_section_is_loaded_with_the_variables(self) -> None:
        loaded = self.load(**self.start("shop", stage="live"))
        self.assertEqual((loaded.application, loaded.interface), ("my live.ini#shop", "wsgi"))
        uri = "config:%s/my%%20live.ini" % self.directory
        self.assertEqual(sys.modules["paste.deploy"].asked, [(uri, "shop", {"stage": "live"})])

    def test_what_cannot_be_made_is_told_with_its_section(self) -> None:
        for section, message in (
            ("broken", "my live.ini#broken could not be made: LookupError: No section 'broken' found"),
            ("leaves", "my live.ini#leaves left with SystemExit(4)"),
            ("nothing", "my live.ini#nothing is None, which cannot be called"),
        ):
            with self.subTest(section):
                self.assertIn(message, self.refused(**self.start(section)).message)

    def test_without_pastedeploy_the_message_says_what_to_install(self) -> None:
        os.remove(os.path.join(self.directory, "paste", "deploy.py"))
        self.write("paste/deploy.py", "raise ModuleNotFoundError(name='paste.deploy')")
        error = self.refused(**self.start())
        self.assertIn("my live.ini is a file of PasteDeploy, which cannot be imported", error.message)
        self.assertIn("pip install PasteDeploy", error.message)
        self.assertIsNone(error.cause)

    def test_a_section_loggers_sets_up_logging_unless_something_else_does(self) -> None:
        logger = logging.getLogger("shop.of.paste")
        self.addCleanup(logger.setLevel, logging.NOTSET)
        start = self.start(text=_LOGGING)
        by_dictionary = {"settings": {"logconfig_dict": {"version": 1}}}
        self.load(**start, configuration=by_dictionary)
        self.assertEqual(logger.level, logging.NOTSET)
        self.load(**start)
        self.addCleanup(logger.handlers.clear)
        self.addCleanup(logger.handlers[0].close)
        self.assertEqual(logger.level, logging.WARNING)
        self.assertEqual(logger.handlers[0].baseFilename, os.path.join(self.directory, "shop.log"))  # type: ignore[attr-defined]

    def test_a_file_that_cannot_be_read_is_told(self) -> None:
        self.assertIn("my live.ini is wrong: ", self.refused(**self.start(text="no section")).message)
        start = self.start()
        os.remove(start["file"])
        self.assertIn("FileNotFoundError", self.refused(**start).message)
