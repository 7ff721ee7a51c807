"""``engine db check``: what is wrong with a store, in words. Reads everything, changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from itertools import groupby
from typing import Final

from engine.market.orders import Leg, OrderState
from state.connection import Connection, Row
from state.errors import StoreError
from state.inputs import decode
from state.ledger import MONEY, Account, Entry, Key, LedgerError, exact, sums
from state.migrations import LEDGER

MOST: Final = 20  # problems of one kind that are told one by one
ZERO: Final = Decimal(0)
FOREIGN: Final = "foreign"  # whose orders and positions are of nobody here


def problems(connection: Connection) -> list[str]:
    """Everything that is wrong; empty when the file and its books are sound. Raises StoreError."""
    found = connection.damage(LEDGER)
    if found:
        return found  # what is said of rows would be noise
    with connection.explained():
        return [text for check in _CHECKS for text in _listed(check(connection))]


def _listed(found: Iterator[str]) -> Iterator[str]:
    try:
        for number, text in enumerate(found):
            if number == MOST:
                yield f"... and {1 + sum(1 for _ in found)} more like this"
                return
            yield text
    except (InvalidOperation, ValueError):
        yield "a number in it cannot be read, and what follows was not looked at"


def _balanced(connection: Connection) -> Iterator[str]:
    """Every transaction sums to zero in each unit, and every balance is the sum of its entries."""
    query = (
        'SELECT t.id, t.book, t.kind, t.reference, e.account, e.strategy, e.symbol, e.unit, e.amount '
        'FROM ledger_transactions t LEFT JOIN ledger_entries e ON e."transaction" = t.id ORDER BY t.id, e.line'
    )
    totals: dict[tuple[str, Key], Decimal] = {}
    for number, rows in groupby(connection.execute(query), key=lambda row: row[0]):
        listed = list(rows)
        _, book, kind, reference, account, *_ = listed[0]
        name = f"transaction {number} ({kind} {reference})"
        if account is None:
            yield f"{name} has no entries"
            continue
        try:
            entries = [Entry(Key(Account(r[4]), *r[5:8]), Decimal(r[8])) for r in listed]
            for unit, total in sums(entries).items():
                if total:
                    yield f"{name} does not balance: its {unit} sum to {total}"
            with exact():
                for key, amount in entries:
                    totals[book, key] = totals.get((book, key), ZERO) + amount
        except (ValueError, InvalidOperation, LedgerError) as error:
            yield f"{name} cannot be read: {error or 'an amount is not a number'}"
    yield from _balances(connection, totals)


def _balances(connection: Connection, totals: dict[tuple[str, Key], Decimal]) -> Iterator[str]:
    for book, account, strategy, symbol, unit, amount in connection.execute("SELECT * FROM balances ORDER BY 1, 2"):
        total = totals.pop((book, Key(Account(account), strategy, symbol, unit)), ZERO)
        if total != Decimal(amount):
            name = " ".join(word for word in (account, strategy, symbol) if word)
            yield f"the balance of {name} in {book} is {amount} {unit}, but its entries sum to {total}"
    for (book, key), total in totals.items():
        if total:
            yield f"{key.account} {key.symbol} in {book} has entries that sum to {total}, and no balance"


def _fills(connection: Connection) -> Iterator[str]:
    """Every fill belongs to an order and is booked for what it was. Runs older than the ledger have no bookings.

    Of no order at all are what the venue did by itself (settlements, corrections, what an account began with) and what
    somebody else traded: they only ever change what is held, so their leg is an exit.
    """
    query = (
        'SELECT f.*, coalesce(i.client_id, l.client_id) AS wanted, b.book AS kept FROM fills f '
        "LEFT JOIN intents i ON i.book = f.book AND i.client_id = f.client_id "
        "LEFT JOIN live_intents l ON l.book = f.book AND l.client_id = f.client_id "
        "LEFT JOIN (SELECT DISTINCT book FROM ledger_transactions) b ON b.book = f.book ORDER BY f.rowid"
    )
    for row in connection.iterate(query):
        name = f"fill {row['fill_id']} in {row['book']}"
        if row["client_id"] and row["wanted"] is None:
            yield f"{name} is of order {row['client_id']}, which was never written down"
        elif not row["client_id"] and row["leg"] != Leg.EXIT:
            yield f"{name} is the {row['leg']} of an order, and names none"
        if row["transaction"] is None:
            if row["kept"] is not None:
                yield f"{name} is in no transaction"
            continue
        yield from _booked(connection, row, name)


def _booked(connection: Connection, row: Row, name: str) -> Iterator[str]:
    query = 'SELECT account, unit, amount FROM ledger_entries WHERE "transaction" = ?'
    booked = {(account, unit): amount for account, unit, amount in connection.execute(query, (row["transaction"],))}
    signed = Decimal(row["quantity"]) * (1 if row["side"] == "buy" else -1)
    with exact():
        paid = -signed * Decimal(row["price"]) - Decimal(row["fee"])
    if Decimal(booked.get(("cash", MONEY), 0)) != paid:
        yield f"{name} moved {paid} of cash, but {booked.get(('cash', MONEY), 0)} is booked"
    if Decimal(booked.get(("position", row["symbol"]), 0)) != signed:
        yield f"{name} moved {signed} {row['symbol']}, but {booked.get(('position', row['symbol']), 0)} is booked"


def _intents(connection: Connection) -> Iterator[str]:
    """What an intent says of its fills and of its state is what its fills and its events say."""
    filled = _summed(connection, "SELECT book, client_id, quantity FROM fills")
    query = (
        "SELECT i.book, i.client_id, i.state, i.ending, i.filled, i.quantity, "
        "(SELECT state FROM intent_events e WHERE e.book = i.book AND e.client_id = i.client_id "
        "ORDER BY e.rowid DESC LIMIT 1) FROM intents i ORDER BY i.rowid"
    )
    for book, client_id, state, ending, said, quantity, last in connection.execute(query):
        name, real = f"order {client_id} in {book}", filled.get((book, client_id), ZERO)
        if Decimal(said) != real:
            yield f"{name} says that {said} filled, but its fills sum to {real}"
        if real > Decimal(quantity):
            yield f"{name} filled {real} of {quantity} ordered"
        if (state == "done") != (ending is not None):
            yield f"{name} is {state}, and its ending is {ending}"
        if ending == "filled" and not real:
            yield f"{name} is done as filled, but no fill of it is booked"
        if last is not None and last != state:
            yield f"{name} is {state}, but the last that was heard of it made it {last}"


def _live(connection: Connection) -> Iterator[str]:
    """What a venue's orders say of their fills is what is booked of them. Adopted ones had some before."""
    booked = _summed(connection, "SELECT book, client_id, quantity FROM fills")
    done = _summed(connection, "SELECT book, intent, filled FROM attempts")
    query = "SELECT book, client_id, quantity, filled, strategy FROM live_intents ORDER BY rowid"
    for book, client_id, quantity, said, strategy in connection.execute(query):
        name, key = f"order {client_id} in {book}", (book, client_id)
        if Decimal(said) != booked.get(key, ZERO) and strategy != FOREIGN:
            yield f"{name} says that {said} filled at the venue, but its fills sum to {booked.get(key, ZERO)}"
        if Decimal(said) != done.get(key, ZERO):
            yield f"{name} says that {said} filled at the venue, but its attempts sum to {done.get(key, ZERO)}"
        if Decimal(said) > Decimal(quantity):
            yield f"{name} filled {said} of {quantity} ordered at the venue"


