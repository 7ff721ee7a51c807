"""The engine live on a practice exchange, as a user runs it: trade, die, come back, and agree with the exchange."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("uvicorn")

from connectors.simulators.kalshi.listings import many
from connectors.simulators.kalshi.server import Practice, PracticeServer, Setup
from connectors.simulators.kalshi.venue import Options
from tests.exchange import let_in
from tests.nursery import python
from tests.running import said, stopped

PROJECT = Path(__file__).parents[3]
RULES = PROJECT / "engine" / "cli" / "template_kalshi" / "rules"  # of the practice pack
RUN = ("run", "--venue", "kalshi", "--pack", "practice", "--json", "--trace", "fired")
# The engine waits for an order without an answer as long as its call may take and the exchange takes its signature:
# here that is a few seconds, so that nobody waits for long after a kill.
SIGNATURE_SECONDS = 3.0
QUICKLY = f"""
import sys
from connectors.kalshi import http
http.CALL, http.PRACTICE_SIGNATURE_SECONDS = http.Timeouts(connect=1.0, answer=3.0, turn=0.5), {SIGNATURE_SECONDS}
from engine.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@dataclass
class Place:
    """A working folder with a key, and the exchange that knows it."""

    server: PracticeServer
    folder: Path
    user: str
    environment: dict[str, str]

    def start(self, *more: str) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(PROJECT), **self.environment}
        command = [python(), "-u", "-c", QUICKLY, *RUN, *more]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.folder, env=environment, stdout=pipe, stderr=pipe, text=True)

    def books(self) -> Any:
        return httpx.get(f"{self.server.control_url}/books", headers=self.server.control_headers).json()

    def crowd(self, running: bool) -> None:
        def act(practice: Practice) -> None:
            assert practice.director.crowd is not None
            practice.director.crowd.running = running

        self.server.do(act)

    @property
    def fills(self) -> set[str]:
        return {f["trade_id"] for f in self.books()["fills"] if f["user_id"] == self.user}

    @property
    def positions(self) -> dict[str, Decimal]:
        found = {p["ticker"]: Decimal(p["position_fp"]) for p in self.books()["positions"] if p["user_id"] == self.user}
        return {ticker: quantity for ticker, quantity in found.items() if quantity}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    options = Options(seed=5, unlimited=True, read_lag_ms=50, signature_seconds=SIGNATURE_SECONDS)
    practice = Practice(Setup(options, markets=many(4, time.time_ns()), trader_rate=4.0))
    with PracticeServer(practice) as server:
        (tmp_path / "autotrader.toml").write_text(f'[rules]\npaths = ["{RULES}"]\n', encoding="utf-8")
        yield Place(server, tmp_path, *let_in(server, tmp_path, EXECUTION_MODE="live"))


def test_live_through_a_kill_and_back(place: Place, engine_cli: Callable[..., Any]) -> None:
    with place.start("--live") as run:
        said(run, "filled:", 2)
        run.kill()
        run.communicate()
    before = place.fills
    with place.start("--live") as run:
        said(run, "FIRED")
        place.crowd(False)
        note = stopped(run)
    assert note["books_agree"] is True
    assert place.fills >= before
    held = {symbol: Decimal(0) for symbol in place.positions}
    for row in note["still_open"]:
        held[row["symbol"]] += Decimal(str(row["quantity"]))
    assert held == place.positions, "what is held is said as what it is, and is no trade that was closed"
    assert "end of data" not in {row["exit_reason"] for row in note["per_exit_reason"]}

    def verb(*words: str) -> Any:
        return engine_cli(*words, cwd=place.folder, env=place.environment)

    again = verb("replay", "--mode", "demo")
    assert "and no difference" in again.out, again.out
    assert verb("db", "check", "--mode", "demo").code == 0
    told = json.loads(verb("reconcile", "--json").out)
    assert told["agree"] is True
    assert {symbol: Decimal(quantity) for symbol, quantity in told["positions"].items()} == place.positions
    assert (told["mode"], told["uncertain"]) == ("demo", [])
    assert json.loads(verb("orders", "--mode", "demo", "--json").out)["run"] == note["run"], "no reading of the account"
    assert verb("halt", "--why", "test").code == 0  # never blocks what reduces
    for word in ("cancel", "flatten"):
        misspelt = verb(word, "--symbol", "NOPE")
        assert misspelt.code == 2 and "--symbol NOPE" in misspelt.err
    assert verb("cancel").code == 0
    assert not [o for o in place.books()["orders"] if o["status"] == "resting"]
    place.crowd(True)
    assert verb("flatten").code == 0
    assert place.positions == {}
    idle = verb("flatten", "--symbol", "KXPRACTICE-00000-YES")
    assert idle.code == 0 and "nothing rests in KXPRACTICE-00000-YES and nothing of it is held" in idle.out
    assert json.loads(verb("reconcile", "--json").out)["positions"] == {}


