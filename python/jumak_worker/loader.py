"""Finds and imports the application that the master names, or says in one sentence why it cannot."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import os
import sys
from time import perf_counter
from types import ModuleType
from typing import Callable, List, NamedTuple, Optional, Tuple

from . import tracebacks


class LoadError(Exception):
    """``message``: one sentence for the user; ``traceback``: the application's frames, or empty."""

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.traceback = traceback


class LoadedApplication(NamedTuple):
    callable: Callable
    #: ``mysite.wsgi:application``
    application: str
    #: ``Django 5.2.1``, or empty
    framework: str
    import_ms: int

    def describe(self) -> dict:
        """The fields of ``LoadedApplication`` in ``src/control/messages.ts``."""
        return {
            "python": "%d.%d.%d" % sys.version_info[:3],
            "application": self.application,
            "framework": self.framework,
            "importMs": self.import_ms,
        }


def prepare_import_path(directory: str, file: Optional[str]) -> None:
    """The application's directory is importable first, as the path that the user named: a switched link is followed."""
    os.chdir(directory)
    sys.path.insert(0, directory)
    if file is not None and os.path.dirname(file) not in (directory, os.path.realpath(directory)):
        sys.path.insert(0, os.path.dirname(file))


def load(start: dict) -> LoadedApplication:
    """``start``: the master's message of that name."""
    attributes = start["attributes"]
    sys.argv = ["jumak", start["display"]]
    started = perf_counter()
    imported = _import(start["module"], start["file"])
    name, found = _find_attribute(imported, attributes)
    if start["factory"] or (name == "create_app" and len(attributes) > 1):
        found = _call_factory(imported, name, found)
        name += "()"
    _check_callable(found, imported, name)
    milliseconds = int((perf_counter() - started) * 1000)
    return LoadedApplication(found, "%s:%s" % (imported.__name__, name), _framework(), milliseconds)


def _import(module: Optional[str], file: Optional[str]) -> ModuleType:
    name = module if module is not None else _module_name(file or "")
    try:
        if file is None:
            return importlib.import_module(name)
        return _import_file(name, file)
    except ModuleNotFoundError as error:
        raise _not_found(name, file, error) from None
    except SystemExit as error:
        raise LoadError(
            "%s left with SystemExit(%r) while it was imported" % (name, error.code), tracebacks.format_exception(error)
        ) from None
    except Exception as error:
        raise LoadError(
            "%s could not be imported: %s: %s" % (name, type(error).__name__, error), tracebacks.format_exception(error)
        ) from None


def _module_name(file: str) -> str:
    return os.path.splitext(os.path.basename(file))[0]


def _import_file(name: str, file: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise LoadError("%s is not a Python file: its name must end in .py" % file)
    module = importlib.util.module_from_spec(spec)
    # Registered before it runs, as import does: dataclasses and pickle look their module up.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except FileNotFoundError:
        raise LoadError("there is no file %s" % file) from None
    return module


def _not_found(name: str, file: Optional[str], error: ModuleNotFoundError) -> LoadError:
    missing = error.name or ""
    if file is None and (name == missing or name.startswith(missing + ".")) and not tracebacks.has_application_frames(error):
        return LoadError(
            "there is no module %s (looked for %s in %s and in the packages of %s); is it the right directory (--chdir)?"
            % (missing, name, os.getcwd(), sys.executable)
        )
    return LoadError(
        "%s could not be imported: there is no module %s in %s; is it the right Python (--python), are its requirements installed?"
        % (name, missing, sys.executable),
        tracebacks.format_exception(error),
    )


def _find_attribute(module: ModuleType, attributes: List[str]) -> Tuple[str, object]:
    for attribute in attributes:
        found: object = module
        for part in attribute.split("."):
            found = getattr(found, part, None)
            if found is None:
                break
        else:
            return attribute, found
    names = [name for name in vars(module) if not name.startswith("_")]
    close = difflib.get_close_matches(attributes[0], names, n=3) or [name for name in names if callable(vars(module)[name])][:5]
    hint = "; it has: %s" % ", ".join(close) if close else ""
    wanted = " or ".join("'%s'" % attribute for attribute in attributes)
    raise LoadError("module %s has no attribute %s%s" % (module.__name__, wanted, hint))


def _call_factory(module: ModuleType, name: str, factory: object) -> object:
    if not callable(factory):
        raise LoadError("%s:%s is not callable, so it cannot make an application" % (module.__name__, name))
    try:
        return factory()
    except Exception as error:
        raise LoadError(
            "%s:%s() failed: %s: %s" % (module.__name__, name, type(error).__name__, error), tracebacks.format_exception(error)
        ) from None


def _check_callable(application: object, module: ModuleType, name: str) -> None:
    where = "%s:%s" % (module.__name__, name)
    if not callable(application):
        raise LoadError("%s is a %s, not a WSGI application: it cannot be called" % (where, type(application).__name__))
    if is_asgi(application):
        hint = ""
        if module.__name__.endswith(".asgi"):
            hint = "; this project probably has %s.wsgi too" % module.__name__[: -len(".asgi")]
        raise LoadError("%s is an ASGI application: Jumak serves WSGI applications, ASGI not yet%s" % (where, hint))


def is_asgi(application: object) -> bool:
    """A coroutine function, an object whose call is one, or the two-step class of ASGI 2."""
    if inspect.iscoroutinefunction(application):
        return True
    if inspect.isclass(application):
        return inspect.iscoroutinefunction(getattr(application, "__call__", None))
    return inspect.iscoroutinefunction(getattr(application, "__call__", None))


def _framework() -> str:
    """The web framework that the application brought in, with its version."""
    for module, title in (("django", "Django"), ("flask", "Flask"), ("pyramid", "Pyramid"), ("bottle", "Bottle"), ("falcon", "Falcon")):
        if module in sys.modules:
            version = getattr(sys.modules[module], "__version__", None) if module != "flask" else None
            return ("%s %s" % (title, version or _installed_version(module))).strip()
    return ""


def _installed_version(module: str) -> str:
    import importlib.metadata

    try:
        return importlib.metadata.version(module)
    except importlib.metadata.PackageNotFoundError:
        return ""