def _endings(connection: Connection) -> Iterator[str]:
    """What is over at the venue does not go on in the book. A run that is still going on may be about to say so."""
    over = ", ".join(f"'{state.value}'" for state in OrderState if not state.open)
    query = (
        "SELECT l.book, l.client_id, l.state, i.state FROM live_intents l JOIN intents i ON i.book = l.book "
        f"AND i.client_id = l.client_id WHERE l.state IN ({over}) AND i.state NOT IN ('done', 'refused') "
        "AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.book = l.book AND r.status = 'running') ORDER BY l.rowid"
    )
    for book, client_id, venue, here in connection.execute(query):
        yield (f"order {client_id} in {book} is {venue} at the venue, and still {here} in the book; "
               "`engine reconcile` mends it")  # fmt: skip


def _summed(connection: Connection, query: str) -> dict[tuple[str, str], Decimal]:
    """The sum of the third column for the first two."""
    found: dict[tuple[str, str], Decimal] = {}
    for book, name, number in connection.execute(query):
        found[book, name] = found.get((book, name), ZERO) + Decimal(number)
    return found


def _journal(connection: Connection) -> Iterator[str]:
    """The inputs of every run are whole, and reach to its last decision."""
    for run, rows in groupby(connection.execute("SELECT run, seq, data FROM inputs ORDER BY run, seq"), lambda r: r[0]):
        for number, (_, seq, data) in enumerate(rows, 1):
            if seq != number:
                yield f"run {run} lacks block {number} of its inputs"
                break
            try:
                for _ in decode(data):
                    pass
            except StoreError as error:
                yield f"run {run}, block {seq}: {error}"
    query = (
        "SELECT d.run, max(d.time_ns), (SELECT max(last_ns) FROM inputs i WHERE i.run = d.run) FROM decisions d "
        "JOIN runs r ON r.id = d.run WHERE r.conditions IS NOT NULL GROUP BY d.run"
    )
    for run, decided_ns, known_ns in connection.execute(query):
        if known_ns is None or known_ns < decided_ns:
            yield f"run {run} decided on inputs that are not there"


_CHECKS: Final[tuple[Callable[[Connection], Iterator[str]], ...]] = (
    _balanced, _fills, _intents, _live, _endings, _journal
)  # fmt: skip
