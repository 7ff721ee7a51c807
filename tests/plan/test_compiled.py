"""Compiled code is kept for every checkout that has the same sources."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from engine.plan.compiled import Linker

SOURCE = "def double(x):\n    return twice(x)\n\n\ndef twice(x):\n    return x + x\n"


def checkout(folder: Path, source: str) -> ModuleType:
    """A module of that source, as an installation in that folder has it."""
    folder.mkdir()
    (folder / "doubling.py").write_text(source)
    found = importlib.util.spec_from_file_location("doubling", folder / "doubling.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def hits(module: ModuleType) -> int:
    """How much of its code was there already, once it has run."""
    linker = Linker("doubling", (module,))
    linker.module(module, kept=("double",))
    double = linker.names["double"]
    assert double(4) == 8
    return sum(double.stats.cache_hits.values())


def test_a_second_checkout_compiles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert hits(checkout(tmp_path / "one", SOURCE)) == 0
    assert hits(checkout(tmp_path / "two", SOURCE)) == 1
    assert hits(checkout(tmp_path / "other", SOURCE.replace("x + x", "2 * x"))) == 0
