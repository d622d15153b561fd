"""Sentences that say why a module could not be imported, and what to do about it.

Runs where the import has failed, preloader or worker. Imports nothing of the application, and raises nothing.
"""

from __future__ import annotations

import difflib
import importlib.util
import os
import sys
from types import ModuleType

from ..output import tracebacks
from . import near_modules

SETTINGS = "DJANGO_SETTINGS_MODULE"
#: Commands of other programs → what to write instead. A module of that name is looked for first.
_COMMANDS = {
    "run": "jumak",
    "serve": "jumak",
    "start": "jumak",
    "dev": "jumak --reload",
    "help": "jumak --help",
    "restart": "jumak reload",
}
#: To a running program.
_ADMIN_COMMANDS = ("status", "reload", "stop", "workers", "log-level")
#: The names of modules that usually have the application of a package.
_USUAL = ("main", "app", "application", "server", "api", "asgi", "wsgi")


def is_missing_itself(error: ModuleNotFoundError, name: str) -> bool:
    """Whether the named module itself is missing, and not a module that it imports."""
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
    meant = difflib.get_close_matches(name, _ADMIN_COMMANDS, n=1, cutoff=0.75)
    if meant:
        return "if no module is meant, write jumak %s: there is no command %s" % (meant[0], name)
    return shadowed(name) or near_modules.advise(name) or "is it the right directory (--chdir)?"


def shadowed(name: str) -> str:
    """Says that Python has another module of this name, as with one called ``site``. Empty: it has the one of the directory, or none is there."""
    top = name.split(".")[0]
    found = sys.modules.get(top)
    own = next((path for path in (top + ".py", os.path.join(top, "__init__.py"), top) if os.path.exists(path)), "")
    loaded = getattr(found, "__file__", None) or ""
    if found is None or not own or os.path.realpath(loaded).startswith(os.path.realpath(os.getcwd()) + os.sep):
        return ""
    return "Python has another module %s (%s): give %s another name" % (top, loaded or "built in", own)


def modules_inside(package: ModuleType) -> str:
    """The application may be in a module of a package that has none itself: names some; empty where the package has no modules."""
    import pkgutil  # only after a mistake: without it the start is quicker

    path = getattr(package, "__path__", None)
    names = [found.name for found in pkgutil.iter_modules(path) if found.name[0] != "_"] if path else []
    # The usual names come first.
    names.sort(key=lambda name: name not in _USUAL)
    if not names:
        return ""
    modules = ["%s.%s" % (package.__name__, name) for name in names]
    return "it is a package with the modules %s" % ", ".join(modules[:5])


def explain(error: BaseException, name: str, display: str, settings: str) -> str:
    """``settings``: where DJANGO_SETTINGS_MODULE is set in the environment; empty where it is not."""
    missing = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
    if missing:
        if are_settings_missing(error):
            return _no_settings(name, missing, os.environ[SETTINGS], settings)
        return "there is no module %s in %s; is it the right Python (--python), are its requirements installed?" % (
            missing,
            sys.executable,
        )
    text = tracebacks.one_line(error)
    is_relative = isinstance(error, ImportError) and "attempted relative import" in str(error)
    return text + (_advise_module(name, display) if is_relative else "")


def are_settings_missing(error: BaseException) -> bool:
    """The frames are Django's then, and say no more than the sentence."""
    missing = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
    named = os.environ.get(SETTINGS, "")
    return missing != "" and (named == missing or named.startswith(missing + "."))


def _no_settings(name: str, missing: str, named: str, where: str) -> str:
    setter = where or "by %s" % (_find_setter(name) or "the application")
    sentence = "%s is %s, and there is no module %s (looked in %s and in the packages of %s); it is set %s" % (
        SETTINGS,
        named,
        missing,
        os.getcwd(),
        sys.executable,
        setter,
    )
    advice = near_modules.advise(named)
    return sentence + (advice and "; " + advice)


def _find_setter(name: str) -> str:
    """``/srv/shop/wsgi.py:14``: the line of the module that sets the variable; empty where another module sets it."""
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
    """How to name a module of a package from the directory above the package."""
    directory = os.getcwd()
    package = os.path.basename(directory)
    # The path of a file whose directories are no packages: a package has another kind of name.
    if "/" in display or display.partition(":")[0].endswith(".py") or not package.isidentifier():
        return ""
    _, colon, attribute = display.partition(":")
    word = "%s.%s%s%s" % (package, name, colon, attribute)
    return "; name it as a module of its package: jumak --chdir %s %s" % (os.path.dirname(directory), word)
