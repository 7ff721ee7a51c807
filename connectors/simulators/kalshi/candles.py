"""Candlesticks from what happened: best bid, best ask and trades of each minute, joined to hours and days."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from connectors.simulators.kalshi.core.units import NANOS, PRICE_ONE

MINUTE = 60


@dataclass(slots=True)
class Span:
    """Open, high, low, close in 1/10000 dollar."""

    open: int
    high: int
    low: int
    close: int

    def add(self, price: int) -> None:
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.close = price

    def join(self, later: Span) -> None:
        self.high = max(self.high, later.high)
        self.low = min(self.low, later.low)
        self.close = later.close


@dataclass(slots=True)
class Candle:
    """``end`` is in seconds and included. ``price`` is None without trades; ``traded`` is price × count summed."""

    end: int
    bid: Span
    ask: Span
    price: Span | None
    volume: int
    traded: int
    open_interest: int
    previous: int | None

    def join(self, later: Candle) -> None:
        self.bid.join(later.bid)
        self.ask.join(later.ask)
        if self.price is None:
            self.price = replace(later.price) if later.price is not None else None
        elif later.price is not None:
            self.price.join(later.price)
        self.volume += later.volume
        self.traded += later.traded
        self.open_interest = later.open_interest

    def copy(self, end: int) -> Candle:
        price = replace(self.price) if self.price is not None else None
        return replace(self, end=end, bid=replace(self.bid), ask=replace(self.ask), price=price)


class Candles:
    """Minutes in which something moved, by market and in order."""

    def __init__(self) -> None:
        self._minutes: dict[str, list[Candle]] = {}
        self._last: dict[str, int] = {}

    def quote(self, ticker: str, time_ns: int, bid: int | None, ask: int | None, open_interest: int) -> None:
        """The best prices after an action; an empty side counts as 0 or 1 dollar."""
        candle = self._minute(ticker, time_ns, bid or 0, ask if ask is not None else PRICE_ONE)
        candle.bid.add(bid or 0)
        candle.ask.add(ask if ask is not None else PRICE_ONE)
        candle.open_interest = open_interest

    def trade(self, ticker: str, time_ns: int, price: int, count: int) -> None:
        minutes = self._minutes.get(ticker)
        bid, ask = (minutes[-1].bid.close, minutes[-1].ask.close) if minutes else (0, PRICE_ONE)
        candle = self._minute(ticker, time_ns, bid, ask)
        if candle.price is None:
            candle.price = Span(price, price, price, price)
        candle.price.add(price)
        candle.volume += count
        candle.traded += price * count
        self._last[ticker] = price

    def _minute(self, ticker: str, time_ns: int, bid: int, ask: int) -> Candle:
        end = -(-time_ns // (MINUTE * NANOS)) * MINUTE
        minutes = self._minutes.setdefault(ticker, [])
        if not minutes or minutes[-1].end < end:
            interest = minutes[-1].open_interest if minutes else 0
            spans = (Span(bid, bid, bid, bid), Span(ask, ask, ask, ask))
            minutes.append(Candle(end, *spans, None, 0, 0, interest, self._last.get(ticker)))
        return minutes[-1]

    def read(self, ticker: str, start: int, end: int, period_minutes: int) -> list[Candle]:
        """Candles that end from ``start`` to ``end`` (seconds, both included)."""
        return [c for c in _joined(self._minutes.get(ticker, ()), period_minutes * MINUTE) if start <= c.end <= end]

    def before(self, ticker: str, time_s: int) -> Candle | None:
        """The last minute that ended by then."""
        return next((c for c in reversed(self._minutes.get(ticker, ())) if c.end <= time_s), None)

    def volume_since(self, ticker: str, time_s: int) -> int:
        total = 0
        for candle in reversed(self._minutes.get(ticker, ())):
            if candle.end <= time_s:
                break
            total += candle.volume
        return total


def _joined(minutes: Iterable[Candle], period: int) -> list[Candle]:
    joined: list[Candle] = []
    for minute in minutes:
        end = -(-minute.end // period) * period
        if joined and joined[-1].end == end:
            joined[-1].join(minute)
        else:
            joined.append(minute.copy(end))
    return joined
