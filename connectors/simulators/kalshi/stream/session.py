"""One connection: its commands, and the answers to them. No I/O."""

from __future__ import annotations

import json
from typing import Any

from connectors.simulators.kalshi.core.floor import Floor
from connectors.simulators.kalshi.feeds import Feeds
from connectors.simulators.kalshi.keys import ApiKey
from connectors.simulators.kalshi.scopes import CHANNELS
from connectors.simulators.kalshi.stream.delivery import Delivery, Emit
from connectors.simulators.kalshi.stream.subscription import (
    ALL,
    INDEX_CHANNELS,
    SEQUENCED,
    UNFILTERED,
    CommandError,
    Subscription,
    sharding,
    with_id,
)

MARKETS_MOST = 500_000


class Session:
    """``command`` carries out what comes in, ``delivery`` tells what happens. Both send through ``emit``."""

    def __init__(self, floor: Floor, key: ApiKey, feeds: Feeds, emit: Emit) -> None:
        self.floor = floor
        self.emit = emit
        self.delivery = Delivery(floor, key, feeds, emit)
        self.take = self.delivery.take
        self.subscriptions = self.delivery.subscriptions
        self._sids = 0

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
            self.emit("", with_id(number, message))

    def _dispatch(self, command: dict[str, Any]) -> None:
        name, number = command.get("cmd"), command.get("id")
        if name == "list_subscriptions":
            listed = [{"channel": s.channel, "sid": s.sid} for s in self.subscriptions.values()]
            self.emit("", with_id(number, {"type": "ok", "msg": listed}))
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
        sharding(params)
        by_id = any(name in params for name in ("market_id", "market_ids"))
        tickers = self._tickers(params)
        if tickers is None and "orderbook_delta" in channels:
            raise CommandError(14)
        if tickers is not None and any(channel in INDEX_CHANNELS for channel in channels):
            raise CommandError(11, "markets are not supported on index channels")
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
            found.own, found.shard = params.get("user_filter") == "self", sharding(params)
            self.subscriptions[found.sid] = found
        if channel in INDEX_CHANNELS:
            found.indices |= _names(params, INDEX_CHANNELS[channel].parameter)
        added = self._widen(found, wanted)
        self.emit("", with_id(number, {"type": "subscribed", "msg": {"channel": channel, "sid": found.sid}}))
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
                self.delivery.snapshot(subscription, ticker)
        elif subscription.channel == "ticker" and params.get("send_initial_snapshot"):
            for ticker in added if subscription.tickers is not None else list(self.floor.markets):
                self.delivery.ticker(subscription, ticker, self.floor.now)

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
            self.emit(subscription.channel, with_id(number, reply))

    def _update(self, number: Any, params: dict[str, Any]) -> None:
        subscription = self._one(params)
        action = params.get("action")
        if not action:
            raise CommandError(15)
        if subscription.channel in INDEX_CHANNELS:
            self._update_indices(subscription, action, params, number)
            return
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

    def _update_indices(self, subscription: Subscription, action: str, params: dict[str, Any], number: Any) -> None:
        """While everything is sent, taking away one name changes nothing; taking away ``all`` leaves the others."""
        channel = INDEX_CHANNELS[subscription.channel]
        if action == channel.list:
            self.delivery.send(subscription, channel.listed, {channel.parameter: sorted(channel.names)}, number)
            return
        if action not in (channel.add, channel.remove):
            raise CommandError(13)
        names = _names(params, channel.parameter)
        if not names:
            raise CommandError(channel.missing)
        if action == channel.add:
            subscription.indices |= names
        else:
            subscription.indices -= names
        shown = [ALL] if ALL in subscription.indices else sorted(subscription.indices)
        self.delivery.send(subscription, "ok", {channel.parameter: shown}, number)

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
            self.delivery.snapshot(subscription, ticker, number)

    def _ok(self, subscription: Subscription, number: Any) -> None:
        reply: dict[str, Any] = {"type": "ok", "sid": subscription.sid}
        if subscription.channel in SEQUENCED:
            subscription.seq += 1
            reply["seq"] = subscription.seq
        if not subscription.quiet:
            tickers = sorted(subscription.tickers or ())
            ids = [self.floor.markets[ticker].market_id for ticker in tickers] if subscription.by_id else []
            reply["msg"] = {"market_ids": ids} if subscription.by_id else {"market_tickers": tickers}
        self.emit(subscription.channel, with_id(number, reply))

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


def _names(params: dict[str, Any], parameter: str) -> set[str]:
    names = params.get(parameter, [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise CommandError(11, f"{parameter} is malformed")
    return set(names)
