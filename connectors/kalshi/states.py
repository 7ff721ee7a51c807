"""The life of a market: whether it can be traded now, and why not; what it pays when it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from connectors.kalshi.grid import PriceGrid
from connectors.kalshi.models.exchange import ExchangeStatus
from connectors.kalshi.models.markets import Market, MarketStatus, Result, grid_of
from connectors.kalshi.models.stream import MarketLifecycle
from connectors.kalshi.prices import ONE, ZERO

NANOS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Tradability:
    """``orders``: new orders and amendments are taken; ``cancels``: cancels are. ``why`` not, "" when both are."""

    orders: bool
    cancels: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Payout:
    """How a market ended. ``yes_value``: dollars that one YES contract pays, a NO contract pays the rest of $1."""

    result: Result
    yes_value: Decimal

    def of_position(self, position: Decimal) -> Decimal:
        """Dollars paid to a signed position in contracts, above 0 YES, below 0 NO."""
        return position * self.yes_value if position >= 0 else -position * (ONE - self.yes_value)


_WHY_NOT = {
    MarketStatus.INITIALIZED: "the market is not open yet",
    MarketStatus.INACTIVE: "trading in the market is paused",
    MarketStatus.CLOSED: "the market is closed and waits for its result",
    MarketStatus.DETERMINED: "the market has its result and waits for settlement",
    MarketStatus.DISPUTED: "the market's result is disputed",
    MarketStatus.AMENDED: "the market's result was amended and waits for settlement",
    MarketStatus.FINALIZED: "the market is settled",
    MarketStatus.UNKNOWN: "the market has a status that this program does not know",
}


@dataclass(frozen=True, slots=True)
class MarketState:
    """What is known of one market now: what REST said, brought up to date by lifecycle messages. Times are UTC ns.

    ``volume``: contracts traded by the time of the reading; None where it is not known.
    """

    ticker: str
    event_ticker: str
    status: MarketStatus
    open_ns: int
    close_ns: int
    can_close_early: bool
    grid: PriceGrid
    exchange_index: int | None
    result: Result = Result.NONE
    yes_value: Decimal | None = None
    volume: Decimal | None = None

    @classmethod
    def of(cls, market: Market) -> MarketState:
        """The state of a market as REST tells it."""
        return cls(
            market.ticker, market.event_ticker, market.status, market.open_time, market.close_time,
            market.can_close_early, market.grid, market.exchange_index, market.result,
            _yes_value(market.result, market.settlement_value_dollars), market.volume_fp,
        )  # fmt: skip

    def tradability(self, now_ns: int, exchange: ExchangeStatus | None = None) -> Tradability:
        """Whether orders can be placed and cancelled at ``now_ns``. ``exchange`` None: only the market is judged.

        No message says that a market has passed its close, so the clock decides that.
        """
        if exchange is not None:
            active, trading = exchange.of_shard(self.exchange_index)
            if not active:
                return Tradability(False, False, "the exchange is down for maintenance")
            if not trading:
                return Tradability(False, True, "trading on the exchange is paused")
        if self.status is MarketStatus.INITIALIZED and self.open_ns <= now_ns < self.close_ns:
            return Tradability(True, True)  # no message says that a market has opened either
        if self.status is MarketStatus.INACTIVE:
            return Tradability(False, now_ns < self.close_ns, _WHY_NOT[self.status])
        if self.status is not MarketStatus.ACTIVE:
            return Tradability(False, False, _WHY_NOT[self.status])
        if now_ns >= self.close_ns:
            return Tradability(False, False, "the market is past its close")
        return Tradability(True, True)

    @property
    def payout(self) -> Payout | None:
        """How the market ended; None while it has not, or while its value is not known."""
        if self.result in (Result.NONE, Result.UNKNOWN) or self.yes_value is None:
            return None
        return Payout(self.result, self.yes_value)

    def after(self, message: MarketLifecycle) -> MarketState:
        """The state after a lifecycle message about this market. Kinds that change nothing here are passed over."""
        change = _CHANGES.get(message.event_type)
        return self if change is None or message.market_ticker != self.ticker else change(self, message)


def _activated(state: MarketState, message: MarketLifecycle) -> MarketState:
    return replace(state, status=MarketStatus.ACTIVE)


def _deactivated(state: MarketState, message: MarketLifecycle) -> MarketState:
    return replace(state, status=MarketStatus.INACTIVE)


def _close_moved(state: MarketState, message: MarketLifecycle) -> MarketState:
    return state if message.close_ts is None else replace(state, close_ns=message.close_ts * NANOS)


def _determined(state: MarketState, message: MarketLifecycle) -> MarketState:
    result = Result.NONE if message.result is None else message.result
    value = _yes_value(result, message.settlement_value)
    return replace(state, status=MarketStatus.DETERMINED, result=result, yes_value=value)


def _settled(state: MarketState, message: MarketLifecycle) -> MarketState:
    return replace(state, status=MarketStatus.FINALIZED)


def _grid_changed(state: MarketState, message: MarketLifecycle) -> MarketState:
    return state if message.price_ranges is None else replace(state, grid=grid_of(message.price_ranges))


_CHANGES: dict[str, Callable[[MarketState, MarketLifecycle], MarketState]] = {
    "activated": _activated,
    "deactivated": _deactivated,
    "close_date_updated": _close_moved,
    "determined": _determined,
    "settled": _settled,
    "price_level_structure_updated": _grid_changed,
}


def _yes_value(result: Result, told: Decimal | None) -> Decimal | None:
    """Dollars per YES contract. What the venue tells counts; YES and NO alone say it too, a scalar result does not."""
    if result in (Result.NONE, Result.UNKNOWN):
        return None
    if told is not None:
        return told
    return {Result.YES: ONE, Result.NO: ZERO}.get(result)
