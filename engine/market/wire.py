"""What the live broker keeps of each order: the intent that a rule had, and the attempts made of it on the wire.

An intent may need several orders at the venue: a stop has none until it is reached, an exit goes on until nothing is
held, a target grows with each part of its entry that fills. Each attempt has a client id of its own, derived from the
intent's, and is on disk before it leaves.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple, Protocol

from engine.market.intents import (
    Acknowledged,
    Ended,
    Ending,
    Executed,
    Found,
    IntentState,
    Life,
    Lost,
    Refused,
    Sent,
    advance,
)
from engine.market.orders import Fill, Leg, Order, OrderState, OrderType
from engine.market.venue import ZERO, Answer, Outcome, VenueOrder, WireOrder

EXPIRED = "ExpiryCancel"  # how a venue says that an order's time was over


@dataclass(slots=True)
class Attempt:
    """One order at the venue. ``total`` is what it wants in all after shrinking, ``told`` what the venue says has
    filled, which may be ahead of the fills that have come.

    ``over``: the venue says that no more will fill; the life ends when all that was told is booked.
    ``asking``: a cancel or a shrink is under way. ``look``: only the lists can say what became of it.
    ``sending``: its own request has not ended here. ``heard_ns``: when (our clock) its sending ended or it was heard of
    last; what the lists say counts against that only when they are newer. ``stray``: it was found resting at the venue
    after it was over here. ``refusals``: cancels and shrinks in a row that were refused; the next not before
    ``again_ns``.
    """

    wire: WireOrder
    intent: str
    sent_ns: int
    life: Life
    total: Decimal
    told: Decimal = ZERO
    over: Ending | None = None
    why: str = ""
    asking: bool = False
    look: bool = False
    sending: bool = False
    heard_ns: int = 0
    stray: bool = False
    refusals: int = 0
    again_ns: int = 0

    @classmethod
    def of(cls, wire: WireOrder, intent: str, sent_ns: int) -> Attempt:
        """An attempt that is about to leave."""
        return cls(wire, intent, sent_ns, advance(Life(wire.quantity), Sent()).life, wire.quantity)

    @property
    def open(self) -> bool:
        return self.life.state.open

    @property
    def doubtful(self) -> bool:
        """Whether it is not known that the venue has it."""
        return self.life.state in (IntentState.SENT, IntentState.UNKNOWN)

    @property
    def left(self) -> Decimal:
        """Units that may still fill, as far as is known: fills that are told but not here are already gone."""
        if not self.open:
            return ZERO
        return max((self.told if self.over else self.total) - self.life.filled, ZERO)

    @property
    def short_of_fills(self) -> bool:
        """Whether the venue has told of fills that have not come."""
        return self.told > self.life.filled

    def answered(self, answer: Answer) -> None:
        """The answer to its sending."""
        self.sending = False
        self.why = answer.reason or self.why
        if answer.outcome is Outcome.DONE:
            self.life = advance(self.life, Acknowledged(answer.venue_order_id)).life
            self.told = max(self.told, answer.filled or ZERO)
            if answer.rests is not None and answer.rests == 0:
                self._is_over(Ending.FILLED if self.told >= self.total else Ending.CANCELLED)
        elif answer.outcome in (Outcome.REFUSED, Outcome.LIMITED):
            self.life = advance(self.life, Refused()).life
        else:
            self.life = advance(self.life, Lost()).life
            self.look = self.open
        self.settle()

    def cancelled(self, answer: Answer) -> None:
        """The answer to its cancel. What cannot be said yet is asked again or looked up."""
        self.asking = False
        if answer.outcome is Outcome.DONE and answer.rests is not None:
            self.told = max(self.told, self.total - answer.rests)
            self._is_over(Ending.CANCELLED)
        elif answer.outcome in (Outcome.GONE, Outcome.UNKNOWN):
            self.look = self.open
        self.settle()

    def shrunk(self, answer: Answer, by: Decimal) -> None:
        """The answer to its being made smaller by ``by``."""
        self.asking = False
        if answer.outcome is Outcome.DONE and answer.rests:
            self.total -= by
            self.told = max(self.told, self.total - answer.rests)
        else:
            self.look = self.open

    def moved(self, answer: Answer, price: Decimal) -> None:
        """The answer to its being given another price."""
        self.asking = False
        if answer.outcome is Outcome.DONE:
            self.wire = self.wire._replace(limit=price)
        elif answer.outcome in (Outcome.GONE, Outcome.UNKNOWN):
            self.look = self.open

    def listed(self, order: VenueOrder) -> None:
        """What the venue says of it, in a list or on the stream. Old news changes nothing."""
        self.life = advance(self.life, Acknowledged(order.venue_order_id)).life
        self.look = False
        self.told = max(self.told, order.filled)
        self.total = min(self.total, order.quantity) if order.open else self.total
        if not order.open:
            self.why = order.why or self.why
            ending = Ending.EXPIRED if order.why == EXPIRED else Ending.CANCELLED
            self._is_over(Ending.FILLED if order.filled >= self.total else ending)
        self.settle()

    def executed(self, quantity: Decimal, venue_order_id: str = "") -> None:
        """One execution that was not known before; it may tell the venue's id ahead of the answer."""
        if venue_order_id and not self.life.venue_order_id:
            self.life = advance(self.life, Acknowledged(venue_order_id)).life
        self.life = advance(self.life, Executed(quantity)).life
        self.told = max(self.told, self.life.filled)
        self.settle()

    def found_resting(self, order: VenueOrder) -> None:
        """The venue's lists, newer than its end, show it resting: it is alive, and has to come off."""
        self.life = advance(self.life, Found(order.venue_order_id)).life
        self.over = None
        self.total, self.told = order.quantity, max(self.told, order.filled)
        self.settle()

    def never_arrived(self) -> None:
        """All the venue's lists, newer than its sending, do not have it."""
        self.look = False
        self.why = "it never arrived at the venue"
        self.life = advance(self.life, Refused()).life

    def settle(self) -> None:
        """End its life once the venue has ended it and every fill that it told of is here."""
        if self.life.filled >= self.total and self.over is None and not self.doubtful and self.total > 0:
            self.over = Ending.FILLED
        if self.over is not None and self.open and not self.short_of_fills:
            self.life = advance(self.life, Ended(self.over)).life

    def _is_over(self, ending: Ending) -> None:
        self.over = self.over or ending


