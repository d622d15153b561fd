"""Names of applications that are a little wrong, and what the message tells to write instead."""

from __future__ import annotations

import os
import sys
import unittest

from jumak_worker.loading import factories

from .test_loader import GOOD, Loader


class Factories(Loader):
    def test_a_factory_or_class_without_parentheses_is_refused_with_the_word_to_add(self) -> None:
        self.write(
            "app.py",
            "def create_app(config=None, debug=False): pass\n"
            "def build(): pass\n"
            "def make_app(*args, **kwargs): pass\n"
            "class Plain:\n    def __call__(self, environ, start_response): pass\n"
            "class Asgi:\n    def __init__(self): pass\n    async def __call__(self, scope, receive, send): pass\n"
            "class Keywords:\n    def __init__(self, *, debug=False): pass\n    async def __call__(self, s, r, d): pass\n",
        )
        for name, what in (
            ("create_app", "is a factory"),
            ("build", "is a factory"),
            ("make_app", "is a factory"),
            ("Plain", "is a class"),
            ("Asgi", "is a class"),
            ("Keywords", "is a class"),
        ):
            with self.subTest(name):
                message = self.refused(attributes=[name], display="app:" + name).message
                self.assertIn("app:%s %s" % (name, what), message)
                self.assertTrue(message.endswith(": jumak 'app:%s()'" % name), message)
        message = self.refused(attributes=["build"], display="app.py:build").message
        self.assertTrue(message.endswith(": jumak 'app.py:build()'"), message)

    def test_a_class_that_needs_arguments_is_to_be_made_in_the_module(self) -> None:
        self.write(
            "app.py",
            "class Framework:\n    def __init__(self, name): pass\n    def __call__(self, environ, start_response): pass\n",
        )
        self.assertIn("make one in the module, and name that", self.refused(attributes=["Framework"]).message)

    def test_a_class_that_no_server_could_call_is_refused(self) -> None:
        self.write("app.py", "class Model:\n    pass\n")
        message = self.refused(attributes=["Model"]).message
        self.assertTrue(message.endswith("app:Model is a class, and neither it nor an instance of it is an application"), message)

    def test_what_may_be_an_application_is_none(self) -> None:
        class Response:
            def __init__(self, environ=None, start_response=None):
                pass

            def __iter__(self):
                return iter([])

            def __call__(self, environ, start_response):
                pass

        class Awaited:
            def __init__(self, scope, receive, send):
                pass

            def __await__(self):
                yield

            def __call__(self):
                pass

        def defaults(environ=None, start_response=None):
            pass

        def wrapper(*args, **kwargs):
            pass

        for candidate in (Response, Awaited, defaults, wrapper, print, dict, lambda environ, start_response: None):
            with self.subTest(candidate):
                self.assertEqual(factories.advise(candidate, "app", "shop:app"), "")


class RelativeImports(Loader):
    def test_a_file_of_a_package_is_imported_as_its_module(self) -> None:
        self.write("shop/__init__.py", "")
        self.write("shop/prices.py", "two = 'two'\n")
        path = self.write("shop/main.py", "from .prices import two\nimport prices\n" + GOOD)
        self.assertEqual(self.load(module="shop.main", file=path).application, "shop.main:application")
        self.assertEqual(sys.path[-1], os.path.join(self.directory, "shop"), "its neighbours hide nothing")

    def test_a_package_in_src(self) -> None:
        path = self.write("src/inn/__init__.py", "from .rooms import application\n")
        self.write("src/inn/rooms.py", GOOD)
        before = len(sys.path)
        self.assertEqual(self.load(module="inn", file=path).application, "inn:application")
        self.assertEqual(sys.path[: len(sys.path) - before], [os.path.join(self.directory, "src"), self.directory])

    def test_a_module_named_by_itself_gets_the_name_that_works(self) -> None:
        self.write("inn/__init__.py", "")
        self.write("inn/main.py", "from .prices import two\n" + GOOD)
        parent = self.directory
        self.directory = os.path.join(parent, "inn")
        message = self.refused(module="main", display="main:application").message
        self.directory = parent
        self.assertIn("attempted relative import", message)
        self.assertTrue(message.endswith("jumak --chdir %s inn.main:application" % parent), message)


