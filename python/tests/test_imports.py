"""The imports of the package: no circle between files, rooms in one direction, and nothing beyond the standard library.

Read from the source, so that imports within functions and for type checkers count too.
"""

from __future__ import annotations

import ast
import os
import sys
import unittest
from typing import Dict, Iterator, List, Set

from .harness import PACKAGE

NAME = "jumak_worker"
#: A room imports from itself, from the rooms before it, and from the package's own file. Those of one line know nothing of each other.
ROOMS = (("wire",), ("output",), ("system",), ("loading", "cgi"), ("hooks", "links"), ("wsgi", "asgi"), ("greenlets",), ("process",))


def modules() -> Dict[str, str]:
    """Name → path: ``jumak_worker.wsgi.link`` → ``/…/wsgi/link.py``. A folder has the name of its ``__init__.py``."""
    found = {}
    for folder, _, files in os.walk(PACKAGE):
        for file in files:
            if file.endswith(".py"):
                path = os.path.join(folder, file)
                parts = os.path.relpath(path, PACKAGE)[: -len(".py")].split(os.sep)
                found[".".join([NAME, *(part for part in parts if part != "__init__")])] = path
    return found


def imported(name: str, path: str) -> Iterator[str]:
    """What a module imports, as absolute names: modules, or names within modules."""
    package = name if path.endswith("__init__.py") else name.rpartition(".")[0]
    with open(path, encoding="utf-8") as file:
        tree = ast.parse(file.read(), path)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield "%s.%s" % (base, alias.name)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in ("import_module", "__import__"):
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str) and first.value.startswith("."):
                yield NAME + "." + first.value.lstrip(".")


def graph() -> Dict[str, Set[str]]:
    """Module → modules of the package that it imports."""
    found = modules()
    return {
        name: {target for one in imported(name, path) for target in (one, one.rpartition(".")[0]) if target in found} - {name, NAME}
        for name, path in found.items()
    }


def circle(edges: Dict[str, Set[str]]) -> List[str]:
    """The modules of one circle, in order; empty: there is none."""
    done: Set[str] = set()

    def visit(name: str, way: List[str]) -> List[str]:
        if name in way:
            return way[way.index(name) :] + [name]
        if name in done:
            return []
        for target in sorted(edges.get(name, ())):
            found = visit(target, way + [name])
            if found:
                return found
        done.add(name)
        return []

    return next((found for found in (visit(name, []) for name in sorted(edges)) if found), [])


def rooms() -> Dict[str, str]:
    """Module → its folder; empty: the package's own."""
    paths = {name: os.path.relpath(path, PACKAGE) for name, path in modules().items()}
    return {name: path.split(os.sep)[0] if os.sep in path else "" for name, path in paths.items()}


class Imports(unittest.TestCase):
    def test_no_circle_between_files(self) -> None:
        self.assertEqual(circle(graph()), [])

    def test_a_circle_is_found(self) -> None:
        edges = {"a": {"b"}, "b": {"c", "d"}, "c": set(), "d": {"b"}}
        self.assertEqual(circle(edges), ["b", "d", "b"])

    def test_all_kinds_of_imports_are_seen(self) -> None:
        edges = graph()
        self.assertIn(NAME + ".asgi.worker", edges[NAME + ".process.startup"], "one within a function")
        self.assertIn(NAME + ".wire.framing", edges[NAME + ".wsgi.link"], "a module of another room")
        self.assertIn(NAME + ".wsgi.connection", edges[NAME + ".wsgi.link"], "names of a module")
        self.assertIn(NAME + ".process.preloader", edges[NAME + ".__main__"], "by an absolute name")

    def test_rooms_import_in_one_direction(self) -> None:
        height = {name: index for index, names in enumerate(ROOMS) for name in names}
        of = rooms()
        wrong = [
            "%s imports %s" % (name, target)
            for name, targets in graph().items()
            for target in targets
            if of[name] and of[target] not in ("", of[name]) and height[of[name]] <= height[of[target]]
        ]
        self.assertEqual(wrong, [])

    def test_every_room_is_known(self) -> None:
        found = set(rooms().values()) - {""}
        self.assertEqual(found, {name for names in ROOMS for name in names})

    @unittest.skipIf(sys.version_info < (3, 10), "Python tells the names of its modules from 3.10 on")
    def test_nothing_but_the_standard_library(self) -> None:
        # These are used where the application's environment has them.
        known = {*sys.stdlib_module_names, NAME, "uvloop", "gevent", "yaml", "paste"}
        wrong = [
            "%s imports %s" % (name, one)
            for name, path in modules().items()
            for one in imported(name, path)
            if one.partition(".")[0] not in known
        ]
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
