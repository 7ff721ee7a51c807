"""Which messages of what happens are for one connection. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from connectors.simulators.kalshi.core.floor import Floor
from connectors.simulators.kalshi.core.notices import (
    BookChanged,
    EventFeeChanged,
    EventListed,
    Filled,
    GroupChanged,
    IndicesTicked,
    MarketChanged,
    Notice,
    OrderChanged,
    PositionChanged,
    QuoteChanged,
    RequestChanged,
    Traded,
)
from connectors.simulators.kalshi.core.units import MILLIS
from connectors.simulators.kalshi.feeds import SECOND_MS, Feeds
from connectors.simulators.kalshi.keys import ApiKey
from connectors.simulators.kalshi.stream import frames, index_frames, quote_frames
from connectors.simulators.kalshi.stream.subscription import INDEX_CHANNELS, SEQUENCED, Subscription, with_id

Emit = Callable[[str, dict[str, Any]], None]


class Delivery:
    """``emit`` takes each message, in order. ``subscriptions`` are by their ids."""

    def __init__(self, floor: Floor, key: ApiKey, feeds: Feeds, emit: Emit) -> None:
        self.floor = floor
        self.key = key
        self.feeds = feeds
        self.emit = emit
        self.subscriptions: dict[int, Subscription] = {}

    def take(self, notices: Iterable[Notice]) -> None:
        """Send what of this is subscribed to."""
        if not self.subscriptions:
            return
        by_channel = {s.channel: s for s in self.subscriptions.values()}
        for notice in notices:
            self._take(by_channel, notice)

    def watches_indices(self) -> bool:
        return any(s.channel in INDEX_CHANNELS and s.indices for s in self.subscriptions.values())

    def _take(self, by_channel: dict[str, Subscription], notice: Notice) -> None:
        match notice:
            case BookChanged():
                subscription = by_channel.get("orderbook_delta")
                if subscription is not None and subscription.wants(notice.ticker):
                    market_id = self.floor.markets[notice.ticker].market_id
                    msg = frames.delta(notice, market_id, subscription.yes_price, self.key.user)
                    self.send(subscription, "orderbook_delta", msg)
            case QuoteChanged():
                subscription = by_channel.get("ticker")
                if subscription is not None and subscription.wants(notice.ticker):
                    self.ticker(subscription, notice.ticker, notice.time_ns)
            case Traded(trade=trade):
                self._pass(by_channel.get("trade"), "trade", trade.ticker, lambda: frames.trade(trade))
            case Filled(fill=fill):
                if self._mine(fill.user, fill.subaccount):
                    self._pass(by_channel.get("fill"), "fill", fill.ticker, lambda: frames.fill(fill))
            case OrderChanged(order=order):
                if self._mine(order.user, order.subaccount):
                    channel = by_channel.get("user_orders")
                    self._pass(channel, "user_order", order.ticker, lambda: frames.user_order(order))
            case PositionChanged(position=p):
                if self._mine(p.user, p.subaccount):
                    channel = by_channel.get("market_positions")
                    self._pass(channel, "market_position", p.ticker, lambda: frames.market_position(p))
            case IndicesTicked():
                self._tick(by_channel, notice.time_ns // MILLIS)
            case _:
                self._take_rare(by_channel, notice)

    def _take_rare(self, by_channel: dict[str, Subscription], notice: Notice) -> None:
        match notice:
            case MarketChanged():
                self._market(by_channel, notice)
            case EventListed():
                combo = self.floor.events[notice.event_ticker].collection
                life = by_channel.get("multivariate_market_lifecycle" if combo else "market_lifecycle_v2")
                if life is not None:
                    self.send(life, "event_lifecycle", frames.event_lifecycle(notice, self.floor))
            case EventFeeChanged():
                life = by_channel.get("market_lifecycle_v2")
                if life is not None:
                    self.send(life, "event_fee_update", frames.event_fee(notice))
            case GroupChanged() if notice.user == self.key.user:
                groups = by_channel.get("order_group_updates")
                if groups is not None:
                    self.send(groups, "order_group_updates", frames.group(notice))
            case RequestChanged():
                channel = by_channel.get("communications")
                if channel is not None and self._concerned(channel, notice):
                    msg = quote_frames.message(notice, self.floor, self.key.user)
                    self.send(channel, notice.event_type, msg)

    def _market(self, by_channel: dict[str, Subscription], notice: MarketChanged) -> None:
        """Combos have a channel of their own."""
        if not self.floor.markets[notice.ticker].legs:
            life = by_channel.get("market_lifecycle_v2")
            if life is not None:
                self.send(life, "market_lifecycle_v2", frames.lifecycle(notice, self.floor))
            return
        life = by_channel.get("multivariate_market_lifecycle")
        if life is not None and notice.event_type in frames.COMBO_STEPS:
            self.send(life, "multivariate_market_lifecycle", frames.combo_lifecycle(notice, self.floor))

    def _concerned(self, channel: Subscription, notice: RequestChanged) -> bool:
        """Requests are for everybody, quotes for the two that they are between."""
        rfq, quote = notice.rfq, notice.quote
        if not channel.in_shard(rfq.ticker):
            return False
        asked = self._mine(rfq.user, rfq.subaccount)
        if quote is None:
            return asked or not channel.own
        return asked or self._mine(quote.user, quote.subaccount)

    def _tick(self, by_channel: dict[str, Subscription], time_ms: int) -> None:
        whole = time_ms % SECOND_MS == 0
        for channel in INDEX_CHANNELS:
            subscription = by_channel.get(channel)
            if subscription is not None and (whole or channel == "cfbenchmarks_value_5hz"):
                for name in subscription.chosen():
                    self.send(subscription, channel, index_frames.value(self.feeds, channel, name, time_ms))

    def _mine(self, user: str, subaccount: int) -> bool:
        return user == self.key.user and self.key.subaccount in (None, subaccount)

    def _pass(
        self, subscription: Subscription | None, kind: str, ticker: str, make: Callable[[], frames.Message]
    ) -> None:
        if subscription is not None and subscription.wants(ticker):
            self.send(subscription, kind, make())

    def snapshot(self, subscription: Subscription, ticker: str, number: Any = None) -> None:
        msg = frames.snapshot(self.floor.markets[ticker], subscription.yes_price)
        self.send(subscription, "orderbook_snapshot", msg, number)

    def ticker(self, subscription: Subscription, ticker: str, time_ns: int) -> None:
        """Only when something in it has changed."""
        msg = frames.ticker(self.floor.markets[ticker])
        if subscription.shown.get(ticker) != msg:
            subscription.shown[ticker] = msg
            self.send(subscription, "ticker", frames.timed(msg, time_ns))

    def send(self, subscription: Subscription, kind: str, msg: frames.Message, number: Any = None) -> None:
        message: dict[str, Any] = {"type": kind, "sid": subscription.sid}
        if subscription.channel in SEQUENCED:
            subscription.seq += 1
            message["seq"] = subscription.seq
        message["msg"] = msg
        self.emit(subscription.channel, with_id(number, message))
