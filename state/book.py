"""One set of accounts in a store: what a venue's account, or one paper run, ordered, traded, has and owes.

Intents are on disk when ``want`` returns. Everything else is written together at the next ``commit``, all of it or
nothing, and can be asked of the venue again if it was lost before that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from engine.market.intents import Ending, Executed, IntentState, Life, News, Step, advance
from engine.market.orders import Fill, Leg, Order, OrderType, Seen, Side
from state import ledger
from state.batch import Batch, Row
from state.connection import Connection
from state.ledger import Account, Balances, Holding, Key, Transaction, exact

SETTLEMENT: Final = "settlement/"  # begins the id of a fill that no order made: the market paid out


class Difference(NamedTuple):
    """The venue and the ledger did not agree; ``transaction`` is the correction, None where none was needed."""

    what: str
    strategy: str
    symbol: str
    venue_said: str
    ledger_said: str
    resolution: str
    transaction: int | None


class Book:
    """Only the engine that holds the store's lock may change a book; every call may raise StoreError."""

    def __init__(self, connection: Connection, name: str, venue: str, batch: Batch) -> None:
        self.name, self.venue = name, venue
        self.balances = Balances()
        self._connection, self._batch = connection, batch
        self._lives: dict[str, Life] = {}
        self._moved: dict[str, int] = {}  # intents that changed since the last commit, and when
        self._new_fills: set[str] = set()
        self._changed: set[Key] = set()
        self._marks: dict[str, tuple[Decimal, int]] = {}
        for account, strategy, symbol, unit, amount in self._select(
            "SELECT account, strategy, symbol, unit, amount FROM balances WHERE book = ?", name
        ):
            self.balances[Key(Account(account), strategy, symbol, unit)] = Decimal(amount)
        ((last,),) = self._select("SELECT coalesce(max(id), 0) FROM ledger_transactions")
        self._last_transaction = int(last)
        batch.late.append(self._late)

    # -- orders ------------------------------------------------------------------------------------------------------

    def want(
        self, orders: Sequence[Order], run: str, decision: int, seen: Mapping[str, Seen] | None = None, *,
        at_once: bool = True,
    ) -> list[Order]:  # fmt: skip
        """Write orders down before they are sent; on disk when this returns. ``seen``: the market by symbol.

        ``at_once`` False leaves them to the next commit, for a sender that commits before it sends.
        Returns those that are new: an id that is there already was wanted before, and must not be sent again unless it
        still stands as WANTED.
        """
        new = [order for order in orders if self.life(order.client_id) is None]
        for order in new:
            self._lives[order.client_id] = Life(order.quantity)
            look = (seen or {}).get(order.symbol, Seen(None, None))
            self._batch.add("intents", (
                self.name, order.client_id, run, decision, self.venue, order.symbol, order.side.value,
                str(order.quantity), order.type.value, order.leg.value, order.strategy, order.rule, order.created_ns,
                _text(order.limit), _text(order.stop), order.parent, order.group, order.expires_ns,
                int(order.fallback_market), order.reason, _text(_reference(order, look)), _text(look.spread),
                IntentState.WANTED.value, None, "0", "", order.created_ns,
            ))  # fmt: skip
            self._event(order.client_id, order.created_ns, "wanted", self._lives[order.client_id], order.reason)
        if at_once:
            self.commit()
        return new

    def tell(self, client_id: str, news: News, time_ns: int, reason: str = "") -> Step | None:
        """Take in news of an order; None for one that this book does not know. An alarm becomes an alert."""
        life = self.life(client_id)
        if life is None:
            return None
        step = advance(life, news)
        if step.changed:
            self._lives[client_id] = step.life
            self._moved[client_id] = time_ns
        if step.changed or step.alarm:
            name = type(news).__name__.lower()
            self._event(client_id, time_ns, name, step.life, step.alarm or reason)
        if step.alarm:
            self.alert(time_ns, "error", "order", f"{client_id}: {step.alarm}")
        return step

    def amended(self, client_id: str, time_ns: int, stop: Decimal) -> None:
        """The stop price of a resting order was changed."""
        life = self.life(client_id)
        if life is None:
            return
        self._event(client_id, time_ns, "amended", life, f"stop {stop}")
        self._batch.add("intent_stops", (str(stop), self.name, client_id))

    def life(self, client_id: str) -> Life | None:
        """Where an intent stands; None for one that this book does not know."""
        if client_id not in self._lives:
            rows = self._select(
                "SELECT quantity, state, filled, ending, venue_order_id FROM intents WHERE book = ? AND client_id = ?",
                self.name, client_id,
            )  # fmt: skip
            for quantity, state, filled, ending, venue_id in rows:
                self._lives[client_id] = Life(
                    Decimal(quantity), IntentState(state), Decimal(filled), Ending(ending) if ending else None, venue_id
                )
        return self._lives.get(client_id)

    def open_intents(self) -> list[str]:
        """Client ids of all orders that may still trade, the oldest first: what recovery has to settle."""
        self.commit()
        query = "SELECT client_id FROM intents WHERE book = ? AND state NOT IN ('done', 'refused') ORDER BY rowid"
        return [row[0] for row in self._select(query, self.name)]

    def _event(self, client_id: str, time_ns: int, news: str, life: Life, reason: str) -> None:
        self._batch.add("intent_events", (
            self.name, client_id, time_ns, news, life.state.value, life.ending, str(life.filled), reason,
        ))  # fmt: skip

    # -- money -------------------------------------------------------------------------------------------------------

    def fill(self, fill: Fill, run: str) -> bool:
        """Book an execution once by its fill id; False when it was booked before. Alerts when its order is unknown."""
        if self.has_fill(fill.fill_id):
            return False
        number = self._post(ledger.of_fill(self.balances, fill), run)
        self._new_fills.add(fill.fill_id)
        known = self.tell(fill.client_id, Executed(fill.quantity), fill.time_ns, fill.fill_id) is not None
        if not known and not fill.fill_id.startswith(SETTLEMENT):
            text = f"{fill.side} {fill.quantity} {fill.symbol} filled ({fill.fill_id}) of an order not known here"
            self.alert(fill.time_ns, "error", "foreign_fill", text, run)
        reference, spread = self._costs(fill.client_id)
        slippage = None if reference is None else (fill.price - reference) * fill.side.sign
        self._batch.add("fills", (
            self.name, fill.fill_id, run, fill.client_id, fill.symbol, fill.strategy, fill.side.value,
            str(fill.quantity), str(fill.price), str(fill.fee), fill.time_ns, fill.leg.value, fill.reason,
            _text(reference), _text(spread), _text(slippage), number,
        ))  # fmt: skip
        return True

    def has_fill(self, fill_id: str) -> bool:
        """Whether an execution is booked: a venue tells of one more than once, and only the first may move anything."""
        query = "SELECT 1 FROM fills WHERE book = ? AND fill_id = ?"
        return fill_id in self._new_fills or bool(self._select(query, self.name, fill_id))

    def _costs(self, client_id: str) -> tuple[Decimal | None, Decimal | None]:
        rows = self._select(
            "SELECT reference, spread FROM intents WHERE book = ? AND client_id = ?", self.name, client_id
        )
        for reference, spread in rows:
            return _decimal(reference), _decimal(spread)
        return None, None

    def settle(
        self, strategy: str, symbol: str, payout: Decimal, fee: Decimal, time_ns: int, reference: str,
        run: str | None = None,
    ) -> bool:  # fmt: skip
        """A contract that is held is over and pays ``payout`` a unit, less ``fee``; False when it was booked before."""
        if self._booked(ledger.Kind.SETTLEMENT, reference):
            return False
        self._post(ledger.of_settlement(self.balances, strategy, symbol, payout, fee, time_ns, reference), run)
        return True

    def pay(self, amount: Decimal, time_ns: int, reference: str, run: str | None = None) -> bool:
        """The venue paid what settlements owe; False when it was booked before."""
        if self._booked(ledger.Kind.PAYMENT, reference):
            return False
        self._post(ledger.of_payment(amount, time_ns, reference), run)
        return True

    def charge(self, strategy: str, symbol: str, amount: Decimal, time_ns: int, reference: str) -> bool:
        """The venue charged ``amount`` (money) for trades that are booked; False when it was booked before."""
        if self._booked(ledger.Kind.CHARGE, reference):
            return False
        self._post(ledger.of_charge(strategy, symbol, amount, time_ns, reference), None)
        return True

    def fills_between(self, first_ns: int, last_ns: int) -> list[Fill]:
        """The fills of these instants and between them, in the order in which they were booked."""
        self.commit()
        return [
            fill_of(row)
            for row in self._select(
                "SELECT fill_id, client_id, symbol, strategy, side, quantity, price, fee, time_ns, leg, reason "
                "FROM fills WHERE book = ? AND time_ns >= ? AND time_ns <= ? ORDER BY rowid",
                self.name, first_ns, last_ns,
            )
        ]  # fmt: skip

    def transfer(self, amount: Decimal, time_ns: int, reference: str, run: str | None = None) -> bool:
        """Money came to the venue (left it, when negative); False when it was booked before."""
        if self._booked(ledger.Kind.TRANSFER, reference):
            return False
        self._post(ledger.of_transfer(amount, time_ns, reference), run)
        return True

    def correct_cash(self, venue_said: Decimal, time_ns: int, why: str, run: str | None = None) -> Difference | None:
        """Take the venue's cash for true; None when the ledger has the same."""
        mine = self.balances.amount(Account.CASH)
        with exact():
            missing = venue_said - mine
        if not missing:
            return None
        reference = self._next_reference()
        number = self._post(ledger.of_cash_correction(missing, time_ns, reference, why), run)
        said = Difference("cash", "", "", str(venue_said), str(mine), "corrected", number)
        return self.differs(said, time_ns, why, run)

    def correct_position(
        self, strategy: str, symbol: str, venue_said: Decimal, price: Decimal | None, time_ns: int, why: str,
        run: str | None = None,
    ) -> Difference | None:  # fmt: skip
        """Take the venue's position (signed units) for true; None when the ledger has the same.

        ``price``: what a unit cost, needed when the venue has more; raises LedgerError without.
        """
        mine = self.balances.holding(strategy, symbol).quantity
        with exact():
            missing = venue_said - mine
        if not missing:
            return None
        correction = ledger.of_position_correction(
            self.balances, strategy, symbol, missing, price, time_ns, self._next_reference(), why
        )
        number = self._post(correction, run)
        said = Difference("position", strategy, symbol, str(venue_said), str(mine), "corrected", number)
        return self.differs(said, time_ns, why, run)

    def differs(self, said: Difference, time_ns: int, why: str, run: str | None = None) -> Difference:
        """Keep that the venue and the ledger did not agree, and alert."""
        self._batch.add("differences", (self.name, time_ns, *said[:-2], f"{said.resolution}: {why}", said.transaction))
        name = " ".join(word for word in (said.what, said.strategy, said.symbol) if word)
        text = f"{name}: the venue said {said.venue_said}, the ledger {said.ledger_said}; {said.resolution}: {why}"
        self.alert(time_ns, "error", "difference", text, run)
        return said

    def mark(self, symbol: str, price: Decimal, time_ns: int) -> None:
        """The last price of something held, for unrealised profit."""
        self._marks[symbol] = (price, time_ns)

    def holdings(self) -> dict[tuple[str, str], Holding]:
        """What is held, by (strategy, symbol)."""
        keys = [k for k, amount in self.balances.items() if k.account is Account.POSITION and amount]
        return {(k.strategy, k.symbol): self.balances.holding(k.strategy, k.symbol) for k in keys}

    def fills_of_open(self) -> list[Fill]:
        """The fills since each open position was last flat, in the order of time: what its trade is made of so far."""
        found: dict[tuple[str, str], list[Fill]] = {key: [] for key, held in self.holdings().items() if held.quantity}
        sums = dict.fromkeys(found, Decimal(0))
        for row in self._select(
            "SELECT fill_id, client_id, symbol, strategy, side, quantity, price, fee, time_ns, leg, reason FROM fills "
            "WHERE book = ? ORDER BY rowid",
            self.name,
        ):  # fmt: skip
            key = (row[3], row[2])
            if key in found:
                fill = fill_of(row)
                sums[key] += fill.quantity * fill.side.sign
                found[key].append(fill)
                if not sums[key]:
                    found[key].clear()
        return sorted((fill for fills in found.values() for fill in fills), key=lambda fill: fill.time_ns)

    def since(self, transaction: int) -> tuple[Decimal, Decimal]:
        """(money that came or went by transfers and corrections, profit after fees) in later transactions."""
        self.commit()
        moved = profit = Decimal(0)
        for kind, account, amount in self._select(
            "SELECT t.kind, e.account, e.amount FROM ledger_entries e JOIN ledger_transactions t "
            'ON e."transaction" = t.id WHERE t.book = ? AND t.id > ? AND e.unit = ?',
            self.name, transaction, ledger.MONEY,
        ):  # fmt: skip
            with exact():
                if account == Account.CASH and kind in (ledger.Kind.TRANSFER, ledger.Kind.CORRECTION):
                    moved += Decimal(amount)
                elif account in (Account.REALISED, Account.FEES):
                    profit -= Decimal(amount)
        return moved, profit

    @property
    def last_transaction(self) -> int:
        """The number of the newest transaction of the store."""
        return self._last_transaction

    def alert(self, time_ns: int, level: str, kind: str, text: str, run: str | None = None) -> None:
        """Something that a person should look at; ``level`` is ``warning`` or ``error``."""
        self._batch.add("alerts", (time_ns, self.name, run, level, kind, text))

    def commit(self) -> None:
        """Write everything that waits; on disk when this returns."""
        self._batch.flush()

    # -- writing -----------------------------------------------------------------------------------------------------

    def _post(self, transaction: Transaction, run: str | None) -> int:
        self.balances.post(transaction)
        self._changed.update(entry.key for entry in transaction.entries)
        self._last_transaction += 1
        number = self._last_transaction
        self._batch.add("transactions", (
            number, self.name, run, transaction.time_ns, transaction.kind.value, transaction.reference,
            transaction.text,
        ))  # fmt: skip
        for line, (key, amount) in enumerate(transaction.entries):
            self._batch.add("entries", (number, line, *key, str(amount)))
        return number

    def _booked(self, kind: ledger.Kind, reference: str) -> bool:
        self.commit()
        query = "SELECT 1 FROM ledger_transactions WHERE book = ? AND kind = ? AND reference = ?"
        return bool(self._select(query, self.name, kind.value, reference))

    def _next_reference(self) -> str:
        return str(self._last_transaction + 1)

    def _late(self) -> Iterable[tuple[str, Row]]:
        """The newest state of what changed."""
        moved, self._moved = self._moved, {}
        for client_id, time_ns in moved.items():
            life = self._lives[client_id]
            ending = life.ending.value if life.ending else None
            yield "intent_states", (
                life.state.value, ending, str(life.filled), life.venue_order_id, time_ns, self.name, client_id
            )  # fmt: skip
            if not life.state.open:
                del self._lives[client_id]
        changed, self._changed = self._changed, set()
        for key in sorted(changed):
            yield "balances", (self.name, *key, str(self.balances[key]))
        marks, self._marks = self._marks, {}
        for symbol, (price, time_ns) in marks.items():
            yield "marks", (self.name, symbol, str(price), time_ns)
        self._new_fills.clear()

    def _select(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with self._connection.explained():
            return self._connection.execute(query, values).fetchall()


def _reference(order: Order, seen: Seen) -> Decimal | None:
    """What a fill's price is held against: its own price for a stop or target that rests, else the mid when decided."""
    if order.leg is Leg.STOP and order.type is OrderType.STOP:
        return order.stop
    return order.limit if order.leg is Leg.TARGET else seen.mid


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def fill_of(row: tuple[Any, ...]) -> Fill:
    """A fill from a row of the columns that ``fills_of_open`` asks for."""
    return Fill(
        row[0], row[1], row[2], row[3], Side(row[4]), Decimal(row[5]), Decimal(row[6]), Decimal(row[7]), row[8],
        Leg(row[9]), row[10],
    )  # fmt: skip
