"""Where the module may be that was meant: one of a similar name in this directory, or the same one in a directory above or below.

Runs where an import has failed. Imports nothing, raises nothing, and looks at a bounded number of names.
"""

from __future__ import annotations

import difflib
import os
from typing import List

#: Names of one directory that are looked at. A project has some dozen.
_MOST_NAMES = 500
#: Directories below that are looked at.
_MOST_DIRECTORIES = 100
#: Directories above: in a package of a package one starts by mistake, further down nobody.
_ABOVE = 2
_SIMILAR = 0.7


def advise(name: str) -> str:
    """A piece of a sentence; empty: nothing near is found."""
    parts = name.split(".")
    directory = os.getcwd()
    place = _elsewhere(parts, directory)
    if place:
        return "it is in %s: start there, or with --chdir %s" % (place, place)
    meant = _misspelt(parts, directory)
    return "did you mean %s?" % ".".join(meant) if meant else ""


def _elsewhere(parts: List[str], directory: str) -> str:
    above = directory
    for _ in range(_ABOVE):
        above = os.path.dirname(above)
        if _has(above, parts):
            return above
    below = [os.path.join(directory, name) for name in _names(directory) if not name.startswith(".")]
    for place in [path for path in below if os.path.isdir(path)][:_MOST_DIRECTORIES]:
        if _has(place, parts):
            return place
    return ""


def _misspelt(parts: List[str], directory: str) -> List[str]:
    """Each part as it is there, or as the nearest name; empty where one has none."""
    meant: List[str] = []
    for i, part in enumerate(parts):
        place = os.path.join(directory, *meant)
        is_last = i == len(parts) - 1
        candidates = {name.lower(): name for name in _modules(place, is_last)}
        if part in candidates.values():
            meant.append(part)
            continue
        close = difflib.get_close_matches(part.lower(), list(candidates), n=1, cutoff=_SIMILAR)
        if not close:
            return []
        meant.append(candidates[close[0]])
    return meant if meant != parts else []


def _modules(directory: str, with_files: bool) -> List[str]:
    """Names that can be imported from the directory: packages, and where asked files of Python."""
    found = []
    for name in _names(directory):
        path = os.path.join(directory, name)
        stem, ending = os.path.splitext(name)
        if with_files and ending == ".py" and stem.isidentifier():
            found.append(stem)
        elif name.isidentifier() and any(one.endswith(".py") for one in _names(path)):
            found.append(name)
    return found


def _has(directory: str, parts: List[str]) -> bool:
    path = os.path.join(directory, *parts)
    return os.path.isfile(path + ".py") or os.path.isfile(os.path.join(path, "__init__.py"))


def _names(directory: str) -> List[str]:
    """Empty: it is no directory, or may not be read."""
    try:
        return sorted(os.listdir(directory))[:_MOST_NAMES]
    except OSError:
        return []
