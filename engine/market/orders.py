"""Orders and fills, as the engine, the ledger and every broker speak of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol

from engine.market.events import Bar, MarketEvent


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY

    @property
    def sign(self) -> int:
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"


class OrderState(StrEnum):
    """Life of an order. UNKNOWN is settled only by the broker's own list."""

    WANTED = "wanted"
    SENT = "sent"
    WORKING = "working"
    PARTLY_FILLED = "partly_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUSED = "refused"
    UNKNOWN = "unknown"

    @property
    def open(self) -> bool:
        return self in _OPEN


_OPEN = frozenset(
    {OrderState.WANTED, OrderState.SENT, OrderState.WORKING, OrderState.PARTLY_FILLED, OrderState.UNKNOWN}
)


class Leg(StrEnum):
    """What an order is for. Everything but ENTRY only ever reduces a position."""

    ENTRY = "entry"
    EXIT = "exit"
    STOP = "stop"
    TARGET = "target"


class Order(NamedTuple):
    """One order as wanted. Prices are money per unit, quantities are units.

    ``group`` ties legs that cancel one another (OCO); ``parent`` is the client id of the entry whose fill
    brings this order to life (OTO). ``expires_ns`` None rests until cancelled.
    ``strategy`` owns the position that the order opens or reduces; ``rule`` is the rule that asked for it.
    """

    client_id: str
    symbol: str
    side: Side
    quantity: Decimal
    type: OrderType
    leg: Leg
    strategy: str
    rule: str
    created_ns: int
    limit: Decimal | None = None
    stop: Decimal | None = None
    parent: str | None = None
    group: str | None = None
    expires_ns: int | None = None
    fallback_market: bool = False
    reason: str = ""


class Fill(NamedTuple):
    """One execution. ``fee`` is money, positive when paid; ``fill_id`` is unique at its venue."""

    fill_id: str
    client_id: str
    symbol: str
    strategy: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    time_ns: int
    leg: Leg
    reason: str = ""


class Seen(NamedTuple):
    """The market of a symbol when an order was decided: mid price and spread (money a unit); None is unknown."""

    mid: Decimal | None
    spread: Decimal | None


class OrderUpdate(NamedTuple):
    """A change in an order's life, as the broker tells it; ``venue_order_id`` where the venue gives it one."""

    client_id: str
    state: OrderState
    time_ns: int
    reason: str = ""
    venue_order_id: str = ""


@dataclass(slots=True)
class BrokerReport:
    """What the broker did since it was last asked, in order."""

    fills: list[Fill] = field(default_factory=list)
    updates: list[OrderUpdate] = field(default_factory=list)


class Broker(Protocol):
    """Which broker takes the orders: paper here, a venue elsewhere. Paper and live differ only in this object.

    Stops and targets are for what is held, less what exits under way are for: they give way to an exit by themselves,
    and are for all that is held again when it ends unfilled.
    """

    def on_events(self, time_ns: int, events: Sequence[MarketEvent]) -> BrokerReport | None:
        """Show the broker what the market did up to ``time_ns``; None when nothing happened to any order."""
        ...

    def place(self, orders: Sequence[Order], time_ns: int) -> BrokerReport:
        """Send ``orders`` (an entry with its bracket legs goes in one call)."""
        ...

    def cancel(self, client_ids: Sequence[str], time_ns: int) -> BrokerReport:
        """Cancel what still rests; cancelling a dead order is not an error."""
        ...

    def replace(self, client_id: str, time_ns: int, stop: Decimal) -> BrokerReport:
        """Move the stop of a resting order."""
        ...

    def untouched(self, bars: Sequence[Bar]) -> int:
        """How many of ``bars``, successive ones of one symbol, leave every order as it is, from the front on.

        A broker that cannot tell says 0: then it is shown each one.
        """
        ...
