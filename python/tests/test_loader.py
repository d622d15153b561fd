"""What the master names, found and imported in this process, and the sentences that say why it cannot be.

How a real preloader reports it is in test_preloading.py.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import shutil
import sys
import tempfile
import unittest
from functools import partial, wraps
from typing import Any

from jumak_worker.loading import interface
from jumak_worker.loading import loader
from jumak_worker.loading.load_error import LoadError

GOOD = "def application(environ, start_response): pass\n"


class Loader(unittest.TestCase):
    def setUp(self) -> None:
        self.directory = os.path.realpath(tempfile.mkdtemp(prefix="jw-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.addCleanup(os.chdir, os.getcwd())
        self.addCleanup(setattr, sys, "path", sys.path[:])
        self.addCleanup(setattr, sys, "argv", sys.argv)
        before = set(sys.modules)
        self.addCleanup(lambda: [sys.modules.pop(name) for name in set(sys.modules) - before])
        # A test's module has the name of another test's, and may be of the same second.
        self.addCleanup(importlib.invalidate_caches)
        self.addCleanup(setattr, sys, "dont_write_bytecode", sys.dont_write_bytecode)
        sys.dont_write_bytecode = True

    def write(self, name: str, source: str) -> str:
        path = os.path.join(self.directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(source)
        importlib.invalidate_caches()
        return path

    def load(self, **start: Any) -> loader.LoadedApplication:
        message = {
            "module": "app",
            "file": None,
            "attributes": ["application", "app"],
            "factory": False,
            "paste": None,
            "display": "app",
            "settingsFrom": "",
            "rootPath": "",
            "workerClass": "auto",
            "findStatic": True,
            "isDevelopment": False,
            "interface": "auto",
            "logConfig": None,
            "configuration": None,
            "loggers": None,
        }
        message.update(start)
        loader.prepare_import_path(self.directory, message["file"], message["module"])
        return loader.load(message)

    def refused(self, **start: Any) -> LoadError:
        with self.assertRaises(LoadError) as raised:
            self.load(**start)
        self.assertNotIn("jumak_worker", raised.exception.traceback)
        return raised.exception


class Found(Loader):
    def test_the_first_attribute_that_is_there(self) -> None:
        self.write("app.py", "def app(environ, start_response): pass\n")
        self.assertEqual(self.load().application, "app:app")
        self.write("both.py", GOOD + "app = None\n")
        self.assertEqual(self.load(module="both").application, "both:application")

    def test_a_module_in_a_package_and_a_dotted_attribute(self) -> None:
        self.write("mysite/__init__.py", "")
        self.write("mysite/wsgi.py", "class holder:\n    @staticmethod\n    def call(environ, start_response): pass\n")
        loaded = self.load(module="mysite.wsgi", attributes=["holder.call"])
        self.assertEqual(loaded.application, "mysite.wsgi:holder.call")

    def test_a_file_anywhere_sees_its_neighbours(self) -> None:
        self.write("elsewhere/neighbour.py", "name = 'neighbour'\n")
        path = self.write("elsewhere/main.py", "import neighbour\n" + GOOD)
        self.assertEqual(self.load(module=None, file=path).application, "main:application")

    def test_the_working_directory_is_first_and_its_own(self) -> None:
        self.write("app.py", "import os, sys\nseen = os.getcwd(), sys.path[0], sys.argv\n" + GOOD)
        self.load(display="app:application")
        self.assertEqual(sys.modules["app"].seen, (self.directory, self.directory, ["jumak", "app:application"]))

    def test_callables_of_every_kind(self) -> None:
        source = """
import functools
def function(environ, start_response): pass
def more(prefix, environ, start_response): pass
class Instance:
    def __call__(self, environ, start_response): pass
    def method(self, environ, start_response): pass
class Anything:
    def __call__(self, *args, **kwargs): pass
class Result:
    def __init__(self, environ, start_response): pass
    def __iter__(self): return iter([])
