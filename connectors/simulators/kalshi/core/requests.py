"""Requests for quotes: ask, quote, accept, confirm, execute.

Whoever asks accepts one side of a quote; its creator has a last look and confirms; after a short timer both orders
enter the public book. Combos have shorter windows.
"""

from __future__ import annotations

from copy import copy

from connectors.simulators.kalshi.core.desk import Desk
from connectors.simulators.kalshi.core.errors import VenueError, not_found
from connectors.simulators.kalshi.core.fees import FeeTerms, trade_fee
from connectors.simulators.kalshi.core.floor import Floor
from connectors.simulators.kalshi.core.grid import on_grid
from connectors.simulators.kalshi.core.model import Market
from connectors.simulators.kalshi.core.notices import RequestChanged
from connectors.simulators.kalshi.core.order import ASK, BID, GTC, IOC, MAKER, NewOrder, opposite
from connectors.simulators.kalshi.core.request import (
    ACCEPTED,
    CANCELLED,
    CLOSED,
    CONFIRMED,
    EXECUTED,
    OPEN,
    Quote,
    Rfq,
)
from connectors.simulators.kalshi.core.units import NANOS, PRICE_ONE

OPEN_MOST = 100  # requests of one user
# Seconds to confirm an accepted quote, and from there to its execution.
STANDARD, COMBO = (30, 15), (3, 1)


def invalid(details: str) -> VenueError:
    return VenueError(400, "invalid_parameters", details)


