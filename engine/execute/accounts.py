"""What the live broker has in its head: open intents, every attempt, and who holds what."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from engine.execute.steps import group_key
from engine.execute.totals import Total, read_id, totals_of
from engine.market.orders import Fill, Leg, OrderState
from engine.market.venue import ZERO, VenueFill, VenueOrder
from engine.market.wire import Attempt, Intent, Saved

FOREIGN = "foreign"  # owner of what was traded at the venue by somebody else


class Accounts:
    """``intents``: those that are open, by client id; ``intents_ever``: all known. ``positions``: signed units by
    (strategy, symbol). ``filled``: see ``engine.execute.steps.Desk``."""

    def __init__(self) -> None:
        self.intents: dict[str, Intent] = {}
        self.intents_ever: dict[str, Intent] = {}
        self.attempts: dict[str, Attempt] = {}
        self.by_venue: dict[str, str] = {}
        self.positions: dict[tuple[str, str], Decimal] = {}
        self._paid: dict[tuple[str, str], Decimal] = {}  # for a unit of each position, on average
        self.fill_ids: set[str] = set()
        self.totals: dict[str, Total] = {}  # booked of orders of which the venue tells no executions, by its id
        self.filled: dict[str, Decimal] = {}
        self.settled: set[str] = set()
        self.foreign: set[str] = set()  # venue ids of orders that are not ours, and that were told of
        self._legs: dict[str, list[Intent]] = {}  # by the client id of their entry
        self._desks: dict[tuple[str, str], dict[str, Intent]] = {}

    def restore(self, saved: Saved) -> None:
        """Take over what a store has of earlier runs."""
        self.fill_ids |= saved.fill_ids
        self.totals |= totals_of(saved.fill_ids)
        self.settled |= saved.settled
        for strategy, symbol, quantity in saved.positions:
            self.positions[strategy, symbol] = quantity
        held: dict[tuple[str, str], Decimal] = {}
        for fill in saved.fills:
            self._pay(fill, held.get((fill.strategy, fill.symbol), ZERO))
            key = (fill.strategy, fill.symbol)
            held[key] = held.get(key, ZERO) + fill.quantity * fill.side.sign
        for intent in saved.intents:
            self.remember(intent)

    # -- reading -------------------------------------------------------------------------------------------------------

    @property
    def symbols(self) -> set[str]:
        """Symbols with open intents."""
        return {symbol for (_, symbol), intents in self._desks.items() if intents}

    def strategies_in(self, symbol: str) -> list[str]:
        return [strategy for (strategy, s), intents in self._desks.items() if s == symbol and intents]

    def open_in(self, strategy: str, symbol: str) -> list[Intent]:
        """Open intents, oldest first."""
        return list(self._desks.get((strategy, symbol), {}).values())

    def open_attempts(self) -> Iterable[Attempt]:
        """Attempts that may still fill."""
        return (a for a in self.attempts.values() if a.open)

    def asleep(self, entry: str) -> list[Intent]:
        """Legs of an entry that were cancelled, or are to be."""
        return [
            leg
            for leg in self._legs.get(entry, ())
            if OrderState.CANCELLED in (leg.withdrawn, leg.state) and leg.filled < leg.order.quantity
        ]

    def held(self, strategy: str, symbol: str) -> Decimal:
        return self.positions.get((strategy, symbol), ZERO)

    def net_in(self, symbol: str) -> Decimal:
        """Signed units of a symbol over all owners."""
        return sum((q for (_, held_symbol), q in self.positions.items() if held_symbol == symbol), ZERO)

    def net(self) -> dict[str, Decimal]:
        """Signed units by symbol over all owners, without zeros."""
        found: dict[str, Decimal] = {}
        for (_, symbol), quantity in self.positions.items():
            found[symbol] = found.get(symbol, ZERO) + quantity
        return {symbol: quantity for symbol, quantity in found.items() if quantity}

    def of_order(self, order: VenueOrder) -> Attempt | None:
        client_id = order.client_id if order.client_id in self.attempts else self.by_venue.get(order.venue_order_id)
        return None if client_id is None else self.attempts[client_id]

    def of_fill(self, fill: VenueFill) -> Attempt | None:
        client_id = fill.client_id if fill.client_id in self.attempts else self.by_venue.get(fill.venue_order_id)
        return None if client_id is None else self.attempts[client_id]

    def entry_price(self, symbol: str) -> Decimal | None:
        """What was paid for a unit of what is held, by whoever holds the most of it; None while nobody does."""
        held = {key: abs(q) for key, q in self.positions.items() if key[1] == symbol and key in self._paid}
        return self._paid[max(held, key=lambda key: held[key])] if held else None

    # -- changing ------------------------------------------------------------------------------------------------------

    def remember(self, intent: Intent) -> None:
        """An intent of an earlier run, with its attempts."""
        if intent.order.client_id in self.intents_ever:
            return
        self._know(intent)
        self._count(intent, intent.filled)
        for attempt in intent.attempts:
            # Whatever was under way when the last run ended, its process has ended it.
            attempt.look, attempt.sending = attempt.open, False
            self.track(attempt)
        if intent.state.open:
            self.open(intent)

    def add(self, intent: Intent) -> None:
        self._know(intent)
        self.open(intent)

    def track(self, attempt: Attempt) -> None:
        self.attempts[attempt.wire.client_id] = attempt
        self.named(attempt)

    def named(self, attempt: Attempt) -> None:
        """The venue's id of an attempt may be known now."""
        if attempt.life.venue_order_id:
            self.by_venue[attempt.life.venue_order_id] = attempt.wire.client_id

    def close(self, intent: Intent) -> None:
        order = intent.order
        self.intents.pop(order.client_id, None)
        desk = self._desks.get((order.strategy, order.symbol), {})
        desk.pop(order.client_id, None)

    def reopen(self, intent: Intent) -> None:
        """The venue still has something of an intent that was thought over; it is to come off the market."""
        intent.state, intent.withdrawn = OrderState.WORKING, OrderState.CANCELLED
        self.open(intent)

    def book(self, fill: Fill) -> None:
        """Count one fill."""
        self.fill_ids.add(fill.fill_id)
        total = read_id(fill.fill_id)
        if total is not None:
            self.totals[total[0]] = total[1]
        key = (fill.strategy, fill.symbol)
        self._pay(fill, self.positions.get(key, ZERO))
        self.positions[key] = self.positions.get(key, ZERO) + fill.quantity * fill.side.sign
        if not self.positions[key]:
            del self.positions[key]
        intent = self.intents_ever.get(fill.client_id)
        if intent is not None:
            self._count(intent, fill.quantity)

    def shares(self, symbol: str, signed: Decimal) -> list[tuple[str, Decimal]]:
        """Who bears a change of the venue's position that no order of ours explains: first the strategies whose
        position it takes away, then nobody here."""
        found: list[tuple[str, Decimal]] = []
        for (strategy, held_symbol), held in sorted(self.positions.items()):
            if held_symbol == symbol and held * signed < 0:
                part = min(abs(held), abs(signed)) * (1 if signed > 0 else -1)
                found.append((strategy, part))
                signed -= part
        return [*found, (FOREIGN, signed)] if signed else found

    def open(self, intent: Intent) -> None:
        """It may fill from now on."""
        order = intent.order
        self.intents[order.client_id] = intent
        self._desks.setdefault((order.strategy, order.symbol), {})[order.client_id] = intent

    def _pay(self, fill: Fill, held: Decimal) -> None:
        """Take a fill into what a position cost on average. What reduces it leaves that; what turns it begins anew."""
        key, signed = (fill.strategy, fill.symbol), fill.quantity * fill.side.sign
        if held * signed >= 0:
            before = self._paid.get(key, ZERO) * abs(held)
            self._paid[key] = (before + fill.price * fill.quantity) / (abs(held) + fill.quantity)
        elif abs(signed) > abs(held):
            self._paid[key] = fill.price

    def _know(self, intent: Intent) -> None:
        self.intents_ever[intent.order.client_id] = intent
        if intent.order.parent is not None:
            self._legs.setdefault(intent.order.parent, []).append(intent)

    def _count(self, intent: Intent, quantity: Decimal) -> None:
        order = intent.order
        if order.leg is Leg.ENTRY:
            self.filled[order.client_id] = self.filled.get(order.client_id, ZERO) + quantity
        elif order.group is not None:
            key = group_key(order.group)
            self.filled[key] = self.filled.get(key, ZERO) + quantity
