"""``gunicorn`` and ``gunicorn.glogging`` can be imported while a configuration file is evaluated, also where gunicorn is not installed.

Files say ``import gunicorn; gunicorn.SERVER_SOFTWARE = ""``, and derive classes from ``gunicorn.glogging.Logger``. Where gunicorn is installed, it is
imported. The application sees no stand-in, so what it asks of gunicorn is answered truly.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import sys
from types import ModuleType
from typing import Any, Iterator, Optional

_NAMES = ("gunicorn", "gunicorn.glogging")


class _Finder:
    """Stands behind all others."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[importlib.machinery.ModuleSpec]:
        if name not in _NAMES:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=name == "gunicorn")  # type: ignore[arg-type]

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """As usual."""

    def exec_module(self, module: ModuleType) -> None:
        if module.__name__ == "gunicorn.glogging":
            # Few files need it: logging takes time and memory.
            from . import glogging

            vars(module).update({name: value for name, value in vars(glogging).items() if not name.startswith("__")})


@contextlib.contextmanager
def stand_in() -> Iterator[None]:
    finder = _Finder()
    sys.meta_path.append(finder)  # type: ignore[arg-type]
    try:
        yield
    finally:
        sys.meta_path.remove(finder)  # type: ignore[arg-type]
        for name in _NAMES:
            spec = getattr(sys.modules.get(name), "__spec__", None)
            if spec is not None and spec.loader is finder:
                del sys.modules[name]
