"""The same trial on a practice Tradier, which has no client order ids, lists late, and keeps brackets itself."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from connectors.simulators.tradier.server import ACCOUNT, Practice, PracticeServer, Setup, start_of
from connectors.simulators.tradier.venue import Options
from engine.cli.errors import ExitCode
from engine.market.orders import Leg
from engine.market.venue import leg_id
from tests.chaos.nursery import TRADIER_STEPS
from tests.chaos.rounds import PROJECT, Nursery, Rounds

DAY = date(2026, 11, 20)
SPEED = 5.0
CASH = Decimal(100_000)
CENT = Decimal("0.0001")  # what a price may be off that is the quotient of two sums
LAST_SECONDS = 2.0
LAST_TRIES = 3
HANDS = 10  # after so many kills a person flattens
BY_HAND = "flatten-"  # begins the tags of those orders
LATE = "late@create:0.3=2"  # longer than the engine's call takes; the practice Tradier takes it all the same
FAULTS = (
    "timeout@create:0.1=1", "drop-after@create:0.1", "drop-before@create:0.1", "5xx-after@create:0.1",
    "5xx@create:0.1", "html-after@create:0.05", "429@create:0.1", "slow@create:0.2=0.2", "timeout@cancel:0.1=1",
    "drop-after@cancel:0.1", "5xx@cancel:0.1", "5xx-after@modify:0.2", "drop-before@modify:0.2", "ws-lose:0.1",
    "ws-duplicate:0.1", "ws-reorder:0.05", "ws-close:0.002", "late@cancel:0.2=2", "5xx@orders:0.05",
    "html@positions:0.05", "html@order:0.05", "429@order:0.05",
)  # fmt: skip


class TradierTrial(Rounds):
    """The trial on a practice Tradier."""

    steps, usual, late = TRADIER_STEPS, FAULTS, LATE
    words = ("run", "--live", "--venue", "tradier", "--pack", "bounce", "--trace", "none", "--json")

    def __init__(self, folder: Path, seed: int) -> None:
        options = Options(seed=seed, cash=CASH, unlimited=True, read_lag_ms=60, cancel_ms=30, average_ms=20)
        practice = Practice(Setup(start_of(DAY, -5), SPEED, options))
        self.server = PracticeServer(practice)
        super().__init__(folder, seed, self.server, practice.venue.faults)

    def nursery(self) -> Nursery:
        (self.folder / "autotrader.toml").write_text(
            f'[rules]\npaths = ["{PROJECT}/tests/chaos/packs/tradier"]\n[trace]\nkeep = "none"\n', encoding="utf-8"
        )
        prefix = "AUTOTRADER__TRADIER__"
        return Nursery(self.folder, {
            f"{prefix}ACCESS_TOKEN": self.server.practice.token, f"{prefix}ACCOUNT_ID": ACCOUNT,
            f"{prefix}EXECUTION_MODE": "live", f"{prefix}BASE_URL": self.server.url,
        }, "tradier")  # fmt: skip

    def round(self, nursery: Nursery, number: int) -> None:
        super().round(nursery, number)
        if number % HANDS == HANDS - 1:
            self._flatten(nursery, f"after kill {number + 1} and a flatten")

    def _flatten(self, nursery: Nursery, when: str) -> None:
        """A person closes everything while no engine runs: orders that are not ours, and have to be followed."""
        self._calm(True)
        ended = nursery.run("flatten", "--venue", "tradier", "--json")
        held = self.server.do(lambda practice: practice.app.control._books({}))["positions"]
        if ended != {"signal": 0, "code": 0} or held:
            self.counts.problems.append(f"{when}: it ended with {ended} and left {held}: {nursery.output[-600:]}")
        self.judge(nursery, when)

    # -- afterwards ----------------------------------------------------------------------------------------------------

    def judge(self, nursery: Nursery, when: str) -> None:
        """No price moves and nothing fails: our books follow the venue's, and must be the same."""
        self._calm(True)
        while self.server.do(lambda practice: practice.app.held_up):
            time.sleep(0.05)
        self.counts.problems += [f"{when}: {problem}" for problem in self._compare(nursery)]
        self._calm(False)

    def _compare(self, nursery: Nursery) -> list[str]:
        ended = nursery.run("reconcile", "--venue", "tradier", "--json")
        if ended != {"signal": 0, "code": 0}:
            return [f"reconcile ended with {ended}: {nursery.output[-600:]}"]
        theirs = self.server.do(lambda practice: practice.app.control._books({}))
        with closing(sqlite3.connect(self.folder / "state" / "autotrader-demo.db")) as ours:
            self.counts.orders = len(theirs["orders"])
            self.counts.fills = len(theirs["trades"])
            return [*_orders(theirs, ours), *_filled(theirs, ours), *_money(theirs, ours), *_ends(ours)]

    def _calm(self, calm: bool) -> None:
        def act(practice: Practice) -> None:
            practice.venue.faults.set("")
            director = practice.venue.director
            director.held_prices = set(director.listed) if calm else set()

        self.server.do(act)

    def last(self, nursery: Nursery) -> None:
        """Engines in peace, until the venue itself keeps a stop for everything that is held: at once, as a rule; an
        engine that was stopped while it changed one has it there after the next start."""
        self.set_faults("")
        bare: list[str] = []
        for number in range(1, LAST_TRIES + 1):
            ended = nursery.run(*self.words, seconds=LAST_SECONDS * number, kill=False)
            if ended["code"] == ExitCode.INTERRUPTED and number < LAST_TRIES:
                continue  # on a busy machine it had not come to its feed by then
            if ended != {"signal": 0, "code": 0}:
                self.counts.problems.append(f"the last engine ended with {ended}: {nursery.output[-600:]}")
            self.judge(nursery, "at the end")
            bare = _bare(self.server.do(lambda practice: practice.app.control._books({})))
            if not bare:
                return
        self.counts.problems += bare


