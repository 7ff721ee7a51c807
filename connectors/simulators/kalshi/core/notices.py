"""What the exchange tells after a command: the raw material of websocket messages and of lagging reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from connectors.simulators.kalshi.core.model import Fill, Position, Settlement, Trade
from connectors.simulators.kalshi.core.order import Order
from connectors.simulators.kalshi.core.request import Quote, Rfq


@dataclass(frozen=True, slots=True)
class BookChanged:
    """``delta`` contracts at a YES price of one side; ``cause`` is the order that made the change."""

    ticker: str
    clock: int
    side: str
    price: int
    delta: int
    cause: Order
    time_ns: int


@dataclass(frozen=True, slots=True)
class Traded:
    trade: Trade
    time_ns: int


@dataclass(frozen=True, slots=True)
class Filled:
    fill: Fill
    time_ns: int


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """``order`` is a copy as it was then."""

    order: Order
    time_ns: int


@dataclass(frozen=True, slots=True)
class PositionChanged:
    """``position`` is a copy as it was then."""

    position: Position
    time_ns: int


@dataclass(frozen=True, slots=True)
class BalanceChanged:
    """``available`` is cash less what resting orders hold back, in money."""

    user: str
    subaccount: int
    shard: int
    available: int
    time_ns: int


@dataclass(frozen=True, slots=True)
class Settled:
    settlement: Settlement
    time_ns: int


@dataclass(frozen=True, slots=True)
class QuoteChanged:
    """Something that a ticker shows has moved: best prices, sizes, last price, volume, open interest."""

    ticker: str
    time_ns: int


@dataclass(frozen=True, slots=True)
class MarketChanged:
    """A step of a market's life; ``fields`` in the words of the websocket message."""

    ticker: str
    event_type: str
    time_ns: int
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventListed:
    event_ticker: str
    time_ns: int


@dataclass(frozen=True, slots=True)
class EventFeeChanged:
    event_ticker: str
    fee_type: str | None
    multiplier: float | None
    time_ns: int


@dataclass(frozen=True, slots=True)
class GroupChanged:
    """``contracts_limit`` only when created or changed."""

    user: str
    group_id: str
    event_type: str
    contracts_limit: int | None
    time_ns: int


@dataclass(frozen=True, slots=True)
class RequestChanged:
    """A step of a request for quotes, or of ``quote`` on it; ``event_type`` as the websocket message is called.

    Both are copies as they were then.
    """

    event_type: str
    rfq: Rfq
    quote: Quote | None
    time_ns: int


@dataclass(frozen=True, slots=True)
class IndicesTicked:
    """The values of indices outside the exchange have moved."""

    time_ns: int


Notice = (
    BookChanged | Traded | Filled | OrderChanged | PositionChanged | BalanceChanged | Settled | QuoteChanged
    | MarketChanged | EventListed | EventFeeChanged | GroupChanged | RequestChanged | IndicesTicked
)  # fmt: skip
