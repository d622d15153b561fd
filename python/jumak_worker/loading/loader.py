"""Finds and imports the application that the master names, or says in one sentence why it cannot.

Runs in the main thread of the preloader, or of each worker with ``--preload off``, before anything is served. Raises LoadError only.
Not here: advice for mistakes (``import_mistakes.py``, ``factories.py``), what the import leaves open (``inspection.py``).
"""

from __future__ import annotations

import ast
import difflib
import importlib
import importlib.util
import inspect
import os
import sys
from time import perf_counter
from types import ModuleType
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from ..output import tracebacks
from . import factories, import_mistakes, interface, patching, static_files, static_finders
from .load_error import LoadError


class LoadedApplication(NamedTuple):
    callable: Callable
    #: ``mysite.wsgi:application``
    application: str
    #: ``Django 5.2.1``; empty: not known
    framework: str
    import_ms: int
    #: ``wsgi`` or ``asgi``
    interface: str
    #: Static files that the application wants to have served; None: it has no framework that tells, or ``--static off``.
    static: Optional[static_files.Found]

    def describe(self) -> dict:
        """The fields of ``LoadedApplication`` in ``src/control/messages.ts``."""
        return {
            "python": "%d.%d.%d" % sys.version_info[:3],
            "application": self.application,
            "framework": self.framework,
            "importMs": self.import_ms,
            "interface": self.interface,
            "static": None if self.static is None else self.static.describe(),
        }


def prepare_import_path(
    directory: str, file: Optional[str], module: Optional[str] = None, before: Sequence[str] = ()
) -> None:
    """Puts the application's directory first into ``sys.path``, by the path that the user named: a link that is switched is followed.
    The directories of ``before`` stand in front of it.

    A file by itself sees its neighbours, as a script does. A file that is a module of a package needs the directory above its
    outermost package; its neighbours come last, where they hide no other module.
    """
    os.chdir(directory)
    sys.path.insert(0, directory)
    if file is not None:
        _find_file(directory, file, module)
    sys.path[:0] = before


def _find_file(directory: str, file: str, module: Optional[str]) -> None:
    folder = os.path.dirname(file)
    if module is None:
        _insert_import_path(folder, directory)
        return
    depth = module.count(".") + (1 if os.path.basename(file) == "__init__.py" else 0)
    root = folder
    for _ in range(depth):
        root = os.path.dirname(root)
    _insert_import_path(root, directory)
    if depth > 0 and os.path.basename(file) != "__init__.py":
        sys.path.append(folder)


def _insert_import_path(folder: str, directory: str) -> None:
    if folder not in (directory, os.path.realpath(directory)):
        sys.path.insert(0, folder)


def load(start: dict) -> LoadedApplication:
    """``start``: the master's message of that name. Raises LoadError."""
    attributes = start["attributes"]
    passed = ""
    if start["factory"] and "(" in attributes[0]:
        attribute, _, passed = attributes[0].partition("(")
        attributes, passed = [attribute], "(" + passed
    sys.argv = ["jumak", start["display"]]
    started = perf_counter()
    is_green = start["workerClass"] == "gevent"
    if is_green:
        patching.patch()
    if start["logConfig"] is not None or start["loggers"] is not None:
        # Few applications need it: logging takes time and memory.
        from . import log_config

        log_config.set_up(start["logConfig"], start["loggers"])
    if start["paste"] is None:
        display, application, kind = _from_module(start, attributes, passed)
    else:
        display, application, kind = _from_paste(start)
    if is_green and kind == interface.ASGI:
        what = "is an ASGI application, whose requests run on an event loop: leave worker-class out"
        raise LoadError("worker-class is gevent, but %s %s" % (display, what))
    milliseconds = int((perf_counter() - started) * 1000)
    static = static_files.find(start["rootPath"], start["isDevelopment"]) if start["findStatic"] else None
    if static is not None and static.finders:
        try:
            application = static_finders.wrap(application, kind, static.finders, start["rootPath"])
        except Exception as error:
            static = static_files.nothing_because("the finders cannot be asked: %s" % tracebacks.one_line(error))
    return LoadedApplication(application, display, _framework(kind), milliseconds, kind, static)


