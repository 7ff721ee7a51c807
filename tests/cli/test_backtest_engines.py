"""``engine backtest`` over columns and tick by tick, as a user runs it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.alpha.file import write_alpha
from connectors.alpha.models import Signal
from engine.cli.main import main
from engine.research.columns import compiled

PROJECT = Path(__file__).parents[2]
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
TUNED = """\
---
kind: exit
name: tuned
params:
  gain: {default: 2%, max: 10%, about: x}
  loss: {default: 5bps, about: x}
  most: {default: $5000, about: x}
  wait: {default: 30s, about: x}
  late: {default: 09:45, about: x}
  bars: {default: 1234567, about: x}
  loose: {default: true, about: x}
when:
  - position.gain_ratio > gain + loss
  - position.profit < most and position.age > wait
  - time_of_day > late and volume > bars and loose
then: {close: all}
"""
COLUMNS = ("--engine", "columns")
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
    columns, ticks = (backtest(world, capsys, "--engine", name) for name in ("columns", "tick"))
    assert (columns.pop("engine"), ticks.pop("engine")) == ("columns", "tick")
    assert columns.pop("seconds") >= 0 and ticks.pop("seconds") >= 0
    assert columns["trades"] > 5
    assert columns == ticks


def test_a_fall_back_names_the_rule(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (world / "rules" / "rules.yaml").write_text(RULES + REMEMBERS)
    found = backtest(world, capsys, "--engine", "columns")
    assert found["engine"] == "tick"
    assert "rules.yaml:8: `position.gain crosses above $0.1`" in found["fallback"]
    assert main(["backtest", str(world / "rules"), "--data", str(world / "2024-03-05.csv"), *COLUMNS]) == 0
    assert "run tick by tick, not over columns" in capsys.readouterr().out


def test_a_budget_is_for_the_tick_engine(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (world / "rules" / "pack.yaml").write_text(PACK + "budget: $450\n")
    found = backtest(world, capsys, "--engine", "columns")
    assert found["engine"] == "tick"
    assert "pack.yaml:1: the pack p has a budget" in found["fallback"]
    assert found["trades"] > 5


def test_parameters_are_told_in_the_words_of_the_rules(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (world / "rules" / "rules.yaml").write_text(RULES + TUNED)
    found = backtest(world, capsys, "--param", "tuned.wait=90m")["parameters"]
    told = {"bars": "1234567", "gain": "2%", "late": "09:45", "loose": "true", "loss": "5bps", "most": "$5000"}
    assert found == {f"p.tuned.{name}": text for name, text in {**told, "wait": "90m"}.items()}
    again = [word for name, text in found.items() for word in ("--param", f"{name}={text}")]
    assert backtest(world, capsys, *again)["parameters"] == found
    assert main(["backtest", str(world / "rules"), "--data", str(world / "2024-03-05.csv")]) == 0
    shown = dict(line.split() for line in capsys.readouterr().out.splitlines() if line.strip().startswith("p.tuned."))
    assert shown == {**found, "p.tuned.wait": "30s"}
    assert main(["backtest", str(world / "rules"), "--data", str(world), "--param", "tuned.gain=20%"]) == 2
    assert "p.tuned.gain is 20%; it must be at most 10%" in capsys.readouterr().err


def test_an_engine_that_is_none(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backtest", str(world / "rules"), "--data", str(world), "--engine", "rows"]) == 2
    assert "--engine rows is none; choose auto, columns or tick" in capsys.readouterr().err


def test_short_data_does_not_wait_for_a_compiler(
    world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "is_compiled", lambda: False)
    monkeypatch.setattr(compiled, "compiled_machine", _not_wanted)
    found = backtest(world, capsys)
    assert found["engine"] == "tick"
    assert "compiled for a minute (--engine columns)" in found["fallback"]
    assert found["trades"] > 5


def test_short_data_runs_over_columns_where_nobody_waits(
    world: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "is_compiled", lambda: True)
    found = backtest(world, capsys)
    assert (found["engine"], found["fallback"]) == ("columns", "")


def test_nothing_but_research_compiles_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "autotrader.toml").write_text(f'[rules]\npaths = ["{PROJECT}/rules"]\n', encoding="utf-8")
    monkeypatch.setattr(compiled, "compiled_machine", _not_wanted)
    rules = str(PROJECT / "rules" / "kalshi_alpha")
    assert main(["lint", rules]) == 0
    assert main(["test", rules]) == 0
    assert main(["run", "--paper", "--pack", "kalshi_alpha", "--interval", "0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["summary"]["trades"] > 0


def _not_wanted() -> None:
    raise AssertionError("the column engine was asked for")


FAIRS = {"KXA-1-ONE": 0.62, "KXA-1-TWO": 0.3, "KXB-1-YES": 0.5}
MARKET_OPEN = datetime(2024, 3, 5, 14, 0, tzinfo=UTC)


@pytest.fixture
def candles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The alpha pack without its cap by offered size, which candles do not tell; signals; and candles with results."""
    monkeypatch.chdir(tmp_path)
    pack = tmp_path / "rules" / "kalshi_alpha"
    pack.mkdir(parents=True)
    for file in (PROJECT / "rules" / "kalshi_alpha").glob("*.yaml"):
        kept = [part for part in file.read_text(encoding="utf-8").split("---\n") if "name: depth_cap" not in part]
        (pack / file.name).write_text("---\n".join(kept), encoding="utf-8")
    (tmp_path / "autotrader.toml").write_text('[rules]\npaths = ["rules"]\n', encoding="utf-8")
    write_alpha(tmp_path / "data" / "alpha_signals.json", [
        Signal(
            ticker=ticker, fair_yes_probability=fair, confidence=0.8, as_of=MARKET_OPEN - timedelta(minutes=5),
            expiry=MARKET_OPEN + timedelta(hours=5), source="test",
        )
        for ticker, fair in FAIRS.items()
    ], MARKET_OPEN)  # fmt: skip
    data = tmp_path / "candles"
    data.mkdir()
    for number, ticker in enumerate(FAIRS):
        rows = ["ticker,timestamp,open,high,low,close,volume"]
        for minute in range(240):
            moves = (minute * 31 + number * 17) % 29 - 14 if number < 2 else minute % 3 - 13  # the last goes nowhere
            price = round(100 * FAIRS[ticker]) + moves
            start = int(MARKET_OPEN.timestamp()) + 60 * minute
            rows.append(f"{ticker},{start},{price},{price + 1},{price - 1},{price},{20 + minute % 7}")
        (data / f"{ticker}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    closes = (MARKET_OPEN + timedelta(hours=4)).isoformat()
    results = [f"{t},{t.rpartition('-')[0]},{closes},finalized,{'yes' if t.endswith('ONE') else 'no'}" for t in FAIRS]
    head = "ticker,event_ticker,close_time,status,result"
    (data / "markets.csv").write_text("\n".join([head, *results]) + "\n", encoding="utf-8")
    return data


def test_both_engines_say_the_same_of_contracts(candles: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(engine: str) -> dict[str, Any]:
        words = ["--data", str(candles), "--assume-spread", "0.02", "--engine", engine, "--json"]
        assert main(["backtest", "kalshi_alpha", *words]) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    columns, ticks = run("columns"), run("tick")
    assert (columns.pop("engine"), columns["fallback"]) == ("columns", "")
    assert ticks.pop("engine") == "tick"
    assert columns.pop("seconds") >= 0 and ticks.pop("seconds") >= 0
    assert columns["trades"] > 5
    assert "the market was settled" in {row["exit_reason"] for row in columns["per_exit_reason"]}
    assert columns == ticks