partial, instance, anything = functools.partial(more, 1), Instance(), Anything()
"""
        self.write("app.py", source)
        for name in ("function", "partial", "instance", "instance.method", "anything", "Result"):
            with self.subTest(name):
                self.assertEqual(self.load(attributes=[name]).application, "app:%s" % name)

    def test_a_factory_is_called_once(self) -> None:
        self.write(
            "app.py", "calls = []\ndef make():\n    calls.append(1)\n    return lambda environ, start_response: None\n"
        )
        self.assertEqual(self.load(attributes=["make"], factory=True).application, "app:make()")
        self.assertEqual(sys.modules["app"].calls, [1])

    def test_a_factory_gets_the_plain_values_that_were_written(self) -> None:
        self.write("app.py", "def make(*args, **kwargs):\n    made.append((args, kwargs))\n    return lambda e, s: None\nmade = []\n")
        self.assertEqual(self.load(attributes=["make('a(b', 2, debug=True, x=[None, {'k': 1.5}])"], factory=True).application, "app:make()")
        self.assertEqual(sys.modules["app"].made, [(("a(b", 2), {"debug": True, "x": [None, {"k": 1.5}]})])
        for passed in ("(open('x'))", "(*[1])", "(**{'a': 1})", "(1)()", "(x)", "(1", "(1, 2) + 3"):
            with self.subTest(passed):
                sys.modules.pop("app", None)
                self.assertIn("must pass plain values", self.refused(attributes=["make" + passed], factory=True).message)

    def test_create_app_among_candidates_is_a_factory(self) -> None:
        self.write("app.py", "def create_app():\n    return lambda environ, start_response: None\n")
        self.assertEqual(self.load(attributes=["application", "app", "create_app"]).application, "app:create_app()")

    def test_the_framework_is_named_with_its_version(self) -> None:
        self.write("bottle.py", "__version__ = '0.13.4'\n")
        self.write("app.py", "import bottle\n" + GOOD)
        loaded = self.load()
        self.assertEqual(loaded.framework, "Bottle 0.13.4")
        described = ["application", "framework", "importMs", "interface", "python", "static"]
        self.assertEqual(sorted(loaded.describe()), described)


class Refused(Loader):
    def test_a_module_that_is_not_there_is_no_error_within_it(self) -> None:
        for name, missing in (("nowhere", "nowhere"), ("nowhere.wsgi", "nowhere")):
            error = self.refused(module=name)
            self.assertIn("there is no module %s" % missing, error.message)
            self.assertIn(self.directory, error.message)
            self.assertEqual(error.traceback, "")

    def test_a_submodule_that_is_not_there(self) -> None:
        self.write("mysite/__init__.py", "")
        self.assertIn("there is no module mysite.wsgi", self.refused(module="mysite.wsgi").message)

    def test_an_import_within_it_that_is_not_there(self) -> None:
        self.write("app.py", "import not_installed\n" + GOOD)
        error = self.refused()
        self.assertIn("app could not be imported: there is no module not_installed", error.message)
        self.assertIn("import not_installed", error.traceback)

    def test_a_file_that_is_not_there_or_no_python(self) -> None:
        path = os.path.join(self.directory, "nowhere.py")
        self.assertEqual(self.refused(module=None, file=path).message, "there is no file %s" % path)
        text = self.write("app.txt", "hello")
        self.assertIn("must end in .py", self.refused(module=None, file=text).message)

    def test_whatever_the_import_raises(self) -> None:
        for statement, message in (
            ("1 / 0", "ZeroDivisionError: division by zero"),
            ("raise KeyboardInterrupt", "KeyboardInterrupt"),
            ("raise GeneratorExit('no')", "GeneratorExit: no"),
            ("import sys; sys.exit('no settings')", "SystemExit('no settings')"),
            ("def (", "SyntaxError"),
            ("class E(Exception):\n    def __str__(self): raise ValueError\nraise E", "E"),
        ):
            with self.subTest(statement):
                sys.modules.pop("app", None)
                self.write("app.py", "# %s\n%s\n" % (len(statement), statement))
                error = self.refused()
                self.assertIn(message, error.message)
                self.assertNotIn("\n", error.message)

    def test_an_attribute_that_is_not_there_comes_with_what_is(self) -> None:
        self.write("app.py", "import os\nfrom os.path import join\naplication = print\n")
        self.assertRegex(
            self.refused().message, "module app has no attribute 'application' or 'app'; it has: aplication"
        )
        self.write("other.py", "from os.path import join\ndef serve(): pass\nlimit = 5\n")
        self.assertRegex(self.refused(module="other").message, "; it has: serve$")
        self.write("empty.py", "")
        self.assertRegex(self.refused(module="empty", attributes=["x"]).message, "has no attribute 'x'$")

    def test_what_cannot_be_called(self) -> None:
        for value, kind in (("42", "of type int"), ("'text'", "of type str")):
            sys.modules.pop("app", None)
            self.write("app.py", "# %s\napplication = %s\n" % (kind, value))
            self.assertIn("app:application is %s, which cannot be called" % kind, self.refused().message)

    def test_factories_that_fail_return_none_or_are_none(self) -> None:
        self.write(
            "app.py",
            "def make():\n    raise RuntimeError('no settings')\ndef none(): pass\nvalue = 5\ndef wants(name): pass\n",
        )
        error = self.refused(attributes=["make"], factory=True)
        self.assertEqual(error.message, "app:make() failed: RuntimeError: no settings")
        self.assertIn("raise RuntimeError", error.traceback)
        self.assertIn("app:none() is None", self.refused(attributes=["none"], factory=True).message)
        self.assertIn(
            "app:value is of type int, so it cannot be called", self.refused(attributes=["value"], factory=True).message
        )
        self.assertIn("wants() failed: TypeError", self.refused(attributes=["wants"], factory=True).message)

    def test_asgi_2_is_served_as_asgi_3(self) -> None:
        seen = []

        async def receive() -> dict:
            return {}

        async def send(message: dict) -> None:
            seen.append(message)

        for source in (
            "class application:\n    def __init__(self, scope): self.scope = scope\n"
            "    async def __call__(self, receive, send): await send(self.scope['asgi'])\n",
            "def application(scope):\n    async def run(receive, send): await send(scope['asgi'])\n    return run\n",
        ):
            with self.subTest(source):
                sys.modules.pop("app", None)
                self.write("app.py", "# %d\n" % len(source) + source)
                loaded = self.load()
                self.assertEqual(loaded.interface, "asgi")
                asyncio.run(loaded.callable({"asgi": {"version": "3.0"}}, receive, send))
                self.assertEqual(seen.pop(), {"version": "2.0"})

    def test_the_interface_that_is_wanted_wins(self) -> None:
        self.write("app.py", "def application(*args): pass\n")
        for wanted, expected in (("auto", "wsgi"), ("wsgi", "wsgi"), ("asgi3", "asgi"), ("asgi2", "asgi")):
            with self.subTest(wanted):
                self.assertEqual(self.load(interface=wanted).interface, expected)

    def test_directories_that_stand_before_the_others(self) -> None:
        before = [os.path.join(self.directory, name) for name in ("lib", "more")]
        loader.prepare_import_path(self.directory, None, "app", before)
        self.assertEqual(sys.path[:3], [*before, self.directory])

    def test_a_coroutine_function_that_is_neither(self) -> None:
        self.write("app.py", "async def application(environ, start_response): pass\n")
        self.assertEqual(
            self.refused().message,
            "app:application is asynchronous and takes (environ, start_response): "
            "an ASGI application takes (scope, receive, send)",
        )


class Interfaces(Loader):
    def test_asgi_is_loaded(self) -> None:
        self.write("app.py", "async def application(scope, receive, send): pass\n")
        loaded = self.load()
        self.assertEqual((loaded.interface, loaded.describe()["interface"]), ("asgi", "asgi"))
        self.write("other.py", GOOD)
        self.assertEqual(self.load(module="other").interface, "wsgi")

    def test_what_an_application_is(self) -> None:
        class Instance:
            async def __call__(self, scope, receive, send):
                pass

        class Plain:
            def __call__(self, scope, receive, send):
                pass

            async def method(self, one, two, three):
                pass

        class Awaited:
            def __init__(self, scope, receive, send):
                pass

            def __await__(self):
                yield

        class Two:
            def __init__(self, scope):
                pass

            async def __call__(self, receive, send):
                pass

        class WsgiClass:
            def __init__(self, environ, start_response):
                pass

        class WsgiInstance:
            def __call__(self, environ, start_response):
                pass

        async def function(scope, receive, send):
            pass

        async def others(a, b, c):
            pass

        async def anything(*args):
            pass

        def extra(prefix, scope, receive, send):
            pass

        async def coroutine(prefix, scope, receive, send):
            pass

        @wraps(function)
        def wrapped(*args, **kwargs):
            return function(*args, **kwargs)

        def marked(*args):
            pass

        def two(scope):
            pass

        def unknown(*args, **kwargs):
            pass

        marked._asgi_single_callable = True  # type: ignore[attr-defined]
        for expected, candidates in (
            (
                interface.ASGI,
                (function, others, anything, Instance(), Plain(), Plain().method, Awaited, wrapped, marked)
                + (partial(extra, 1), partial(coroutine, 1), partial(Instance())),
            ),
            (interface.ASGI_2, (Two, two)),
            (interface.WSGI, (WsgiClass, WsgiInstance(), WsgiInstance, unknown, print, lambda e, s: None, dict)),
        ):
            for candidate in candidates:
                with self.subTest(candidate):
                    self.assertEqual(interface.detect(candidate), expected)
                    if expected == interface.ASGI:
                        self.assertEqual(interface.misfit(candidate), "")


if __name__ == "__main__":
    unittest.main()
