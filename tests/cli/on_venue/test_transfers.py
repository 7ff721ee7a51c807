"""A deposit and a withdrawal at the venue are no result: neither a guard nor a report takes them for one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("uvicorn")

from connectors.simulators.kalshi.server import Practice, PracticeServer, Setup
from connectors.simulators.kalshi.venue import Options
from tests.exchange import let_in

RULES = """\
kind: strategy
name: buy
about: Buys one at each look.
on: quote
when: ask > 0.01
then: {buy: {size: 1, limit: ask, within: 5s}}
---
kind: guard
name: loss
about: Enough for today.
for: entries
require: pnl.today > -$100
else: {block: it lost too much today}
---
kind: guard
name: gain
about: Would open after a deposit that counts as a gain.
for: entries
require: pnl.today < $100
else: {block: it gained too much to be true}
"""
RUN = ("run", "--venue", "kalshi", "--live", "--once", "--json", "--trace", "none")


class Place:
    """A working folder with a key, and the exchange that knows it."""

    def __init__(self, server: PracticeServer, folder: Path, engine_cli: Callable[..., Any]) -> None:
        self.server, self._folder, self._cli = server, folder, engine_cli
        self.user, self._environment = let_in(server, folder, EXECUTION_MODE="live")
        markets = httpx.get(f"{server.rest_url}/markets", params={"status": "open"}).json()["markets"]
        ticker = next(market["ticker"] for market in markets if "TOPMODEL" in market["ticker"])
        pack = folder / "rules" / "small"
        pack.mkdir(parents=True)
        head = "kind: pack\nname: small\nabout: x\nvenue: kalshi\ntimezone: UTC\ncalendar: 24/7\n"
        (pack / "pack.yaml").write_text(f"{head}universe: [{ticker}]\nlimits: {{quantity: 200}}\n", encoding="utf-8")
        (pack / "rules.yaml").write_text(RULES, encoding="utf-8")

    def run(self, *words: str) -> Any:
        return self._cli(*words, cwd=self._folder, env=self._environment)

    def pay(self, dollars: str) -> None:
        body = {"user_id": self.user, "dollars": dollars}
        paid = httpx.post(f"{self.server.control_url}/deposit", headers=self.server.control_headers, json=body)
        assert paid.status_code == 200, paid.text

    def account(self) -> dict[str, D]:
        told = json.loads(self.run("positions", "--mode", "demo", "--json").out)["account"]
        return {name: D(value) for name, value in told.items() if name in ("cash", "deposited")}

    def outcomes(self) -> list[tuple[str, str]]:
        """The verdicts of the newest run, and which guard gave them."""
        events = (self._folder / "state" / "events.jsonl").read_text(encoding="utf-8").splitlines()
        told = [json.loads(line) for line in events]
        signals = [e for e in told if e["event"] == "signal" and e["outcome"] != "generated"]
        return [(e["outcome"], e["guard"]) for e in signals if e["run"] == told[-1]["run"]]


@pytest.fixture
def place(tmp_path: Path, engine_cli: Callable[..., Any]) -> Iterator[Place]:
    options = Options(seed=5, unlimited=True, read_lag_ms=50, signature_seconds=3.0)
    with PracticeServer(Practice(Setup(options, trader_rate=8.0))) as server:
        yield Place(server, tmp_path, engine_cli)


@pytest.mark.parametrize(("dollars", "word"), [("-400.00", "withdrawal"), ("400.00", "deposit")])
def test_money_that_came_or_went_between_two_runs_is_no_result(place: Place, dollars: str, word: str) -> None:
    first = place.run(*RUN)
    assert first.code == 0 and "transfer:" not in first.err, first.err
    before = place.account()
    place.pay(dollars)
    again = place.run(*RUN)
    assert again.code == 0, again.err
    assert f"transfer: ${D(dollars).copy_abs()}" in again.err and f"booked as a {word}" in again.err
    assert [outcome for outcome, _ in place.outcomes()] == ["approved"], "no guard takes it for a result"
    after = place.account()
    assert after["deposited"] - before["deposited"] == D(dollars)
    summary = json.loads(again.out)["summary"]
    assert abs(summary["final_equity"] - summary["initial_cash"]) < 10, "and no report does"
    assert "and no difference" in place.run("replay", "--mode", "demo").out
    told = json.loads(place.run("report", "performance", "--mode", "demo", "--json").out)
    assert abs(told["summary"]["return"]) < 0.01 and told["summary"]["max_drawdown"] < 0.01
    third = place.run(*RUN)
    assert "transfer:" not in third.err, "it is booked once"
    assert place.run("db", "check", "--mode", "demo").code == 0


def test_reconcile_books_it_too(place: Place) -> None:
    assert place.run(*RUN).code == 0
    place.pay("250.00")
    told = json.loads(place.run("reconcile", "--venue", "kalshi", "--json").out)
    assert told["agree"] and told["found"]["transfer"][0].startswith("$250.00 came to the account at the venue")
    assert "transfer" not in json.loads(place.run("reconcile", "--venue", "kalshi", "--json").out)["found"]
    again = place.run(*RUN)
    assert "transfer:" not in again.err
    assert [outcome for outcome, _ in place.outcomes()] == ["approved"], "the next run knows that it is no result"