def _from_module(start: dict, attributes: List[str], passed: str) -> Tuple[str, Callable, str]:
    """Its name, the callable and its interface. ``passed``: arguments of a factory."""
    imported = _import(start["module"], start["file"], start["display"], start["settingsFrom"])
    try:
        name, found = _find_attribute(imported, attributes)
    except LoadError:
        raise
    except BaseException as error:  # a module's __getattr__, a property
        raise LoadError(
            "looking for the application in %s failed: %s" % (imported.__name__, tracebacks.one_line(error)),
            error,
        ) from None
    # One of several names that are tried: `create_app` is among them as the usual name of a factory.
    if start["factory"] or (name == "create_app" and len(attributes) > 1):
        found = _call_factory(imported, name, found, passed)
        name += "()"
    where = "%s:%s" % (imported.__name__, name)
    advice_for = None if name.endswith("()") else name
    return (where, *_checked(found, where, advice_for, start["display"], start["interface"]))


def _from_paste(start: dict) -> Tuple[str, Callable, str]:
    from . import paste_deploy

    file, section = start["file"], start["attributes"][0]
    # A dictionary of gunicorn's configuration file has set up logging before.
    by_dictionary = (start["configuration"] or {}).get("settings", {}).get("logconfig_dict")
    if start["logConfig"] is None and not by_dictionary and paste_deploy.has_logging(file):
        from . import log_config

        log_config.set_up(file, None, "")
    where = "%s#%s" % (os.path.basename(file), section)
    application = paste_deploy.load(file, section, start["paste"])
    return (where, *_checked(application, where, None, start["display"], start["interface"]))


def call_post_fork(hook: dict) -> None:
    """Calls the function of ``--post-fork``, in each worker before it serves. Raises LoadError."""
    where = "%s:%s" % (hook["module"], hook["attribute"])
    try:
        module = _import(hook["module"], None, where, "")
        _, function = _find_attribute(module, [hook["attribute"]])
        result = function()  # type: ignore[operator]
        if inspect.iscoroutine(result):
            result.close()  # Otherwise Python warns that nobody awaited it.
            raise LoadError("it is asynchronous, and no event loop runs yet; name an ordinary function")
    except LoadError as error:
        raise LoadError("--post-fork %s: %s" % (where, error.message), error.cause) from None
    except SystemExit as error:
        raise LoadError("--post-fork %s left with SystemExit(%r)" % (where, error.code), error) from None
    except BaseException as error:
        raise LoadError("--post-fork %s failed: %s" % (where, tracebacks.one_line(error)), error) from None


# -- importing


def _import(module: Optional[str], file: Optional[str], display: str, settings: str) -> ModuleType:
    """``display``: how the user names it; ``settings``: where DJANGO_SETTINGS_MODULE is set, or empty."""
    name = module if module is not None else os.path.splitext(os.path.basename(file or ""))[0]
    try:
        if module is None and file is not None:
            return _import_file(name, file)
        return importlib.import_module(name)
    except LoadError:
        raise
    except SystemExit as error:
        raise LoadError(
            "%s left with SystemExit(%r) while it was imported" % (name, error.code), error
        ) from None
    except BaseException as error:
        if isinstance(error, ModuleNotFoundError) and import_mistakes.is_missing_itself(error, name):
            raise LoadError(import_mistakes.not_found(name, error)) from None
        message = import_mistakes.explain(error, name, display, settings)
        cause = None if import_mistakes.are_settings_missing(error) else error
        raise LoadError("%s could not be imported: %s" % (name, message), cause) from None


def _import_file(name: str, file: str) -> ModuleType:
    if not os.path.isfile(file):
        raise LoadError("there is no file %s" % file)
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise LoadError("%s is not a Python file: its name must end in .py" % file)
    module = importlib.util.module_from_spec(spec)
    # Registered before it runs, as `import` does: dataclasses and pickle look their module up.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


# -- the callable


