"""One market's book: resting orders by price, then by time. Both sides are kept in YES prices."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

from connectors.simulators.kalshi.core.order import ASK, BID, Order


class Level:
    """The orders at one price in the order of arrival, and their sum."""

    __slots__ = ("orders", "total")

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.total = 0

    @property
    def first(self) -> Order:
        return next(iter(self.orders.values()))


class Side:
    """``best_first`` iteration: highest bid or lowest ask first."""

    __slots__ = ("levels", "prices", "sign")

    def __init__(self, side: str) -> None:
        self.sign = -1 if side == BID else 1
        self.levels: dict[int, Level] = {}
        self.prices: list[int] = []  # signed so that the best is the smallest

    @property
    def best(self) -> int | None:
        return self.sign * self.prices[0] if self.prices else None

    def add(self, order: Order) -> None:
        level = self.levels.get(order.price)
        if level is None:
            level = self.levels[order.price] = Level()
            insort(self.prices, self.sign * order.price)
        level.orders[order.order_id] = order
        level.total += order.remaining

    def reduce(self, order: Order, count: int) -> None:
        """Take ``count`` off the level; the caller has already changed the order."""
        self.levels[order.price].total -= count

    def remove(self, order: Order) -> None:
        level = self.levels[order.price]
        del level.orders[order.order_id]
        level.total -= order.remaining
        if not level.orders:
            del self.levels[order.price]
            del self.prices[bisect_left(self.prices, self.sign * order.price)]

    def best_first(self) -> Iterator[tuple[int, Level]]:
        for signed in self.prices:
            price = self.sign * signed
            yield price, self.levels[price]

    def ahead_of(self, order: Order) -> int:
        """Contracts that must trade before this order does."""
        ahead = 0
        for price, level in self.best_first():
            if price != order.price:
                ahead += level.total
                continue
            for other in level.orders.values():
                if other is order:
                    break
                ahead += other.remaining
            break
        return ahead


class Book:
    """``bids`` buy YES, ``asks`` sell YES, which is the same as buying NO at one dollar less the price."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = Side(BID)
        self.asks = Side(ASK)

    def side(self, side: str) -> Side:
        return self.bids if side == BID else self.asks

    def crosses(self, side: str, price: int) -> bool:
        """Whether an order of this side and price would trade at once."""
        if side == BID:
            return self.asks.best is not None and self.asks.best <= price
        return self.bids.best is not None and self.bids.best >= price

    def fillable(self, side: str, price: int) -> int:
        """Contracts that an order of this side and price could take now."""
        total = 0
        for level_price, level in (self.asks if side == BID else self.bids).best_first():
            if (level_price > price) if side == BID else (level_price < price):
                break
            total += level.total
        return total

    @property
    def bid(self) -> int | None:
        return self.bids.best

    @property
    def ask(self) -> int | None:
        return self.asks.best

    def size_at_best(self, side: str) -> int:
        book_side = self.side(side)
        return book_side.levels[book_side.best].total if book_side.best is not None else 0

    def orders(self) -> list[Order]:
        levels = [level for side in (self.bids, self.asks) for _, level in side.best_first()]
        return [order for level in levels for order in level.orders.values()]
