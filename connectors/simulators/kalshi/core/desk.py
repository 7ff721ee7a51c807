"""The order desk: place, amend, decrease, cancel; what each of them checks and in which order."""

from __future__ import annotations

from collections.abc import Callable

from connectors.simulators.kalshi.core.errors import VenueError, invalid_order, not_found
from connectors.simulators.kalshi.core.floor import Floor
from connectors.simulators.kalshi.core.grid import on_grid
from connectors.simulators.kalshi.core.matching import Run, agree, match
from connectors.simulators.kalshi.core.model import Market
from connectors.simulators.kalshi.core.order import (
    BID,
    FOK,
    GTC,
    IOC,
    SELF_TRADE_TYPES,
    SIDES,
    TIMES_IN_FORCE,
    Amendment,
    Executed,
    NewOrder,
    Order,
)

AUTO_ROUTE = -1


class Desk:
    """``expire`` is told when an order will expire."""

    def __init__(self, floor: Floor, expire: Callable[[Order], None]) -> None:
        self.floor = floor
        self.expire = expire

    def need_trading(self, market: Market) -> None:
        """Raises VenueError where nobody could trade now."""
        self._trading(market)
        _tradable(market)

    def need_funds(self, market: Market, user: str, wanted: NewOrder) -> None:
        """Raises VenueError (``insufficient_balance``) for an order that the user could not pay for now."""
        self.floor.accounts.check(market, self._order("", user, market, wanted), self.floor.terms(market))

    # Placing

    def place(self, user: str, wanted: NewOrder) -> Executed:
        """Accept an order and trade what crosses. Raises VenueError and leaves nothing behind, but for the ids of
        orders that reach the book and are turned away there (post-only, fill-or-kill): those stay used."""
        floor = self.floor
        market = floor.market(wanted.ticker)
        if wanted.exchange_index not in (None, AUTO_ROUTE, market.shard):
            raise VenueError(404, "market_not_found")
        self._trading(market)
        ids = floor.accounts.user(user).client_order_ids
        if wanted.client_order_id and wanted.client_order_id in ids:
            raise VenueError(409, "order_already_exists")
        self._well_formed(user, market, wanted)
        floor.groups.for_order(user, wanted.group_id, wanted.subaccount, market.shard)
        _tradable(market)
        order = self._order(floor.ids(), user, market, wanted)
        terms = floor.terms(market)
        count = self._capped(order) if wanted.reduce_only else order.remaining
        if not wanted.reduce_only:
            floor.accounts.check(market, order, terms)
        if wanted.client_order_id:
            ids.add(wanted.client_order_id)
        floor.orders[order.order_id] = order
        floor.tick(market)
        self._turn_away(market, order, wanted)
        order.remaining = count
        return self._run(market, order, rests=wanted.time_in_force == GTC, capped=wanted.count - count)

    def agree(self, market: Market, taker: tuple[str, NewOrder], maker: tuple[str, NewOrder]) -> tuple[Order, Order]:
        """Trade two users' orders of one count and price past the book. Raises VenueError and changes nothing."""
        floor, terms = self.floor, self.floor.terms(market)
        self.need_trading(market)
        if not on_grid(market.grid, maker[1].price):
            raise VenueError(400, "invalid_price")
        for user, wanted in (taker, maker):
            self.need_funds(market, user, wanted)
        orders = [self._order(floor.ids(), user, market, wanted) for user, wanted in (taker, maker)]
        floor.orders |= {order.order_id: order for order in orders}
        floor.tick(market)
        agree(floor, market, orders[0], orders[1], terms)
        for order in orders:
            self._margin(order.user, order.subaccount, order.shard)
        floor.quote(market)
        return orders[0], orders[1]

    def _order(self, order_id: str, user: str, market: Market, wanted: NewOrder) -> Order:
        return Order(
            order_id, user, wanted.subaccount, wanted.client_order_id, market.ticker, market.shard, wanted.side,
            wanted.price, wanted.count, wanted.count, wanted.self_trade_prevention, wanted.cancel_on_pause,
            wanted.group_id, wanted.expiration_ns, self.floor.now, self.floor.now,
        )  # fmt: skip

    def _well_formed(self, user: str, market: Market, wanted: NewOrder) -> None:
        if wanted.side not in SIDES:
            raise invalid_order("side must be bid or ask")
        if wanted.time_in_force not in TIMES_IN_FORCE:
            raise invalid_order("unknown time_in_force")
        if wanted.self_trade_prevention not in SELF_TRADE_TYPES:
            raise invalid_order("unknown self_trade_prevention_type")
        if not 0 <= wanted.subaccount < self.floor.accounts.user(user).subaccounts:
            raise invalid_order("unknown subaccount")
        if wanted.count <= 0:
            raise VenueError(400, "invalid_order_size")
        if not on_grid(market.grid, wanted.price):
            raise VenueError(400, "invalid_price")
        if wanted.expiration_ns is not None:
            if wanted.time_in_force != GTC:
                raise invalid_order("expiration_time can only be used with good_till_canceled")
            self._future(wanted.expiration_ns)
        if wanted.post_only and wanted.time_in_force != GTC:
            raise invalid_order("post_only can only be used with good_till_canceled")
        if wanted.reduce_only and wanted.time_in_force != IOC:
            raise invalid_order("reduce_only can only be used with IoC orders")

    def _future(self, expiration_ns: int) -> None:
        if expiration_ns <= self.floor.now:
            raise invalid_order("expiration_time must be in the future")

    def _capped(self, order: Order) -> int:
        """A reduce-only order wants at most what is held against it."""
        held = self.floor.accounts.held(order.user, order.subaccount, order.ticker)
        return min(order.remaining, max(0, -held if order.side == BID else held))

    def _turn_away(self, market: Market, order: Order, wanted: NewOrder) -> None:
        if wanted.post_only and market.book.crosses(order.side, order.price):
            self.floor.end(order, "canceled", "PostOnlyCrossCancel")
            raise invalid_order("post only cross")
        if wanted.time_in_force == FOK and market.book.fillable(order.side, order.price) < order.remaining:
            self.floor.end(order, "canceled", None)
            raise VenueError(409, "fill_or_kill_insufficient_resting_volume")

    def _run(self, market: Market, order: Order, rests: bool, capped: int = 0) -> Executed:
        """Match, then rest or cancel what is left; ``capped`` is what reduce-only cut off."""
        floor = self.floor
        terms = floor.terms(market)
        run = match(floor, market, order, terms)
        reason = self._why_ended(order, run, capped)
        if order.remaining and rests and not run.self_trade and not run.blown:
            floor.enter(market, order)
            floor.tell(order)
            if order.expiration_ns is not None:
                self.expire(order)
        elif order.remaining or capped:
            floor.end(order, "canceled", reason)
        floor.hold(market, order)
        for user, subaccount in run.traders:
            self._margin(user, subaccount, order.shard)
        floor.quote(market)
        return Executed(order, run.filled, run.cost, run.fees, order.remaining, floor.now)

    def _why_ended(self, order: Order, run: Run, capped: int) -> str | None:
        if run.self_trade:
            return "SelfTradeCancel"
        if capped:
            return "ReduceOnlyCancel"
        return order.reason

    def _margin(self, user: str, subaccount: int, shard: int) -> None:
        """Cancel the newest resting orders until what they hold back is covered again."""
        accounts = self.floor.accounts
        if accounts.user(user).trusted:
            return
        while accounts.available(user, subaccount, shard) < 0 and accounts.reserved.get((user, subaccount, shard), 0):
            mine = [
                order
                for (owner, number, _), orders in accounts.resting.items()
                if (owner, number) == (user, subaccount)
                for order in orders.values()
                if order.shard == shard
            ]
            newest = max(mine, key=lambda order: (order.created_ns, order.order_id))
            self.floor.drop(newest, "MarginCancel")

    # Changing

    def amend(self, user: str, wanted: Amendment) -> tuple[Executed, bool]:
        """Change price, total count or expiry; whether fills or the resting size changed comes with it.

        Another price or more contracts lose the place in the queue; fewer contracts or another expiry keep it.
        """
        floor = self.floor
        market = floor.market(wanted.ticker)
        shard = wanted.exchange_index if wanted.exchange_index not in (None, AUTO_ROUTE) else market.shard
        self._trading(market)
        order = self._mine(user, wanted.order_id, wanted.subaccount, shard)
        self._amendable(user, market, order, wanted)
        remaining = wanted.count - order.filled
        moved = wanted.price != order.price or remaining > order.remaining
        resized = moved or remaining != order.remaining
        if moved:
            floor.accounts.check(market, self._amended(order, wanted, remaining), floor.terms(market), replaced=order)
            if order.group_id is not None:
                floor.groups.for_order(user, order.group_id, order.subaccount, order.shard)
        self._rename(user, order, wanted)
        floor.tick(market)
        if wanted.expiration_ns is not None:
            order.expiration_ns = wanted.expiration_ns or None
            if order.expiration_ns is not None:
                self.expire(order)
        if not moved:
            self._shrink(market, order, order.remaining - remaining, "Amend")
            return Executed(order, 0, 0, 0, order.remaining, floor.now), resized
        floor.leave(market, order)
        order.price, order.remaining, order.initial = wanted.price, remaining, wanted.count
        order.updated_ns, order.reason = floor.now, "Amend"
        return self._run(market, order, rests=True), True

    def _amendable(self, user: str, market: Market, order: Order, wanted: Amendment) -> None:
        if order.ticker != wanted.ticker:
            raise VenueError(400, "order_ticker_mismatch")
        if order.side != wanted.side:
            raise VenueError(400, "order_side_mismatch")
        if wanted.client_order_id is not None and wanted.client_order_id != order.client_order_id:
            raise VenueError(400, "order_id_and_client_order_id_mismatch")
        new_id = wanted.updated_client_order_id
        taken = self.floor.accounts.user(user).client_order_ids
        if new_id and new_id != order.client_order_id and new_id in taken:
            raise VenueError(409, "order_already_exists")
        _tradable(market)
        if not on_grid(market.grid, wanted.price):
            raise VenueError(400, "invalid_price")
        if wanted.count <= order.filled:
            raise VenueError(400, "invalid_order_size")
        if wanted.expiration_ns:
            self._future(wanted.expiration_ns)

    def _amended(self, order: Order, wanted: Amendment, remaining: int) -> Order:
        return Order(
            order.order_id, order.user, order.subaccount, order.client_order_id, order.ticker, order.shard, order.side,
            wanted.price, wanted.count, remaining, order.self_trade_prevention, order.cancel_on_pause, order.group_id,
            order.expiration_ns, order.created_ns, order.updated_ns,
        )  # fmt: skip

    def _rename(self, user: str, order: Order, wanted: Amendment) -> None:
        if wanted.updated_client_order_id:
            self.floor.accounts.user(user).client_order_ids.add(wanted.updated_client_order_id)
            order.client_order_id = wanted.updated_client_order_id

    def decrease(
        self, user: str, order_id: str, by: int | None, to: int | None, subaccount: int, ticker: str | None,
        shard: int | None,
    ) -> Order:  # fmt: skip
        """Take contracts off a resting order without moving it. None left cancels it."""
        if (by is None) == (to is None):
            raise invalid_order("exactly one of reduce_by and reduce_to must be given")
        order = self._mine(user, order_id, subaccount, self.route(ticker, shard))
        market = self.floor.markets[order.ticker]
        self._active(market)
        _cancellable(market)
        reduced = by if by is not None else order.remaining - (to or 0)
        if reduced <= 0:
            raise VenueError(400, "invalid_order_size")
        self.floor.tick(market)
        if reduced >= order.remaining:
            self.floor.cancel(market, order, "Decrease")
        else:
            self._shrink(market, order, reduced, "Decrease")
        self.floor.quote(market)
        return order

    def _shrink(self, market: Market, order: Order, reduced: int, reason: str) -> None:
        if reduced:
            market.book.side(order.side).reduce(order, reduced)
            self.floor.accounts.shrink(order, reduced)
            order.remaining -= reduced
            order.initial -= reduced
            self.floor.change(market, order, -reduced, order)
        order.updated_ns, order.reason = self.floor.now, reason
        self.floor.tell(order)
        self.floor.hold(market, order)
        self.floor.quote(market)

    # Cancelling

    def cancel(
        self, user: str, order_id: str, subaccount: int, ticker: str | None, shard: int | None
    ) -> tuple[Order, int]:
        """Cancel a resting order; returns it and what it still wanted. 404 for any order that does not rest."""
        order = self._mine(user, order_id, subaccount, self.route(ticker, shard))
        market = self.floor.markets[order.ticker]
        self._active(market)
        _cancellable(market)
        return order, self.floor.drop(order, None)

    def cancel_all(self, user: str, subaccount: int | None) -> int:
        """Cancel every resting order of the user that may be; returns how many."""
        mine = [
            order
            for (owner, number, _), orders in self.floor.accounts.resting.items()
            if owner == user and subaccount in (None, number)
            for order in orders.values()
        ]
        ready = [order for order in mine if self.floor.shards[order.shard].active]
        for order in ready:
            self.floor.drop(order, None)
        return len(ready)

    # Checks

    def route(self, ticker: str | None, shard: int | None) -> int:
        """The shard that a command goes to: the one named, that of the market named, else shard 0."""
        if shard is not None and shard != AUTO_ROUTE:
            return shard
        if ticker is not None:
            market = self.floor.markets.get(ticker)
            if market is None:
                raise not_found()
            return market.shard
        if shard == AUTO_ROUTE:
            raise VenueError(400, "invalid_parameters", "market_ticker is required for auto-routing")
        return 0

    def _mine(self, user: str, order_id: str, subaccount: int, shard: int) -> Order:
        order = self.floor.orders.get(order_id)
        if order is None or not order.resting or (order.user, order.subaccount) != (user, subaccount):
            raise not_found()
        if order.shard != shard:
            raise not_found()
        return order

    def _active(self, market: Market) -> None:
        if not self.floor.shards[market.shard].active:
            raise VenueError(503, "exchange_paused")

    def _trading(self, market: Market) -> None:
        self._active(market)
        if not self.floor.shards[market.shard].trading:
            raise VenueError(409, "trading_paused")


def _tradable(market: Market) -> None:
    if market.over:
        raise VenueError(409, "market_closed")
    if not market.open:
        raise VenueError(409, "market_inactive")


def _cancellable(market: Market) -> None:
    if market.over:
        raise VenueError(409, "market_closed")