class Modules(Loader):
    def test_a_package_without_the_application_names_its_modules_the_usual_ones_first(self) -> None:
        for name in ("__init__", "main", "api", "_hidden", "aardvark"):
            self.write("tea/%s.py" % name, "")
        message = self.refused(module="tea", attributes=["app"]).message
        self.assertTrue(message.endswith("; it is a package with the modules tea.api, tea.main, tea.aardvark"), message)

    def test_a_command_of_another_program_is_answered(self) -> None:
        message = self.refused(module="dev").message
        self.assertTrue(message.endswith("; if no module is meant, write jumak --reload: there is no command dev"), message)
        self.assertTrue(self.refused(module="devil").message.endswith("(--chdir)?"))
        message = self.refused(module="statsu").message
        self.assertTrue(message.endswith("; if no module is meant, write jumak status: there is no command statsu"), message)
        self.write("dev.py", GOOD)
        self.assertEqual(self.load(module="dev").application, "dev:application")


    def test_a_misspelt_module_is_answered_with_the_one_of_the_directory(self) -> None:
        self.write("mysite/__init__.py", "")
        self.write("mysite/wsgi.py", GOOD)
        self.write("main.py", GOOD)
        for name, meant in (
            ("mysit.wsgi", "mysite.wsgi"),
            ("mysite.wsgl", "mysite.wsgi"),
            ("man", "main"),
            ("Main", "main"),
        ):
            with self.subTest(name):
                message = self.refused(module=name).message
                self.assertTrue(message.endswith("; did you mean %s?" % meant), message)
        self.assertTrue(self.refused(module="nothing_like_it").message.endswith("(--chdir)?"))

    def test_a_module_of_a_directory_below_is_found_there(self) -> None:
        self.write("api/main.py", GOOD)
        below = os.path.join(os.path.realpath(self.directory), "api")
        message = self.refused(module="main").message
        self.assertTrue(message.endswith("; it is in %s: start there, or with --chdir %s" % (below, below)), message)

    def test_a_module_of_a_directory_above_is_found_there(self) -> None:
        self.write("mysite/__init__.py", "")
        self.write("mysite/wsgi.py", GOOD)
        top = os.path.realpath(self.directory)
        self.directory = os.path.join(top, "mysite")
        message = self.refused(module="mysite.wsgi").message
        self.assertTrue(message.endswith("; it is in %s: start there, or with --chdir %s" % (top, top)), message)

    def test_a_module_that_python_has_already_is_not_the_one_of_the_directory(self) -> None:
        self.write("site.py", GOOD)
        message = self.refused(module="site").message
        self.assertRegex(message, r"^module site has no attribute .*; Python has another module site \(/.*site\.py\): give site\.py another name$")
        self.write("sys/wsgi.py", GOOD)
        message = self.refused(module="sys.wsgi").message
        self.assertTrue(message.endswith("; Python has another module sys (built in): give sys another name"), message)


class Settings(Loader):
    def setUp(self) -> None:
        super().setUp()
        os.environ.pop("DJANGO_SETTINGS_MODULE", None)
        self.addCleanup(os.environ.pop, "DJANGO_SETTINGS_MODULE", None)
        self.write("mysite/__init__.py", "")
        self.wsgi = self.write(
            "mysite/wsgi.py",
            "import importlib, os\n"
            "# DJANGO_SETTINGS_MODULE\n"
            "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')\n"
            "importlib.import_module(os.environ['DJANGO_SETTINGS_MODULE'])\n" + GOOD,
        )

    def test_settings_that_are_not_there_are_named_with_the_line_that_says_so(self) -> None:
        message = self.refused(module="mysite.wsgi").message
        self.assertIn("DJANGO_SETTINGS_MODULE is mysite.settings, and there is no module mysite.settings (looked in ", message)
        self.assertTrue(message.endswith("it is set by %s:3" % self.wsgi), message)

    def test_misspelt_settings_are_answered_in_one_line(self) -> None:
        self.write("mysite/setings.py", "")
        refused = self.refused(module="mysite.wsgi")
        self.assertTrue(refused.message.endswith("wsgi.py:3; did you mean mysite.setings?"), refused.message)
        self.assertEqual(refused.traceback, "", "frames of Django say nothing more")

    def test_or_with_what_else_says_so(self) -> None:
        os.environ["DJANGO_SETTINGS_MODULE"] = "nowhere.settings"
        message = self.refused(module="mysite.wsgi", settingsFrom="by --env").message
        self.assertIn("DJANGO_SETTINGS_MODULE is nowhere.settings, and there is no module nowhere (looked in ", message)
        self.assertTrue(message.endswith("it is set by --env"), message)

    def test_what_settings_import_is_another_mistake(self) -> None:
        self.write("mysite/settings.py", "import environ_that_is_missing\n")
        self.assertIn("no module environ_that_is_missing", self.refused(module="mysite.wsgi").message)


if __name__ == "__main__":
    unittest.main()
