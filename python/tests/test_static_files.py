"""Static files of a Django project, with settings of our own in Django's place. The e2e tests have the real Django."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Optional
from unittest import mock

from jumak_worker.loading import static_files

#: Django's `empty`.
UNCONFIGURED = object()


class LazySettings:
    """Like Django's: it wraps the object with the values. Django would notice that an attribute is read, so this one fails then."""

    def __init__(self, wrapped: object, **kept: Any) -> None:
        self._wrapped = wrapped
        self.__dict__.update(kept)

    def __getattr__(self, name: str) -> Any:
        raise AssertionError("%s was read as the application reads it" % name)

    @property
    def configured(self) -> bool:
        raise AssertionError("code of the settings ran")


class Holder:
    """Like `UserSettingsHolder`: it asks the one before it for what it does not have."""

    def __init__(self, default_settings: object, **values: Any) -> None:
        self.__dict__.update(values, default_settings=default_settings, _deleted={"GONE"})

    def __getattr__(self, name: str) -> Any:
        raise AssertionError("%s was read as the application reads it" % name)


class StaticFiles(unittest.TestCase):
    def setUp(self) -> None:
        self.project = os.path.realpath(tempfile.mkdtemp(prefix="jw-"))
        self.addCleanup(shutil.rmtree, self.project)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.project)
        self.root = os.path.join(self.project, "staticfiles")
        os.mkdir(self.root)

    def find(self, settings: Any, root_path: str = "", is_development: bool = False) -> Optional[static_files.Found]:
        module = ModuleType("django.conf")
        setattr(module, "settings", settings)
        with mock.patch.dict(sys.modules, {"django.conf": module}):
            return static_files.find(root_path, is_development)

    def of(self, url: Any, root: Any, root_path: str = "", is_development: bool = False, **more: Any) -> static_files.Found:
        values = {"INSTALLED_APPS": [static_files.STATICFILES], "DEBUG": False, "FORCE_SCRIPT_NAME": None, **more}
        settings = LazySettings(SimpleNamespace(STATIC_URL=url, STATIC_ROOT=root, **values))
        found = self.find(settings, root_path, is_development)
        assert found is not None
        self.assertEqual(set(vars(settings)), {"_wrapped"}, "the settings are as they were")
        return found

    def urls(self, *arguments: Any, **more: Any) -> list:
        found = self.of(*arguments, **more)
        self.assertEqual({mount["directory"] for mount in found.mounts}, {self.root})
        return [mount["url"] for mount in found.mounts]

    def test_a_path_and_a_directory(self) -> None:
        self.assertEqual(self.urls("/static/", self.root), ["/static/"])
        self.assertEqual(self.urls("static/", Path(self.root)), ["/static/"])
        self.assertEqual(self.urls("/static", "staticfiles"), ["/static/"])
        self.assertEqual(self.urls("/a/b%20c/", self.root), ["/a/b c/"])

    def test_a_relative_url_is_below_the_script_prefix_as_django_has_it(self) -> None:
        self.assertEqual(self.urls("static/", self.root, "/shop"), ["/shop/static/"])
        self.assertEqual(self.urls("/static/", self.root, "/shop"), ["/static/"])
        # One for a client without a proxy, one for a proxy in front that takes the prefix away.
        self.assertEqual(self.urls("static/", self.root, FORCE_SCRIPT_NAME="/inn"), ["/inn/static/", "/static/"])
        self.assertEqual(self.urls("static/", self.root, "/shop", FORCE_SCRIPT_NAME="/inn/")[0], "/inn/static/")
        self.assertEqual(self.urls("static/", self.root, "/shop", FORCE_SCRIPT_NAME=""), ["/static/"])
        self.assertEqual(self.urls("/static/", self.root, FORCE_SCRIPT_NAME="/inn"), ["/static/"])

    def test_settings_that_were_configured_by_code(self) -> None:
        defaults = ModuleType("global_settings")
        vars(defaults).update(STATIC_URL=None, STATIC_ROOT=None, DEBUG=False, INSTALLED_APPS=[], FORCE_SCRIPT_NAME=None)
        holder = Holder(Holder(defaults, STATIC_URL="/first/", STATIC_ROOT=self.root), STATIC_URL="/second/")
        found = self.find(LazySettings(holder))
        self.assertEqual(found and [mount["url"] for mount in found.mounts], ["/second/"])
        self.assertIsNone(static_files._read(Holder(SimpleNamespace(GONE=1)), "GONE", {"GONE": 1}))

    def test_settings_of_another_library_in_the_place_of_djangos(self) -> None:
        module = ModuleType("inn_settings")
        vars(module).update(STATIC_URL="/static/", STATIC_ROOT=self.root)
        environment = {"DJANGO_SETTINGS_MODULE": "inn_settings"}
        with mock.patch.dict(os.environ, environment), mock.patch.dict(sys.modules, {"inn_settings": module}):
            found = self.find(LazySettings(SimpleNamespace()))
        self.assertEqual(found and found.mounts, [{"url": "/static/", "directory": self.root}])

    def test_what_the_application_has_read_itself_is_what_its_pages_have(self) -> None:
        wrapped = SimpleNamespace(STATIC_URL="static/", STATIC_ROOT=self.root, INSTALLED_APPS=[])
        found = self.find(LazySettings(wrapped, STATIC_URL="/static/"), "/shop")
        self.assertEqual(found and found.mounts[0]["url"], "/static/")

    def test_a_link_stays_a_link_so_that_a_switch_is_followed(self) -> None:
        link = os.path.join(self.project, "current")
        os.symlink(self.root, link)
        self.assertEqual(self.of("/static/", link).mounts, [{"url": "/static/", "directory": link}])

    def test_why_there_are_none(self) -> None:
        Path(self.project, "file").touch()
        os.symlink(self.project, "again")
        unserved = "STATIC_URL is %s, below which the gateway serves no files"
        missing = "STATIC_ROOT %s does not exist: run manage.py collectstatic"
        holds = "STATIC_ROOT %s holds the project, whose code it would publish"
        for url, root, why in (
            ("https://cdn.example/static/", self.root, "STATIC_URL is on another host"),
            ("//cdn.example/static/", None, "STATIC_URL is on another host"),
            (None, self.root, "STATIC_URL is not set"),
            ("", self.root, "STATIC_URL is not set"),
            (7, self.root, "STATIC_URL is no string"),
            *((url, self.root, unserved % url) for url in ("/", "/a/../", "/static/?v=1", "/%ff/")),
            ("/static/", None, "STATIC_ROOT is not set"),
            ("/static/", "", "STATIC_ROOT is not set"),
            ("/static/", "/missing", missing % "/missing"),
            ("/static/", "missing", missing % os.path.join(self.project, "missing")),
            ("/static/", "file", "STATIC_ROOT %s is no directory" % os.path.join(self.project, "file")),
            ("/static/", "file/x", "STATIC_ROOT %s: Not a directory" % os.path.join(self.project, "file/x")),
            ("/static/", 7, "STATIC_URL and STATIC_ROOT could not be read"),
            *(("/static/", root, holds % os.path.abspath(root)) for root in (self.project, "..", "/", ".", "again")),
        ):
            with self.subTest(url=url, root=root):
                self.assertEqual(self.of(url, root), ([], [], why))
        without = self.of(None, None, INSTALLED_APPS=["django.contrib.auth"])
        self.assertEqual(without.none, "django.contrib.staticfiles is not installed")

    def test_while_developing_the_finders_are_asked_whatever_was_collected(self) -> None:
        def of(**more: Any) -> static_files.Found:
            return self.of("static/", self.root, **{"is_development": True, "DEBUG": True, **more})

        self.assertEqual(of(), ([], ["/static/"], ""))
        self.assertEqual(of(root_path="/shop").finders, ["/shop/static/"])
        self.assertEqual(len(of(DEBUG=False).mounts), 1)
        self.assertEqual(len(of(is_development=False).mounts), 1)
        self.assertEqual(len(of(INSTALLED_APPS=["django.contrib.auth"]).mounts), 1)
        quiet = of(INSTALLED_APPS=["whitenoise.runserver_nostatic", static_files.STATICFILES])
        self.assertEqual(quiet.none, "whitenoise.runserver_nostatic leaves them to the application")

    def test_installed_applications_by_the_registry_once_it_is_filled(self) -> None:
        for ready, names in ((True, [static_files.STATICFILES]), (False, ["shop.apps.StaticFilesConfig"])):
            registry = SimpleNamespace(apps_ready=ready, app_configs={"s": SimpleNamespace(name=static_files.STATICFILES)})
            with mock.patch.dict(sys.modules, {"django.apps": mock.Mock(apps=registry)}):
                read = SimpleNamespace(INSTALLED_APPS=["shop.apps.StaticFilesConfig"]).__dict__.get
                self.assertEqual(static_files._installed_applications(read), names)

    def test_no_project(self) -> None:
        self.assertIsNone(self.find(LazySettings(UNCONFIGURED)))
        with mock.patch.dict(sys.modules):
            sys.modules.pop("django.conf", None)
            self.assertIsNone(static_files.find("", False))

    def test_settings_that_raise_when_they_are_looked_at(self) -> None:
        class Odd:
            def __fspath__(self) -> str:
                raise RuntimeError("odd")

        self.assertEqual(self.of("/static/", Odd()).none, "STATIC_URL and STATIC_ROOT could not be read")


if __name__ == "__main__":
    unittest.main()
