"""``engine features``: built from the store and from files, again and in pieces, and the sessions of days."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine.cli.main import main
from engine.market.marketdata import BarRow
from state.flatfiles import export_flatfiles
from state.marketdata import FeatureRow, MarketData, SessionLabel, open_market_data
from tests import postgres

PROJECT = Path(__file__).parents[3]
MINUTE = 60 * 10**9
DAY = 24 * 60 * MINUTE
OPEN = 1_709_562_600 * 10**9  # 2024-03-04, half past nine in New York
END = OPEN + 9 * DAY
PACK = """\
kind: pack
name: mine
venue: paper
timezone: America/New_York
calendar: XNYS
universe: [SPY, QQQ]
"""
RULES = """\
kind: strategy
name: cross
params: {n: {default: 3, min: 1, max: 9}}
let:
  mean: sma(close, n)
  asks: or_else(ask, close)
when: [close crosses above mean, asks > $1]
then: {buy: {size: 1, limit: close}}
---
kind: session
name: morning
hours: 09:31-11:00
"""
Engine = Callable[..., "Answer"]


class Answer(NamedTuple):
    """What a verb printed."""

    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(params=["sqlite", "postgresql"])
def schema(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The schema of a database; empty where the store is a file."""
    return f"f{zlib.crc32(str(tmp_path).encode())}" if request.param == "postgresql" else ""


