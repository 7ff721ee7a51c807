"""``--from`` and ``--to`` are days by the clocks of the pack, whatever the data; without one those of the settings."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.polygon.streamer import Counts
from engine.cli import stream
from engine.cli.main import main
from engine.market.marketdata import BarRow
from state.marketdata import open_market_data

HOUR = 3600 * 10**9
T0 = 1_709_596_800 * 10**9  # 2024-03-05 00:00 UTC
PACK = "kind: pack\nname: far\nvenue: paper\ntimezone: {zone}\ncalendar: 24/7\nuniverse: [{symbol}]\n"
RULES = """\
kind: strategy
name: cross
params: {n: {default: 3, search: [2, 3], about: bars}}
let: {mean: "sma(close, n)"}
when: [close crosses above mean, not position.open]
then: {buy: {size: 1}}
---
kind: exit
name: later
when: position.age >= 2h
then: {close: all}
"""
PRICES = tuple(map(Decimal, (60, 60, 60, 60, 100)))
DAY = ("--from", "2024-03-06", "--to", "2024-03-06")
# The bars that begin on 6 March, the first and the last, each known a minute later.
TOKYO = ("2024-03-05T15:01:00Z", "2024-03-06T14:01:00Z")
NEW_YORK = ("2024-03-06T05:01:00Z", "2024-03-07T04:01:00Z")
Engine = Callable[..., str]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Engine:
    """The command in a folder with bars and candles of four days, one an hour, and a pack in Tokyo."""
    hours = [(T0 + n * HOUR, 60 + n * 7919 % 13) for n in range(96)]
    bars = ["ticker,volume,open,close,high,low,window_start,transactions"]
    bars += [f"SPY,100,{price},{price},{price},{price},{start},1" for start, price in hours]
    candles = ["game_id,ticker,timestamp,datetime,open,high,low,close,volume"]
    candles += [f"1,KX-A,{start // 10**9},,{price},{price},{price},{price},10" for start, price in hours]
    for place, lines in (("bars/bars.csv", bars), ("candles/a_candles.csv", candles)):
        (tmp_path / place).parent.mkdir()
        (tmp_path / place).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "rules" / "far").mkdir(parents=True)
    (tmp_path / "rules" / "far" / "rules.yaml").write_text(RULES, encoding="utf-8")
    (tmp_path / "autotrader.toml").write_text('[store]\npath = "state/autotrader.db"\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    pack("Asia/Tokyo")

    def run(*words: str, code: int = 0) -> str:
        got = main(list(words))
        said = capsys.readouterr()
        assert got == code, said
        return said.out if code == 0 else said.err

    return run


def pack(zone: str, symbol: str = "SPY") -> None:
    Path("rules/far/pack.yaml").write_text(PACK.format(zone=zone, symbol=symbol), encoding="utf-8")


def span(said: str) -> tuple[str, str]:
    found: dict[str, Any] = json.loads(said)
    return found["started"], found["ended"]


@pytest.mark.parametrize(("data", "symbol"), [("bars", "SPY"), ("candles", "KX-A")])
@pytest.mark.parametrize(("zone", "expected"), [("Asia/Tokyo", TOKYO), ("America/New_York", NEW_YORK)])
def test_a_back_test_goes_by_the_days_of_its_pack(
    engine: Engine, data: str, symbol: str, zone: str, expected: tuple[str, str]
) -> None:
    pack(zone, symbol)
    assert span(engine("backtest", "far", "--data", data, *DAY, "--json")) == expected


@pytest.mark.parametrize("verb", [("backtest", "far"), ("run", "--paper", "--source", "replay", "--pack", "far")])
@pytest.mark.parametrize(("data", "symbol"), [("bars", "SPY"), ("candles", "KX-A")])
def test_days_of_which_the_data_has_nothing_are_refused(
    engine: Engine, data: str, symbol: str, verb: tuple[str, ...]
) -> None:
    pack("Asia/Tokyo", symbol)
    said = engine(*verb, "--data", data, "--from", "2024-04-01", "--to", "2024-04-02", code=2)
    assert " from 2024-04-01 00:00 JST until 2024-04-03 00:00 JST; " in said
    assert re.search(r"covers? 2024-03-0[45] to 2024-03-0[89]$", said, re.MULTILINE), "what there is"
    assert len(said.splitlines()) == (1 if verb[0] == "backtest" else 2), "one line, after the log's"


@pytest.mark.parametrize(("data", "symbol"), [("bars", "SPY"), ("candles", "KX-A")])
def test_a_run_over_recorded_data_goes_by_them_too(engine: Engine, data: str, symbol: str) -> None:
    pack("Asia/Tokyo", symbol)
    words = ("run", "--paper", "--source", "replay", "--data", data, "--pack", "far", "--speed", "max")
    assert span(engine(*words, "--trace", "none", *DAY, "--json")) == TOKYO


def test_a_sweep_goes_by_them_too(engine: Engine) -> None:
    words = ("--folds", "1", "--min-trades", "1", "--workers", "1", "--embargo", "0s", "--purge", "0s", "--json")
    said = engine("sweep", "far", "--data", "bars", "--from", "2024-03-06", "--to", "2024-03-07", *words)
    data = json.loads(said)["data"]
    assert (data["first"], data["last"]) == ("2024-03-05T15:01:00Z", "2024-03-07T14:01:00Z")


@pytest.mark.parametrize("places", [(), ("--data", "bars")])
def test_features_are_built_by_them_too(engine: Engine, places: tuple[str, ...]) -> None:
    with_bars()
    engine("features", "build", "--pack", "far", *places, *DAY)
    data = open_market_data(Path("state/autotrader-market.db"))
    found = [row.time_ns for row in data.all_features("SPY", 0, T0 * 2)]
    data.close()
    assert (min(found), max(found)) == (T0 + 15 * HOUR + HOUR // 60, T0 + 38 * HOUR + HOUR // 60)


@pytest.mark.parametrize(("zone", "begins"), [("", 29), ('[engine]\ntimezone = "Asia/Tokyo"\n', 15)])
def test_what_has_no_pack_goes_by_the_zone_of_the_settings(engine: Engine, zone: str, begins: int) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    with_bars()
    settings = Path("autotrader.toml")
    settings.write_text(settings.read_text(encoding="utf-8") + zone, encoding="utf-8")
    engine("data", "export", "--out", "out", "--table", "bars_1m", *DAY)
    tables = [parquet.ParquetFile(file).read() for file in Path("out").rglob("*.parquet")]
    starts = sorted(start for table in tables for start in table["start"].cast("int64").to_pylist())
    assert starts == [T0 + (begins + n) * HOUR for n in range(24)]


@pytest.mark.parametrize(("zone", "begins"), [("", 29), ('[engine]\ntimezone = "Asia/Tokyo"\n', 15)])
def test_a_stream_begins_on_a_day_of_that_zone(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, zone: str, begins: int
) -> None:
    asked: list[int | None] = []

    async def streamed(settings: object, tickers: object, since_ns: int | None, seconds: object) -> Counts:
        asked.append(since_ns)
        return Counts()

    monkeypatch.setattr(stream, "_stream", streamed)
    settings = Path("autotrader.toml")
    settings.write_text(settings.read_text(encoding="utf-8") + zone, encoding="utf-8")
    engine("stream", "--symbols", "SPY", "--since", "2024-03-06")
    engine("stream", "--symbols", "SPY")
    assert asked == [T0 + begins * HOUR, None]
    assert "--since 6.3. is no date" in engine("stream", "--symbols", "SPY", "--since", "6.3.", code=2)


@pytest.mark.parametrize(
    "words",
    [
        ("backtest", "far", "--data", "bars"),
        ("backtest", "far", "--data", "candles", "--symbols", "KX-A"),
        ("run", "--paper", "--source", "replay", "--data", "bars", "--pack", "far"),
        ("sweep", "far", "--data", "bars"),
        ("features", "build", "--pack", "far", "--data", "bars"),
        ("features", "sessions", "--pack", "far"),
        ("data", "export", "--out", "out"),
    ],
)
def test_days_the_wrong_way_round_are_one_error(engine: Engine, words: tuple[str, ...]) -> None:
    with_bars()
    said = engine(*words, "--from", "2024-03-06", "--to", "2024-03-05", code=2)
    assert "--to 2024-03-05 is before --from 2024-03-06" in said


def test_days_of_which_there_is_nothing_are_said_by_the_same_clocks(engine: Engine) -> None:
    said = engine("backtest", "far", "--data", "bars", "--from", "2024-03-20", "--to", "2024-03-20", code=2)
    assert "from 2024-03-20 00:00 JST until 2024-03-21 00:00 JST" in said


def test_packs_of_several_timezones_have_no_days_in_common(engine: Engine) -> None:
    Path("rules/near").mkdir()
    Path("rules/near/rules.yaml").write_text(RULES, encoding="utf-8")
    Path("rules/near/pack.yaml").write_text(
        PACK.format(zone="Europe/Berlin", symbol="SPY").replace("far", "near"), encoding="utf-8"
    )
    words = ("run", "--paper", "--source", "replay", "--data", "bars", "--pack", "far", "--pack", "near")
    said = engine(*words, *DAY, code=2)
    assert "packs of several timezones cannot share a run: far is in Asia/Tokyo, near is in Europe/Berlin" in said


def with_bars() -> None:
    """The bars in the store of market data."""
    data = open_market_data(Path("state/autotrader-market.db"))
    data.upsert_bars(BarRow("SPY", T0 + n * HOUR, *PRICES, 1, "ws") for n in range(96))
    data.close()
