"""Simulated traders: market makers who quote around a fair price that wanders, and takers who cross the spread.

When each acts, and what each does, follows from the seed alone; the exchange's clock only decides how far the story
has come. So real time and stepped time tell the same story.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from connectors.simulators.kalshi.core.errors import VenueError, not_found
from connectors.simulators.kalshi.core.exchange import Exchange
from connectors.simulators.kalshi.core.grid import nearest
from connectors.simulators.kalshi.core.model import Market
from connectors.simulators.kalshi.core.order import ASK, BID, IOC, MAKER, NewOrder
from connectors.simulators.kalshi.core.units import COUNT_ONE, NANOS, PRICE_ONE
from connectors.simulators.kalshi.scenario import Opening

QUOTER = "00000000-0000-5000-8000-000000000002"
TAKER = "00000000-0000-5000-8000-000000000003"

RATE = 0.5  # actions per market and second
VOLATILITY = 0.02  # of the log odds, per square root of a second
DEPTH = 3  # levels that a market maker keeps on each side
TAKES = 0.3  # share of actions that cross the spread
EDGE = 0.005  # fair prices stay this far from 0 and 1 dollar


@dataclass(slots=True)
class Book:
    """What the crowd thinks of one market. ``quotes`` are the ids of its resting orders by side and price."""

    ticker: str
    fair: float
    at_ns: int
    quotes: dict[tuple[str, int], str] = field(default_factory=dict)


class Crowd:
    """``act`` brings the traders' story up to a time."""

    def __init__(
        self, exchange: Exchange, openings: Iterable[Opening], seed: int, now: int, rate: float = RATE
    ) -> None:
        self.exchange = exchange
        self.rate = rate
        self.running = True
        self._random = Random(f"crowd {seed}")
        self.books = {o.ticker: Book(o.ticker, _inside(o.price / PRICE_ONE), now) for o in openings}
        self._events: dict[str, list[Book]] = {}
        for book in self.books.values():
            self._events.setdefault(exchange.floor.markets[book.ticker].event_ticker, []).append(book)
        self._due: list[tuple[int, str]] = []
        for trader in (QUOTER, TAKER):
            exchange.open_user(trader, trusted=True)
        for book in self.books.values():
            with suppress(VenueError):  # not open yet
                self._requote(book, now)
            self._plan(book, now)

    def _plan(self, book: Book, now: int) -> None:
        wait = self._random.expovariate(self.rate)
        heapq.heappush(self._due, (now + int(wait * NANOS), book.ticker))

    def next_ns(self) -> int | None:
        """When the next of them acts."""
        return self._due[0][0] if self._due else None

    def act(self, now: int) -> None:
        """Everything that the crowd does until ``now``. While not running the story goes on without orders."""
        while self._due and self._due[0][0] <= now:
            due, ticker = heapq.heappop(self._due)
            book = self.books[ticker]
            market = self.exchange.floor.markets[ticker]
            if market.over:
                continue
            self._wander(book, due)
            if self.running:
                with suppress(VenueError):  # paused or closed: the traders wait like everyone
                    self._do(book, market, due)
            self._plan(book, due)

    def sleep(self, duration_ns: int) -> None:
        """Do nothing for so long: what is due comes that much later, and fair prices stay where they are."""
        self._due = [(due + duration_ns, ticker) for due, ticker in self._due]  # all alike: it is a heap still
        for book in self.books.values():
            book.at_ns += duration_ns

    def believe(self, prices: Mapping[str, int]) -> None:
        """Take these for the fair prices from now on. VenueError for a market that the crowd does not trade."""
        for ticker in prices:
            if ticker not in self.books:
                raise not_found()
        for ticker, price in prices.items():
            self.books[ticker].fair = _inside(price / PRICE_ONE)

    def _do(self, book: Book, market: Market, now: int) -> None:
        if self._random.random() < TAKES:
            self._take(book, market, now)
        else:
            self._requote(book, now)

    def _wander(self, book: Book, now: int) -> None:
        """Move the fair price. Of an event with one winner the others move against it, else all move alike.

        Moving alike in log odds keeps the order of strikes: above a higher one is never likelier.
        """
        seconds = (now - book.at_ns) / NANOS
        shift = self._random.gauss(0, VOLATILITY * math.sqrt(seconds))
        book.at_ns = now
        floor = self.exchange.floor
        event = floor.events[floor.markets[book.ticker].event_ticker]
        others = [other for other in self._events[event.ticker] if other is not book]
        before, book.fair = book.fair, _shifted(book.fair, shift)
        if event.collateral_return_type != "MECNET":
            for other in others:
                other.fair = _shifted(other.fair, shift)
            return
        left = sum(other.fair for other in others)
        for other in others:
            other.fair = _inside(other.fair * max(0.0, left - (book.fair - before)) / left)

    def _take(self, book: Book, market: Market, now: int) -> None:
        side = BID if self._random.random() < 0.5 else ASK
        count = max(1, int(self._random.lognormvariate(1.5, 1.0))) * COUNT_ONE
        price = nearest(market.grid, PRICE_ONE - 1 if side == BID else 1)
        self.exchange.place(TAKER, NewOrder(book.ticker, side, count, price, IOC, MAKER), now)

    def _requote(self, book: Book, now: int) -> None:
        """Keep the orders that still stand right, cancel the others, add what is missing."""
        market = self.exchange.floor.markets[book.ticker]
        wanted = self._wanted(book, market)
        for place, order_id in list(book.quotes.items()):
            order = self.exchange.floor.orders.get(order_id)
            if place in wanted and order is not None:
                continue
            del book.quotes[place]
            if order is not None:
                self.exchange.cancel(QUOTER, order_id, now, ticker=book.ticker)
        for side, price in wanted:
            if (side, price) not in book.quotes:
                count = self._random.randint(5, 60) * COUNT_ONE
                done = self.exchange.place(QUOTER, NewOrder(book.ticker, side, count, price), now)
                if done.order.resting:
                    book.quotes[side, price] = done.order.order_id

    def _wanted(self, book: Book, market: Market) -> list[tuple[str, int]]:
        fair = book.fair * PRICE_ONE
        half = self._random.randint(1, 2) * 50
        wanted = []
        for level in range(DEPTH):
            for side, sign in ((BID, -1), (ASK, 1)):
                price = nearest(market.grid, round(fair + sign * (half + 100 * level)))
                if (price - fair) * sign > 0:
                    wanted.append((side, price))
        return list(dict.fromkeys(wanted))


def _shifted(fair: float, shift: float) -> float:
    return _inside(1 / (1 + math.exp(-math.log(fair / (1 - fair)) - shift)))


def _inside(fair: float) -> float:
    return min(max(fair, EDGE), 1 - EDGE)
