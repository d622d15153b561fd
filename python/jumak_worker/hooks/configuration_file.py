"""Evaluates a configuration file of gunicorn, and says its values as JSON.

Runs in the main thread of the preloader, before the application is imported. Raises LoadError only: an error in the file is its author's,
with its frames. Not here: what the values mean (``src/adapters/gunicorn/``), when hooks are called (``hooks.py``).
"""

from __future__ import annotations

import enum
import importlib
import importlib.machinery
import importlib.util
import os
import sys
from types import ModuleType
from typing import Any, Dict, Optional

from ..loading.load_error import LoadError
from ..output import tracebacks
from .stand_in import stand_in

#: Levels of lists and dictionaries; deeper is no setting.
_MAX_DEPTH = 8
#: Characters of a text, and entries of a list: a message to the master has at most 1 MiB.
_MAX_TEXT = 16 * 1024
_MAX_ENTRIES = 1000


def evaluate(path: Optional[str], module: Optional[str], display: str) -> Dict[str, Any]:
    """The names of the file, with their values. ``path`` or ``module``: one of them is None; ``display``: as the user gave it."""
    try:
        with stand_in():
            return vars(_run_file(path) if path is not None else importlib.import_module(module or ""))
    except SystemExit as error:
        raise LoadError("%s left with SystemExit(%r)" % (display, error.code), error) from None
    except FileNotFoundError as error:
        if path is not None and error.filename == path:
            raise LoadError("%s does not exist" % display) from None
        raise LoadError("%s failed: %s" % (display, tracebacks.one_line(error)), error) from None
    except BaseException as error:
        raise LoadError("%s failed: %s" % (display, tracebacks.one_line(error)), error) from None


def _run_file(path: str) -> ModuleType:
    """As gunicorn runs it: a module named ``__config__``, which ``pickle`` and decorators find again."""
    loader = importlib.machinery.SourceFileLoader("__config__", path)
    spec = importlib.util.spec_from_file_location("__config__", path, loader=loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["__config__"] = module
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = writes
    return module


def describe(names: Dict[str, Any]) -> Dict[str, Any]:
    """The public names that may be settings, as JSON. A function or class is ``{"callable": its name}``, what is no JSON
    ``{"object": its type}``. Modules are left out."""
    return {
        name: _as_json(value, 0)
        for name, value in list(names.items())[:_MAX_ENTRIES]
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }


def _as_json(value: Any, depth: int) -> Any:
    if isinstance(value, enum.Enum):
        value = value.value
    if value is None or isinstance(value, (bool, float)):
        return value if value is None or value == value and abs(value) != float("inf") else {"object": "float"}
    if isinstance(value, int):
        return value if abs(value) < 2**53 else {"object": "int"}
    if isinstance(value, str):
        return value if len(value) <= _MAX_TEXT else {"object": "str"}
    if callable(value):
        return {"callable": str(getattr(value, "__qualname__", type(value).__name__))[:_MAX_TEXT]}
    if depth < _MAX_DEPTH and isinstance(value, (list, tuple, set, frozenset)) and len(value) <= _MAX_ENTRIES:
        return [_as_json(one, depth + 1) for one in value]
    if depth < _MAX_DEPTH and isinstance(value, dict) and len(value) <= _MAX_ENTRIES:
        return {str(key): _as_json(one, depth + 1) for key, one in value.items()}
    return {"object": type(value).__name__}
