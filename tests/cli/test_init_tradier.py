"""`engine init --venue tradier`: what it lays out is sound, and is for that venue."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from engine.cli.rules import load_rules
from tests.nursery import python

PROJECT = Path(__file__).parents[2]


def engine(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [python(), "-m", "engine", *words], cwd=folder, env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_folder_for_the_practice_tradier_passes_its_own_tests(tmp_path: Path) -> None:
    assert "engine run --venue tradier" in engine(tmp_path, "init", "practice", "--venue", "tradier")
    folder = tmp_path / "practice"
    assert load_rules([folder / "rules"], venue="tradier").ruleset.trading
    engine(folder, "lint", "rules")
    engine(folder, "test", "rules")
