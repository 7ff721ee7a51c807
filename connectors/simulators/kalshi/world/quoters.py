"""Simulated members who answer requests for quotes, and who ask for quotes themselves.

Two makers quote around what the crowd thinks fair, confirm what is accepted, and now and then do not: the last look is
theirs. One who asks takes the best quote of anyone. When each acts follows from the seed and the request alone.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from contextlib import suppress
from random import Random

from connectors.simulators.kalshi.core.errors import VenueError
from connectors.simulators.kalshi.core.exchange import Exchange
from connectors.simulators.kalshi.core.grid import nearest
from connectors.simulators.kalshi.core.model import Market
from connectors.simulators.kalshi.core.notices import Notice, RequestChanged
from connectors.simulators.kalshi.core.request import OPEN, Quote, Rfq
from connectors.simulators.kalshi.core.units import COUNT_ONE, MILLIS, NANOS, PRICE_ONE
from connectors.simulators.kalshi.world.crowd import Crowd

MAKERS = ("00000000-0000-5000-8000-000000000006", "00000000-0000-5000-8000-000000000007")
ASKER = "00000000-0000-5000-8000-000000000008"

EDGE = (0.005, 0.03)  # how far from fair makers bid, in dollars
DECLINES = 0.05  # share of accepted quotes that a maker does not confirm
ASKS = 0.1  # requests of the one who asks, by action of the crowd in one market
DECIDES_NS = 4 * NANOS  # from asking to accepting


class Quoters:
    """Hears of requests through ``take``; ``act`` brings the story up to a time."""

    def __init__(self, exchange: Exchange, crowd: Crowd, seed: int, now: int) -> None:
        self.exchange = exchange
        self.crowd = crowd
        self._seed = seed
        self._random = Random(f"asker {seed}")
        self._due: list[tuple[int, int, Callable[[int], None]]] = []
        self._count = 0
        for user in (*MAKERS, ASKER):
            exchange.open_user(user, trusted=True)
        if crowd.books:
            self._plan(now)

    def next_ns(self) -> int | None:
        """When the next of them acts."""
        return self._due[0][0] if self._due else None

    def act(self, now: int) -> None:
        """Everything that they do until ``now``."""
        while self._due and self._due[0][0] <= now:
            due, _, action = heapq.heappop(self._due)
            with suppress(VenueError):  # closed or paused by now
                action(due)

    def sleep(self, duration_ns: int) -> None:
        """Do nothing for so long: what is due comes that much later."""
        self._due = [(due + duration_ns, number, action) for due, number, action in self._due]

    def _at(self, due_ns: int, action: Callable[[int], None]) -> None:
        self._count += 1
        heapq.heappush(self._due, (due_ns, self._count, action))

    # Makers

    def take(self, notices: Iterable[Notice]) -> None:
        """Plan answers to what has happened."""
        for notice in notices:
            if not isinstance(notice, RequestChanged) or not self.crowd.running:
                continue
            if notice.event_type == "rfq_created":
                self._answer(notice.rfq, notice.time_ns)
            elif notice.event_type == "quote_accepted" and notice.quote is not None and notice.quote.user in MAKERS:
                self._look(notice.quote, notice.time_ns)

    def _answer(self, rfq: Rfq, now: int) -> None:
        for maker in MAKERS:
            random = Random(f"quote {self._seed} {rfq.rfq_id} {maker}")
            due, edge = now + random.randint(300, 1500) * MILLIS, random.uniform(*EDGE)
            self._at(due, lambda at, maker=maker, edge=edge: self._bid(rfq, maker, edge, at))  # type: ignore[misc]

    def _bid(self, rfq: Rfq, maker: str, edge: float, now: int) -> None:
        self.exchange.advance(now)
        market = self.exchange.floor.market(rfq.ticker)
        fair = self._fair(market)
        low, high = (nearest(market.grid, round((fair + shift) * PRICE_ONE)) for shift in (-edge, edge))
        quote_id = self.exchange.floor.ids.of("quote of", rfq.rfq_id, maker)
        if low < high:
            self.exchange.requests.bid(
                Quote(quote_id, rfq.rfq_id, maker, 0, "", low, PRICE_ONE - high, 0, 0, False, False, now, now)
            )

    def _fair(self, market: Market) -> float:
        """What the crowd thinks; of a combo, the product of its legs; else the middle of the book or the last price."""
        if market.ticker in self.crowd.books:
            return self.crowd.books[market.ticker].fair
        if market.legs:
            fair = 1.0
            for leg in market.legs:
                part = self._fair(self.exchange.floor.markets[leg.ticker])
                fair *= part if leg.side == "yes" else 1 - part
            return fair
        if market.value is not None:
            return market.value / PRICE_ONE
        if market.book.bid is not None and market.book.ask is not None:
            return (market.book.bid + market.book.ask) / (2 * PRICE_ONE)
        return (market.last_price or PRICE_ONE // 2) / PRICE_ONE

    def _look(self, quote: Quote, now: int) -> None:
        random = Random(f"look {self._seed} {quote.quote_id}")
        due, declines = now + random.randint(200, 800) * MILLIS, random.random() < DECLINES
        self._at(due, lambda at: self._decide(quote, declines, at))

    def _decide(self, quote: Quote, declines: bool, now: int) -> None:
        self.exchange.advance(now)
        if declines:
            self.exchange.requests.withdraw_quote(quote.user, quote.quote_id)
        else:
            self.exchange.requests.confirm(quote.user, quote.quote_id)

    # The one who asks

    def _plan(self, now: int) -> None:
        wait = self._random.expovariate(ASKS * self.crowd.rate)
        self._at(now + int(wait * NANOS), self._ask)

    def _ask(self, now: int) -> None:
        self._plan(now)
        ticker = self._random.choice(list(self.crowd.books))
        count, side = self._random.randint(10, 200) * COUNT_ONE, self._random.choice(("yes", "no"))
        if not self.crowd.running:
            return
        self.exchange.advance(now)
        rfq_id = self.exchange.floor.ids()
        rfq = Rfq(rfq_id, ASKER, 0, ticker, count, 0, False, False, False, now, now)
        self.exchange.requests.ask(rfq, replace=True)
        self._at(now + DECIDES_NS, lambda at: self._choose(rfq_id, side, at))

    def _choose(self, rfq_id: str, side: str, now: int) -> None:
        """Take the highest bid on a side, the earliest of equals; ask no more if there is none."""
        self.exchange.advance(now)
        requests = self.exchange.requests
        open_ones = [quote for quote in requests.on(rfq_id) if quote.status == OPEN]
        bids = [(quote.yes_bid if side == "yes" else quote.no_bid, quote) for quote in open_ones]
        if any(bid for bid, _ in bids):
            requests.accept(ASKER, max(bids, key=lambda pair: pair[0])[1].quote_id, side)
        else:
            requests.withdraw_rfq(ASKER, rfq_id)
