"""Two packs in one process with one account on a practice exchange: budgets, and a source that fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from threading import Timer
from typing import Any

import httpx
import pytest

pytest.importorskip("uvicorn")

from connectors.simulators.kalshi.server import Practice, PracticeServer, Setup
from connectors.simulators.kalshi.venue import Options
from tests.exchange import let_in
from tests.nursery import python

PROJECT = Path(__file__).parents[2]
BUY = """\
kind: strategy
name: buy
on: quote
when: ask > 0.01
cooldown: 1s
then: {buy: {size: 10, limit: ask, within: 5s}}
"""
BY_SIGNAL = """\
kind: strategy
name: value
on: quote
universe: alpha.listed
when: alpha.fair > 0.5
cooldown: 1s
then: {buy: {size: 1, limit: ask, within: 5s}}
"""
# A run whose signal file is a source that says one thing and then falls over.
BROKEN = """
import sys
from engine.cli import sources
from engine.market.events import Observation

class Broken:
    name, series, unseen = "alpha", (), ()
    tickers = [sys.argv.pop(1)]
    pulses = 0
    def show(self, listed, now_ns): ...
    def follow(self, symbols, tell): self.symbols = list(symbols)
    def pulse(self, now_ns):
        self.pulses += 1
        if self.pulses == 4:
            raise RuntimeError("the page has changed")
        pairs = (("alpha.listed", True), ("alpha.fair", 0.9))
        return [Observation(s, now_ns, name, value) for s in self.symbols for name, value in pairs]
    async def keep(self): ...

sources.SOURCES = {"alpha": sources.SourceKind("the signal file", lambda settings: Broken())}
from engine.cli import source_watch
source_watch.SOURCES = sources.SOURCES
from engine.cli.on_venue import session as venue_session
venue_session.SOURCES = sources.SOURCES
from engine.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@dataclass
class Place:
    """A working folder with two packs and a key, and the exchange that knows it."""

    server: PracticeServer
    folder: Path
    user: str
    tickers: list[str]
    environment: dict[str, str]

    def pack(self, name: str, rules: str, more: str = "") -> None:
        folder = self.folder / "rules" / name
        folder.mkdir(parents=True)
        head = f"kind: pack\nname: {name}\nvenue: kalshi\ntimezone: UTC\nuniverse: [{', '.join(self.tickers)}]\n"
        (folder / "pack.yaml").write_text(f"{head}limits: {{quantity: 200}}\n{more}", encoding="utf-8")
        (folder / "rules.yaml").write_text(rules, encoding="utf-8")

    def start(self, code: str, *words: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(PROJECT), **self.environment}
        return subprocess.Popen(
            [python(), "-u", "-c", code, *words], cwd=self.folder, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip


ENGINE = "import sys; from engine.cli.main import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with PracticeServer(Practice(Setup(Options(seed=5, unlimited=True), trader_rate=8.0))) as server:
        user, environment = let_in(server, tmp_path, EXECUTION_MODE="live")
        markets = httpx.get(f"{server.rest_url}/markets", params={"status": "open"}).json()["markets"]
        tickers = sorted(market["ticker"] for market in markets if "TOPMODEL" in market["ticker"])[:2]
        yield Place(server, tmp_path, user, tickers, environment)


def heard(run: subprocess.Popen[str], *wanted: str) -> list[str]:
    """What it says until every one of ``wanted`` has been in a line; it has a minute for it."""
    lines: list[str] = []
    missing = set(wanted)
    assert run.stdout is not None
    overdue = Timer(60, run.kill)
    overdue.start()
    try:
        for line in run.stdout:
            lines.append(line)
            missing -= {words for words in missing if words in line}
            if not missing:
                return lines
    finally:
        overdue.cancel()
    raise AssertionError(f"it ended before it said {missing}: {''.join(lines)}")


def stopped(run: subprocess.Popen[str]) -> str:
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate(timeout=60)
    return out


def test_each_keeps_to_its_budget_on_one_real_account(place: Place) -> None:
    place.pack("small", BUY, "budget: $5\n")
    place.pack("large", BUY)
    words = ("run", "--venue", "kalshi", "--live", "--json", "--trace", "fired", "--fuse", "100000")
    with place.start(ENGINE, *words) as run:
        heard(run, "large.buy", "budget: $")
        out = stopped(run)
        assert run.returncode == 0, out
    report: dict[str, Any] = json.loads(out.splitlines()[-1])
    assert report["books_agree"]
    held = {(p["strategy"], p["symbol"]): p for p in positions(place)}
    cost = sum(Decimal(p["quantity"]) * Decimal(p["entry"]) for (rule, _), p in held.items() if rule == "small.buy")
    assert 0 < round(cost, 6) <= 5, "a mean price of several fills may be a periodic decimal"
    books = httpx.get(f"{place.server.control_url}/books", headers=place.server.control_headers).json()
    there = {p["ticker"]: Decimal(p["position_fp"]) for p in books["positions"] if p["user_id"] == place.user}
    for ticker in place.tickers:
        ours = sum(Decimal(p["quantity"]) for (_, symbol), p in held.items() if symbol == ticker)
        assert there.get(ticker, Decimal(0)) == ours, "one account has what both packs hold"


def positions(place: Place) -> list[dict[str, Any]]:
    with place.start(ENGINE, "positions", "--mode", "demo", "--json") as asked:
        out, _ = asked.communicate(timeout=60)
    rows: list[dict[str, Any]] = json.loads(out)["positions"]
    return rows


def test_a_source_that_falls_over_stops_its_pack_and_no_other(place: Place) -> None:
    place.pack("steady", BUY)
    place.pack("by_signal", BY_SIGNAL)
    words = (place.tickers[0], "run", "--venue", "kalshi", "--paper", "--json", "--trace", "fired")
    with place.start(BROKEN, *words) as run:
        before = heard(run, "by_signal.value", "the page has changed")
        after = heard(run, "steady.buy")
        out = stopped(run)
        assert run.returncode == 0, out
    told = [line for line in (*before, *after, *out.splitlines()) if "the signal file failed" in line]
    assert len(told) == 1, "said once"
    assert not any("by_signal.value" in line and "FIRED" in line for line in (*after, *out.splitlines()))
    with place.start(ENGINE, "db", "alerts") as asked:
        kept, _ = asked.communicate(timeout=60)
    assert "the signal file failed (RuntimeError: the page has changed)" in kept
