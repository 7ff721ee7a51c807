"""The exchange as one object: each command takes the time, and tells what happened through ``take_notices``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from connectors.simulators.kalshi.core.accounts import User
from connectors.simulators.kalshi.core.blocks import Blocks
from connectors.simulators.kalshi.core.combos import Combos
from connectors.simulators.kalshi.core.errors import VenueError, not_found
from connectors.simulators.kalshi.core.fees import DIRECT_PRECISION, FEE_TYPES
from connectors.simulators.kalshi.core.floor import Floor
from connectors.simulators.kalshi.core.grid import Grid
from connectors.simulators.kalshi.core.groups import Group
from connectors.simulators.kalshi.core.ids import Ids
from connectors.simulators.kalshi.core.lifecycle import Lifecycle
from connectors.simulators.kalshi.core.model import Event, Leg, Market, Series
from connectors.simulators.kalshi.core.notices import EventFeeChanged, EventListed, MarketChanged, Notice
from connectors.simulators.kalshi.core.order import Amendment, Executed, NewOrder, Order
from connectors.simulators.kalshi.core.requests import Requests
from connectors.simulators.kalshi.core.units import NANOS, show_price

SHARDS = 4


class Exchange:
    """Commands raise VenueError for what the venue refuses. ``now`` is UTC nanoseconds and never runs backwards.

    Usable alone: make one, list series, events and markets, ``open_user``, ``deposit``, ``place``.
    """

    def __init__(self, seed: int = 0, shards: int = SHARDS) -> None:
        self.floor = Floor(Ids(seed), shards)
        self.life = Lifecycle(self.floor)
        self.desk = self.life.desk
        self.accounts = self.floor.accounts
        self.requests = Requests(self.floor, self.desk)
        self.blocks = Blocks(self.floor, self.desk)
        self.combos = Combos(self.floor, self.life)

    def take_notices(self) -> list[Notice]:
        """What has happened since the last call, oldest first."""
        taken = list(self.floor.notices)
        self.floor.notices.clear()
        return taken

    def advance(self, now: int) -> None:
        """Let time pass: markets open and close, orders expire, determined markets settle."""
        self.life.advance(now)

    # Listing

    def list_series(self, series: Series) -> None:
        if series.fee_type not in FEE_TYPES:
            raise VenueError(400, "invalid_series", f"{series.ticker} has the fee type {series.fee_type}")
        self.floor.series[series.ticker] = series

    def list_event(self, event: Event, now: int) -> None:
        self.advance(now)
        if event.series_ticker not in self.floor.series:
            raise VenueError(404, "not_found", f"series {event.series_ticker} of event {event.ticker}")
        self.floor.events[event.ticker] = event
        if event.collateral_return_type == "MECNET":
            self.accounts.netting.exclusive.add(event.ticker)
        self.floor.notices.append(EventListed(event.ticker, self.floor.now))

    def list_market(self, market: Market, now: int) -> None:
        """Add a market. One that is active, inactive, or over keeps that status."""
        self.advance(now)
        if market.event_ticker not in self.floor.events:
            raise VenueError(404, "not_found", f"event {market.event_ticker} of market {market.ticker}")
        if market.ticker in self.floor.markets:
            raise VenueError(409, "market_already_exists", market.ticker)
        self.floor.markets[market.ticker] = market
        ranges = [
            {"start": show_price(b.start), "end": show_price(b.end), "step": show_price(b.step)} for b in market.grid
        ]
        fields = {
            "exchange_index": market.shard,
            "open_ts": market.open_ns // NANOS,
            "close_ts": market.close_ns // NANOS,
            "price_level_structure": market.structure,
            "price_ranges": ranges,
        }
        self.floor.notices.append(MarketChanged(market.ticker, "created", self.floor.now, fields))
        self.life.schedule(market)
        self.advance(now)

    def set_event_fee(self, ticker: str, fee_type: str | None, multiplier: str | None, now: int) -> None:
        """Override the fees of an event's markets, or with two Nones go back to the series'."""
        self.advance(now)
        event = self.floor.events.get(ticker)
        if event is None:
            raise not_found()
        if fee_type is not None and fee_type not in FEE_TYPES:
            raise VenueError(400, "invalid_parameters", f"unknown fee type {fee_type}")
        event.fee_type_override = fee_type
        event.fee_multiplier_override = Fraction(multiplier) if multiplier is not None else None
        shown = float(event.fee_multiplier_override) if event.fee_multiplier_override is not None else None
        self.floor.notices.append(EventFeeChanged(ticker, fee_type, shown, self.floor.now))

    def create_combo(self, collection: str, legs: Sequence[Leg], now: int) -> Market:
        """The market of these legs, listed if nobody has asked for it before."""
        self.advance(now)
        market, new = self.combos.create(self.combos.find(collection), legs)
        if new:
            self.list_market(market, now)
        return market

    # People and money

    def open_user(self, user: str, trusted: bool = False, precision: int = DIRECT_PRECISION) -> None:
        self.accounts.users[user] = User(user, trusted, precision)

    def deposit(self, user: str, amount: int, now: int, shard: int = 0, subaccount: int = 0) -> None:
        self.advance(now)
        self.accounts.deposit(user, subaccount, shard, amount, self.floor.now)

    # Orders

    def place(self, user: str, order: NewOrder, now: int) -> Executed:
        self.advance(now)
        return self.desk.place(user, order)

    def amend(self, user: str, amendment: Amendment, now: int) -> tuple[Executed, bool]:
        self.advance(now)
        return self.desk.amend(user, amendment)

    def decrease(
        self, user: str, order_id: str, now: int, by: int | None = None, to: int | None = None, subaccount: int = 0,
        ticker: str | None = None, shard: int | None = None,
    ) -> Order:  # fmt: skip
        self.advance(now)
        return self.desk.decrease(user, order_id, by, to, subaccount, ticker, shard)

    def cancel(
        self, user: str, order_id: str, now: int, subaccount: int = 0, ticker: str | None = None,
        shard: int | None = None,
    ) -> tuple[Order, int]:  # fmt: skip
        """The order, and the contracts it still wanted."""
        self.advance(now)
        return self.desk.cancel(user, order_id, subaccount, ticker, shard)

    def cancel_all(self, user: str, now: int, subaccount: int | None = None, again_ns: int | None = None) -> int:
        """How many were cancelled. ``again_ns`` later, what rests by then is cancelled too."""
        self.advance(now)
        if again_ns is not None:
            self.floor.timers.at(self.floor.now + again_ns, lambda: self._cancel_again(user, subaccount))
        return self.desk.cancel_all(user, subaccount)

    def _cancel_again(self, user: str, subaccount: int | None) -> None:
        self.desk.cancel_all(user, subaccount)

    def queue_position(self, user: str, order_id: str) -> int:
        """Contracts ahead of a resting order."""
        order = self.floor.orders.get(order_id)
        if order is None or order.user != user or not order.resting:
            raise not_found()
        return self.floor.markets[order.ticker].book.side(order.side).ahead_of(order)

    # Order groups

    def create_group(self, user: str, limit: int, now: int, subaccount: int = 0, shard: int = 0) -> Group:
        self.advance(now)
        if not 0 <= subaccount < self.accounts.user(user).subaccounts or not 0 <= shard < len(self.floor.shards):
            raise VenueError(400, "invalid_parameters", "unknown subaccount or exchange_index")
        group = Group(self.floor.ids(), user, subaccount, shard, limit)
        return self.floor.groups.create(group, self.floor.now)

    def trigger_group(self, group: Group, now: int) -> None:
        self.advance(now)
        if not group.triggered:
            self.floor.blow(group)

    def reset_group(self, group: Group, now: int) -> None:
        self.advance(now)
        group.triggered = False
        group.matched.clear()
        self.floor.groups.tell(group, "reset", self.floor.now)

    def limit_group(self, group: Group, limit: int, now: int) -> None:
        """A new limit; one that the last fifteen seconds have reached already blows the fuse."""
        self.advance(now)
        if limit <= 0:
            raise VenueError(400, "invalid_parameters", "contracts_limit must be positive")
        group.limit = limit
        self.floor.groups.tell(group, "limit_updated", self.floor.now, limit)
        if not group.triggered and group.matched_lately(self.floor.now) >= limit:
            self.floor.blow(group)

    def delete_group(self, group: Group, now: int) -> None:
        self.advance(now)
        for order_id in list(group.order_ids):
            self.floor.drop(self.floor.orders[order_id], None)
        del self.floor.groups.groups[group.group_id]
        self.floor.groups.tell(group, "deleted", self.floor.now)

    # Markets

    def pause(self, ticker: str, now: int) -> None:
        self.advance(now)
        self.life.pause(self.floor.market(ticker))

    def resume(self, ticker: str, now: int) -> None:
        self.advance(now)
        self.life.resume(self.floor.market(ticker))

    def move_close(self, ticker: str, close_ns: int, now: int) -> None:
        self.advance(now)
        self.life.move_close(self.floor.market(ticker), close_ns)

    def determine(self, ticker: str, result: str, now: int, value: int | None = None) -> None:
        self.advance(now)
        self.life.determine(self.floor.market(ticker), result, value)

    def dispute(self, ticker: str, now: int) -> None:
        self.advance(now)
        self.life.dispute(self.floor.market(ticker))

    def restructure(self, ticker: str, structure: str, grid: Grid, now: int) -> None:
        self.advance(now)
        self.life.restructure(self.floor.market(ticker), structure, grid)

    def describe(self, ticker: str, changes: Mapping[str, Any], now: int) -> None:
        self.advance(now)
        self.life.describe(self.floor.market(ticker), changes)

    def set_exchange(self, now: int, active: bool = True, trading: bool = True, shard: int | None = None) -> None:
        """Pause or resume one shard, or all of them."""
        self.advance(now)
        for index in range(len(self.floor.shards)) if shard is None else (shard,):
            self.life.set_exchange(index, active, trading)
