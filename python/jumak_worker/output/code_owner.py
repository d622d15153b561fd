"""Whose code a file is: the user's own, or of Python and installed packages, or ours. Judged by its path alone."""

from __future__ import annotations

import os

from .. import DIRECTORY

_PYTHON = os.path.dirname(os.path.abspath(os.__file__))
_FOREIGN = (DIRECTORY, os.path.join(_PYTHON, ""), os.path.join(os.path.realpath(_PYTHON), ""))
#: Parts of the paths of installed packages: a virtual environment may be inside the project.
_INSTALLED = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)


def is_own(path: str) -> bool:
    """The user's: not Python's, not an installed package's, not ours."""
    if not os.path.isabs(path):
        return False
    return not path.startswith(_FOREIGN) and not any(part in path for part in _INSTALLED)


def is_hidden(path: str) -> bool:
    """Ours, or the import machinery's: its frames tell the application's author nothing."""
    return (
        path.startswith(DIRECTORY)
        or path.startswith("<frozen importlib")
        or path.endswith(os.path.join("importlib", "__init__.py"))
    )