class Requests:
    """All requests and quotes by id."""

    def __init__(self, floor: Floor, desk: Desk) -> None:
        self.floor = floor
        self.desk = desk
        self.rfqs: dict[str, Rfq] = {}
        self.quotes: dict[str, Quote] = {}
        self._quotes_of: dict[str, list[Quote]] = {}
        self._open: dict[str, Rfq] = {}
        floor.on_closed.append(self._market_closed)

    # Finding

    def rfq(self, rfq_id: str) -> Rfq:
        found = self.rfqs.get(rfq_id)
        if found is None:
            raise not_found()
        return found

    def quote(self, quote_id: str, user: str, rfq_id: str | None = None) -> Quote:
        """A quote that the user made or was made to; 404 for all others, and for another request than ``rfq_id``."""
        found = self.quotes.get(quote_id)
        if found is None or rfq_id not in (None, found.rfq_id):
            raise not_found()
        if user not in (found.user, self.rfqs[found.rfq_id].user):
            raise not_found()
        return found

    def on(self, rfq_id: str) -> list[Quote]:
        """All quotes on a request, the earliest first."""
        return self._quotes_of.get(rfq_id, [])

    # The one who asks

    def ask(self, rfq: Rfq, replace: bool = False) -> Rfq:
        """Open a request. ``replace`` closes the user's others on the market first; else one is the most."""
        market = self.floor.market(rfq.ticker)
        self.desk.need_trading(market)
        if (rfq.count > 0) == (rfq.cost > 0):
            raise invalid("exactly one of contracts and target_cost must be given")
        if rfq.cost_excludes_fees and not rfq.cost:
            raise invalid("target_cost_excludes_fees needs a target cost")
        if not 0 <= rfq.subaccount < self.floor.accounts.user(rfq.user).subaccounts:
            raise invalid("unknown subaccount")
        mine = [r for r in self._open.values() if r.user == rfq.user]
        there = [r for r in mine if r.ticker == rfq.ticker]
        if there and not replace:
            raise VenueError(409, "rfq_already_exists", f"there is an open RFQ on {rfq.ticker}")
        if len(mine) - len(there) >= OPEN_MOST:
            raise invalid(f"there are {OPEN_MOST} open RFQs already")
        for other in there:
            self._free(other)
        for other in there:
            self._close(other, "replaced")
        self.rfqs[rfq.rfq_id] = self._open[rfq.rfq_id] = rfq
        self._tell("rfq_created", rfq)
        return rfq

    def withdraw_rfq(self, user: str, rfq_id: str) -> None:
        found = self.rfq(rfq_id)
        if found.user != user:
            raise not_found()
        self._need_open(found)
        self._free(found)
        self._close(found, "deleted")

    def accept(self, user: str, quote_id: str, side: str, rfq_id: str | None = None) -> Quote:
        """Take one side of a quote; its creator must confirm in time."""
        quote = self.quote(quote_id, user, rfq_id)
        rfq = self.rfqs[quote.rfq_id]
        if rfq.user != user:
            raise not_found()
        self._need_open(rfq)
        if quote.status != OPEN:
            raise invalid(f"the quote is {quote.status}")
        if any(other.status in (ACCEPTED, CONFIRMED) for other in self.on(rfq.rfq_id)):
            raise invalid("another quote is accepted")
        if not (quote.yes_bid if side == "yes" else quote.no_bid):
            raise invalid(f"the quote does not bid on {side}")
        market = self.floor.market(quote.ticker)
        self.desk.need_trading(market)
        taken = copy(quote)
        taken.accepted_side = side
        if not taken.count:
            raise invalid("the target cost buys nothing at this price")
        self.desk.need_funds(market, user, self._taker(rfq, taken))
        now = self.floor.now
        quote.accepted_side, quote.accepted_ns, quote.updated_ns, quote.status = side, now, now, ACCEPTED
        self._tell("quote_accepted", rfq, quote)
        self.floor.timers.at(now + self._windows(market)[0] * NANOS, lambda: self._unconfirmed(quote))
        return quote

    # The one who quotes

    def bid(self, quote: Quote) -> Quote:
        """Quote on a request; the user's earlier quote on it is cancelled."""
        rfq = self.rfq(quote.rfq_id)
        market = self.floor.market(rfq.ticker)
        self.desk.need_trading(market)
        self._need_open(rfq)
        if rfq.user == quote.user:
            raise invalid("the RFQ is your own")
        if not 0 <= quote.subaccount < self.floor.accounts.user(quote.user).subaccounts:
            raise invalid("unknown subaccount")
        self._check_prices(market, quote)
        earlier = [q for q in self.on(rfq.rfq_id) if q.user == quote.user and q.status == OPEN]
        quote.ticker = rfq.ticker
        quote.yes_count, quote.no_count = (
            self._size(rfq, market, PRICE_ONE - bid) if bid else 0 for bid in (quote.yes_bid, quote.no_bid)
        )
        for old in earlier:
            self._cancel(old, "replaced")
        self.quotes[quote.quote_id] = quote
        self._quotes_of.setdefault(rfq.rfq_id, []).append(quote)
        self._tell("quote_created", rfq, quote)
        return quote

    def _check_prices(self, market: Market, quote: Quote) -> None:
        for bid, yes_price in ((quote.yes_bid, quote.yes_bid), (quote.no_bid, PRICE_ONE - quote.no_bid)):
            if bid and not on_grid(market.grid, yes_price):
                raise invalid("the price is not on the market's grid")
        if not quote.yes_bid and not quote.no_bid:
            raise invalid("one of yes_bid and no_bid must be above zero")
        if quote.yes_bid + quote.no_bid > PRICE_ONE:
            raise invalid("yes_bid and no_bid are more than a dollar together")

    def withdraw_quote(self, user: str, quote_id: str, rfq_id: str | None = None) -> None:
        """Also of an accepted quote: that is how its creator declines. Once confirmed it stands."""
        quote = self.quote(quote_id, user, rfq_id)
        if quote.user != user:
            raise not_found()
        if quote.status not in (OPEN, ACCEPTED):
            raise invalid(f"the quote is {quote.status}")
        self._cancel(quote, "deleted")

    def confirm(self, user: str, quote_id: str, rfq_id: str | None = None) -> Quote:
        quote = self.quote(quote_id, user, rfq_id)
        if quote.user != user:
            raise not_found()
        if quote.status != ACCEPTED:
            raise invalid(f"the quote is {quote.status}")
        market = self.floor.market(quote.ticker)
        self.desk.need_trading(market)
        self.desk.need_funds(market, user, self._maker(quote))
        now = self.floor.now
        quote.status, quote.confirmed_ns, quote.updated_ns = CONFIRMED, now, now
        self.floor.timers.at(now + self._windows(market)[1] * NANOS, lambda: self._execute(quote))
        return quote

    # Execution

    def _execute(self, quote: Quote) -> None:
        """Both orders enter the book, the quote's first. Whoever stands there at a better price trades before it."""
        if quote.status != CONFIRMED:  # its market has closed since
            return
        rfq = self.rfqs[quote.rfq_id]
        maker = None
        try:
            maker = self.desk.place(quote.user, self._maker(quote))
            taker = self.desk.place(rfq.user, self._taker(rfq, quote))
        except VenueError as error:
            if maker is not None and maker.order.resting:
                self.floor.drop(maker.order, None)
            self._cancel(quote, error.code)
            return
        if maker.order.resting and not quote.rest:
            self.floor.drop(maker.order, None)
        now = self.floor.now
        quote.status, quote.executed_ns, quote.updated_ns = EXECUTED, now, now
        quote.maker_order = (maker.order.order_id, maker.order.client_order_id)
        quote.taker_order = (taker.order.order_id, taker.order.client_order_id)
        rfq.obscured = False  # a trade shows who asked
        self._tell("quote_executed", rfq, quote)
        self._close(rfq, "executed")

    def _maker(self, quote: Quote) -> NewOrder:
        yes = quote.accepted_side == "yes"
        return NewOrder(
            quote.ticker, BID if yes else ASK, quote.count, quote.bid if yes else PRICE_ONE - quote.bid, GTC, MAKER,
            self.floor.ids.of("quote", quote.quote_id), post_only=quote.post_only, subaccount=quote.subaccount,
        )  # fmt: skip

    def _taker(self, rfq: Rfq, quote: Quote) -> NewOrder:
        other = self._maker(quote)
        return NewOrder(
            quote.ticker, opposite(other.side), other.count, other.price, GTC if rfq.rest else IOC, MAKER,
            self.floor.ids.of("request", quote.quote_id), subaccount=rfq.subaccount,
        )  # fmt: skip

    def _size(self, rfq: Rfq, market: Market, price: int) -> int:
        """The contracts asked for, or what the target cost buys at ``price`` each."""
        if rfq.count:
            return rfq.count
        terms = self.floor.terms(market)
        low, high = 0, rfq.cost // price
        if rfq.cost_excludes_fees:
            return high
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if _total(terms, middle, price) <= rfq.cost else (low, middle - 1)
        return low

    # Endings

    def _unconfirmed(self, quote: Quote) -> None:
        if quote.status == ACCEPTED:
            self._cancel(quote, "confirmation_expired")

    def _market_closed(self, market: Market) -> None:
        for rfq in [r for r in self._open.values() if r.ticker == market.ticker]:
            self._close(rfq, "market_closed")

    def _cancel(self, quote: Quote, reason: str) -> None:
        now = self.floor.now
        quote.status, quote.reason, quote.cancelled_ns, quote.updated_ns = CANCELLED, reason, now, now

    def _close(self, rfq: Rfq, reason: str) -> None:
        now = self.floor.now
        rfq.status, rfq.reason, rfq.closed_ns, rfq.updated_ns = CLOSED, reason, now, now
        for quote in self.on(rfq.rfq_id):
            if quote.status in (OPEN, ACCEPTED, CONFIRMED):
                self._cancel(quote, "rfq_closed")
        self._tell("rfq_deleted", rfq)
        del self._open[rfq.rfq_id]
        self._shed(rfq)

    def _shed(self, rfq: Rfq) -> None:
        """Forget a closed request among simulated members: nobody will ask, and there are many."""
        users = self.floor.accounts.users
        if users[rfq.user].trusted and all(users[quote.user].trusted for quote in self.on(rfq.rfq_id)):
            del self.rfqs[rfq.rfq_id]
            for quote in self._quotes_of.pop(rfq.rfq_id, ()):
                del self.quotes[quote.quote_id]

    def _need_open(self, rfq: Rfq) -> None:
        if rfq.status != OPEN:
            raise VenueError(400, "rfq_closed")

    def _free(self, rfq: Rfq) -> None:
        if any(quote.status == CONFIRMED for quote in self.on(rfq.rfq_id)):
            raise invalid("a quote on the RFQ is confirmed")

    def _windows(self, market: Market) -> tuple[int, int]:
        return COMBO if market.legs else STANDARD

    def _tell(self, event_type: str, rfq: Rfq, quote: Quote | None = None) -> None:
        shown = copy(quote) if quote is not None else None
        self.floor.notices.append(RequestChanged(event_type, copy(rfq), shown, self.floor.now))


def _total(terms: FeeTerms, count: int, price: int) -> int:
    return count * price + trade_fee(terms, count, price, True)
