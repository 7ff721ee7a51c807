"""Minute bars from trades as they are told. Pure: a bar is over when its minute is, and a moment for late trades."""

from __future__ import annotations

from decimal import Decimal

from engine.market.events import NANOS, Bar

SECONDS = 60
WIDTH_NS = SECONDS * NANOS
LATE_NS = NANOS  # how long after its minute a bar waits for trades that come late


class BarMaker:
    """One symbol. A trade of a minute that was told already is passed over, as bars are told once.

    ``volumes``: whether trades have sizes that count; those of an index do not.
    """

    def __init__(self, symbol: str, *, volumes: bool = True) -> None:
        self.symbol, self._volumes = symbol, volumes
        self._start_ns = 0  # of the bar under way; 0 without one
        self._told_ns = 0
        self._prices: list[Decimal] = []
        self._volume = Decimal(0)

    def trade(self, price: Decimal, size: Decimal, time_ns: int) -> list[Bar]:
        """Take in a trade; returns the bars that are over by it."""
        start = time_ns // WIDTH_NS * WIDTH_NS
        if start < self._told_ns or price <= 0 or (self._start_ns and start < self._start_ns):
            return []
        found = self._close() if self._start_ns and start > self._start_ns else []
        self._start_ns = start
        self._prices.append(price)
        self._volume += size
        return found

    def due(self, now_ns: int) -> list[Bar]:
        """The bar under way, if its minute is over."""
        return self._close() if self._start_ns and now_ns >= self._start_ns + WIDTH_NS + LATE_NS else []

    def _close(self) -> list[Bar]:
        prices = [float(price) for price in self._prices]
        bar = Bar(
            self.symbol, self._start_ns, SECONDS, prices[0], max(prices), min(prices), prices[-1],
            float(self._volume) if self._volumes else None,
        )  # fmt: skip
        self._told_ns = self._start_ns + WIDTH_NS
        self._start_ns, self._prices, self._volume = 0, [], Decimal(0)
        return [bar]
