"""Answers questions about what a store has. Works while an engine writes."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from engine.market.inputs import Input
from engine.market.orders import Leg, Order, OrderType, Side
from state.book import SETTLEMENT
from state.connection import Connection, Row
from state.errors import StoreError
from state.inputs import decode
from state.ledger import Account, Balances, Key
from state.place import Place

LISTED = 5  # candidates in an error
BLOCKS = 64  # of inputs that are read at once; one is some 16 KiB
NO_RULES = ""  # the sha of a run's rules when it only read the account


def decides(run: Row) -> bool:
    """Whether rules decided in a run; a reading of the account by ``engine reconcile`` has none."""
    return bool(run["ruleset_sha"] != NO_RULES)


def is_traded(fill: Mapping[str, Any]) -> bool:
    """Whether a booked fill was traded at a market. What a settled market paid was not: no order made it, and it costs
    neither spread nor slippage."""
    return not fill["fill_id"].startswith(SETTLEMENT)


def order_of(row: Row) -> Order:
    """An order as it was wanted, from its row; its stop price is the last that was asked for."""
    return Order(
        row["client_id"], row["symbol"], Side(row["side"]), Decimal(row["quantity"]), OrderType(row["type"]),
        Leg(row["leg"]), row["strategy"], row["rule"], row["created_ns"], _decimal(row["limit_price"]),
        _decimal(row["stop_price"]), row["parent"], row["order_group"], row["expires_ns"],
        bool(row["fallback_market"]), row["reason"],
    )  # fmt: skip


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


class Costs(NamedTuple):
    """Of fills that were traded (see ``is_traded``). ``fees``, ``slippage`` and ``half_spread`` are money, positive
    when paid; the last two over the fills that have them, None where none has. ``measured`` is how many of the
    ``fills`` had a price to hold theirs against."""

    fills: int
    measured: int
    fees: Decimal
    slippage: Decimal | None
    half_spread: Decimal | None

    def with_fill(self, row: Row) -> Costs:
        quantity, slippage, spread = Decimal(row["quantity"]), row["slippage"], row["spread"]
        return Costs(
            self.fills + 1,
            self.measured + (slippage is not None),
            self.fees + Decimal(row["fee"]),
            self.slippage if slippage is None else (self.slippage or 0) + quantity * Decimal(slippage),
            self.half_spread if spread is None else (self.half_spread or 0) + quantity * Decimal(spread) / 2,
        )


class Reader:
    """The reading half of a store."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def path(self) -> Place:
        """Where it is: a file, or a schema of a database."""
        return self._connection.place

    # -- runs --------------------------------------------------------------------------------------------------------

    def runs(self) -> list[Row]:
        """All runs, the newest first."""
        return [_run(row) for row in self._rows("SELECT * FROM runs ORDER BY started_ns DESC, rowid DESC")]

    def venues(self) -> list[str]:
        """The venues on whose markets there were runs, by name; runs on simulated and recorded markets are on none."""
        return sorted({venue for venue, space, _ in (book.partition(" ") for book in self.books()) if space})

    def newest_venue(self) -> str | None:
        """The venue of the run that was begun last, by the order of writing and not by clocks, as practice venues have
        their own; a run in which rules decided goes before readings of an account. None where no run was on any."""
        query = f"SELECT book FROM runs WHERE book LIKE ? ORDER BY ruleset_sha = '{NO_RULES}', rowid DESC LIMIT 1"
        rows = self._rows(query, ("% %",))
        return str(rows[0]["book"]).partition(" ")[0] if rows else None

    def run(self, run_id: str | None = None, venue: str | None = None) -> Row:
        """One run by id, or the newest in which rules decided, or where there is none the newest reading of an account.
        ``venue``: the newest on that venue's markets.

        Raises StoreError that lists what there is.
        """
        newest = "ORDER BY started_ns DESC, rowid DESC"
        if run_id is None:
            by_use = f"ORDER BY ruleset_sha = '{NO_RULES}', started_ns DESC, rowid DESC"
            books = "%" if venue is None else f"{venue} %"  # an account's name begins with its venue's
            rows = self._rows(f"SELECT * FROM runs WHERE book LIKE ? {by_use} LIMIT 1", (books,))
        else:
            rows = self._rows("SELECT * FROM runs WHERE id = ?", (run_id,))
        if rows:
            return _run(rows[0])
        known = [row["id"] for row in self._rows(f"SELECT id FROM runs {newest} LIMIT {LISTED}")]
        if not known:
            raise StoreError(f"{self.path} has no run yet; `engine run` makes one")
        if run_id is None:
            on = self.venues()
            there = f"there are runs on {', '.join(on)}" if on else "leave the venue out to see others"
            raise StoreError(f"{self.path} has no run on {venue} yet; {there}")
        raise StoreError(f"{self.path} has no run {run_id}; its newest: {', '.join(known)}")

    def ruleset(self, sha256: str) -> dict[str, dict[str, str]]:
        """The text of all rule files of a ruleset, by pack and file name."""
        rows = self._rows("SELECT files FROM rulesets WHERE sha256 = ?", (sha256,))
        if not rows:
            raise StoreError(f"{self.path} does not have the rules {sha256[:12]}")
        found: dict[str, dict[str, str]] = json.loads(self._unpack(rows[0]["files"]))
        return found

    # -- what happened in a run --------------------------------------------------------------------------------------

    def order(self, client_id: str, run_id: str | None = None) -> Row:
        """An order by its client id or the beginning of it, of the newest run that has it.

        Raises StoreError with the candidates when none or several match; a whole id is never ambiguous.
        """
        where, of_run = ("AND run = ?", (run_id,)) if run_id else ("", ())
        newest = "ORDER BY created_ns DESC, rowid DESC"
        match = "substr(client_id, 1, length(?)) = ?"
        rows = self._rows(f"SELECT * FROM intents WHERE {match} {where} {newest}", (client_id, client_id, *of_run))
        whole = [row for row in rows if row["client_id"] == client_id]
        names = list(dict.fromkeys(row["client_id"] for row in whole or rows))
        if len(names) == 1:
            return (whole or rows)[0]
        if names:
            listed = ", ".join(names[:LISTED])
            raise StoreError(f"{client_id} could be {len(names)} orders: {listed}; write more of the id")
        known = self._rows(f"SELECT client_id FROM intents WHERE true {where} {newest} LIMIT {LISTED}", of_run)
        there = f"its newest: {', '.join(row['client_id'] for row in known)}" if known else "it has none at all"
        raise StoreError(f"{self.path} has no order {client_id}; {there}")

    def orders(self, run_id: str) -> list[Row]:
        """All orders that a run wanted, in order; quantities and prices are exact text."""
        return self._rows("SELECT * FROM intents WHERE run = ? ORDER BY rowid", (run_id,))

    def open_orders(self, book: str) -> list[Row]:
        """Orders of a book that may still trade, the oldest first."""
        query = "SELECT * FROM intents WHERE book = ? AND state NOT IN ('done', 'refused') ORDER BY rowid"
        return self._rows(query, (book,))

    def order_events(self, run_id: str, client_id: str) -> list[Row]:
        """The life of an order, in order."""
        query = "SELECT * FROM intent_events WHERE book = ? AND client_id = ? ORDER BY rowid"
        return self._rows(query, (self._book_of(run_id), client_id))

    def fills(self, run_id: str, client_id: str | None = None) -> list[Row]:
        """Executions booked by a run, or all of one of its orders; numbers are exact text.

        ``reference`` is the price that the fill is held against, ``slippage`` how much worse it was (money a unit).
        """
        if client_id is None:
            return self._rows("SELECT * FROM fills WHERE run = ? ORDER BY rowid", (run_id,))
        query = "SELECT * FROM fills WHERE book = ? AND client_id = ? ORDER BY rowid"
        return self._rows(query, (self._book_of(run_id), client_id))

    def _book_of(self, run_id: str) -> str:
        rows = self._rows("SELECT book FROM runs WHERE id = ?", (run_id,))
        return str(rows[0]["book"]) if rows else ""

    def decision(self, run_id: str, number: int) -> Row:
        """A decision by its number; ``values`` are float64 bytes or None."""
        rows = self._rows("SELECT * FROM decisions WHERE run = ? AND seq = ?", (run_id, number))
        if not rows:
            raise StoreError(f"{self.path} has no decision {number} in run {run_id}")
        return self._decision(rows[0])

    def decision_for_order(self, run_id: str, client_id: str) -> Row:
        """The decision that wanted an order."""
        return self.decision(run_id, self.order(client_id, run_id)["decision"])

    def decisions(
        self, run_id: str, rule: str | None = None, time_ns: int | None = None, symbol: str | None = None,
        start_ns: int | None = None, end_ns: int | None = None,
    ) -> list[Row]:  # fmt: skip
        """Decisions of a run, in order: of one rule, at one instant, on one symbol, from start up to before end."""
        tests = {
            "rule = ?": rule, "time_ns = ?": time_ns, "symbol = ?": symbol, "time_ns >= ?": start_ns,
            "time_ns < ?": end_ns,
        }  # fmt: skip
        asked = {test: value for test, value in tests.items() if value is not None}
        where = "".join(f" AND {test}" for test in asked)
        rows = self._rows(f"SELECT * FROM decisions WHERE run = ?{where} ORDER BY seq", (run_id, *asked.values()))
        return [self._decision(row) for row in rows]

    def trace(self, run_id: str, symbol: str, time_ns: int) -> bytes | None:
        """Node values (float64 bytes) of a symbol at exactly that tick; None when none are kept."""
        query = 'SELECT "values" FROM traces WHERE run = ? AND symbol = ? AND time_ns = ?'
        rows = self._rows(query, (run_id, symbol, time_ns))
        return self._unpack(rows[0]["values"]) if rows else None

    def trace_times(self, run_id: str, symbol: str, around_ns: int) -> list[int]:
        """The kept ticks of a symbol just before and just after an instant."""
        before = "SELECT max(time_ns) AS t FROM traces WHERE run = ? AND symbol = ? AND time_ns <= ?"
        after = "SELECT min(time_ns) AS t FROM traces WHERE run = ? AND symbol = ? AND time_ns > ?"
        found = [self._rows(q, (run_id, symbol, around_ns))[0]["t"] for q in (before, after)]
        return [t for t in found if t is not None]

    def positions(self, run_id: str) -> list[Row]:
        """What is open, or was when the run ended."""
        return self._rows("SELECT * FROM positions WHERE run = ? ORDER BY strategy, symbol", (run_id,))

    def snapshot(self, run_id: str, name: str) -> dict[str, Any] | None:
        """The last kept state of a part (JSON values); None when it kept none."""
        rows = self._rows("SELECT state FROM snapshots WHERE run = ? AND name = ?", (run_id, name))
        return json.loads(rows[0]["state"]) if rows else None

    def last_kept(self, book: str, name: str) -> dict[str, Any] | None:
        """The newest kept state of a part of an account's runs (JSON values); None when none kept it."""
        query = (
            "SELECT s.state FROM snapshots s JOIN runs r ON s.run = r.id WHERE r.book = ? AND s.name = ? "
            "ORDER BY r.rowid DESC LIMIT 1"
        )
        rows = self._rows(query, (book, name))
        return json.loads(rows[0]["state"]) if rows else None

    def fills_before(self, run_id: str) -> list[Row]:
        """The fills by which earlier runs opened what was held when this run began, in the order of booking."""
        rows = self._rows(
            "SELECT * FROM fills WHERE book = (SELECT book FROM runs WHERE id = ?) AND rowid < "
            "(SELECT coalesce(min(rowid), 9223372036854775807) FROM fills WHERE run = ?) ORDER BY rowid",
            (run_id, run_id),
        )
        found: dict[tuple[str, str], list[Row]] = {}
        sums: dict[tuple[str, str], Decimal] = {}
        for row in rows:
            key, sign = (row["strategy"], row["symbol"]), 1 if row["side"] == "buy" else -1
            sums[key] = sums.get(key, Decimal(0)) + sign * Decimal(row["quantity"])
            found.setdefault(key, []).append(row)
            if not sums[key]:
                del found[key]
        return [row for rows in found.values() for row in rows]

    def equity(self, run_id: str) -> list[tuple[int, float]]:
        """Time and equity (money) of every tick."""
        rows = self._rows("SELECT time_ns, equity FROM equity WHERE run = ? ORDER BY time_ns", (run_id,))
        return [(r["time_ns"], r["equity"]) for r in rows]

    def events(self, run_id: str) -> list[Row]:
        """What the user should know of a run, in order."""
        return self._rows("SELECT * FROM events WHERE run = ? ORDER BY rowid", (run_id,))

    def inputs(self, run_id: str) -> Iterator[Input]:
        """Everything that reached a run, in order; raises StoreError when a block is damaged or missing."""
        for _, block in self.input_blocks(run_id):
            yield from block

    def input_blocks(self, run_id: str, after: int = 0) -> Iterator[tuple[int, Iterator[Input]]]:
        """As ``inputs``, block by block with their numbers, from the one that follows ``after`` on."""
        query = "SELECT seq, data FROM inputs WHERE run = ? AND seq > ? ORDER BY seq LIMIT ?"
        while rows := self._rows(query, (run_id, after, BLOCKS)):
            for row in rows:
                after += 1
                if row["seq"] != after:
                    raise StoreError(f"{self.path}: block {after} of the inputs of run {run_id} is missing")
                yield after, decode(row["data"])

    def goes_on(self, run_id: str) -> bool:
        """Whether a run has not ended, and the process that it is in is there."""
        run = self.run(run_id)
        return bool(run["status"] == "running") and self._connection.is_running(run["pid"], run["process_start"])

    # -- books -------------------------------------------------------------------------------------------------------

    def books(self) -> list[str]:
        """The names of all books, the oldest first."""
        return [row["book"] for row in self._rows("SELECT book FROM runs GROUP BY book ORDER BY min(rowid)")]

    def balances(self, book: str) -> Balances:
        """What every account of a book has."""
        rows = self._rows("SELECT * FROM balances WHERE book = ?", (book,))
        return Balances({
            Key(Account(r["account"]), r["strategy"], r["symbol"], r["unit"]): Decimal(r["amount"]) for r in rows
        })  # fmt: skip

    def marks(self, book: str) -> dict[str, Decimal]:
        """The last prices of what a book holds or held, by symbol."""
        rows = self._rows("SELECT symbol, price FROM marks WHERE book = ?", (book,))
        return {row["symbol"]: Decimal(row["price"]) for row in rows}

    def costs(self, book: str) -> Costs:
        """What trading cost a book."""
        found = Costs(0, 0, Decimal(0), None, None)
        for row in self._rows("SELECT fill_id, quantity, fee, spread, slippage FROM fills WHERE book = ?", (book,)):
            found = found.with_fill(row) if is_traded(row) else found
        return found

    def transactions(self, book: str) -> list[Row]:
        """All transactions of a book, in order, each with its ``entries``."""
        rows = self._rows("SELECT * FROM ledger_transactions WHERE book = ? ORDER BY id", (book,))
        entries: dict[int, list[Row]] = {row["id"]: [] for row in rows}
        query = (
            "SELECT e.* FROM ledger_entries e JOIN ledger_transactions t ON t.id = e.\"transaction\" "
            "WHERE t.book = ? ORDER BY e.\"transaction\", line"
        )
        for entry in self._rows(query, (book,)):
            entries[entry["transaction"]].append(entry)
        return [{**row, "entries": entries[row["id"]]} for row in rows]

    def differences(self, book: str) -> list[Row]:
        """Where the venue and the ledger did not agree, and what was done."""
        return self._rows("SELECT * FROM differences WHERE book = ? ORDER BY id", (book,))

    def alerts(self, book: str | None = None, since_ns: int = 0) -> list[Row]:
        """What a person should look at, of one book or all, from an instant on, in order."""
        query = "SELECT * FROM alerts WHERE time_ns >= ? AND coalesce(?, book) = book ORDER BY id"
        return self._rows(query, (since_ns, book))

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Row]:
        return self._connection.rows(query, values)

    def _decision(self, row: Row) -> Row:
        values = self._unpack(row["values"]) if row["values"] is not None else None
        return {**row, "guards": json.loads(row["guards"]), "actions": json.loads(row["actions"]), "values": values}

    def _unpack(self, packed: bytes) -> bytes:
        try:
            return zlib.decompress(packed)
        except zlib.error as error:
            raise StoreError(f"{self.path} is damaged: {error}; go on with a backup") from None


def _run(row: Row) -> Row:
    summary = json.loads(row["summary"]) if row["summary"] else None
    conditions = json.loads(row["conditions"]) if row["conditions"] else None
    parsed = {name: json.loads(row[name]) for name in ("packs", "symbols", "parameters", "universe", "execution")}
    return {**row, **parsed, "summary": summary, "conditions": conditions}