def _leaves(root: Any) -> list[tuple[str, str, Any]]:
    """What trades of an order: the id and the client id by which we know it, and the order."""
    tag = root.get("tag", "")
    if "leg" not in root:
        return [(str(root["id"]), tag, root)]
    found = []
    for number, leg in enumerate(root["leg"]):
        if number == 0 and root["class"] != "oco":
            found.append((str(root["id"]), tag, leg))
        else:
            found.append((str(leg["id"]), leg_id(tag, Leg.STOP if leg["type"] == "stop" else Leg.TARGET), leg))
    return found


def _orders(theirs: Any, ours: sqlite3.Connection) -> list[str]:
    """Every order at the venue is one of ours, and none is there twice."""
    tags = Counter(root.get("tag", "") for root in theirs["orders"])
    found = [f"order {tag} is at the venue {count} times" for tag, count in tags.items() if count > 1]
    rows = ours.execute("SELECT client_id, intent, filled, state FROM attempts").fetchall()
    here = {row[0]: row for row in rows}
    wanted = dict(ours.execute("SELECT client_id, quantity FROM live_intents").fetchall())
    filled: dict[str, Decimal] = {}
    for _, intent, part, _ in rows:
        filled[intent] = filled.get(intent, Decimal(0)) + Decimal(part)
    found += [f"{i}: {q} filled of {wanted[i]}" for i, q in filled.items() if q > Decimal(wanted[i])]
    kinds = "'order_found', 'order_lost', 'foreign_order', 'position', 'transfer'"
    wrong = ours.execute(f"SELECT text FROM alerts WHERE kind IN ({kinds})")
    found += [f"alert: {row[0]}" for row in wrong]
    ours_there = (root for root in theirs["orders"] if not root.get("tag", "").startswith(BY_HAND))
    for _, client_id, order in (leaf for root in ours_there for leaf in _leaves(root)):
        row = here.get(client_id)
        if row is None:
            found.append(f"order {client_id} is at the venue and not in our books")
            continue
        if Decimal(row[2]) != Decimal(repr(order["exec_quantity"])):
            found.append(f"order {client_id}: {row[2]} filled here, {order['exec_quantity']} there")
        open_there = order["status"] in ("open", "pending", "partially_filled")
        if (row[3] not in ("done", "refused")) != open_there:
            found.append(f"order {client_id} is {row[3]} here and {order['status']} there")
    return found


