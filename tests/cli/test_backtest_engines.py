"""``engine backtest`` over columns and tick by tick, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import main

PACK = "kind: pack\nname: p\nvenue: paper\ntimezone: America/New_York\ncalendar: XNYS\nuniverse: [SPY]\n"
RULES = """\
kind: strategy
name: cross
when: ["ema(close, 3) crosses above ema(close, 8)", not position.open]
then: {buy: {size: 10, bracket: {stop: close - $0.2, target: close + $0.3}}}
"""
REMEMBERS = """\
---
kind: strategy
name: remembers
when: [position.gain crosses above $0.1, not position.open]
then: {buy: {size: 1}}
"""
OPEN_NS = 1_709_649_000 * 1_000_000_000  # 2024-03-05 09:30 New York


@pytest.fixture
def world(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "pack.yaml").write_text(PACK)
    (tmp_path / "rules" / "rules.yaml").write_text(RULES)
    rows, close = ["ticker,volume,open,close,high,low,window_start,transactions"], 100.0
    for minute in range(300):
        opened, close = close, round(100 + ((minute * 7919) % 113 - 56) / 40 + minute % 37 / 20, 2)
        high, low = max(opened, close) + 0.05, min(opened, close) - 0.05
        rows.append(f"SPY,50000,{opened},{close},{high:.2f},{low:.2f},{OPEN_NS + minute * 60_000_000_000},1")
    (tmp_path / "2024-03-05.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def backtest(world: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    data = str(world / "2024-03-05.csv")
    assert main(["backtest", str(world / "rules"), "--data", data, "--json", *arguments]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_both_engines_say_the_same(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    columns, ticks = backtest(world, capsys), backtest(world, capsys, "--engine", "tick")
    assert (columns.pop("engine"), ticks.pop("engine")) == ("columns", "tick")
    assert columns.pop("seconds") >= 0 and ticks.pop("seconds") >= 0
    assert columns["trades"] > 5
    assert columns == ticks


def test_a_fall_back_names_the_rule(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (world / "rules" / "rules.yaml").write_text(RULES + REMEMBERS)
    found = backtest(world, capsys)
    assert found["engine"] == "tick"
    assert "rules.yaml:8: `position.gain crosses above $0.1`" in found["fallback"]
    assert main(["backtest", str(world / "rules"), "--data", str(world / "2024-03-05.csv")]) == 0
    assert "run tick by tick, not over columns" in capsys.readouterr().out


def test_an_engine_that_is_none(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backtest", str(world / "rules"), "--data", str(world), "--engine", "rows"]) == 2
    assert "--engine rows is none; choose columns or tick" in capsys.readouterr().err
