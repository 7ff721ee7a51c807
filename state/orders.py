"""Live orders in the store: intents as they stand, every attempt made of them at the venue, and what fills they had.

What is saved is on disk when ``save`` returns, together with its fills in the ledger, all of it or nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from engine.market.intents import Ending, IntentState, Life, news_of
from engine.market.orders import Fill, Leg, Order, OrderState, OrderType, OrderUpdate, Side
from engine.market.venue import WireOrder
from engine.market.wire import Attempt, Booked, Intent, Saved
from state.batch import ATTEMPT, LIVE_INTENT, Batch, Row
from state.book import SETTLEMENT, Book, fill_of
from state.connection import Connection
from state.ledger import Account, exact

OPENING: Final = "opening"
MOVED: Final = "moved"
LATEST_NS: Final = 2**63 - 1


class LiveOrders:
    """Implements ``engine.market.wire.OrderStore`` on one book of a store, for the run ``run_id``."""

    def __init__(self, connection: Connection, book: Book, batch: Batch, run_id: str) -> None:
        self._connection = connection
        self._book, self._batch, self._run = book, batch, run_id
        self._kept: dict[str, Row] = {}

    def save(self, intents: Sequence[Intent], fills: Sequence[Booked], time_ns: int) -> None:
        """Write ``intents`` with those of their attempts that changed, and book ``fills``."""
        for intent in intents:
            self._batch.add("live_intents", (self._book.name, *_intent_row(intent)))
            for attempt in intent.attempts:
                row = _attempt_row(attempt)
                if self._kept.get(attempt.wire.client_id) != row:
                    self._kept[attempt.wire.client_id] = row
                    self._batch.add("attempts", (self._book.name, *row))
        for fill, _ in fills:
            self._book.fill(fill, self._run)
        self._batch.flush()

    def settle(self, time_ns: int) -> None:
        """What is over at the venue is over in the book, too: an ending may have been heard of while no rule listened,
        or by a process that died before it told. Kept when this returns."""
        over = ", ".join(f"'{state.value}'" for state in OrderState if not state.open)
        going_on = ", ".join(f"'{state.value}'" for state in IntentState if state.open)
        rows = self._select(
            "SELECT l.client_id, l.state FROM live_intents l JOIN intents i ON i.book = l.book "
            f"AND i.client_id = l.client_id WHERE l.book = ?1 AND l.state IN ({over}) AND i.state IN ({going_on})",
            self._book.name,
        )
        for client_id, state in rows:
            news = news_of(OrderUpdate(client_id, OrderState(state), time_ns))
            if news is not None:
                self._book.tell(client_id, news, time_ns, "as the venue has it")
        self._batch.flush()

    def reconciled(self, time_ns: int) -> None:
        """The venue's lists up to this instant are in."""
        self._batch.add("about", (f"reconciled {self._book.name}", str(time_ns)))
        self._batch.flush()

    def opened(self, cash: Decimal, time_ns: int) -> None:
        """The book begins with this money and with the positions that it has now, once."""
        with exact():
            missing = cash - self._book.balances.amount(Account.CASH)
        self._book.transfer(missing, time_ns, OPENING, self._run)
        self._batch.add("about", (f"opened {self._book.name}", str(time_ns)))
        self._batch.flush()

    def cash(self) -> Decimal:
        """The book's money at the venue."""
        return self._book.balances.amount(Account.CASH)

    def moved(self, amount: Decimal, time_ns: int) -> None:
        """Money came to the venue (left it, when below zero) without a trade."""
        self._book.transfer(amount, time_ns, f"{MOVED}/{time_ns}", self._run)
        self._batch.flush()

    def fills_since(self, time_ns: int) -> list[Fill]:
        """The fills of orders of ours from this instant on."""
        return [fill for fill in self._book.fills_between(time_ns, LATEST_NS) if fill.client_id]

    def intents_of(self, client_ids: Collection[str], venue_ids: Collection[str]) -> list[Intent]:
        """The intents that these attempts belong to, their entries and all the legs of those, with every attempt,
        however long they have been over."""
        rows = self._select(
            "SELECT DISTINCT intent FROM attempts WHERE book = ?1 AND (client_id IN (SELECT value FROM json_each(?2)) "
            "OR (venue_order_id <> '' AND venue_order_id IN (SELECT value FROM json_each(?3))))",
            self._book.name, json.dumps(sorted(client_ids)), json.dumps(sorted(venue_ids)),
        )  # fmt: skip
        return self._with_attempts(
            "WITH named AS (SELECT coalesce(parent, client_id) AS entry, client_id FROM live_intents WHERE book = ?1 "
            "AND client_id IN (SELECT value FROM json_each(?2))) "
            f"SELECT {LIVE_INTENT} FROM live_intents WHERE book = ?1 AND (client_id IN (SELECT client_id FROM named) "
            "OR client_id IN (SELECT entry FROM named) OR parent IN (SELECT entry FROM named)) "
            "ORDER BY created_ns, client_id",
            self._book.name, json.dumps([row[0] for row in rows]),
        )  # fmt: skip

    def load(self) -> Saved:
        """What the last run left: open orders, and open positions with everything that made them."""
        holdings = {key: h.quantity for key, h in self._book.holdings().items() if h.quantity}
        fills = self._book.fills_of_open()
        wanted = {f.client_id for f in fills if f.client_id}
        closed = ", ".join(f"'{s.value}'" for s in OrderState if not s.open)
        intents = self._with_attempts(
            f"WITH known AS (SELECT client_id FROM live_intents WHERE book = ?1 AND (state NOT IN ({closed}) "
            "OR client_id IN (SELECT value FROM json_each(?2)))) "
            f"SELECT {LIVE_INTENT} FROM live_intents WHERE book = ?1 AND (client_id IN (SELECT client_id FROM known) "
            "OR parent IN (SELECT client_id FROM known)) "
            "ORDER BY created_ns, client_id",
            self._book.name, json.dumps(sorted(wanted)),
        )  # fmt: skip
        ids = [row[0] for row in self._select("SELECT fill_id FROM fills WHERE book = ?", self._book.name)]
        return Saved(
            intents, fills, frozenset(ids), tuple((*key, q) for key, q in holdings.items()),
            frozenset(i.split("/")[1] for i in ids if i.startswith(SETTLEMENT)), self._said("reconciled"),
            self._said("opened"),
        )  # fmt: skip

    def _said(self, what: str) -> int:
        rows = self._select("SELECT value FROM about WHERE key = ?", f"{what} {self._book.name}")
        return int(rows[0][0]) if rows else 0

    def _with_attempts(self, query: str, *values: object) -> list[Intent]:
        """The intents that ``query`` gives, with their attempts in the order of sending."""
        intents = {row[0]: _intent(row) for row in self._select(query, *values)}
        for row in self._select(
            f"SELECT {ATTEMPT} FROM attempts WHERE book = ? AND intent IN (SELECT value FROM json_each(?)) "
            "ORDER BY sent_ns, length(client_id), client_id",
            self._book.name, json.dumps(list(intents)),
        ):  # fmt: skip
            intents[row[1]].attempts.append(_attempt(row))
        return list(intents.values())

    def _select(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._connection.explained():
            return self._connection.execute(query, values).fetchall()


def encode_saved(saved: Saved) -> dict[str, Any]:
    """Intents, fills and positions as JSON values: what the rules go on from. Attempts are the broker's alone."""
    return {
        "intents": [list(_intent_row(intent)) for intent in saved.intents],
        "fills": [[str(part) if isinstance(part, Decimal) else part for part in fill] for fill in saved.fills],
        "positions": [[strategy, symbol, str(quantity)] for strategy, symbol, quantity in saved.positions],
    }


def decode_saved(told: Mapping[str, Any]) -> Saved:
    """The same again."""
    positions = tuple((strategy, symbol, Decimal(quantity)) for strategy, symbol, quantity in told["positions"])
    intents, fills = [_intent(tuple(row)) for row in told["intents"]], [fill_of(tuple(row)) for row in told["fills"]]
    return Saved(intents, fills, positions=positions)


def _intent_row(intent: Intent) -> Row:
    order = intent.order
    return (
        order.client_id, order.symbol, order.side.value, str(order.quantity), order.type.value, order.leg.value,
        order.strategy, order.rule, order.created_ns, _text(order.limit), _text(order.stop), order.parent, order.group,
        order.expires_ns, int(order.fallback_market), order.reason, intent.state.value, str(intent.filled),
        int(intent.triggered), int(intent.at_market), intent.withdrawn.value if intent.withdrawn else None,
        intent.reason, json.dumps([None if v != v else v for v in intent.entry_values]), intent.trigger_symbol,
    )  # fmt: skip


def _intent(row: tuple[Any, ...]) -> Intent:
    order = Order(
        row[0], row[1], Side(row[2]), Decimal(row[3]), OrderType(row[4]), Leg(row[5]), row[6], row[7], row[8],
        _decimal(row[9]), _decimal(row[10]), row[11], row[12], row[13], bool(row[14]), row[15],
    )  # fmt: skip
    values = tuple(float("nan") if v is None else v for v in json.loads(row[22]))
    withdrawn = OrderState(row[20]) if row[20] else None
    return Intent(
        order, OrderState(row[16]), Decimal(row[17]), bool(row[18]), bool(row[19]), withdrawn, row[21], values, row[23]
    )  # fmt: skip


def _attempt_row(attempt: Attempt) -> Row:
    wire, life = attempt.wire, attempt.life
    return (
        wire.client_id, attempt.intent, life.venue_order_id, wire.symbol, wire.side.value, str(wire.quantity),
        str(wire.limit), int(wire.immediate), int(wire.reduce_only), wire.expires_ns, int(wire.guarded),
        attempt.sent_ns, life.state.value, life.ending.value if life.ending else None, str(life.filled),
        str(attempt.total), str(attempt.told), attempt.over.value if attempt.over else None, attempt.why,
    )  # fmt: skip


def _attempt(row: tuple[Any, ...]) -> Attempt:
    wire = WireOrder(
        row[0], row[3], Side(row[4]), Decimal(row[5]), Decimal(row[6]), bool(row[7]), bool(row[8]), row[9],
        bool(row[10]),
    )  # fmt: skip
    ending = Ending(row[13]) if row[13] else None
    life = Life(wire.quantity, IntentState(row[12]), Decimal(row[14]), ending, row[2])
    over = Ending(row[17]) if row[17] else None
    return Attempt(wire, row[1], row[11], life, Decimal(row[15]), Decimal(row[16]), over, row[18])


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)
