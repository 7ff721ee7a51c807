"""Kalshi as the engine's venue: orders out, answers as what is certain, and the account's lists read to their end.

The client order id is the attempt's own, so that the venue itself refuses to have an order twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from decimal import Decimal

from connectors.kalshi.book import book_of
from connectors.kalshi.client import KalshiRest
from connectors.kalshi.errors import KalshiError, NotFound, RateLimited
from connectors.kalshi.models.fields import BookSide, OrderStatus
from connectors.kalshi.models.orders import NewOrder, TimeInForce
from connectors.kalshi.models.portfolio import Balance, Fill, MarketPosition, Order, Settlement
from connectors.kalshi.prices import PriceError, YesPrice
from connectors.kalshi.reconcile import read_account
from connectors.kalshi.rest.paging import collect
from connectors.kalshi.source import SIDES
from connectors.transport.turns import asking
from engine.market.events import NANOS, Quote
from engine.market.orders import Side
from engine.market.venue import (
    ZERO,
    Answer,
    Outcome,
    Picture,
    Urgency,
    VenueError,
    VenueFill,
    VenueLimited,
    VenueOrder,
    VenueSettlement,
    WireOrder,
)

CENTS = Decimal(100)
TRIES = 3  # readings of fills and positions until no fill came in between
AccountListener = Callable[[Iterable[MarketPosition], Balance], None]


class KalshiVenue:
    """Implements ``engine.market.venue.Venue``.

    ``shards``: the shard of each market. ``fuse``: contracts matched within 15 seconds after which the venue itself
    cancels all entries and takes no more, also when this engine is dead; None for no fuse. ``on_account`` hears of
    positions and balance whenever they are read.
    """

    def __init__(
        self, rest: KalshiRest, shards: Mapping[str, int | None], *, fuse: Decimal | None = None,
        subaccount: int | None = None,
    ) -> None:  # fmt: skip
        self._rest, self._shards, self._subaccount = rest, shards, subaccount
        self._fuse = fuse
        self.groups: dict[int, str] = {}  # order group by shard
        self.on_account: AccountListener = lambda positions, balance: None

    async def arm(self) -> None:
        """Make the venue-side fuse, one order group on each shard. VenueError when it cannot be made: do not trade.

        What was made of it is removed again then, as far as the venue lets us.
        """
        if self._fuse is None:
            return
        try:
            for shard in sorted({shard or 0 for shard in self._shards.values()}):
                made = await self._rest.groups.create(self._fuse, exchange_index=shard, subaccount=self._subaccount)
                self.groups[shard] = made.order_group_id
        except KalshiError as error:
            with suppress(VenueError):
                await self.disarm()
            raise VenueError(f"the venue-side fuse cannot be made: {error}") from error

    async def disarm(self) -> None:
        """Remove the fuse, which cancels entries that still rest. VenueError names what could not be removed, after all
        of it was tried."""
        failed = []
        for shard, group in list(self.groups.items()):
            try:
                with asking(Urgency.CANCEL):
                    await self._rest.groups.delete(group, exchange_index=shard, subaccount=self._subaccount)
            except NotFound:
                pass  # it is gone already
            except KalshiError as error:
                failed.append(f"the venue-side fuse {group} cannot be removed: {error}")
                continue
            del self.groups[shard]
        if failed:
            raise VenueError("; ".join(failed))

    def leave(self) -> None:
        """What waits for its turn is not sent, and from now on only what may go at once."""
        self._rest.http.limits.close()

    # -- orders --------------------------------------------------------------------------------------------------------

    async def send(self, order: WireOrder) -> Answer:
        """Send one order, once."""
        try:
            wanted = self._new_order(order)
        except (PriceError, ValueError) as error:
            return Answer(Outcome.REFUSED, reason=str(error))
        try:
            with asking(order.urgency):
                made = await self._rest.orders.create(wanted)
        except KalshiError as error:
            return _failed(error)
        return Answer(Outcome.DONE, made.order_id, made.fill_count, made.remaining_count)

    def _new_order(self, order: WireOrder) -> NewOrder:
        shard = self._shards.get(order.symbol)
        group = self.groups.get(shard or 0) if order.guarded else None
        return NewOrder(
            ticker=order.symbol,
            client_order_id=order.client_id,
            side=BookSide.BID if order.side is Side.BUY else BookSide.ASK,
            count=order.quantity,
            price=YesPrice(order.limit),
            time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL if order.immediate else TimeInForce.GOOD_TILL_CANCELED,
            expiration_time=None if order.expires_ns is None or order.immediate else -(-order.expires_ns // NANOS),
            reduce_only=order.reduce_only,
            subaccount=self._subaccount,
            order_group_id=group,
            exchange_index=shard,
        )

    async def cancel(self, venue_order_id: str, symbol: str, urgency: Urgency = Urgency.CANCEL) -> Answer:
        """Cancel what rests of one order."""
        try:
            with asking(urgency):
                done = await self._rest.orders.cancel(venue_order_id, symbol, subaccount=self._subaccount)
        except KalshiError as error:
            return _failed(error)
        return Answer(Outcome.DONE, venue_order_id, rests=done.reduced_by)

    async def shrink(
        self, venue_order_id: str, symbol: str, by: Decimal, urgency: Urgency = Urgency.CANCEL
    ) -> Answer:
        """Take ``by`` contracts off what rests of an order."""
        try:
            with asking(urgency):
                done = await self._rest.orders.decrease(
                    venue_order_id, symbol, reduce_by=by, subaccount=self._subaccount
                )
        except KalshiError as error:
            return _failed(error)
        return Answer(Outcome.DONE, venue_order_id, rests=done.remaining_count)

    async def cancel_all(self) -> Answer:
        """Cancel everything that rests, on all shards. The venue may also cancel orders of the next minute."""
        try:
            with asking(Urgency.CANCEL):
                await self._rest.orders.cancel_all(subaccount=self._subaccount)
        except KalshiError as error:
            return _failed(error)
        return Answer(Outcome.DONE)

    # -- reads ---------------------------------------------------------------------------------------------------------

    async def resting(self, symbol: str | None = None) -> list[VenueOrder]:
        """All orders that rest, or those of a market."""
        with self._urgent_read():
            return [_order(o) for o in await collect(self._rest.orders.list(ticker=symbol, status="resting"))]

    async def holdings(self) -> dict[str, Decimal]:
        """Contracts held by market: YES above zero, NO below."""
        with self._urgent_read():
            told = await collect(self._rest.portfolio.positions())
        return {p.ticker: p.position_fp for p in told if p.position_fp}

    async def quote(self, symbol: str) -> Quote:
        """Top of the book now."""
        with self._urgent_read():
            book = book_of(symbol, await self._rest.markets.orderbook(symbol, 1))
        bid, ask = book.best_bid, book.best_ask
        return Quote(
            symbol, self._rest.http.clock.venue_ns(), float(bid.price.dollars) if bid else None,
            float(bid.size) if bid else None, float(ask.price.dollars) if ask else None,
            float(ask.size) if ask else None,
        )  # fmt: skip

    def _urgent_read(self) -> AbstractContextManager[None]:
        """A read that what reduces waits for: it says soon when there is no room for it."""
        return _reading(Urgency.REDUCE, self._rest.http.timeouts.turn)

    async def picture(self, since_ns: int, known: Collection[str] = ()) -> Picture:
        """The account whole. Positions count only when no fill was added while they were read."""
        since_ts, http = since_ns // NANOS, self._rest.http
        with _reading(Urgency.LOOK):
            for _ in range(TRIES):
                before = await collect(self._rest.portfolio.fills(min_ts=since_ts))
                began_ns = http.clock.venue_ns()
                account = await read_account(self._rest, since_ts, known)
                after = {f.fill_id: f for f in await collect(self._rest.portfolio.fills(min_ts=since_ts))}
                if {f.fill_id for f in before} == after.keys():
                    break
            settlements = await collect(self._rest.portfolio.settlements(min_ts=since_ts))
        self.on_account(account.positions, account.balance)
        held = [p for p in account.positions if p.position_fp]
        return Picture(
            account.as_of_ns, since_ts * NANOS,
            [_order(o) for o in account.orders.values()],
            [_fill(f, account.as_of_ns) for f in after.values()],
            {p.ticker: p.position_fp for p in held},
            {p.ticker: cost for p in held if (cost := _cost(p)) is not None},
            [s for told in settlements if (s := _settlement(told)) is not None],
            account.balance.balance_dollars, frozenset(account.missing),
            min(began_ns, http.at_least_ns(account.as_of_ns)),
        )  # fmt: skip


@contextmanager
def _reading(urgency: Urgency, patience: float | None = None) -> Iterator[None]:
    """A read of the account; what fails of it is told as the engine knows it."""
    try:
        with asking(urgency, patience):
            yield
    except RateLimited as error:
        raise VenueLimited(str(error), error.wait_seconds) from error
    except KalshiError as error:
        raise VenueError(str(error)) from error


def _failed(error: KalshiError) -> Answer:
    return Answer(error.meaning, reason=str(error), wait_seconds=error.wait_seconds)


def _order(told: Order) -> VenueOrder:
    return VenueOrder(
        told.order_id, told.client_order_id, told.ticker, SIDES[told.book_side], told.initial_count_fp,
        told.fill_count_fp, told.yes_price_dollars.dollars, told.status in (OrderStatus.RESTING, OrderStatus.UNKNOWN),
        told.created_time or 0,
    )  # fmt: skip


def _fill(told: Fill, as_of_ns: int) -> VenueFill:
    return VenueFill(
        told.trade_id, told.order_id, "", told.ticker, SIDES[told.book_side], told.count_fp,
        told.yes_price_dollars.dollars, told.fee_cost, told.created_time or as_of_ns,
    )  # fmt: skip


def _cost(told: MarketPosition) -> Decimal | None:
    """YES price at which the position was come by: what it is exposed to, a contract; NO turned around."""
    each = told.market_exposure_dollars / abs(told.position_fp)
    price = each if told.position_fp > 0 else 1 - each
    return price if 0 < price < 1 else None


def _settlement(told: Settlement) -> VenueSettlement | None:
    """What a YES contract paid; None while the venue does not say."""
    if told.value is None:
        return None
    return VenueSettlement(told.ticker, told.value / CENTS, ZERO, told.settled_time)
