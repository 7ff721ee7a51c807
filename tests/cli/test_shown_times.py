"""Verbs over what a run left go by the clocks of its pack, and say which: here Tokyo, with New York in the settings."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from engine.cli.main import main

HOUR = 3600 * 10**9
T0 = 1_709_596_800 * 10**9  # 2024-03-05 00:00 UTC
PACK = "kind: pack\nname: far\nvenue: paper\ntimezone: Asia/Tokyo\ncalendar: 24/7\nuniverse: [SPY]\n"
RULES = """\
kind: strategy
name: cross
when: ["close crosses above sma(close, 3)", not position.open]
then: {buy: {size: 1}}
---
kind: exit
name: later
when: position.age >= 2h
then: {close: all}
"""
Engine = Callable[..., str]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Engine:
    """The command in a folder with a kept run over two days of Tokyo, which are parts of three in New York."""
    for place, text in (("rules/far/pack.yaml", PACK), ("rules/far/rules.yaml", RULES), ("bars/bars.csv", bars())):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text, encoding="utf-8")
    settings = '[store]\npath = "state/autotrader.db"\n[trace]\nkeep = "all"\n[engine]\ntimezone = "America/New_York"\n'
    (tmp_path / "autotrader.toml").write_text(settings, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*words: str, code: int = 0) -> str:
        got = main(list(words))
        said = capsys.readouterr()
        assert got == code, said
        return said.out if code == 0 else said.err

    days = ("--from", "2024-03-06", "--to", "2024-03-07")
    run("run", "--paper", "--source", "replay", "--data", "bars", "--speed", "max", "--trace", "none", *days)
    return run


def bars() -> str:
    lines = ["ticker,volume,open,close,high,low,window_start,transactions"]
    for number in range(96):
        price = 60 + number * 7919 % 13
        lines.append(f"SPY,100,{price},{price},{price},{price},{T0 + number * HOUR},1")
    return "\n".join(lines) + "\n"


def tokyo(time_ns: int) -> str:
    """Nine hours ahead all year."""
    hours, rest = divmod(time_ns - T0, HOUR)
    day, hour = divmod(hours + 9, 24)
    return f"2024-03-{5 + day:02} {hour:02}:{rest // (60 * 10**9):02}:00 JST"


def test_orders_and_what_they_came_from_are_of_one_clock(engine: Engine) -> None:
    orders = json.loads(engine("orders", "--json"))["orders"]
    header, *rows = engine("orders").splitlines()
    assert header.startswith("time (Asia/Tokyo)")
    assert [row[:23] for row in rows[: len(orders)]] == [tokyo(order["created_ns"]) for order in orders]
    first = orders[0]
    when = tokyo(first["created_ns"])
    why = engine("why", first["client_id"])
    assert f"{when} far.cross SPY  FIRED" in why
    assert all(" JST " in line for line in why.splitlines() if "2024-03-" in line)
    asked = engine("why-not", "cross", "SPY", "--at", when)
    assert asked.startswith(f"{when} far.cross SPY  FIRED"), "as it is printed, so it may be asked"


def test_a_moment_of_another_zone_is_none_of_the_run(engine: Engine) -> None:
    assert "(Asia/Tokyo)" in engine("why-not", "cross", "SPY", "--at", "2024-03-06 10:01:00 EST", code=2)
    said = engine("why-not", "cross", "SPY", "--at", "2024-03-06 10:31", code=2)
    assert "nearest ticks are 2024-03-06 10:01:00 JST and 2024-03-06 11:01:00 JST" in said


def test_days_of_an_account_are_those_of_its_pack(engine: Engine) -> None:
    found = json.loads(engine("report", "performance", "--json"))
    assert (found["timezone"], found["summary"]["days"]) == ("Asia/Tokyo", 2)
    assert "Asia/Tokyo" in engine("report", "performance", "--html", "out.html")
    assert "by the clock of Asia/Tokyo" in Path("out.html").read_text(encoding="utf-8")
    assert json.loads(engine("report", "pm", "--json"))["packs"][0]["timezone"] == "Asia/Tokyo"


def test_alerts_are_of_the_clock_of_the_runs_that_they_are_of(engine: Engine) -> None:
    alert_in_each_run()
    assert engine("db", "alerts").splitlines()[0] == "2024-03-05 09:00:00 JST error exit: x"


def test_alerts_of_packs_of_two_zones_are_of_one_clock_all_the_same(engine: Engine) -> None:
    pack = Path("rules/far/pack.yaml")
    pack.write_text(pack.read_text(encoding="utf-8").replace("Asia/Tokyo", "Europe/Berlin"), encoding="utf-8")
    engine("run", "--paper", "--source", "replay", "--data", "bars", "--speed", "max", "--trace", "none")
    alert_in_each_run()
    assert engine("db", "alerts").splitlines()[:2] == ["2024-03-04 19:00:00 EST error exit: x"] * 2


def alert_in_each_run() -> None:
    with closing(sqlite3.connect("state/autotrader.db")) as store:
        store.execute(
            "INSERT INTO alerts (book, run, time_ns, level, kind, text) "
            "SELECT book, id, ?, 'error', 'exit', 'x' FROM runs", (T0,),
        )
        store.commit()


def test_a_trace_says_its_clock_while_it_runs(engine: Engine) -> None:
    out = engine("run", "--paper", "--source", "replay", "--data", "bars", "--speed", "max", "--trace", "fired")
    shown = [line for line in out.splitlines() if line.startswith("2024-03-")]
    assert shown and all(line[19:24] == " JST " for line in shown), out
