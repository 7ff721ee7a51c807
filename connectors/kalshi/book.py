"""A local order book of one market in YES prices, kept from a snapshot and the deltas after it.

Bids for NO at q are offers of YES at 1 − q, so the book has bids and asks of YES. A side without orders has no best
price: it is unknown, not zero. A book that breaks a rule of books raises BookError and must be fetched anew.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from connectors.kalshi.models.data import Orderbook
from connectors.kalshi.models.fields import Outcome
from connectors.kalshi.prices import ONE, ZERO, YesPrice, require_yes


class BookError(Exception):
    """The local book cannot be right. The text says which rule is broken."""


class Level(NamedTuple):
    """Contracts wanted or offered at one YES price."""

    price: YesPrice
    size: Decimal


class _Side:
    """Levels of one side by dollars; ``prices`` rises."""

    __slots__ = ("prices", "sizes")

    def __init__(self) -> None:
        self.prices: list[Decimal] = []
        self.sizes: dict[Decimal, Decimal] = {}

    def change(self, dollars: Decimal, delta: Decimal) -> Decimal:
        """Add ``delta`` contracts and return what is there then; below zero nothing is changed."""
        size = self.sizes.get(dollars, ZERO) + delta
        if size > 0:
            if dollars not in self.sizes:
                insort(self.prices, dollars)
            self.sizes[dollars] = size
        elif size == 0 and dollars in self.sizes:
            del self.sizes[dollars]
            self.prices.pop(bisect_left(self.prices, dollars))
        return size


class Book:
    """The book of ``ticker``. It starts without a snapshot: then nothing is known, and ``ready`` is False.

    ``clock`` is the exchange's clock of the newest change it includes.
    """

    __slots__ = ("_asks", "_bids", "_snapshot_clock", "clock", "ready", "ticker")

    def __init__(self, ticker: str) -> None:
        self.ticker = ticker
        self.clear()

    def clear(self) -> None:
        """Forget everything, until the next snapshot."""
        self._bids, self._asks = _Side(), _Side()
        self.clock = self._snapshot_clock = 0
        self.ready = False

    def snapshot(
        self, clock: int, bids: Iterable[tuple[YesPrice, Decimal]], asks: Iterable[tuple[YesPrice, Decimal]]
    ) -> None:
        """Take over a whole book. BookError for sizes of zero or less, prices given twice, and a crossed book."""
        self.clear()
        self._fill(self._bids, bids)
        self._fill(self._asks, asks)
        if self.crossed:
            raise BookError(f"{self.ticker}: the snapshot is crossed: {self._top_words()}")
        self.clock = self._snapshot_clock = clock
        self.ready = True

    def delta(self, clock: int, side: Outcome, price: YesPrice, delta: Decimal) -> bool:
        """Change one level: of the bids for YES, or of the bids for NO (at their YES price). True when applied.

        What the snapshot includes already is passed over. BookError for a level below zero, a clock that runs
        backwards, and a book that an earlier action left crossed: within one action several deltas may cross it.
        """
        if not self.ready or clock <= self._snapshot_clock:
            return False
        if clock < self.clock:
            raise BookError(f"{self.ticker}: the clock runs backwards, from {self.clock} to {clock}")
        if clock > self.clock and self.crossed:
            raise BookError(f"{self.ticker}: crossed after clock {self.clock}: {self._top_words()}")
        target = self._bids if side is Outcome.YES else self._asks
        size = target.change(require_yes(price).dollars, delta)
        if size < 0:
            raise BookError(f"{self.ticker}: the level {price} ({side}) would hold {size} contracts")
        self.clock = clock
        return True

    def levels(self) -> tuple[Mapping[Decimal, Decimal], Mapping[Decimal, Decimal]]:
        """Contracts by price in dollars, bids and asks: live views, which change with the book."""
        return MappingProxyType(self._bids.sizes), MappingProxyType(self._asks.sizes)

    def put(self, bids: Mapping[Decimal, Decimal], asks: Mapping[Decimal, Decimal]) -> None:
        """Set levels of a book that was kept as it was, also in the middle of an action; 0 contracts end a level."""
        for side, levels in ((self._bids, bids), (self._asks, asks)):
            for dollars, size in levels.items():
                side.change(dollars, size - side.sizes.get(dollars, ZERO))
        self.ready = True

    @property
    def crossed(self) -> bool:
        """Whether the best bid is at or above the best ask; true only between deltas of one action."""
        bids, asks = self._bids.prices, self._asks.prices
        return bool(bids and asks) and bids[-1] >= asks[0]

    @property
    def best_bid(self) -> Level | None:
        """The highest bid for YES; None when there is none, or nothing is known."""
        prices = self._bids.prices
        return _level(self._bids, prices[-1]) if prices and not self.crossed else None

    @property
    def best_ask(self) -> Level | None:
        """The lowest offer of YES; None when there is none, or nothing is known."""
        prices = self._asks.prices
        return _level(self._asks, prices[0]) if prices and not self.crossed else None

    def bids(self, depth: int | None = None) -> list[Level]:
        """Bids for YES, best first."""
        prices = self._bids.prices[::-1]
        return [_level(self._bids, p) for p in prices[:depth]]

    def asks(self, depth: int | None = None) -> list[Level]:
        """Offers of YES, best first."""
        return [_level(self._asks, p) for p in self._asks.prices[:depth]]

    def depth(self, levels: int) -> tuple[Decimal, Decimal]:
        """Contracts bid and offered at the best ``levels`` prices."""
        bids, asks = self._bids, self._asks
        bid = sum((bids.sizes[price] for price in bids.prices[-levels:]), ZERO)
        return bid, sum((asks.sizes[price] for price in asks.prices[:levels]), ZERO)

    def cost_of(self, side: Outcome, count: Decimal) -> Decimal | None:
        """Dollars to take ``count`` contracts of ``side`` from the book now; None when it does not hold so many."""
        if not self.ready or self.crossed:
            return None
        left, cost = count, ZERO
        for price, size in self.asks() if side is Outcome.YES else self.bids():
            taken = min(left, size)
            cost += taken * (price.dollars if side is Outcome.YES else ONE - price.dollars)
            left -= taken
            if left == 0:
                return cost
        return None

    def _fill(self, target: _Side, levels: Iterable[tuple[YesPrice, Decimal]]) -> None:
        for price, size in levels:
            dollars = require_yes(price).dollars
            if size <= 0 or dollars in target.sizes:
                raise BookError(f"{self.ticker}: the snapshot gives {size} contracts at {price}, or that price twice")
            target.change(dollars, size)

    def _top_words(self) -> str:
        return f"bid {self._bids.prices[-1]} and ask {self._asks.prices[0]}"


def book_of(ticker: str, answer: Orderbook) -> Book:
    """The book that REST tells, whose NO side is in NO prices."""
    book = Book(ticker)
    book.snapshot(0, answer.yes_dollars, [(level.price.complement(), level.size) for level in answer.no_dollars])
    return book


def _level(side: _Side, dollars: Decimal) -> Level:
    return Level(YesPrice(dollars), side.sizes[dollars])
