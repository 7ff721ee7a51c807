"""The life of markets: opening, pauses, closing, results, settlement; and pauses of the exchange."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.simulators.kalshi.core.desk import Desk
from connectors.simulators.kalshi.core.errors import VenueError
from connectors.simulators.kalshi.core.floor import Floor
from connectors.simulators.kalshi.core.grid import Grid
from connectors.simulators.kalshi.core.model import Market, MarketStatus, Position, Settlement
from connectors.simulators.kalshi.core.notices import MarketChanged, Settled
from connectors.simulators.kalshi.core.order import Order
from connectors.simulators.kalshi.core.units import NANOS, PRICE_ONE, show_price

CLOSE_CANCEL_NS = NANOS  # resting orders of a closed market are cancelled this much later
DESCRIBED = ("strike_type", "floor_strike", "cap_strike", "custom_strike", "yes_sub_title")
RESULTS = {"yes": PRICE_ONE, "no": 0}


class Lifecycle:
    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self.desk = Desk(floor, self.expire)

    def expire(self, order: Order) -> None:
        due = order.expiration_ns
        if due is not None:
            self.floor.timers.at(due, lambda: self._expire(order, due))

    def schedule(self, market: Market) -> None:
        """Set the timers of a market just listed; times already past take effect at the next advance."""
        self.floor.timers.at(market.open_ns, lambda: self._open(market))
        self._close_at(market, market.close_ns)

    def next_ns(self) -> int | None:
        """When the next timer is due."""
        return self.floor.timers.next_ns()

    def advance(self, now: int) -> None:
        """Let everything happen that is due by ``now``, each at its own time. Time never runs backwards."""
        floor = self.floor
        while (timer := floor.timers.pop(now)) is not None:
            floor.now = max(floor.now, timer.due_ns)
            timer.act()
        floor.now = max(floor.now, now)

    def _expire(self, order: Order, due_ns: int) -> None:
        """Unless the expiry has been amended since."""
        if order.resting and order.expiration_ns == due_ns:
            self.floor.drop(order, "ExpiryCancel")

    def _open(self, market: Market) -> None:
        if market.status is MarketStatus.INITIALIZED:
            market.status = MarketStatus.ACTIVE

    def _close_at(self, market: Market, close_ns: int) -> None:
        """A close that has been moved to later since does nothing."""

        def close() -> None:
            if not market.over and market.close_ns <= close_ns:
                self._close(market)

        self.floor.timers.at(close_ns, close)

    def _settle_at(self, market: Market, due_ns: int) -> None:
        """A result that has been disputed or amended since settles at its own time."""

        def settle() -> None:
            if market.status not in (MarketStatus.DETERMINED, MarketStatus.AMENDED) or market.determined_ns is None:
                return
            if market.determined_ns + market.settlement_timer_ns <= due_ns:
                self._settle(market)

        self.floor.timers.at(due_ns, settle)

    def _close(self, market: Market) -> None:
        market.status = MarketStatus.CLOSED
        self.floor.timers.at(self.floor.now + CLOSE_CANCEL_NS, lambda: self._cancel_resting(market, "CloseCancel"))
        for act in self.floor.on_closed:
            act(market)

    def _cancel_resting(self, market: Market, reason: str, only_on_pause: bool = False) -> None:
        for order in market.book.orders():
            if order.cancel_on_pause or not only_on_pause:
                self.floor.drop(order, reason)

    # Commands

    def pause(self, market: Market) -> None:
        """Stop trading in a market; orders that asked for it are cancelled."""
        self._need(market, MarketStatus.ACTIVE)
        market.status = MarketStatus.INACTIVE
        self._tell(market, "deactivated", is_deactivated=True)
        self._cancel_resting(market, "HaltCancel", only_on_pause=True)

    def resume(self, market: Market) -> None:
        """Trade again; orders that rested through the pause are cancelled."""
        self._need(market, MarketStatus.INACTIVE)
        self._cancel_resting(market, "HaltCancel")
        market.status = MarketStatus.ACTIVE
        self._tell(market, "activated", is_deactivated=False)

    def move_close(self, market: Market, close_ns: int) -> None:
        """Another close time: earlier only where the market can close early."""
        if market.over:
            raise VenueError(409, "market_closed")
        if close_ns < market.close_ns and not market.can_close_early:
            raise VenueError(409, "invalid_market", "the market cannot close early")
        market.close_ns = max(close_ns, self.floor.now)
        self._close_at(market, market.close_ns)
        self._tell(market, "close_date_updated", close_ts=market.close_ns // NANOS)
        self.advance(self.floor.now)

    def determine(self, market: Market, result: str, value: int | None = None) -> None:
        """The outcome: yes, no, or scalar with what a YES contract pays. A market still open closes first."""
        payout = RESULTS.get(result, value if result == "scalar" else None)
        if payout is None or not 0 <= payout <= PRICE_ONE:
            raise VenueError(400, "invalid_result", "yes, no, or scalar with a value from 0 to 1 dollar")
        if market.status is MarketStatus.DISPUTED:
            market.status = MarketStatus.AMENDED
        else:
            if not market.over:
                self.move_close(market, self.floor.now)
            self._need(market, MarketStatus.CLOSED)
            market.status = MarketStatus.DETERMINED
        self._cancel_resting(market, "CloseCancel")
        market.result, market.value, market.determined_ns = result, payout, self.floor.now
        self._tell(
            market, "determined", result=result, settlement_value=show_price(payout),
            determination_ts=self.floor.now // NANOS,
        )  # fmt: skip
        self._settle_at(market, self.floor.now + market.settlement_timer_ns)
        self.advance(self.floor.now)

    def dispute(self, market: Market) -> None:
        """Stop the settlement of a determined market until ``determine`` gives the amended result."""
        self._need(market, MarketStatus.DETERMINED)
        market.status = MarketStatus.DISPUTED
        market.updated_ns = self.floor.now

    def restructure(self, market: Market, structure: str, grid: Grid) -> None:
        """Change the price grid of a live market; resting orders keep their prices."""
        market.structure, market.grid = structure, grid
        ranges = [
            {"start": show_price(band.start), "end": show_price(band.end), "step": show_price(band.step)}
            for band in grid
        ]
        self._tell(market, "price_level_structure_updated", price_level_structure=structure, price_ranges=ranges)

    def describe(self, market: Market, changes: Mapping[str, Any]) -> None:
        """Change what a market says about itself: its strike, or the name of its YES side."""
        unknown = set(changes) - set(DESCRIBED)
        if unknown or not changes:
            raise VenueError(400, "invalid_parameters", f"what can change is {', '.join(DESCRIBED)}")
        market.info = {**market.info, **changes}
        self._tell(market, "metadata_updated", **changes)

    def set_exchange(self, shard: int, active: bool, trading: bool) -> None:
        """Pause or resume a shard. A pause cancels orders that asked for it, in every market of the shard."""
        state = self.floor.shards[shard]
        paused = (state.active and state.trading) and not (active and trading)
        state.active, state.trading = active, trading and active
        if paused:
            for market in self.floor.markets.values():
                if market.shard == shard:
                    self._cancel_resting(market, "HaltCancel", only_on_pause=True)

    # Settlement

    def _settle(self, market: Market) -> None:
        market.status = MarketStatus.FINALIZED
        market.settled_ns = self.floor.now
        assert market.value is not None
        for position in [p for p in self.floor.accounts.positions.values() if p.ticker == market.ticker]:
            self._pay_out(market, position, market.value)
        market.open_interest = 0
        self._tell(market, "settled", settled_ts=self.floor.now // NANOS)
        self.floor.quote(market)
        for act in self.floor.on_settled:
            act(market)

    def _pay_out(self, market: Market, position: Position, value: int) -> None:
        accounts, now = self.floor.accounts, self.floor.now
        count, cost = position.count, position.cost
        if count:
            payment = accounts.settle(market, position, now)
            if not accounts.user(position.user).trusted:
                settlement = Settlement(
                    position.user, position.subaccount, market.ticker, market.event_ticker, market.shard, market.result,
                    count, cost, payment, value, position.fees, now,
                )  # fmt: skip
                self.floor.settlements.append(settlement)
                self.floor.notices.append(Settled(settlement, now))
        accounts.close(position, now)

    def _need(self, market: Market, status: MarketStatus) -> None:
        if market.status is not status:
            raise VenueError(409, "invalid_market", f"the market is {market.status}, not {status}")

    def _tell(self, market: Market, event_type: str, **fields: object) -> None:
        market.updated_ns = self.floor.now
        self.floor.notices.append(MarketChanged(market.ticker, event_type, self.floor.now, dict(fields)))
