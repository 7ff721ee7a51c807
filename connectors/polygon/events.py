"""What a websocket of the vendor tells. Times are UTC nanoseconds, prices Decimal, tickers the vendor's."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from connectors.polygon.tickers import Cluster


class Window(NamedTuple):
    """An aggregate of one second or one minute that is over. ``volume`` is None for an index."""

    ticker: str
    start_ns: int
    seconds: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal | None
    transactions: int | None = None

    @property
    def end_ns(self) -> int:
        return self.start_ns + self.seconds * 1_000_000_000


class BestQuote(NamedTuple):
    """Best bid and offer; a side that nobody is on is None."""

    ticker: str
    time_ns: int
    bid: Decimal | None
    bid_size: Decimal | None
    ask: Decimal | None
    ask_size: Decimal | None


class IndexValue(NamedTuple):
    """The value of an index at an instant."""

    ticker: str
    time_ns: int
    value: Decimal


class Ready(NamedTuple):
    """Every channel of a family is subscribed or refused: from now on everything is told."""

    cluster: Cluster
    channels: frozenset[str]


class Dropped(NamedTuple):
    """A channel such as ``AM.I:SPX`` that will not be told, and why; the others go on."""

    channel: str
    reason: str


class Lost(NamedTuple):
    """The connection of a family is lost; what happens until the next Ready is missed."""

    cluster: Cluster
    reason: str


class Problem(NamedTuple):
    """Something that could not be used, in words."""

    words: str


Event = Window | BestQuote | IndexValue | Ready | Dropped | Lost | Problem