@pytest.fixture
def engine(
    request: pytest.FixtureRequest, schema: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Engine:  # fmt: skip
    """The command in a folder with a pack, on a store of each kind."""
    url = ""
    if schema:
        server: postgres.Server = request.getfixturevalue("server")
        url = f'url = "{server.url(schema)}"\n'
        monkeypatch.setenv("AUTOTRADER__STORE__PASSWORD", postgres.PASSWORD)
    (tmp_path / "rules" / "mine").mkdir(parents=True)
    (tmp_path / "rules" / "mine" / "pack.yaml").write_text(PACK)
    (tmp_path / "rules" / "mine" / "rules.yaml").write_text(RULES)
    (tmp_path / "autotrader.toml").write_text(f'[store]\npath = "state/autotrader.db"\n{url}')
    monkeypatch.chdir(tmp_path)

    def run(*words: object, code: int = 0) -> Answer:
        got = main([str(word) for word in words])
        said = Answer(*capsys.readouterr())
        assert got == code, said
        return said

    return run


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    if missing := postgres.why_not():
        pytest.skip(missing)
    with postgres.running() as started:
        yield started


@pytest.fixture
def data(engine: Engine) -> Iterator[MarketData]:
    from engine.cli.stores import market_of
    from engine.settings import load_settings

    opened = open_market_data(market_of(load_settings(None, {})))
    yield opened
    opened.close()


def bar(number: int, symbol: str = "SPY", source: str = "ws") -> BarRow:
    close = Decimal(500) + Decimal(number % 7) / 4
    return BarRow(symbol, OPEN + number * MINUTE, close, close + 1, close - 1, close, Decimal(10), 3, source)


def all_of(data: MarketData) -> list[FeatureRow]:
    return [row for symbol in data.symbols("features") for row in data.all_features(symbol, 0, END)]


def test_what_rules_compute_stands_beside_the_bars(engine: Engine, data: MarketData) -> None:
    data.upsert_bars(bar(number) for number in range(5))
    said = engine("features", "build", "--pack", "mine")
    assert said.out.splitlines() == [
        "SPY: 10 values at 5 bars (4 unknown), 10 written, 0 were there",
        "left out: mine.cross.asks: reads ask",
    ]
    assert said.err.splitlines() == ["QQQ: no bars of those days"]
    found = data.features("SPY", "mine.cross.mean", 0, END)
    assert [row.time_ns for row in found] == [OPEN + (number + 1) * MINUTE for number in range(5)], "known at its close"
    assert [row.value for row in found] == [None, None, 500.25, 500.5, 500.75]
    assert {row.source for row in found} == {"ws"}
    assert [row[2:] for row in data.features("SPY", "sma(close, 3)", 0, END)] == [row[2:] for row in found]


def test_doing_it_again_and_in_pieces_is_the_same(engine: Engine, data: MarketData) -> None:
    data.upsert_bars(bar(day * 1440 + number) for day in range(4) for number in range(9))
    engine("features", "build", "--pack", "mine", "--from", "2024-03-05", "--to", "2024-03-06")
    pieces = all_of(data)
    assert len(pieces) == 2 * 9 * 2 and all(row.value is not None for row in pieces), "earlier bars warmed it up"
    whole = engine("features", "build", "--pack", "mine", "--json").json["symbols"]["SPY"]
    assert (whole["bars"], whole["values"], whole["written"], whole["unknown"]) == (36, 72, 36, 4)
    assert [row for row in all_of(data) if row in pieces] == pieces
    again = engine("features", "build", "--pack", "mine", "--symbols", "SPY", "--json").json["symbols"]
    assert {symbol: one["written"] for symbol, one in again.items()} == {"SPY": 0}


def test_warming_up_can_begin_where_a_run_began(engine: Engine, data: MarketData) -> None:
    data.upsert_bars(bar(day * 1440 + number) for day in range(3) for number in range(5))
    engine("features", "build", "--pack", "mine", "--since", "2024-03-05", "--from", "2024-03-05", "--to", "2024-03-05")
    assert [row.value for row in data.features("SPY", "mine.cross.mean", 0, END)][:3] == [
        None, None, pytest.approx(500 + (1.25 + 1.5 + 0) / 3)
    ]  # fmt: skip
    assert "warms nothing up" in engine(
        "features", "build", "--pack", "mine", "--since", "2024-03-06", "--from", "2024-03-05", code=2
    ).err  # fmt: skip


def test_files_give_the_same_values_as_the_store(engine: Engine, data: MarketData, tmp_path: Path) -> None:
    data.upsert_bars(bar(day * 1440 + number, symbol) for day in range(2) for number in range(9) for symbol in
                     ("SPY", "QQQ"))  # fmt: skip
    export_flatfiles(data, tmp_path / "bars")
    engine("features", "build", "--pack", "mine")
    stored = all_of(data)
    engine("features", "build", "--pack", "mine", "--data", tmp_path / "bars")
    both = all_of(data)
    assert len(both) == 2 * len(stored)
    assert [row._replace(source="ws") for row in both if row.source == "files"] == stored
    assert "leave one of them out" in engine(
        "features", "build", "--pack", "mine", "--data", tmp_path / "bars", "--source", "ws", code=2
    ).err  # fmt: skip


def run_on_files(engine: Engine, data: MarketData, folder: Path) -> None:
    """A kept run on files, and what is built from the same files."""
    data.upsert_bars(bar(day * 1440 + n, symbol) for day in range(2) for n in range(9) for symbol in ("SPY", "QQQ"))
    export_flatfiles(data, folder / "bars")
    words = ("--pack", "mine", "--data", folder / "bars")
    engine("run", "--paper", *words, "--source", "replay", "--trace", "none", "--json")
    engine("features", "build", *words)


def test_a_kept_run_is_recorded_from_its_journal(engine: Engine, data: MarketData, tmp_path: Path) -> None:
    run_on_files(engine, data, tmp_path)
    built = all_of(data)
    said = engine("features", "record", "--follow", "--json").json
    assert said["source"] == "paper:replay"
    assert {symbol: one["written"] for symbol, one in said["symbols"].items()} == {"SPY": 36, "QQQ": 36}
    recorded = [row for row in all_of(data) if row.source == "paper:replay"]
    assert [row._replace(source="files") for row in recorded] == built
    assert [label.label for label in data.session_labels("XNYS", 0, END)].count("mine.morning") == 2
    lines = engine("features", "record", said["run"]).out.splitlines()
    words = "36 values at 18 bars (4 unknown), 0 written, 36 were there"
    assert lines[:2] == [f"{symbol}: {words}" for symbol in said["symbols"]]
    assert "has no run nobody" in engine("features", "record", "nobody", code=2).err


def test_the_queries_of_the_page_answer(
    engine: Engine, data: MarketData, tmp_path: Path, schema: str, request: pytest.FixtureRequest
) -> None:
    duckdb, page = pytest.importorskip("duckdb"), (PROJECT / "docs" / "features.md").read_text()
    chart, annotations, joined, parquet = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    run_on_files(engine, data, tmp_path)
    engine("features", "record")
    engine("data", "export", "--out", "out")
    averages = parquet.strip().replace("ema(close, 20)", "sma(close, 3)")
    query = f"SELECT label, count(*), count(ema) FROM ({averages}) GROUP BY label ORDER BY label"
    counts = duckdb.sql(query).fetchall()
    # Two symbols and two sources on two days; the window leaves the first minute out, and averages warm up on one day.
    assert counts == [("mine.morning", 8 * 8, 8 * 8 - 4), ("regular", 8 * 9, 8 * 9 - 8)]
    if not schema:
        return
    import psycopg

    server: postgres.Server = request.getfixturevalue("server")
    names = {
        "autotrader_market.": f"{schema}_market.", "autotrader.": f"{schema}.", "rvol(20)": "sma(close, 3)",
        "vwap()": "sma(close, 3)", "polygon_ws": "files", "$__unixEpochNanoFrom()": "0",
        "$__unixEpochNanoTo()": str(END),
    }  # fmt: skip

    def answer(query: str) -> list[tuple[Any, ...]]:
        for name, here in names.items():
            query = query.replace(name, here)
        with psycopg.connect(server.url(schema).partition("?")[0], password=postgres.PASSWORD) as connection:
            return connection.execute(query).fetchall()  # type: ignore[call-overload, no-any-return]

    assert [row[2] for row in answer(chart)][:4] == [None, None, 500.25, 500.5]
    assert {row[2] for row in answer(annotations)} == {"pre", "regular", "post", "mine.morning"}
    decisions = answer(joined)
    assert decisions and all(row[4] == "sma(close, 3)" and row[5] > 400 for row in decisions)
    assert {row[6] for row in decisions} == {"regular", "mine.morning"}


def test_of_two_sources_one_is_chosen(engine: Engine, data: MarketData) -> None:
    data.upsert_bars([bar(n, source=source) for n in range(3) for source in ("polygon_flatfile", "ws")])
    said = engine("features", "build", "--pack", "mine", code=2)
    assert "choose one with --source polygon_flatfile" in said.err
    engine("features", "build", "--pack", "mine", "--source", "ws", "--param", "cross.n=2")
    assert [row.value for row in data.features("SPY", "mine.cross.mean", 0, END)] == [None, 500.125, 500.375]
    assert {row.source for row in all_of(data)} == {"ws"}


def test_nothing_to_build_is_said(engine: Engine, data: MarketData) -> None:
    assert engine("features", "build", "--pack", "mine", code=1).err.count("no bars of those days") == 2
    assert "there is no pack `yours`" in engine("features", "build", "--pack", "yours", code=2).err
    assert "--to 2024-03-01 is before" in engine(
        "features", "build", "--pack", "mine", "--from", "2024-03-04", "--to", "2024-03-01", code=2
    ).err  # fmt: skip
    file = Path("rules/mine/rules.yaml")
    file.write_text(RULES.replace("close crosses above mean, ", "").replace("  mean: sma(close, n)\n", ""))
    assert "names no value that bars alone make" in engine("features", "build", "--pack", "mine", code=2).err


def test_sessions_are_labelled_and_labelled_anew(engine: Engine, data: MarketData) -> None:
    days = ("--from", "2024-07-03", "--to", "2024-07-05")
    said = engine("features", "sessions", "--pack", "mine", *days)
    assert said.out == "XNYS, 2024-07-03 to 2024-07-05: 2 pre, 1 half_day, 2 regular, 2 mine.morning, 2 post\n"
    other = SessionLabel("XNYS", _utc("2024-07-03 14:00"), "theirs.noon", _utc("2024-07-03 15:00"))
    data.upsert_session_labels([other])
    file = Path("rules/mine/rules.yaml")
    file.write_text(RULES.replace("09:31-11:00", "10:00-11:00").replace("name: morning", "name: later"))
    found = engine("features", "sessions", "--pack", "mine", *days, "--json").json["labels"]
    assert found == {"XNYS": {"pre": 2, "half_day": 1, "regular": 2, "mine.later": 2, "post": 2}}
    labels = data.session_labels("XNYS", 0, END + 365 * DAY)
    assert other in labels, "windows of another pack are its own"
    assert SessionLabel("XNYS", _utc("2024-07-03 14:00"), "mine.later", _utc("2024-07-03 15:00")) in labels
    assert SessionLabel("XNYS", _utc("2024-07-03 13:30"), "half_day", _utc("2024-07-03 17:00")) in labels
    assert not [row for row in labels if row.label == "mine.morning"]
    assert engine("features", "sessions", "--pack", "mine", "--from", "2024-07-04", "--to", "2024-07-04", code=1).out


def _utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def test_the_scalper_on_recorded_days(engine: Engine, shared_data: Path, data: MarketData) -> None:
    folder = shared_data / "equities"
    if not folder.is_dir():
        pytest.skip("the recorded equities are not here")
    rules = PROJECT / "rules" / "index_scalper"
    words = ("--data", folder, "--symbols", "SPY", "--from", "2011-01-04", "--to", "2011-01-04")
    found = engine("features", "build", "--pack", rules, *words, "--json").json["symbols"]["SPY"]
    assert found["values"] == found["bars"] * len(found["names"]) == found["written"] > 20_000
    bars = data.features("SPY", "vwap()", 0, 1 << 62)
    assert len(bars) == found["bars"] and all(100 < row.value < 200 for row in bars if row.value is not None)
