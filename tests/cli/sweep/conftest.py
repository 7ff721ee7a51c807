"""A small pack with something to search, and recorded bars to search it over."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import main

PROJECT = Path(__file__).parents[3]
START_NS = 1_709_649_000_000_000_000  # 2024-03-05 09:30 in New York
DAY_NS, MINUTE_NS = 86_400_000_000_000, 60_000_000_000

PACK = "kind: pack\nname: crossing\nabout: x\nvenue: paper\ntimezone: America/New_York\nuniverse: [SPY]\n"
RULES = """\
kind: strategy
name: cross
about: Buys where the fast average crosses the slow one.
on: bar(1m)
params:
  fast: {default: 4, search: [3, 4, 6], about: bars}
  slow: {default: 10, search: [8, 10, 15], about: bars}
when: ema(close, fast) crosses above ema(close, slow)
then: {buy: {size: 10}}
---
kind: exit
name: later
about: Sells after a while.
params:
  patience: {default: 6m, search: [4m, 6m], about: how long it is held}
when: position.age >= patience
then: {close: all}
"""
COMBINATIONS = 18


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with a pack, data and a store, in which ``engine`` is run."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    def words(self, *more: str | Path) -> list[str]:
        """``sweep`` with this pack and data."""
        return ["sweep", "crossing", "--data", "bars", "--folds", "2", "--top-n", "3", "--min-trades", "5",
                *map(str, more)]  # fmt: skip

    def run(self, *words: str | Path) -> int:
        """``engine`` in this very process, which spares it the imports: its exit code."""
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            return main([str(word) for word in words])
        finally:
            os.chdir(before)

    def python(self, code: str, *words: str) -> subprocess.CompletedProcess[str]:
        """A script of its own with the engine on its path, as a process that may be killed."""
        return subprocess.run(
            [sys.executable, "-c", code, *words], cwd=self.folder, env=self.environment(), capture_output=True,
            text=True, timeout=120,
        )  # fmt: skip

    def environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(PROJECT), str(self.folder)])
        return {**os.environ, "PYTHONPATH": path, **self.env}

    def results(self, file: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / file).read_text(encoding="utf-8"))
        return found


def bars(days: int, count: int) -> str:
    """Minute bars that wander as SHA-256 says: the same ones every time."""
    lines, price = ["ticker,volume,open,close,high,low,window_start,transactions"], 100.0
    for day in range(days):
        for bar in range(count):
            noise = sha256(f"{day}/{bar}".encode()).digest()[0] / 255 - 0.5
            after = round(price + 0.12 * noise + 0.05 * math.sin(bar / 7 + day), 2)
            high, low = max(price, after) + 0.02, min(price, after) - 0.02
            start = START_NS + day * DAY_NS + bar * MINUTE_NS
            lines.append(f"SPY,50000,{price:.2f},{after:.2f},{high:.2f},{low:.2f},{start},100")
            price = after
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="session")
def recorded() -> str:
    return bars(days=12, count=120)


@pytest.fixture
def make(tmp_path: Path, recorded: str) -> Callable[[str], Project]:
    """New folders, alike but for their name and what is kept in them."""

    return lambda name: _made(tmp_path / name, recorded)


def _made(folder: Path, recorded: str) -> Project:
    for file, text in (
        ("rules/crossing/pack.yaml", PACK), ("rules/crossing/rules.yaml", RULES), ("bars/bars.csv", recorded),
    ):  # fmt: skip
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text, encoding="utf-8")
    return Project(folder)


@pytest.fixture(scope="session")
def swept(tmp_path_factory: pytest.TempPathFactory, recorded: str) -> Project:
    """A finished sweep of every set with its results file ``r.json``; to be read only."""
    project = _made(tmp_path_factory.mktemp("swept"), recorded)
    assert project.run(*project.words("--workers", "1", "--out", "r.json")) == 0
    return project


@pytest.fixture
def project(make: Callable[[str], Project]) -> Project:
    return make("one")