def _find_attribute(module: ModuleType, attributes: List[str]) -> Tuple[str, object]:
    for attribute in attributes:
        found: object = module
        for part in attribute.split("."):
            found = getattr(found, part, None)
        if found is not None:
            return attribute, found
    names = [name for name in vars(module) if not name.startswith("_")]
    other = import_mistakes.shadowed(module.__name__)
    close = difflib.get_close_matches(attributes[0], names, n=3) or _callables(module, names)[:5]
    inside = import_mistakes.modules_inside(module)
    hint = other or ("it has: %s" % ", ".join(close) if close else inside)
    wanted = " or ".join("'%s'" % attribute for attribute in attributes)
    raise LoadError("module %s has no attribute %s%s" % (module.__name__, wanted, hint and "; " + hint))


def _callables(module: ModuleType, names: List[str]) -> List[str]:
    """Names of callables: those that the module itself defines, or else those that it imports."""
    found = [name for name in names if callable(vars(module)[name])]
    own = [name for name in found if getattr(vars(module)[name], "__module__", None) == module.__name__]
    return own or found


def _call_factory(module: ModuleType, name: str, factory: object, passed: str) -> object:
    """``passed``: its arguments in parentheses, as they were written; empty: none."""
    where = "%s:%s" % (module.__name__, name)
    positional, named = _plain_values(where, passed) if passed else ([], {})
    if not callable(factory):
        raise LoadError(
            "%s is of type %s, so it cannot be called to make an application" % (where, type(factory).__name__)
        )
    try:
        return factory(*positional, **named)
    except BaseException as error:
        raise LoadError(
            "%s() failed: %s" % (where, tracebacks.one_line(error)), error
        ) from None


def _plain_values(where: str, passed: str) -> Tuple[List[object], Dict[str, object]]:
    """The arguments ``('prod', debug=True)``. They are read as literals: nothing of them is run."""
    try:
        call = ast.parse("f" + passed, mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            raise ValueError("no call")
        if any(keyword.arg is None for keyword in call.keywords):
            raise ValueError("no names")
        named = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
        return [ast.literal_eval(argument) for argument in call.args], named
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        raise LoadError(
            "%s%s must pass plain values to its factory: texts, numbers, True, None, or lists of them" % (where, passed)
        ) from None


#: What ``--interface`` says; ``auto`` is none of them.
_INTERFACES = {"wsgi": interface.WSGI, "asgi3": interface.ASGI, "asgi2": interface.ASGI_2}


def _checked(
    application: object, where: str, name: Optional[str], display: str, wanted: str
) -> Tuple[Callable, str]:
    """The callable and its interface, which is the one that is ``wanted`` or found. ``name``: None where a factory made the application."""
    if not callable(application):
        what = "None" if application is None else "of type %s" % type(application).__name__
        raise LoadError("%s is %s, which cannot be called: a WSGI or ASGI application is a callable" % (where, what))
    kind = _INTERFACES.get(wanted) or interface.detect(application)
    if kind == interface.ASGI_2:
        return interface.single(application), interface.ASGI
    advice = "" if name is None else factories.advise(application, name, display)
    if advice:
        raise LoadError("%s %s" % (where, advice))
    if kind == interface.ASGI:
        misfit = interface.misfit(application)
        if misfit:
            raise LoadError("%s %s: an ASGI application takes (scope, receive, send)" % (where, misfit))
    return application, kind


# -- the framework

_FRAMEWORKS = (
    ("fastapi", "FastAPI"),
    ("litestar", "Litestar"),
    ("quart", "Quart"),
    ("django", "Django"),
    ("starlette", "Starlette"),
    ("flask", "Flask"),
    ("pyramid", "Pyramid"),
    ("falcon", "Falcon"),
    ("bottle", "Bottle"),
)
#: They speak ASGI only: a WSGI application that has imported one of them was made with another framework.
_ASYNCHRONOUS = frozenset(("fastapi", "litestar", "quart", "starlette"))


def _framework(kind: str) -> str:
    """The web framework that the application brought in, with its version."""
    for module, title in _FRAMEWORKS:
        if module in sys.modules and (kind == interface.ASGI or module not in _ASYNCHRONOUS):
            # Not `getattr`: it would run the module's own `__getattr__`, which warns (Flask's does) or imports.
            version = vars(sys.modules[module]).get("__version__")
            return ("%s %s" % (title, version or _installed_version(module))).strip()
    return ""


def _installed_version(module: str) -> str:
    import importlib.metadata

    try:
        return importlib.metadata.version(module)
    except importlib.metadata.PackageNotFoundError:
        return ""
