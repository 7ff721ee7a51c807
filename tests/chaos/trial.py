"""The trial itself: an exchange that misbehaves, an engine that is killed, and both their books."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from connectors.simulators.kalshi.listings import many
from connectors.simulators.kalshi.server import Practice, PracticeServer, Setup
from connectors.simulators.kalshi.venue import Options
from state import Place, sibling
from state.connection import Connection, connect
from tests import postgres
from tests.chaos.nursery import SIGNATURE_SECONDS, STEPS
from tests.chaos.rounds import PROJECT, Nursery, Rounds
from tests.exchange import let_in

DEPOSIT = Decimal(1000)  # on each shard
SHARDS = 4
MARKETS = 4
LATE = "late@create:0.4=2"  # longer than the engine's call takes, and in time for the exchange
FAULTS = (
    "timeout@create:0.1=1", "drop-after@create:0.1", "drop-before@create:0.1", "5xx-after@create:0.1",
    "5xx@create:0.1", "html-after@create:0.05", "429@create:0.1", "slow@create:0.2=0.2", "timeout@cancel:0.1=1",
    "drop-after@cancel:0.1", "5xx@cancel:0.1", "ws-lose:0.05", "ws-duplicate:0.1", "ws-reorder:0.05", "ws-close:0.01",
    "late@create:0.2=4",  # its signature no longer counts when it arrives
    "late@cancel:0.2=2", "5xx@orders:0.05", "html@fills:0.05",
)  # fmt: skip


class Trial(Rounds):
    """The trial on a practice exchange. The store is a file in ``folder``, or a schema of ``database``."""

    steps, usual, late = STEPS, FAULTS, LATE
    words = ("run", "--live", "--venue", "kalshi", "--pack", "practice", "--trace", "none", "--json")

    def __init__(self, folder: Path, seed: int, database: postgres.Server | None = None) -> None:
        self.database = database
        paper: Place = folder / "state" / "autotrader.db"
        self.place = sibling(paper if database is None else database.place("chaos", folder / "state"), "demo")
        options = Options(seed=seed, unlimited=True, read_lag_ms=100, signature_seconds=SIGNATURE_SECONDS)
        practice = Practice(Setup(options, markets=many(MARKETS, time.time_ns()), trader_rate=2.5))
        self.server = PracticeServer(practice)
        self.user = ""
        super().__init__(folder, seed, self.server, practice.venue.faults)

    def nursery(self) -> Nursery:
        self.user, environment = let_in(self.server, self.folder, EXECUTION_MODE="live")
        (self.folder / "autotrader.toml").write_text(
            f'[rules]\npaths = ["{PROJECT}/engine/cli/template_kalshi/rules"]\n[trace]\nkeep = "none"\n',
            encoding="utf-8",
        )
        if self.database is not None:
            environment["AUTOTRADER__STORE__URL"] = self.database.url("chaos")
            environment["AUTOTRADER__STORE__PASSWORD"] = postgres.PASSWORD
        return Nursery(self.folder, environment)

    # -- afterwards ----------------------------------------------------------------------------------------------------

    def judge(self, nursery: Nursery, when: str) -> None:
        """Nobody trades, nothing fails: our books follow the venue's, and must be the same.

        A request of the dead that is still on its way may come between our reading and our look at the exchange's
        books: then both are done again once it is there. What was wrongly taken for gone stays in our alerts.
        """
        self._calm(True)
        held_up = self.server.do(lambda practice: practice.app.held_up)
        problems = self._compare(nursery)
        if problems and held_up:
            while self.server.do(lambda practice: practice.app.held_up):
                time.sleep(0.1)
            problems = self._compare(nursery)
        self.counts.problems += [f"{when}: {problem}" for problem in problems]
        self._calm(False)

    def _compare(self, nursery: Nursery) -> list[str]:
        ended = nursery.run("reconcile", "--json")
        if ended != {"signal": 0, "code": 0}:
            return [f"reconcile ended with {ended}: {nursery.output[-300:]}"]
        return self._differences()

    def last(self, nursery: Nursery) -> None:
        """One engine in peace; then every position has its target at the exchange and its stop here."""
        self.set_faults("")
        ended = nursery.run(*self.words, seconds=4.0, kill=False)
        if ended != {"signal": 0, "code": 0}:
            self.counts.problems.append(f"the last engine ended with {ended}")
        self.judge(nursery, "at the end")

    def _calm(self, calm: bool) -> None:
        def act(practice: Practice) -> None:
            assert practice.director.crowd is not None
            practice.director.crowd.running = not calm
            practice.venue.faults.set("")

        self.server.do(act)

    def _differences(self) -> list[str]:
        url, headers = f"{self.server.control_url}/books", self.server.control_headers
        theirs = httpx.get(url, headers=headers).json()
        with closing(connect(self.place)) as ours:
            found = [*_orders(theirs, ours), *_fills(theirs, ours, self.user), *_positions(theirs, ours, self.user)]
            found += [*_cash(theirs, ours, self.user), *_protection(ours)]
            self.counts.orders = len(theirs["orders"])
            self.counts.fills = len([f for f in theirs["fills"] if f["user_id"] == self.user])
        return found


def _orders(theirs: Any, ours: Connection) -> list[str]:
    """Every order at the exchange is one of ours, and none is there twice."""
    there = Counter(order["client_order_id"] for order in theirs["orders"])
    rows = ours.execute("SELECT client_id, intent, quantity, filled, state FROM attempts").fetchall()
    here = {row[0]: row for row in rows}
    found = [f"order {name} is at the exchange {count} times" for name, count in there.items() if count > 1]
    found += [f"order {name} is at the exchange and not in our books" for name in there if name not in here]
    wanted = dict(ours.execute("SELECT client_id, quantity FROM live_intents").fetchall())
    filled: Counter[str] = Counter()
    for _, intent, _, part, _ in rows:
        filled[intent] += Decimal(part)  # type: ignore[assignment]
    wrong = "SELECT text FROM alerts WHERE kind IN ('order_found', 'order_lost', 'transfer')"
    found += [f"taken for gone: {row[0]}" for row in ours.execute(wrong)]
    found += [f"{i}: {q} filled of {wanted[i]}" for i, q in filled.items() if q > Decimal(wanted[i])]
    for order in theirs["orders"]:
        row = here.get(order["client_order_id"])
        if row is not None and Decimal(row[3]) != Decimal(order["fill_count_fp"]):
            found.append(f"order {row[0]}: {row[3]} filled here, {order['fill_count_fp']} there")
        if row is not None and (row[4] not in ("done", "refused")) != (order["status"] == "resting"):
            found.append(f"order {row[0]} is {row[4]} here and {order['status']} there")
    return found


def _fills(theirs: Any, ours: Connection, user: str) -> list[str]:
    there = {
        f["trade_id"]: (Decimal(f["count_fp"]), Decimal(f["yes_price_dollars"]), Decimal(f["fee_cost"]))
        for f in theirs["fills"]
        if f["user_id"] == user
    }
    here = {
        row[0]: tuple(map(Decimal, row[1:]))
        for row in ours.execute("SELECT fill_id, quantity, price, fee FROM fills")
    }
    found = [f"fill {name} {fill} is missing in our books" for name, fill in there.items() if name not in here]
    found += [f"fill {name} is not the exchange's" for name in here if name not in there]
    return found + [f"fill {n}: {there[n]} there, {here[n]} here" for n in there.keys() & here if there[n] != here[n]]


def _held(ours: Connection) -> dict[tuple[str, str], Decimal]:
    rows = ours.execute("SELECT strategy, symbol, side, quantity FROM fills").fetchall()
    found: dict[tuple[str, str], Decimal] = {}
    for strategy, symbol, side, quantity in rows:
        signed = Decimal(quantity) * (1 if side == "buy" else -1)
        found[strategy, symbol] = found.get((strategy, symbol), Decimal(0)) + signed
    return {key: quantity for key, quantity in found.items() if quantity}


def _net(ours: Connection) -> dict[str, Decimal]:
    net: dict[str, Decimal] = {}
    for (_, symbol), quantity in _held(ours).items():
        net[symbol] = net.get(symbol, Decimal(0)) + quantity
    return {symbol: quantity for symbol, quantity in net.items() if quantity}


def _positions(theirs: Any, ours: Connection, user: str) -> list[str]:
    there = {p["ticker"]: Decimal(p["position_fp"]) for p in theirs["positions"] if p["user_id"] == user}
    there = {ticker: quantity for ticker, quantity in there.items() if quantity}
    here = _net(ours)
    return [] if there == here else [f"positions: {there} there, {here} here"]


def _cash(theirs: Any, ours: Connection, user: str) -> list[str]:
    """To the last digit; the exchange keeps back a dollar for each contract that is short."""
    there = sum((Decimal(c["cash_dollars"]) for c in theirs["cash"] if c["user_id"] == user), Decimal(0))
    booked = ours.execute("SELECT amount FROM balances WHERE account = 'cash'").fetchall()
    opening = ours.execute("SELECT count(*) FROM ledger_transactions WHERE kind = 'transfer'").fetchone()[0]
    short = sum((-q for q in _net(ours).values() if q < 0), Decimal(0))
    expected = sum((Decimal(row[0]) for row in booked), Decimal(0)) - short + (0 if opening else DEPOSIT * SHARDS)
    return [] if there == expected else [f"cash: {there} there, {expected} here"]


def _protection(ours: Connection) -> list[str]:
    """Every position has orders that end it: a stop, or an exit under way."""
    found = []
    for (strategy, symbol), held in _held(ours).items():
        rows = ours.execute(
            "SELECT quantity, filled FROM live_intents WHERE strategy = ? AND symbol = ? AND leg IN ('stop', 'exit') "
            "AND withdrawn IS NULL AND state NOT IN ('filled', 'cancelled', 'expired', 'refused')",
            (strategy, symbol),
        ).fetchall()
        if sum((Decimal(q) - Decimal(f) for q, f in rows), Decimal(0)) < abs(held):
            found.append(f"{strategy} holds {held} {symbol} and nothing ends it")
    return found