def test_paper_on_the_same_market_sends_nothing(place: Place) -> None:
    with place.start() as run:
        said(run, "filled:")
        note = stopped(run)
    assert note["fills"] > 0
    assert note["connections"] == 1
    assert place.books()["orders"] == []


def test_a_paper_account_goes_on_after_a_kill(place: Place, engine_cli: Callable[..., Any]) -> None:
    def verb(*words: str) -> Any:
        answer = engine_cli(*words, cwd=place.folder, env=place.environment)
        assert answer.code == 0, answer.err
        return answer

    with place.start() as run:
        said(run, "filled:", 2)
        said(run, "FIRED", 2)  # an order goes to disk with all that was before it
        run.kill()
        run.communicate()
    before = json.loads(verb("positions", "--json").out)["account"]
    assert before["cash"] != "100000"
    with place.start("--once") as run:
        out, err = run.communicate(timeout=60)
        assert run.returncode == 0, err
    note = json.loads(out.splitlines()[-1])
    assert note["ticks"] == 1
    kept = json.loads(verb("positions", "--json").out)
    held = [row for row in kept["positions"] if Decimal(row["quantity"])]
    assert {(row["strategy"], row["symbol"]) for row in held} == {
        (row["rule"], row["symbol"]) for row in note["still_open"]
    }
    cash = Decimal(kept["account"]["cash"]) + Decimal(kept["account"]["kept_back"])
    worth = cash + sum(Decimal(row["quantity"]) * Decimal(row["mark"]) for row in held)
    assert abs(worth - Decimal(str(note["summary"]["final_equity"]))) < Decimal("0.001"), "after the last fill"
    assert note["summary"]["average_holding_seconds"] is None or note["summary"]["average_holding_seconds"] >= 0
    assert {row["kind"] for row in json.loads(verb("db", "alerts", "--json").out)["alerts"]} <= {"connection"}
    place.crowd(False)
    assert "and no difference" in verb("replay").out
    verb("db", "check")
    after = json.loads(verb("positions", "--json").out)["account"]
    assert Decimal(after["fees"]) >= Decimal(before["fees"]) > 0
    assert after["deposited"] == "100000", "one account, which got its money once"


def test_a_fuse_that_cannot_be_removed_does_not_hide_the_end(place: Place) -> None:
    with place.start("--live") as run:
        said(run, "FIRED", 2)
        place.server.do(lambda practice: practice.venue.faults.set("5xx@groups"))
        place.crowd(False)
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=90)
    assert run.returncode == 0, err
    assert "fuse: the venue-side fuse" in err and "cannot be removed" in err
    assert json.loads(out.splitlines()[-1])["books_agree"] is True
    targets = {f"{o['ticker']} {o['side']}" for o in place.books()["orders"] if o["status"] == "resting"}
    assert len(targets) <= len(place.positions), "entries were left at the venue"


def test_without_a_fuse_no_run_begins(place: Place, engine_cli: Callable[..., Any]) -> None:
    place.server.do(lambda practice: practice.venue.faults.set("5xx@groups"))
    answer = engine_cli(*RUN, "--live", cwd=place.folder, env=place.environment)
    assert answer.code == 3
    assert "the venue-side fuse cannot be made" in answer.err
    assert place.books()["orders"] == []
    with sqlite3.connect(place.folder / "state" / "autotrader-demo.db") as store:
        assert store.execute("SELECT status FROM runs").fetchall() == [("stopped",)]


def test_no_order_goes_out_without_the_consent(place: Place, engine_cli: Callable[..., Any]) -> None:
    mode = {**place.environment, "AUTOTRADER__KALSHI__EXECUTION_MODE": "paper"}
    answer = engine_cli(*RUN, "--live", cwd=place.folder, env=mode)
    assert answer.code == 4
    assert "AUTOTRADER__KALSHI__EXECUTION_MODE=live" in answer.err
    assert place.books()["orders"] == []


def test_what_is_missing_is_said_in_one_line(engine_cli: Callable[..., Any]) -> None:
    assert "AUTOTRADER__KALSHI__API_KEY_ID" in engine_cli("reconcile").err
    assert "add --venue kalshi" in engine_cli("run", "--live").err
