"""Results: what simulated markets come to. One draw per event, so that an event's markets agree with one another."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from connectors.simulators.kalshi.core.exchange import Exchange
from connectors.simulators.kalshi.core.model import Event, Market, MarketStatus
from connectors.simulators.kalshi.core.units import NANOS, parse_time
from connectors.simulators.kalshi.world.crowd import Book

PLAYED_NS = 90 * 60 * NANOS  # from the start of what is bet on to its result
SAID_NS = 30 * NANOS  # from the close of a market to its result


class Judge:
    """Determines markets that the crowd trades: some time after their close, or when their match is over."""

    def __init__(self, exchange: Exchange, books: Mapping[str, Book], seed: int) -> None:
        self.exchange = exchange
        self.books = books
        self._seed = seed
        self._next_ns: int | None = None
        self._played = {ticker: _played(exchange.floor.markets[ticker]) for ticker in books}

    def look(self) -> None:
        """See again when markets close: somebody may have moved it."""
        dues = (self._due(ticker) for ticker in self._played)
        self._next_ns = min((due for due in dues if due is not None), default=None)

    def next_ns(self) -> int | None:
        """When the next result is due."""
        return self._next_ns

    def decide(self, now: int) -> None:
        """Give the results that are due."""
        if self._next_ns is None or now < self._next_ns:
            return
        for ticker in self._played:
            due = self._due(ticker)
            if due is not None and due <= now:
                self.exchange.determine(ticker, self._result(self.exchange.floor.markets[ticker]), now)
        self.look()

    def _due(self, ticker: str) -> int | None:
        market, played = self.exchange.floor.markets[ticker], self._played[ticker]
        if market.status in (MarketStatus.INITIALIZED, MarketStatus.ACTIVE, MarketStatus.CLOSED):
            said = market.close_ns + SAID_NS
            return said if played is None or not market.open else min(said, played)
        return None

    def _result(self, market: Market) -> str:
        if market.destined:
            return market.destined
        event = self.exchange.floor.events[market.event_ticker]
        draw = Random(f"judge {self._seed} {event.ticker}").random()
        low, high = self._interval(event, market)
        return "yes" if low <= draw < high else "no"

    def _interval(self, event: Event, market: Market) -> tuple[float, float]:
        """The draws for which this market is a yes. With one winner the markets' intervals do not overlap."""
        floor = self.exchange.floor
        if event.collateral_return_type != "MECNET":
            return 0.0, self.books[market.ticker].fair
        low = 0.0
        for ticker, book in self.books.items():
            if ticker == market.ticker:
                return low, low + book.fair
            if floor.markets[ticker].event_ticker == event.ticker:
                low += book.fair
        raise AssertionError("the market is one of the crowd's")


def _played(market: Market) -> int | None:
    """When what an early closing market bets on will be over."""
    start = market.info.get("occurrence_datetime")
    return parse_time(str(start)) + PLAYED_NS if start and market.can_close_early else None
