"""Captures of Tradier as a user makes and uses them, with prices from Tradier and from Polygon, over real sockets."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("uvicorn")

from connectors.capture.bars.records import Heard
from connectors.capture.reader import Capture
from connectors.simulators.clock import PracticeClock
from connectors.simulators.polygon.server import PolygonServer
from connectors.simulators.polygon.tape import made_up
from connectors.simulators.polygon.vendor import Vendor
from connectors.simulators.tradier.server import ACCOUNT, Practice, PracticeServer, Setup, start_of
from connectors.simulators.tradier.venue import Options
from state import open_store
from tests.nursery import python
from tests.running import said, stopped, wait_for

PROJECT = Path(__file__).parents[3]
DAY = date(2025, 10, 15)
SPEED = 60.0
KEY = "word-of-polygon"
RULES = """\
kind: pack
name: taped
about: Looks at everything that a feed of bars tells, and trades often.
venue: tradier
timezone: America/New_York
calendar: XNYS
universe: [SPY, AAPL]
limits: {notional: $20000}
---
kind: strategy
name: above
about: Buys as soon as it knows an hour of the market.
on: quote
params:
  least: {default: $0, min: $0, max: $10000, about: the least average at which it buys}
when:
  - not position.open
  - ema(close, 60) > least and vwap() > $0 and on(5m, atr(14)) > $0 FACT