def _filled(theirs: Any, ours: sqlite3.Connection) -> list[str]:
    """Of every order the same units for the same money."""
    there = {
        number: (Decimal(repr(order["exec_quantity"])), Decimal(repr(order["avg_fill_price"])))
        for root in theirs["orders"] for number, _, order in _leaves(root) if order["exec_quantity"]
    }  # fmt: skip
    here: dict[str, tuple[Decimal, Decimal]] = {}
    for fill_id, quantity, price in ours.execute("SELECT fill_id, quantity, price FROM fills"):
        units, money = here.get(fill_id.partition("/")[0], (Decimal(0), Decimal(0)))
        here[fill_id.partition("/")[0]] = units + Decimal(quantity), money + Decimal(quantity) * Decimal(price)
    found = [f"order {number} filled there and not here" for number in there if number not in here]
    found += [f"fills of {number} are not the venue's" for number in here if number not in there]
    for number in there.keys() & here.keys():
        units, average = there[number]
        if here[number][0] != units or abs(here[number][1] / units - average) > CENT:
            found.append(f"order {number}: {units} at {average} there, {here[number]} here")
    return found


def _money(theirs: Any, ours: sqlite3.Connection) -> list[str]:
    net: dict[str, Decimal] = {}
    for symbol, side, quantity in ours.execute("SELECT symbol, side, quantity FROM fills"):
        net[symbol] = net.get(symbol, Decimal(0)) + Decimal(quantity) * (1 if side == "buy" else -1)
    held = {symbol: quantity for symbol, quantity in net.items() if quantity}
    there = {symbol: Decimal(quantity) for symbol, quantity in theirs["positions"].items()}
    found = [] if held == there else [f"positions: {there} there, {held} here"]
    booked = ours.execute("SELECT amount FROM balances WHERE account = 'cash'").fetchall()
    opening = ours.execute("SELECT count(*) FROM ledger_transactions WHERE kind = 'transfer'").fetchone()[0]
    cash = sum((Decimal(row[0]) for row in booked), Decimal(0)) + (0 if opening else CASH)
    if abs(cash - Decimal(theirs["cash"])) > CENT:
        found.append(f"cash: {theirs['cash']} there, {cash} here")
    return found


def _ends(ours: sqlite3.Connection) -> list[str]:
    """Every position has orders that end it: a stop, or an exit under way."""
    found, held = [], {}
    for strategy, symbol, side, quantity in ours.execute("SELECT strategy, symbol, side, quantity FROM fills"):
        key = strategy, symbol
        held[key] = held.get(key, Decimal(0)) + Decimal(quantity) * (1 if side == "buy" else -1)
    for (strategy, symbol), units in held.items():
        rows = ours.execute(
            "SELECT quantity, filled FROM live_intents WHERE strategy = ? AND symbol = ? AND leg IN ('stop', 'exit') "
            "AND withdrawn IS NULL AND state NOT IN ('filled', 'cancelled', 'expired', 'refused')",
            (strategy, symbol),
        ).fetchall()
        if units and sum((Decimal(q) - Decimal(f) for q, f in rows), Decimal(0)) < abs(units):
            found.append(f"{strategy} holds {units} {symbol} and nothing ends it")
    return found


def _bare(theirs: Any) -> list[str]:
    """What is held without a stop of the venue's for all of it."""
    stops: dict[str, Decimal] = {}
    for _, _, order in (leaf for root in theirs["orders"] for leaf in _leaves(root)):
        if order["type"] == "stop" and order["status"] in ("open", "partially_filled"):
            stops[order["symbol"]] = stops.get(order["symbol"], Decimal(0)) + Decimal(repr(order["remaining_quantity"]))
    return [
        f"{quantity} {symbol} are held and the venue has a stop for {stops.get(symbol, 0)}"
        for symbol, quantity in theirs["positions"].items() if stops.get(symbol, Decimal(0)) != Decimal(quantity)
    ]  # fmt: skip
