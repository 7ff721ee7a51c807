"""What the exchange keeps: series, events, markets, orders, trades, fills, positions, settlements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from typing import Any

from connectors.simulators.kalshi.core.book import Book
from connectors.simulators.kalshi.core.grid import Grid
from connectors.simulators.kalshi.core.order import Order

__all__ = ["Event", "Fill", "Leg", "Market", "MarketStatus", "Order", "Position", "Series", "Settlement", "Trade"]


class MarketStatus(StrEnum):
    INITIALIZED = "initialized"
    ACTIVE = "active"
    INACTIVE = "inactive"
    CLOSED = "closed"
    DETERMINED = "determined"
    DISPUTED = "disputed"
    AMENDED = "amended"
    FINALIZED = "finalized"


@dataclass(slots=True)
class Series:
    """``info`` is what readers are shown and the exchange does not need: titles, categories, sources."""

    ticker: str
    fee_type: str
    fee_multiplier: Fraction
    shard: int
    updated_ns: int
    info: Mapping[str, Any]


@dataclass(slots=True)
class Event:
    ticker: str
    series_ticker: str
    shard: int
    updated_ns: int
    info: Mapping[str, Any]
    fee_type_override: str | None = None
    fee_multiplier_override: Fraction | None = None
    collateral_return_type: str = ""
    collection: str = ""  # of combos: what it was made from


@dataclass(frozen=True, slots=True)
class Leg:
    """One part of a combo: a market and the outcome (yes or no) that it needs."""

    event_ticker: str
    ticker: str
    side: str


@dataclass(slots=True)
class Market:
    """``value`` is what one YES contract pays, in 1/10000 dollar, once determined. Times are UTC nanoseconds."""

    ticker: str
    market_id: str
    event_ticker: str
    shard: int
    created_ns: int
    updated_ns: int
    open_ns: int
    close_ns: int
    settlement_timer_ns: int
    can_close_early: bool
    structure: str
    grid: Grid
    info: Mapping[str, Any]
    fee_waiver_ns: int = 0
    status: MarketStatus = MarketStatus.INITIALIZED
    book: Book = field(default_factory=Book)
    clock: int = 0
    result: str = ""
    value: int | None = None
    determined_ns: int | None = None
    settled_ns: int | None = None
    last_price: int = 0
    last_count: int = 0
    volume: int = 0
    dollar_volume: int = 0  # money
    open_interest: int = 0
    legs: tuple[Leg, ...] = ()
    collection: str = ""
    destined: str = ""  # the result that it will come to, where a file said so; shown to nobody before

    @property
    def open(self) -> bool:
        return self.status is MarketStatus.ACTIVE

    @property
    def over(self) -> bool:
        """Whether trading has ended for good."""
        return self.status not in (MarketStatus.INITIALIZED, MarketStatus.ACTIVE, MarketStatus.INACTIVE)


@dataclass(frozen=True, slots=True)
class Trade:
    """``price`` is the YES price; ``taker_side`` is bid or ask. ``block``: agreed off the book."""

    trade_id: str
    ticker: str
    count: int
    price: int
    taker_side: str
    time_ns: int
    block: bool = False


@dataclass(frozen=True, slots=True)
class Fill:
    """One side of a trade. ``fee`` is net of rounding and rebate; ``position`` is what it left, negative for NO."""

    trade_id: str
    order_id: str
    client_order_id: str
    user: str
    subaccount: int
    ticker: str
    shard: int
    side: str
    count: int
    price: int
    is_taker: bool
    fee: int
    position: int
    time_ns: int


@dataclass(slots=True)
class Position:
    """``count`` is signed: YES contracts, or minus NO contracts. ``cost`` is what the open contracts cost."""

    user: str
    subaccount: int
    ticker: str
    shard: int
    event_ticker: str
    count: int = 0
    cost: int = 0
    realized: int = 0
    fees: int = 0
    traded: int = 0  # money
    volume: int = 0  # contracts
    updated_ns: int = 0
    settled: bool = False


@dataclass(frozen=True, slots=True)
class Settlement:
    """``payment`` went to the account; ``value`` is what one YES contract paid, in 1/10000 dollar."""

    user: str
    subaccount: int
    ticker: str
    event_ticker: str
    shard: int
    result: str
    count: int
    cost: int
    payment: int
    value: int
    fees: int
    time_ns: int