cooldown: 10s
then: {buy: {size: 10, bracket: {stop: bid - 0.2%, target: ask + 0.2%}}}
---
kind: exit
name: long_enough
about: What neither the stop nor the target ended is closed.
unknown: hold
when: position.age >= 45s
then: {close: all}
"""
Verb = Callable[..., Any]


@dataclass
class Place:
    """A working folder beside practice venues whose market is open. ``cut``: break the stream of prices once."""

    folder: Path
    prices: str
    environment: dict[str, str]
    token: str
    cut: Callable[[], None]

    def start(self, *words: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [python(), "-u", "-m", "engine", *words], cwd=self.folder, stdout=pipe, stderr=pipe, text=True,
            env={**os.environ, "PYTHONPATH": str(PROJECT), **self.environment},
        )  # fmt: skip


@pytest.fixture(params=["tradier", "polygon"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    fact = {"tradier": "", "polygon": "and known(options.volume)"}[request.param]
    pack = tmp_path / "rules" / "taped"
    pack.mkdir(parents=True)
    head, *rules = RULES.replace("FACT", fact).split("---\n")
    (pack / "pack.yaml").write_text(head, encoding="utf-8")
    (pack / "rules.yaml").write_text("---\n".join(rules), encoding="utf-8")
    settings = '[rules]\npaths = ["rules"]\n[polygon]\noptions_interval_seconds = 20\n'
    (tmp_path / "autotrader.toml").write_text(settings, encoding="utf-8")
    with ExitStack() as stack:
        vendor = Vendor(made_up(["SPY", "AAPL"], DAY, 7), PracticeClock(start_of(DAY, -17), SPEED), KEY)
        polygon = stack.enter_context(PolygonServer(vendor))
        quiet = Options(read_lag_ms=0, unlimited=True)
        practice = Practice(Setup(vendor.clock.now(), SPEED, quiet))
        server = stack.enter_context(PracticeServer(practice))

        def cut() -> None:
            if request.param == "tradier":
                server.do(lambda practice: practice.venue.faults.set("ws-close@market:#1"))
            else:
                polygon.do(lambda app: app.vendor.faults.set("ws-close@am:#1"))

        prefix = "AUTOTRADER__TRADIER__"
        yield Place(tmp_path, request.param, {
            f"{prefix}BASE_URL": server.url, f"{prefix}ACCESS_TOKEN": practice.token, f"{prefix}ACCOUNT_ID": ACCOUNT,
            f"{prefix}MARKET_DATA": request.param, "AUTOTRADER__POLYGON__BASE_URL": polygon.url,
            "AUTOTRADER__POLYGON__API_KEY": KEY,
        }, practice.token, cut)  # fmt: skip


def test_a_run_comes_out_the_same_from_its_capture_and_a_kill_loses_a_second(place: Place, verb: Verb) -> None:
    path = place.folder / "run.cap"
    command = ("run", "--venue", "tradier", "--trace", "fired", "--json", "--capture", "run.cap")
    with place.start(*command) as process:
        said(process, "filled:")
        place.cut()
        assert process.stderr is not None
        came_back = (line for line in process.stderr if line.startswith("connected"))
        assert [next(came_back, ""), next(came_back, "")] == ["connected\n"] * 2
        said(process, "filled:", 5)
        first = stopped(process)
    assert first["connections"] >= 2
    with place.start(*command) as process:  # goes on with the account of the first, and what it held
        said(process, "FIRED")
        said(process, "filled:", 3)
        written = path.stat().st_size
        wait_for(lambda: path.stat().st_size > written)  # on a quick machine all of it falls into one second
        process.kill()
        process.communicate()
    whole = path.read_bytes()
    path.write_bytes(whole + whole[16:60])  # a frame that the kill had caught half way
    broken = verb("capture", "info", "run.cap", "--json")
    assert (broken.code, broken.json["damage"]["offset"], broken.json["damage"]["lost_bytes"]) == (1, len(whole), 44)

    told = verb("replay", "run.cap", "--session", "1", "--json").json
    same = ("decisions_sha256", "orders", "fills", "ticks")
    assert {name: told[name] for name in same} == {name: first[name] for name in same}
    assert (told["run"], told["same_as_run"]) == (first["run"], True) and told["fills"] > 0
    killed = verb("replay", "run.cap", "--session", "2", "--json")
    assert killed.json["same_as_run"] is None and killed.json["fills"] > 0, "all but the last second is there"
    assert "44 bytes" in killed.err
    words = ("--session", "1", "--param", "taped.above.least=$9000", "--json")
    other = verb("replay", "run.cap", *words).json
    assert other["same_as_run"] is None and other["decisions_sha256"] != first["decisions_sha256"]

    # A back-test goes through all of it, and a run over it says whose prices those were.
    tested = verb("backtest", "taped", "--data", "run.cap", "--engine", "columns", "--json").json
    assert tested["ticks"] == first["ticks"] + killed.json["ticks"] + 1  # what was unknown in between is told once
    assert "bars of the past" in tested["fallback"] and tested["fills"] > 0
    replayed = verb("run", "--paper", "--source", "replay", "--data", "run.cap", "--trace", "none", "--json").json
    assert replayed["decisions_sha256"] == tested["decisions_sha256"]
    assert verb("replay", replayed["run"], "--json").json["difference"] is None
    inputs = open_store(place.folder / "state" / "autotrader.db").snapshot(replayed["run"], "inputs")
    assert inputs is not None and inputs["source"] == "capture tradier practice", "which no gate takes for evidence"

    # What it holds: prices and words of the market, and nothing of the account.
    info = broken.json
    assert {"bars", "quotes", "past", "heard", "connection", "pulses"} <= info["counts"].keys()
    assert ("signals" in info["counts"]) == (place.prices == "polygon")
    assert "the stream was down" in {gap["why"] for gap in info["gaps"]}
    assert [session["markets"] for session in info["sessions"]] == [["AAPL", "SPY"]] * 2
    heard = [record for _, record in Capture(path).entries() if isinstance(record, Heard)]
    texts = "".join(record.text for record in heard)
    assert "SPY" in texts and any(record.source.startswith("stream") for record in heard)
    assert not [word for word in (place.token, KEY, ACCOUNT, "sessionid") if word in texts]


@pytest.mark.parametrize("place", ["polygon"], indirect=True)
def test_the_market_is_captured_without_a_run_and_exported(place: Place, verb: Verb) -> None:
    dataset = pytest.importorskip("pyarrow.dataset")
    command = ("capture", "--venue", "tradier", "--out", "m.cap", "--cycles", "2", "--interval", "75", "--json")
    with place.start(*command) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    made = json.loads(out)
    assert sorted(made["markets"]) == ["AAPL", "SPY"] and made["counts"]["bars"] > 0, "of two and a half minutes"
    assert "of 2 symbol(s)" in err
    told = verb("replay", "m.cap", "--json").json
    assert told["same_as_run"] is None and told["fills"] > 0, "the rules know an hour that was before the capture"
    assert verb("capture", "export", "m.cap", "--out", "pq").code == 0
    counts = verb("capture", "info", "m.cap", "--json").json["counts"]
    for kind, column in (("bars", "close"), ("quotes", "bid_size"), ("heard", "text"), ("instruments", "prices")):
        table = dataset.dataset(place.folder / "pq" / f"kind={kind}", partitioning="hive").to_table()
        assert table.num_rows == counts.get(kind, 2)
        assert {"time", "time_ns", "date", column} <= set(table.column_names)
    bars = dataset.dataset(place.folder / "pq" / "kind=bars", partitioning="hive").to_table().to_pylist()
    assert sum(not bar["past"] for bar in bars) == made["counts"]["bars"] < len(bars)
    assert all(bar["time_ns"] >= bar["start_ns"] + 60 * 10**9 for bar in bars), "no bar is known before it is over"
