"""What a run records while it goes on is what is built from the same bars, whatever ends when."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.cli.features.record import record_run
from engine.market.marketdata import BarRow
from state import open_store
from state.flatfiles import export_flatfiles
from state.marketdata import FeatureRow, open_market_data

PROJECT = Path(__file__).parents[3]
MINUTE = 60 * 10**9
OPEN = 1_709_562_600 * 10**9  # 2024-03-04, half past nine in New York
FOREVER = 1 << 62
Cli = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Settings that record, and two mornings of bars; one minute in ten is missing."""
    (tmp_path / "autotrader.toml").write_text(
        f'[rules]\npaths = ["{PROJECT / "rules"}"]\n[store]\npath = "state/autotrader.db"\nfeatures = true\n'
    )
    bars = open_market_data(tmp_path / "bars.db")
    for symbol, price in (("SPY", 500), ("QQQ", 430)):
        closes = {
            day * 1440 + n: Decimal(price) + Decimal((n * 37) % 101) / 40
            for day in range(2) for n in range(120) if n % 10
        }  # fmt: skip
        bars.upsert_bars(
            BarRow(symbol, OPEN + n * MINUTE, close - 1, close + 1, close - 2, close, Decimal(1000 + n % 13), 3, "x")
            for n, close in closes.items()
        )
    export_flatfiles(bars, tmp_path / "bars")
    bars.close()
    return tmp_path


def rows(folder: Path, *sources: str) -> list[FeatureRow]:
    data = open_market_data(folder / "state" / "autotrader-market.db")
    try:
        found = [row for symbol in data.symbols("features") for row in data.all_features(symbol, 0, FOREVER)]
    finally:
        data.close()
    return [row for row in found if not sources or row.source in sources]


def test_a_run_records_what_is_built_from_the_same_bars(folder: Path, engine_cli: Cli) -> None:
    words = ("--pack", "index_scalper", "--symbols", "SPY,QQQ")
    ran = engine_cli(
        "run", "--paper", *words, "--source", "replay", "--data", "bars", "--trace", "none", cwd=folder
    )
    assert ran.code == 0 and "recorded" not in ran.err, ran.err
    recorded = rows(folder)
    assert {row.source for row in recorded} == {"paper:replay"}
    assert len(recorded) > 2 * 216 * 25 and sum(row.value is not None for row in recorded) > 5_000
    built = engine_cli("features", "build", *words, "--data", "bars", "--json", cwd=folder)
    assert built.code == 0, built.err
    assert [row._replace(source="paper:replay") for row in rows(folder, "files")] == recorded
    again = json.loads(engine_cli("features", "record", "--json", cwd=folder).out)
    assert {symbol: one["written"] for symbol, one in again["symbols"].items()} == {"SPY": 0, "QQQ": 0}
    data = open_market_data(folder / "state" / "autotrader-market.db")
    labels = [row.label for row in data.session_labels("XNYS", 0, FOREVER)]
    data.close()
    assert [labels.count(name) for name in ("regular", "index_scalper.power_hour", "half_day")] == [2, 2, 0]


def test_nothing_is_recorded_unless_it_is_asked_for(folder: Path, engine_cli: Cli) -> None:
    settings = folder / "autotrader.toml"
    settings.write_text(settings.read_text().replace("features = true", ""))
    words = ("--pack", "index_scalper", "--symbols", "SPY", "--source", "replay", "--data", "bars", "--trace", "none")
    assert engine_cli("run", "--paper", *words, cwd=folder).code == 0
    assert not (folder / "state" / "autotrader-market.db").exists()
    told = engine_cli("features", "record", "--follow", cwd=folder)
    assert told.code == 0 and told.out.splitlines()[0].startswith("SPY: ") and "as source paper:replay" in told.out
    assert {row.source for row in rows(folder)} == {"paper:replay"}


def test_a_run_that_was_killed_is_made_up_for_by_the_next(folder: Path, engine_cli: Cli) -> None:
    words = ("run", "--paper", "--pack", "index_scalper", "--symbols", "SPY", "--source", "replay", "--data", "bars",
             "--trace", "none")  # fmt: skip
    ledger, market, names = folder / "state" / "autotrader.db", folder / "state" / "autotrader-market.db", list[str]()
    gone = subprocess.Popen(["true"])
    gone.wait()
    for day in ("2024-03-04", "2024-03-05"):
        engine_cli(*words, "--from", day, "--to", day, cwd=folder, env={"AUTOTRADER__STORE__FEATURES": "false"})
        store = open_store(ledger, create=False)
        names.append(store.run()["id"])
        if len(names) == 1:  # as a run leaves it that was killed
            with sqlite3.connect(ledger) as connection:
                connection.execute("UPDATE runs SET status = 'running', pid = ?", (gone.pid,))
            connection.close()
            assert not store.goes_on(names[0])
    assert [row["status"] for row in store.runs()] == ["done", "crashed"]
    record_run(ledger, market, names[1])
    assert len({row.time_ns for row in rows(folder)}) == 2 * 108, "both days are there"
    for name in names:
        told = json.loads(engine_cli("features", "record", name, "--json", cwd=folder).out)
        assert told["symbols"]["SPY"]["bars"] == 108 and not told["symbols"]["SPY"]["written"], "it was there already"


def test_what_cannot_record_is_told_once_and_the_run_goes_on(folder: Path, engine_cli: Cli) -> None:
    (folder / "state").mkdir()
    (folder / "state" / "autotrader-market.db").write_bytes(b"this is no database" * 100)
    words = ("--pack", "index_scalper", "--symbols", "SPY", "--source", "replay", "--data", "bars", "--trace", "none")
    ran = engine_cli("run", "--paper", *words, cwd=folder)
    assert ran.code == 0
    (line,) = [line for line in ran.err.splitlines() if "no longer recorded" in line]
    assert "autotrader-market.db" in line and "`engine features record " in line
    assert engine_cli("features", "record", cwd=folder).code == 2
