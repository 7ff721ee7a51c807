"""Ticks and bars as a store keeps them, and what such a store does.

Prices are money per unit, or index points; sizes and volumes are units and may be fractional. All times are UTC
nanoseconds. Writing is idempotent: a row that is there already, by its key, is written over and not added, so that
whoever was interrupted may simply begin again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple, Protocol


class TickRow(NamedTuple):
    """One trade, or one value of an index. Its key is (symbol, time_ns, source, sequence).

    ``size`` is None where there is none, as with an index. ``source`` says who told it, such as ``polygon``.
    ``sequence`` tells apart what one source says of one symbol at one instant.
    """

    symbol: str
    time_ns: int
    price: Decimal
    size: Decimal | None
    source: str
    sequence: int = 0


class BarRow(NamedTuple):
    """One minute of trading that began at ``start_ns``. Its key is (symbol, start_ns, source).

    ``volume`` is in units and ``transactions`` counts trades; both are None where the source does not say, as with an
    index.
    """

    symbol: str
    start_ns: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal | None
    transactions: int | None
    source: str


class MarketDataStore(Protocol):
    """Where ticks and bars are kept. One writer at a time; every call is durable when it returns."""

    def upsert_ticks(self, rows: Iterable[TickRow]) -> int:
        """Write all of ``rows`` or none of them; returns how many rows were given."""
        ...

    def upsert_bars(self, rows: Iterable[BarRow]) -> int:
        """Write all of ``rows`` or none of them; returns how many rows were given."""
        ...

    def last_tick_ns(self, symbol: str, source: str) -> int | None:
        """When the newest tick of a symbol from a source was; None where there is none."""
        ...

    def last_bar_ns(self, symbol: str, source: str) -> int | None:
        """When the newest bar of a symbol from a source began; None where there is none."""
        ...

    def ticks(self, symbol: str, from_ns: int, to_ns: int) -> Iterator[TickRow]:
        """The ticks of a symbol in [from_ns, to_ns), of all sources, by time, source and sequence."""
        ...

    def bars(self, symbol: str, from_ns: int, to_ns: int) -> Iterator[BarRow]:
        """The bars of a symbol that began in [from_ns, to_ns), of all sources, by time and source."""
        ...

    def close(self) -> None:
        """Let go of the store."""
        ...
