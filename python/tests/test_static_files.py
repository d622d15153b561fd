"""What is found in a Django project's settings, with settings of our own in Django's place; e2e tests have the real one."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Dict, Optional
from unittest import mock

from jumak_worker import static_files


class StaticFiles(unittest.TestCase):
    def setUp(self) -> None:
        self.project = os.path.realpath(tempfile.mkdtemp(prefix="jw-"))
        self.addCleanup(shutil.rmtree, self.project)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.project)
        self.root = os.path.join(self.project, "staticfiles")
        os.mkdir(self.root)

    def find(self, settings: Any) -> Optional[Dict[str, str]]:
        module = ModuleType("django.conf")
        setattr(module, "settings", settings)
        with mock.patch.dict(sys.modules, {"django.conf": module}):
            return static_files.find()

    def found(self, url: Any, root: Any) -> Optional[Dict[str, str]]:
        return self.find(SimpleNamespace(configured=True, STATIC_URL=url, STATIC_ROOT=root))

    def test_a_path_and_a_directory(self) -> None:
        wanted = {"url": "/static/", "directory": self.root}
        self.assertEqual(self.found("/static/", self.root), wanted)
        self.assertEqual(self.found("static/", Path(self.root)), wanted)
        self.assertEqual(self.found("/static", "staticfiles"), wanted)
        self.assertEqual(self.found("/a/b%20c/", self.root), {"url": "/a/b c/", "directory": self.root})

    def test_a_link_stays_a_link_so_that_a_switch_is_followed(self) -> None:
        link = os.path.join(self.project, "current")
        os.symlink(self.root, link)
        self.assertEqual(self.found("/static/", link), {"url": "/static/", "directory": link})

    def test_another_host_or_the_whole_site(self) -> None:
        for url in ("https://cdn.example/static/", "//cdn.example/static/", "/", "", None, "/a/../", "/static/?v=1", "/%ff/"):
            with self.subTest(url):
                self.assertIsNone(self.found(url, self.root))

    def test_no_directory(self) -> None:
        Path(self.project, "file").touch()
        for root in (None, "", "missing", "file", 7):
            with self.subTest(root):
                self.assertIsNone(self.found("/static/", root))

    def test_the_project_itself_is_not_published(self) -> None:
        os.symlink(self.project, "again")
        for root in (self.project, os.path.dirname(self.project), "/", ".", "again"):
            with self.subTest(root):
                self.assertIsNone(self.found("/static/", root))

    def test_no_project(self) -> None:
        self.assertIsNone(self.find(SimpleNamespace(configured=False)))
        with mock.patch.dict(sys.modules):
            sys.modules.pop("django.conf", None)
            self.assertIsNone(static_files.find())

    def test_settings_that_raise_when_they_are_asked(self) -> None:
        class Settings:
            configured = True

            def __getattr__(self, name: str) -> Any:
                raise RuntimeError(name)

        self.assertIsNone(self.find(Settings()))


if __name__ == "__main__":
    unittest.main()
