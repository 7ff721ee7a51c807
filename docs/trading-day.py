"""The last step of trading-day.sh: counts of the day, and the practice Tradier's books beside ours.

Run in the day's folder: ``trading-day.py day|quick``. Exit code 1, and a last line that names them, when the books
differ, the restart has lost what a trailing stop had seen, or something that the day is to show did not happen.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/New_York")
SESSIONS = (("opening", "09:31", "10:30"), ("midday", "10:30", "15:00"), ("power hour", "15:00", "15:55"))
ENTRIES = ("oto", "otoco")
BRACKETS, ENTRIES_FILLED, SESSIONS_CHANGED = "brackets (OTOCO) at Tradier", "entries filled", "changes of session"
PARTIAL, TRAILED, TIMEOUTS = "partial exits", "trailing stop moved", "timeouts"
FLATTENED = "units sold by engine flatten"
# How often each must happen at least; a quick day has no time for all of them.
SHORT = {BRACKETS: 2, ENTRIES_FILLED: 2, TRAILED: 1, FLATTENED: 1}
NEEDED = {"quick": SHORT, "day": {**SHORT, SESSIONS_CHANGED: 2, PARTIAL: 1, TIMEOUTS: 1}}
WIDTH = 34
START_CASH = Decimal(100_000)
Traded = dict[tuple[str, str], tuple[Decimal, Decimal]]  # quantity and money by symbol and side


def main(length: str) -> int:
    ours = sqlite3.connect("file:state/autotrader-demo.db?mode=ro", uri=True)
    theirs = _books()
    counts = _counts(ours, theirs)
    for name, number in counts.items():
        print(f"  {name:{WIDTH}} {number}{_by_session(ours) if name == ENTRIES_FILLED else ''}")
    found = {"best prices kept over the restart": _kept_marks(ours), **_compare(ours, theirs)}
    wrong = amiss(length, counts, found)
    print(f"  NOT AS IT SHOULD BE: {'; '.join(wrong)}" if wrong else "  everything happened, and the books agree")
    return 1 if wrong else 0


def amiss(length: str, counts: Mapping[str, int], found: Mapping[str, bool]) -> list[str]:
    """What did not happen often enough, and what was found to differ."""
    missing = [f"{counts[name]} {name}" for name, least in NEEDED[length].items() if counts[name] < least]
    return [*missing, *(f"{name}: no" for name, right in found.items() if not right)]


def _books() -> Any:
    """What the practice venue itself holds, by its control side."""
    token = Path("tradier/control.token").read_text(encoding="utf-8").strip()
    address = os.environ["AUTOTRADER__TRADIER__BASE_URL"] + "/practice/books"
    return json.load(urlopen(Request(address, headers={"Authorization": f"Bearer {token}"})))


def _counts(ours: sqlite3.Connection, theirs: Any) -> dict[str, int]:
    """How often each kind of thing happened."""
    acted = Counter(rule.partition(".")[2] for (rule,) in ours.execute(
        "SELECT rule FROM decisions WHERE verdict = 'fired' AND actions <> '[]'"
    ))  # fmt: skip
    return {
        BRACKETS: sum(order["class"] == "otoco" for order in theirs["orders"]),
        ENTRIES_FILLED: len(_entries(ours)),
        SESSIONS_CHANGED: len(_changes(ours)),
        PARTIAL: acted["scale_out_at_first_target"],
        TRAILED: acted["trailing_stop"],
        TIMEOUTS: acted["timeout"],
        FLATTENED: sum(int(Decimal(t["quantity"])) for t in theirs["trades"] if t["tag"].startswith("flatten-")),
        "fills": ours.execute("SELECT count(*) FROM fills").fetchone()[0],
    }


def _entries(ours: sqlite3.Connection) -> list[int]:
    """When the first unit of each entry was bought."""
    return [ns for (ns,) in ours.execute("SELECT min(time_ns) FROM fills WHERE leg = 'entry' GROUP BY client_id")]


def _by_session(ours: sqlite3.Connection) -> str:
    found = Counter(_session(ns) for ns in sorted(_entries(ours)))
    return f" ({', '.join(f'{name} {number}' for name, number in found.items())})"


def _session(time_ns: int) -> str:
    wall = f"{datetime.fromtimestamp(time_ns / 1e9, ZONE):%H:%M}"
    return next((name for name, first, last in SESSIONS if first <= wall < last), "outside")


def _changes(ours: sqlite3.Connection) -> list[str]:
    """The boundaries of sessions that a run on the pack was there for, from its start to its last kept state."""
    runs = "SELECT r.started_ns, s.time_ns FROM runs r JOIN snapshots s ON s.run = r.id AND s.name = 'rules'"
    found = []
    for began, ended in ours.execute(runs + " WHERE r.parameters <> '{}'"):
        first, last = (f"{datetime.fromtimestamp(ns / 1e9, ZONE):%H:%M}" for ns in (began, ended))
        found += [name for name, start, _ in SESSIONS if first < start <= last]
    return found


def _kept_marks(ours: sqlite3.Connection) -> bool:
    """The best prices that were known at the kill are those that the next run began with."""
    killed = sqlite3.connect("killed.db")
    newest = " ORDER BY (SELECT rowid FROM runs WHERE id = run) DESC LIMIT 1"
    kept = json.loads(killed.execute("SELECT state FROM snapshots WHERE name = 'rules'" + newest).fetchone()[0])
    trading = (
        "SELECT state FROM snapshots WHERE name = 'start' AND run IN (SELECT id FROM runs WHERE parameters <> '{}')"
    )
    began = json.loads(ours.execute(trading + newest).fetchone()[0])["carried"][0]
    before, after = _marks(kept), _marks(began)
    for name, (high, trailing) in before.items():
        print(f"  held at the kill: {name}, best price {high}{', its stop followed' if trailing else ''}")
    same = bool(before) and before == after
    print(f"  {'best prices kept over the restart':{WIDTH}} {'yes' if same else f'NO: {before} became {after}'}")
    return same


def _marks(kept: Any) -> dict[str, tuple[float, bool]]:
    told = {}
    for held in kept["held"]:
        position = held["position"]
        told[f"{position['strategy']} {position['symbol']}"] = (held["high"], bool(held["trailing"]))
    return told


def _compare(ours: sqlite3.Connection, theirs: Any) -> dict[str, bool]:
    """Each order's filled quantity, what was traded of each symbol and side, what is held, and the cash."""
    attempts = {str(venue_id): Decimal(filled) for venue_id, filled in ours.execute(
        "SELECT venue_order_id, filled FROM attempts WHERE venue_order_id <> ''"
    )}  # fmt: skip
    # The books know the whole of a bracket by its parent; at Tradier the first leg is the entry.
    parents = {str(order["leg"][0]["id"]): str(order["id"]) for order in theirs["orders"] if order["class"] in ENTRIES}
    traded: defaultdict[str, Decimal] = defaultdict(Decimal)
    for trade in theirs["trades"]:
        name = str(trade["order_id"])
        traded[name if name in attempts else parents.get(name, name)] += Decimal(trade["quantity"])
    differ = {name: (str(filled), str(traded[name])) for name, filled in attempts.items() if filled != traded[name]}
    mine = _sums(ours.execute("SELECT symbol, side, quantity, price FROM fills"))
    there = _sums((t["symbol"], t["side"], t["quantity"], t["price"]) for t in theirs["trades"])
    held = {symbol: Decimal(quantity) for symbol, quantity in theirs["positions"].items() if Decimal(quantity)}
    net: defaultdict[str, Decimal] = defaultdict(Decimal)
    for (symbol, side), (quantity, _) in mine.items():
        net[symbol] += quantity if side == "buy" else -quantity
    ours_held = {symbol: quantity for symbol, quantity in net.items() if quantity}
    cash = START_CASH - sum((m if side == "buy" else -m for (_, side), (_, m) in mine.items()), Decimal(0))
    return dict([
        _said("orders that filled as we booked", not differ, f"{len(attempts)} orders", differ),
        _said("bought and sold", mine == there, f"{len(theirs['trades'])} executions", (mine, there)),
        _said("held at Tradier and here", held == ours_held, _words(held), (held, ours_held)),
        _said("cash", cash == Decimal(theirs["cash"]), f"${cash:.2f}", (cash, theirs["cash"])),
    ])  # fmt: skip


def _sums(rows: Any) -> Traded:
    found: Traded = {}
    for symbol, side, quantity, price in rows:
        key, count = (symbol, side.partition("_")[0]), Decimal(str(quantity))
        before = found.get(key, (Decimal(0), Decimal(0)))
        found[key] = (before[0] + count, before[1] + (count * Decimal(str(price))).quantize(Decimal("0.0001")))
    return found


def _words(held: dict[str, Decimal]) -> str:
    return ", ".join(f"{quantity} {symbol}" for symbol, quantity in held.items()) or "nothing"


def _said(what: str, same: bool, words: str, both: Any) -> tuple[str, bool]:
    print(f"  {what:{WIDTH}} {'the same: ' + words if same else f'DIFFERENT: {both}'}")
    return what, same


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
