"""One connection: its subscriptions, its commands, and which messages of what happens are for it. No I/O."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from connectors.simulators.kalshi.core.floor import Floor
from connectors.simulators.kalshi.core.notices import (
    BookChanged,
    EventFeeChanged,
    EventListed,
    Filled,
    GroupChanged,
    MarketChanged,
    Notice,
    OrderChanged,
    PositionChanged,
    QuoteChanged,
    Traded,
)
from connectors.simulators.kalshi.keys import ApiKey
from connectors.simulators.kalshi.scopes import CHANNELS
from connectors.simulators.kalshi.stream import frames

SEQUENCED = frozenset((
    "orderbook_delta", "trade", "market_lifecycle_v2", "multivariate_market_lifecycle", "communications",
    "order_group_updates",
))  # fmt: skip
UNFILTERED = frozenset((
    "market_lifecycle_v2", "multivariate_market_lifecycle", "communications", "order_group_updates",
))  # fmt: skip
ELSEWHERE = frozenset(("cfbenchmarks_value", "cfbenchmarks_value_5hz", "pyth_value"))
MARKETS_MOST = 500_000

# The venue's words for its error codes.
ERRORS = {
    1: "Unable to process message", 2: "Params required", 3: "Channels required", 4: "Subscription IDs required",
    5: "Unknown command", 7: "Unknown subscription ID", 8: "Unknown channel name", 9: "Authentication required",
    10: "Channel error", 11: "Invalid parameter", 12: "Exactly one subscription ID is required",
    13: "Unsupported action", 14: "Market Ticker required", 15: "Action required", 19: "shard_factor must be > 0",
    20: "shard_factor is required when shard_key is set", 21: "shard_key must be >= 0 and < shard_factor",
    22: "shard_factor must be <= 100", 25: "Subscription buffer overflow",
    26: "Subscription market limit exceeded",
}  # fmt: skip

Frame = tuple[str, dict[str, Any]]  # channel ("" for none), message
Emit = Callable[[str, dict[str, Any]], None]


class CommandError(Exception):
    """``details`` go into the message beside the code."""

    def __init__(self, code: int, said: str | None = None, **details: Any) -> None:
        super().__init__(said or ERRORS[code])
        self.code = code
        self.details = details


@dataclass(slots=True)
class Subscription:
    """``tickers`` None is every market."""

    sid: int
    channel: str
    tickers: set[str] | None
    yes_price: bool = False
    quiet: bool = False  # ok replies leave out the tickers
    by_id: bool = False  # subscribed with market ids
    seq: int = 0
    shown: dict[str, frames.Message] = field(default_factory=dict)

    def wants(self, ticker: str) -> bool:
        return self.tickers is None or ticker in self.tickers


class Session:
    """``emit`` takes each message, in order."""

    def __init__(self, floor: Floor, key: ApiKey, emit: Emit) -> None:
        self.floor = floor
        self.key = key
        self.emit = emit
        self.subscriptions: dict[int, Subscription] = {}
        self._sids = 0

    # Commands

    def command(self, text: str) -> None:
        """Carry out one command; every outcome is a message."""
        number: Any = None
        try:
            try:
                command = json.loads(text)
            except ValueError:
                raise CommandError(1) from None
            if not isinstance(command, dict):
                raise CommandError(1)
            number = command.get("id")
            self._dispatch(command)
        except CommandError as error:
            message = {"type": "error", "msg": {"code": error.code, "msg": str(error), **error.details}}
            self.emit("", _with_id(number, message))

    def _dispatch(self, command: dict[str, Any]) -> None:
        name, number = command.get("cmd"), command.get("id")
        if name == "list_subscriptions":
            listed = [{"channel": s.channel, "sid": s.sid} for s in self.subscriptions.values()]
            self.emit("", _with_id(number, {"type": "ok", "msg": listed}))
            return
        if name not in ("subscribe", "unsubscribe", "update_subscription"):
            raise CommandError(5)
        params = command.get("params")
        if not isinstance(params, dict):
            raise CommandError(2)
        if name == "subscribe":
            self._subscribe(number, params)
        elif name == "unsubscribe":
            self._unsubscribe(number, params)
        else:
            self._update(number, params)

    def _subscribe(self, number: Any, params: dict[str, Any]) -> None:
        channels = params.get("channels")
        if not isinstance(channels, list) or not channels:
            raise CommandError(3)
        for channel in channels:
            if channel not in CHANNELS:
                raise CommandError(8)
            if channel in ELSEWHERE:
                raise CommandError(10, f"{channel} is not on the practice exchange")
        _check_sharding(params)
        by_id = any(name in params for name in ("market_id", "market_ids"))
        tickers = self._tickers(params)
        if tickers is None and "orderbook_delta" in channels:
            raise CommandError(14)
        if by_id and channels != ["ticker"]:
            raise CommandError(11, "market ids are for the ticker channel only")
        opened = [self._open(number, channel, tickers, params, by_id) for channel in channels]
        for subscription, added in opened:
            self._begin(subscription, added, params)

    def _open(
        self, number: Any, channel: str, tickers: list[str] | None, params: dict[str, Any], by_id: bool
    ) -> tuple[Subscription, list[str]]:
        """A new subscription, or the one of that channel with more markets; and the markets that are new to it."""
        wanted = None if channel in UNFILTERED else tickers
        found = next((s for s in self.subscriptions.values() if s.channel == channel), None)
        if found is None:
            self._sids += 1
            found = Subscription(self._sids, channel, set() if wanted is not None else None, by_id=by_id)
            found.yes_price, found.quiet = bool(params.get("use_yes_price")), bool(params.get("skip_ticker_ack"))
            self.subscriptions[found.sid] = found
        added = self._widen(found, wanted)
        self.emit("", _with_id(number, {"type": "subscribed", "msg": {"channel": channel, "sid": found.sid}}))
        return found, added

    def _widen(self, subscription: Subscription, wanted: list[str] | None) -> list[str]:
        if wanted is None or subscription.tickers is None:
            subscription.tickers = None
            return []
        added = [ticker for ticker in wanted if ticker not in subscription.tickers]
        if len(subscription.tickers) + len(added) > MARKETS_MOST:
            raise CommandError(26)
        subscription.tickers.update(added)
        return added

    def _begin(self, subscription: Subscription, added: list[str], params: dict[str, Any]) -> None:
        """Snapshots of the markets that are new to a subscription."""
        if subscription.channel == "orderbook_delta":
            for ticker in added:
                self._snapshot(subscription, ticker)
        elif subscription.channel == "ticker" and params.get("send_initial_snapshot"):
            for ticker in added if subscription.tickers is not None else list(self.floor.markets):
                self._ticker(subscription, ticker, self.floor.now)

    def _snapshot(self, subscription: Subscription, ticker: str, number: Any = None) -> None:
        msg = frames.snapshot(self.floor.markets[ticker], subscription.yes_price)
        self._send(subscription, "orderbook_snapshot", msg, number)

    def _unsubscribe(self, number: Any, params: dict[str, Any]) -> None:
        sids = params.get("sids")
        if not isinstance(sids, list) or not sids:
            raise CommandError(4)
        if any(sid not in self.subscriptions for sid in sids):
            raise CommandError(7)
        for sid in sids:
            subscription = self.subscriptions.pop(sid)
            subscription.seq += 1
            reply = {"type": "unsubscribed", "sid": sid, "seq": subscription.seq}
            self.emit(subscription.channel, _with_id(number, reply))

    def _update(self, number: Any, params: dict[str, Any]) -> None:
        subscription = self._one(params)
        action = params.get("action")
        if not action:
            raise CommandError(15)
        if action not in ("add_markets", "delete_markets", "get_snapshot"):
            raise CommandError(13)
        if subscription.channel in UNFILTERED:
            raise CommandError(13)
        tickers = self._tickers(params)
        if tickers is None:
            raise CommandError(14)
        if action == "get_snapshot":
            self._snapshots(subscription, tickers, number)
            return
        if action == "add_markets":
            added = self._widen(subscription, tickers)
            self._ok(subscription, number)
            self._begin(subscription, added, params)
            return
        if subscription.tickers is not None:
            subscription.tickers.difference_update(tickers)
        self._ok(subscription, number)

    def _one(self, params: dict[str, Any]) -> Subscription:
        sids = params.get("sids", [params["sid"]] if "sid" in params else None)
        if not isinstance(sids, list) or len(sids) != 1:
            raise CommandError(12)
        subscription = self.subscriptions.get(sids[0]) if isinstance(sids[0], int) else None
        if subscription is None:
            raise CommandError(7)
        return subscription

    def _snapshots(self, subscription: Subscription, tickers: list[str], number: Any) -> None:
        if subscription.channel != "orderbook_delta":
            raise CommandError(13)
        for ticker in tickers:
            self._snapshot(subscription, ticker, number)

    def _ok(self, subscription: Subscription, number: Any) -> None:
        reply: dict[str, Any] = {"type": "ok", "sid": subscription.sid}
        if subscription.channel in SEQUENCED:
            subscription.seq += 1
            reply["seq"] = subscription.seq
        if not subscription.quiet:
            tickers = sorted(subscription.tickers or ())
            ids = [self.floor.markets[ticker].market_id for ticker in tickers] if subscription.by_id else []
            reply["msg"] = {"market_ids": ids} if subscription.by_id else {"market_tickers": tickers}
        self.emit(subscription.channel, _with_id(number, reply))

    def _tickers(self, params: dict[str, Any]) -> list[str] | None:
        """The markets that a command names, None when it names none. Raises CommandError for unknown ones."""
        named = [name for name in ("market_ticker", "market_tickers", "market_id", "market_ids") if name in params]
        if len(named) > 1:
            raise CommandError(11, f"{named[0]} and {named[1]} are mutually exclusive")
        if not named:
            return None
        value = params[named[0]]
        values = value if named[0].endswith("s") else [value]
        if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
            raise CommandError(11, f"{named[0]} is malformed")
        if not values:
            return None
        if named[0].startswith("market_id"):
            by_id = {market.market_id: ticker for ticker, market in self.floor.markets.items()}
            values = [by_id.get(item, item) for item in values]
        unknown = [item for item in values if item not in self.floor.markets]
        if unknown:
            raise CommandError(11, "unknown market", market_tickers=unknown)
        return list(dict.fromkeys(values))

    # What happens

    def take(self, notices: Iterable[Notice]) -> None:
        """Send what of this is subscribed to."""
        if not self.subscriptions:
            return
        by_channel = {s.channel: s for s in self.subscriptions.values()}
        for notice in notices:
            self._take(by_channel, notice)

    def _take(self, by_channel: dict[str, Subscription], notice: Notice) -> None:
        match notice:
            case BookChanged():
                subscription = by_channel.get("orderbook_delta")
                if subscription is not None and subscription.wants(notice.ticker):
                    market_id = self.floor.markets[notice.ticker].market_id
                    msg = frames.delta(notice, market_id, subscription.yes_price, self.key.user)
                    self._send(subscription, "orderbook_delta", msg)
            case QuoteChanged():
                subscription = by_channel.get("ticker")
                if subscription is not None and subscription.wants(notice.ticker):
                    self._ticker(subscription, notice.ticker, notice.time_ns)
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
            case _:
                self._take_rare(by_channel, notice)

    def _take_rare(self, by_channel: dict[str, Subscription], notice: Notice) -> None:
        life = by_channel.get("market_lifecycle_v2")
        match notice:
            case MarketChanged() if life is not None:
                self._send(life, "market_lifecycle_v2", frames.lifecycle(notice, self.floor))
            case EventListed() if life is not None:
                self._send(life, "event_lifecycle", frames.event_lifecycle(notice, self.floor))
            case EventFeeChanged() if life is not None:
                self._send(life, "event_fee_update", frames.event_fee(notice))
            case GroupChanged() if notice.user == self.key.user:
                groups = by_channel.get("order_group_updates")
                if groups is not None:
                    self._send(groups, "order_group_updates", frames.group(notice))

    def _mine(self, user: str, subaccount: int) -> bool:
        return user == self.key.user and self.key.subaccount in (None, subaccount)

    def _pass(
        self, subscription: Subscription | None, kind: str, ticker: str, make: Callable[[], frames.Message]
    ) -> None:
        if subscription is not None and subscription.wants(ticker):
            self._send(subscription, kind, make())

    def _ticker(self, subscription: Subscription, ticker: str, time_ns: int) -> None:
        """Only when something in it has changed."""
        msg = frames.ticker(self.floor.markets[ticker])
        if subscription.shown.get(ticker) != msg:
            subscription.shown[ticker] = msg
            self._send(subscription, "ticker", frames.timed(msg, time_ns))

    def _send(self, subscription: Subscription, kind: str, msg: frames.Message, number: Any = None) -> None:
        message: dict[str, Any] = {"type": kind, "sid": subscription.sid}
        if subscription.channel in SEQUENCED:
            subscription.seq += 1
            message["seq"] = subscription.seq
        message["msg"] = msg
        self.emit(subscription.channel, _with_id(number, message))


def _with_id(number: Any, message: dict[str, Any]) -> dict[str, Any]:
    """An id of 0 is the same as none."""
    return {"id": number, **message} if isinstance(number, int) and number > 0 else message


def _check_sharding(params: dict[str, Any]) -> None:
    factor, key = params.get("shard_factor"), params.get("shard_key")
    if factor is not None and (not isinstance(factor, int) or factor <= 0):
        raise CommandError(19)
    if factor is not None and factor > 100:
        raise CommandError(22)
    if key is not None and factor is None:
        raise CommandError(20)
    if key is not None and factor is not None and not (isinstance(key, int) and 0 <= key < factor):
        raise CommandError(21)