@dataclass(slots=True)
class Intent:
    """One order as the rules wanted it, and how far it has come.

    ``order``: with its stop and quantity as they were changed since. ``triggered``: its stop was reached;
    ``at_market``: it takes what price there is. ``withdrawn``: how it is to end, with ``reason``, once nothing of it
    is at the venue. ``entry_values``, ``trigger_symbol``: what its position will need, of an entry.
    """

    order: Order
    state: OrderState = OrderState.WANTED
    filled: Decimal = ZERO
    triggered: bool = False
    at_market: bool = False
    withdrawn: OrderState | None = None
    reason: str = ""
    entry_values: tuple[float, ...] = ()
    trigger_symbol: str = ""
    attempts: list[Attempt] = field(default_factory=list)
    failures: int = 0
    retry_ns: int = 0

    def __post_init__(self) -> None:
        self.at_market = self.at_market or self.order.type is OrderType.MARKET

    @property
    def waits(self) -> bool:
        """Waits for its stop price."""
        return self.order.stop is not None and not self.triggered

    @property
    def reduces(self) -> bool:
        return self.order.leg is not Leg.ENTRY

    @property
    def working(self) -> list[Attempt]:
        """Attempts that may still fill."""
        return [a for a in self.attempts if a.open]

    def withdraw(self, state: OrderState, reason: str) -> None:
        """It is to end, as soon as nothing of it can fill any more."""
        if self.state.open and self.withdrawn is None:
            self.withdrawn, self.reason = state, reason

    def next_id(self) -> str:
        """The client id of the next attempt: derived, so that it can never be made twice."""
        return f"{self.order.client_id}-{len(self.attempts) + 1}"


class Booked(NamedTuple):
    """A fill and the attempt that it belongs to; no attempt for one that nobody here sent."""

    fill: Fill
    attempt: str


class Saved(NamedTuple):
    """What a store has of earlier runs: intents that are open or belong to an open position, oldest first, with all
    their attempts; the fills that made the open positions, in the order of booking; every fill id; positions (signed
    units) by strategy and symbol; settled symbols; until when the venue's lists were taken in, and from when on its
    fills are booked (UTC ns by the venue's clock), 0 for never.
    """

    intents: Sequence[Intent] = ()
    fills: Sequence[Fill] = ()
    fill_ids: frozenset[str] = frozenset()
    positions: tuple[tuple[str, str, Decimal], ...] = ()
    settled: frozenset[str] = frozenset()
    reconciled_ns: int = 0
    opened_ns: int = 0


class OrderStore(Protocol):
    """Where intents, attempts and fills are kept. Every call is on disk when it returns, all of it or nothing."""

    def save(self, intents: Sequence[Intent], fills: Sequence[Booked], time_ns: int) -> None:
        """Write ``intents`` as they now are, with their attempts, and add ``fills``."""
        ...

    def reconciled(self, time_ns: int) -> None:
        """The venue's lists up to this instant are in."""
        ...

    def opened(self, cash: Decimal, time_ns: int) -> None:
        """The books begin here, with this money; what traded up to ``time_ns`` (the venue's clock) is in them."""
        ...

    def cash(self) -> Decimal:
        """The account's money by the books, with all fills, fees, settlements and transfers that are booked."""
        ...

    def moved(self, amount: Decimal, time_ns: int) -> None:
        """Money came to the venue (left it, when below zero) without a trade."""
        ...

    def fills_since(self, time_ns: int) -> Sequence[Fill]:
        """The fills of orders of ours from this instant on."""
        ...

    def intents_of(self, client_ids: Collection[str], venue_ids: Collection[str]) -> Sequence[Intent]:
        """The intents that these attempts belong to, their entries and all the legs of those, with every attempt,
        however long they have been over."""
        ...

    def load(self) -> Saved:
        """Everything that a run needs to go on."""
        ...


def outcome_of(intent: Intent) -> OrderState:
    """How a finished intent ended, as the rules hear of it."""
    if intent.filled >= intent.order.quantity:
        return OrderState.FILLED
    if intent.withdrawn is not None:
        return intent.withdrawn
    last = intent.attempts[-1].life
    if last.state is IntentState.REFUSED and not intent.filled:
        return OrderState.REFUSED
    return OrderState.EXPIRED if last.ending is Ending.EXPIRED else OrderState.CANCELLED
