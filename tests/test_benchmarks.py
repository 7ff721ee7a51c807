"""Benchmarks run seldom, so what they take of the project is looked up here: none is broken by a change unseen."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

BENCHMARKS = sorted((Path(__file__).parents[1] / "benchmarks").glob("*.py"))


def taken(path: Path) -> Iterator[tuple[str, str]]:
    """Each name that a file imports of the project, with its module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("engine", "connectors", "state"):
            yield from ((node.module or "", each.name) for each in node.names)


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_what_a_benchmark_takes_of_the_project_is_there(path: Path) -> None:
    assert [f"{module}.{name}" for module, name in taken(path) if not is_there(module, name)] == []


def is_there(module: str, name: str) -> bool:
    if hasattr(import_module(module), name):
        return True
    try:
        import_module(f"{module}.{name}")
    except ModuleNotFoundError:
        return False
    return True
