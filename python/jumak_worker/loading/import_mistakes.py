"""Why a module could not be imported, with what to do about it."""

from __future__ import annotations

import importlib.util
import os
import sys
from types import ModuleType

from ..process import tracebacks

SETTINGS = "DJANGO_SETTINGS_MODULE"
#: Commands of other programs, and what to write here. A module may be called so, therefore it is looked for first.
_COMMANDS = {"run": "jumak", "serve": "jumak", "start": "jumak", "dev": "jumak --reload", "help": "jumak --help"}
#: Modules of a package that mostly have its application.
_USUAL = ("main", "app", "application", "server", "api", "asgi", "wsgi")


def is_missing_itself(error: ModuleNotFoundError, name: str) -> bool:
    """Whether the module that was asked for is missing, and not something that it imports: two different mistakes."""
    missing = error.name or ""
    is_target = name == missing or name.startswith(missing + ".")
    return is_target and not tracebacks.has_application_frames(error)


def not_found(name: str, error: ModuleNotFoundError) -> str:
    return (
        "there is no module %s (looked for %s in %s and in the packages of %s); "
        "%s" % (error.name, name, os.getcwd(), sys.executable, _advise_missing(name))
    )


def _advise_missing(name: str) -> str:
    if name in _COMMANDS:
        return "if no module is meant, write %s: there is no command %s" % (_COMMANDS[name], name)
    return "is it the right directory (--chdir)?"


def modules_inside(package: ModuleType) -> str:
    """Of a package that has nothing itself, for the application may be in one of them; empty where there are none."""
    import pkgutil  # only where something is wrong: the start is quicker without

    path = getattr(package, "__path__", None)
    names = [found.name for found in pkgutil.iter_modules(path) if found.name[0] != "_"] if path else []
    # Where it mostly is comes first.
    names.sort(key=lambda name: name not in _USUAL)
    if not names:
        return ""
    modules = ["%s.%s" % (package.__name__, name) for name in names]
    return "it is a package with the modules %s" % ", ".join(modules[:5])


def explain(error: BaseException, name: str, display: str, settings: str) -> str:
    """``settings``: where the environment's DJANGO_SETTINGS_MODULE comes from; empty where it has none."""
    missing = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
    if missing:
        named = os.environ.get(SETTINGS, "")
        if named == missing or named.startswith(missing + "."):
            return _no_settings(name, missing, named, settings)
        return "there is no module %s in %s; is it the right Python (--python), are its requirements installed?" % (
            missing,
            sys.executable,
        )
    text = tracebacks.one_line(error)
    is_relative = isinstance(error, ImportError) and "attempted relative import" in str(error)
    return text + (_advise_module(name, display) if is_relative else "")


def _no_settings(name: str, missing: str, named: str, where: str) -> str:
    setter = where or "by %s" % (_find_setter(name) or "the application")
    return "%s is %s, and there is no module %s (looked in %s and in the packages of %s); it is set %s" % (
        SETTINGS,
        named,
        missing,
        os.getcwd(),
        sys.executable,
        setter,
    )


def _find_setter(name: str) -> str:
    """``/srv/shop/wsgi.py:14``: the line of the module that sets the variable; empty where another one does."""
    try:
        spec = importlib.util.find_spec(name)
        with open((spec and spec.origin) or "", encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                if SETTINGS in line and not line.lstrip().startswith("#"):
                    return "%s:%d" % (file.name, number)
    except Exception:
        pass
    return ""


def _advise_module(name: str, display: str) -> str:
    """How a module that was named by itself is named from above its package."""
    directory = os.getcwd()
    package = os.path.basename(directory)
    # The path of a file: its directories have names that no package can have.
    if "/" in display or display.partition(":")[0].endswith(".py") or not package.isidentifier():
        return ""
    _, colon, attribute = display.partition(":")
    word = "%s.%s%s%s" % (package, name, colon, attribute)
    return "; name it as a module of its package: jumak --chdir %s %s" % (os.path.dirname(directory), word)
