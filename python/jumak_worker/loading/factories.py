"""Whether a callable makes the application instead of being one: a factory, or a class. It is not called to find out."""

from __future__ import annotations

import inspect
import re

#: Usual names of functions that make an application.
_NAME = re.compile(r"^(?:create|make|build|get|init)_\w*(?:app|application|asgi|wsgi)$")


def advise(application: object, name: str, display: str) -> str:
    """Why ``application`` is none, and what to write; empty where it may be one. ``display``: how the user named it."""
    command = "jumak '%s:%s()'" % (display.partition(":")[0], name)
    if inspect.isclass(application):
        if not _has_instances_that_are_called(application):
            return "" if _may_be_called(application) else "is a class, and neither it nor an instance of it is an application"
        if _can_be_called(application, 0):
            return "is a class, and an instance of it is the application: %s" % command
        return "is a class, and an instance of it is the application: make one in the module, and name that"
    if not (inspect.isfunction(application) or inspect.ismethod(application)) or not _can_be_called(application, 0):
        return ""
    if _can_be_called(application, 2) and not _NAME.match(name.rpartition(".")[2]):
        return ""
    return "is a factory, which makes the application: %s" % command


def _has_instances_that_are_called(cls: type) -> bool:
    """Whether instances are the application. Instances of a class that is itself one are responses: iterated over, or awaited."""
    if hasattr(cls, "__iter__") or hasattr(cls, "__await__"):
        return False
    return any("__call__" in vars(one) for one in cls.__mro__)


def _may_be_called(cls: type) -> bool:
    """Whether it takes as many arguments as WSGI, ASGI 3 or ASGI 2 give. True for a class without a signature."""
    try:
        inspect.signature(cls)
    except Exception:
        return True
    return any(_can_be_called(cls, count) for count in (1, 2, 3))


def _can_be_called(function: object, arguments: int) -> bool:
    """Whether it takes so many positional arguments. False for a function without a signature."""
    try:
        inspect.signature(function).bind(*[None] * arguments)  # type: ignore[arg-type]
    except Exception:
        return False
    return True
