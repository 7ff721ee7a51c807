"""One bar or one quote against the orders of its symbol."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from decimal import Decimal

from connectors.paper import prices
from connectors.paper.book import Book
from connectors.paper.prices import Standing, Terms
from connectors.paper.settings import FillModel
from connectors.paper.working import ZERO, Working
from engine.market.events import Bar, Quote
from engine.market.instrument import round_quantity
from engine.market.orders import BrokerReport, Leg, OrderState, OrderType


class _Matching(ABC):
    """What bars and quotes have in common."""

    def __init__(self, book: Book, terms: Terms, time_ns: int, report: BrokerReport) -> None:
        self.book, self.terms, self.time_ns, self.report = book, terms, time_ns, report
        self._taken: dict[str, Decimal] = {}

    @abstractmethod
    def room(self, working: Working) -> Decimal | None:
        """How much the order may take at most; None without limit."""

    def in_order(self, orders: list[Working]) -> list[Working]:
        """Entries before their legs; stops before all else that closes, and after it for the optimist."""
        if len(orders) < 2:
            return orders
        optimist = self.terms.model is FillModel.OPTIMISTIC

        def rank(working: Working) -> int:
            leg = working.order.leg
            return 0 if leg is Leg.ENTRY else 1 + ((leg is Leg.STOP) == optimist)

        return sorted(orders, key=rank)

    def fill(self, working: Working, price: float, filled_ns: int) -> list[Working]:
        """Fill an order as of ``filled_ns``; returns the legs that this brought to life."""
        client_id, room = working.order.client_id, self.room(working)
        taken = self._taken.get(client_id, ZERO)
        left = None if room is None else room - taken
        quantity, children = self.book.fill(working, left, price, filled_ns, self.time_ns, self.report)
        self._taken[client_id] = taken + quantity
        return children

    def expire(self, working: Working) -> bool:
        """An order's time is over: True when it goes to market instead of coming off it."""
        if working.order.fallback_market:
            working.go_to_market()
            return True
        self.book.drop(working, OrderState.EXPIRED, self.time_ns, self.report, "its time is over")
        return False


