"""What is subscribed: the wanted channels and markets, and what one connection has of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Command = dict[str, Any]
Tickers = frozenset[str] | None  # None: all markets


class Channel(StrEnum):
    ORDERBOOK = "orderbook_delta"
    TICKER = "ticker"
    TRADE = "trade"
    FILL = "fill"
    USER_ORDERS = "user_orders"
    POSITIONS = "market_positions"
    LIFECYCLE = "market_lifecycle_v2"
    ORDER_GROUPS = "order_group_updates"


SEQUENCED = frozenset({Channel.ORDERBOOK, Channel.TRADE, Channel.LIFECYCLE, Channel.ORDER_GROUPS})
BY_MARKET = frozenset({Channel.ORDERBOOK, Channel.TICKER, Channel.TRADE, Channel.FILL, Channel.USER_ORDERS,
                       Channel.POSITIONS})  # fmt: skip


class Wanted:
    """Channels to be subscribed on every connection, each with its markets (None: all)."""

    def __init__(self) -> None:
        self._markets: dict[Channel, Tickers] = {}

    def add(self, channel: Channel, tickers: Iterable[str] | None) -> None:
        """Want ``channel`` for ``tickers`` too, or for all markets."""
        if tickers is None:
            if channel is Channel.ORDERBOOK:
                raise ValueError("order books are subscribed by market: name the tickers")
            self._markets[channel] = None
            return
        if channel not in BY_MARKET:
            raise ValueError(f"the channel {channel} cannot be narrowed to markets")
        before, more = self._markets.get(channel, frozenset()), frozenset(tickers)
        if before is not None and more:
            self._markets[channel] = before | more

    def remove(self, channel: Channel, tickers: Iterable[str] | None) -> None:
        """Want ``channel`` no more for ``tickers``, or not at all."""
        before = self._markets.get(channel)
        if tickers is None:
            self._markets.pop(channel, None)
        elif before is None:
            if channel in self._markets:
                raise ValueError(f"{channel} is subscribed for all markets; single ones cannot be taken out")
        else:
            left = before - frozenset(tickers)
            if left:
                self._markets[channel] = left
            else:
                self._markets.pop(channel)

    def items(self) -> list[tuple[Channel, Tickers]]:
        return list(self._markets.items())

    def get(self, channel: Channel) -> Tickers:
        """Markets of a channel; an empty set when it is not wanted."""
        return self._markets.get(channel, frozenset())


@dataclass(slots=True)
class Live:
    """One channel on one connection. ``waiting``: the id of the command that is under way for it."""

    channel: Channel
    sid: int | None = None
    tickers: Tickers = frozenset()
    waiting: int | None = None
    seq: int = 0
    refused: Tickers | str = ""  # the tickers that were refused; "" when none were


@dataclass(slots=True)
class Pending:
    """A command without its reply yet. ``tickers``: what its channel will have when it is granted."""

    action: str
    live: Live | None
    tickers: Tickers
    since: float


@dataclass(slots=True)
class Commands:
    """Numbers commands and remembers which still wait for a reply."""

    pending: dict[int, Pending] = field(default_factory=dict)
    _last: int = 0

    def make(self, cmd: str, live: Live | None, tickers: Tickers, now: float, **params: Any) -> Command:
        """One command whose reply is waited for from now on."""
        command = self.number(cmd, **params)
        self.pending[self._last] = Pending(params.get("action", cmd), live, tickers, now)
        if live is not None:
            live.waiting = self._last
        return command

    def number(self, cmd: str, **params: Any) -> Command:
        """One command whose reply nobody waits for."""
        self._last += 1
        command: Command = {"id": self._last, "cmd": cmd}
        return {**command, "params": params} if params else command

    def answered(self, command_id: object) -> Pending | None:
        """Take the command that a reply with ``command_id`` is for."""
        found = self.pending.pop(command_id, None) if isinstance(command_id, int) else None
        if found is not None and found.live is not None and found.live.waiting == command_id:
            found.live.waiting = None
        return found

    def overdue(self, now: float, seconds: float) -> Pending | None:
        """A command that has waited longer than ``seconds``."""
        return next((p for p in self.pending.values() if now - p.since > seconds), None)


def subscribe_params(channel: Channel, tickers: Tickers) -> dict[str, Any]:
    """Parameters of a subscription. Books always come in YES prices, tickers with their state at the start."""
    params: dict[str, Any] = {"channels": [str(channel)]}
    if tickers is not None:
        params["market_tickers"] = sorted(tickers)
    if channel is Channel.ORDERBOOK:
        params["use_yes_price"] = True
    if channel is Channel.TICKER and tickers is not None:
        params["send_initial_snapshot"] = True
    return params