class BarMatching(_Matching):
    """The open first, then the rest of the bar, then what its end brings."""

    def __init__(self, book: Book, bar: Bar, terms: Terms, time_ns: int, report: BrokerReport) -> None:
        super().__init__(book, terms, time_ns, report)
        self.bar, self.end_ns = bar, bar.known_ns
        self._standing: dict[str, Standing] = {}

    def room(self, working: Working) -> Decimal | None:
        volume = self.bar.volume
        if volume is None:
            return None
        return round_quantity(Decimal(repr(volume)) * self.terms.participation, self.terms.lot)

    def run(self, orders: Sequence[Working]) -> None:
        """Match every order that reaches the market before the bar ends."""
        due = self.in_order([w for w in orders if w.remaining > 0 and w.from_ns < self.end_ns])
        for working in due:
            early = working.placed_ns <= self.bar.start_ns and working.from_ns <= self.bar.open_until_ns
            self._standing[working.order.client_id] = Standing.WHOLE if early else Standing.LATE
            if working.deadline <= max(self.bar.start_ns, working.from_ns):
                self.expire(working)
        self._meet_open([w for w in due if self._standing[w.order.client_id] is Standing.WHOLE])
        there = self.book.by_symbol.get(self.bar.symbol, ())  # legs that came to life at the open are among them
        self._trade(self.in_order([w for w in there if w.order.client_id in self._standing]))
        self._finish(due)

    def _meet_open(self, orders: Sequence[Working]) -> None:
        for working in orders:
            price = self._open_price(working) if self.book.rests(working) else None
            if price is not None:
                self._meet_open(self._wake(working, price, Standing.WHOLE))

    def _open_price(self, working: Working) -> float | None:
        opened = self.bar.open
        if working.waits and prices.beyond_stop(opened, working):
            working.trigger()
        if working.at_market:
            return prices.market_price(opened, working.buys, self.terms)
        if working.waits:
            return None
        price = prices.limit_at_open(working, self.bar, self.terms)
        working.meet()
        return price

    def _trade(self, orders: Sequence[Working]) -> None:
        """What happens between the open and the close."""
        for working in orders:
            price = self._inside_price(working) if self.book.rests(working) else None
            if price is not None:
                self._trade(self._wake(working, price, Standing.BORN))

    def _inside_price(self, working: Working) -> float | None:
        standing, ends = self._standing[working.order.client_id], working.deadline < self.end_ns
        if working.at_market:
            # What was at market before the open has met it; the rest of it goes on at the next open.
            return prices.late_price(working, self.bar, self.terms) if standing is Standing.LATE else None
        if not working.waits:
            price = prices.limit_inside(working, self.bar, self.terms, standing, ends)
            working.meet()
            return price
        reached = prices.stop_inside(working, self.bar, standing, ends)
        if reached is None:
            return None
        working.trigger()
        # A stop-limit becomes a limit at an unknown moment of the bar: it trades from the next bar on.
        stops = working.order.type is OrderType.STOP
        return prices.market_price(reached, working.buys, self.terms) if stops else None

    def _finish(self, orders: Sequence[Working]) -> None:
        """Orders whose time ends with the bar or ended inside it."""
        for working in orders:
            ended_ns = working.deadline
            if ended_ns > self.end_ns or not self.book.rests(working):
                continue
            goes_on = self.expire(working)
            if ended_ns == self.end_ns:
                continue
            if goes_on:
                self._trade(self._wake(working, prices.late_price(working, self.bar, self.terms), Standing.BORN))
            elif working.order.leg is Leg.EXIT:
                self._trade(self._set_free(working))

    def _set_free(self, exit_: Working) -> list[Working]:
        """What gave way to an exit that ended inside the bar: of what came after only the close is known."""
        legs = [w for w in self.book.protecting(exit_) if w.order.client_id in self._standing]
        for leg in legs:
            self._standing[leg.order.client_id] = Standing.LATE
        return self.in_order(legs)

    def _wake(self, working: Working, price: float, standing: Standing) -> list[Working]:
        # When it was inside the bar is not told; by its end at the latest.
        filled_ns = self.bar.start_ns if standing is Standing.WHOLE else self.end_ns
        children = self.in_order(self.fill(working, price, filled_ns))
        for child in children:
            self._standing[child.order.client_id] = standing
        return children


class QuoteMatching(_Matching):
    """Best bid and ask: what is marketable fills at the other side's price, as far as its size goes."""

    def __init__(self, book: Book, quote: Quote, terms: Terms, time_ns: int, report: BrokerReport) -> None:
        super().__init__(book, terms, time_ns, report)
        self.quote = quote

    def room(self, working: Working) -> Decimal | None:
        size = self.quote.ask_size if working.buys else self.quote.bid_size
        return None if size is None else round_quantity(Decimal(repr(size)), self.terms.lot)

    def run(self, orders: Sequence[Working]) -> None:
        """Match every order that reached the market before the quote."""
        quote = self.quote
        ranked = self.in_order(list(orders))
        for working in ranked:  # first, as what gave way to an exit that is over has its turn
            if working.deadline < quote.time_ns and self._is_there(working):
                self.expire(working)
        for working in ranked:
            if not self._is_there(working):
                continue
            other = quote.ask if working.buys else quote.bid
            price = None if other is None else self._price(working, other)
            if price is not None:
                self.fill(working, price, self.time_ns)
            if working.deadline == quote.time_ns and self.book.rests(working):
                self.expire(working)

    def _is_there(self, working: Working) -> bool:
        time_ns = self.quote.time_ns
        return self.book.rests(working) and working.placed_ns < time_ns and working.from_ns <= time_ns

    def _price(self, working: Working, other: float) -> float | None:
        if working.waits:
            if not prices.beyond_stop(other, working):
                return None
            working.trigger()
        if working.at_market:
            return prices.market_price(other, working.buys, self.terms)
        price = prices.limit_on_quote(other, working, self.terms)
        working.meet()
        return price
