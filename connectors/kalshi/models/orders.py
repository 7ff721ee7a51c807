"""Requests about orders, and the venue's answers to them. Every price of an order is a YES price."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from connectors.kalshi.models.fields import Answer, BookSide, Contracts, Dollars
from connectors.kalshi.prices import (
    NoPrice,
    PriceError,
    YesPrice,
    check_count,
    count_text,
    require_no,
    require_yes,
)


class TimeInForce(StrEnum):
    GOOD_TILL_CANCELED = "good_till_canceled"
    IMMEDIATE_OR_CANCEL = "immediate_or_cancel"
    FILL_OR_KILL = "fill_or_kill"


class SelfTrade(StrEnum):
    """Which of our own two orders gives way when they would trade with each other."""

    TAKER_AT_CROSS = "taker_at_cross"
    MAKER = "maker"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """One order. ``client_order_id`` is used once, for ever: a cancelled or killed order does not free it.

    ``expiration_time`` is UTC seconds. ``exchange_index`` None lets the venue find the market's shard.
    """

    ticker: str
    client_order_id: str
    side: BookSide
    count: Decimal
    price: YesPrice
    time_in_force: TimeInForce = TimeInForce.GOOD_TILL_CANCELED
    self_trade_prevention_type: SelfTrade = SelfTrade.TAKER_AT_CROSS
    expiration_time: int | None = None
    post_only: bool = False
    reduce_only: bool = False
    cancel_order_on_pause: bool = False
    subaccount: int | None = None
    order_group_id: str | None = None
    exchange_index: int | None = None

    def __post_init__(self) -> None:
        require_yes(self.price)
        check_count(self.count)
        if not self.ticker or not self.client_order_id:
            raise ValueError("an order needs a ticker and a client order id, which finds it again after a time-out")
        resting = self.time_in_force is TimeInForce.GOOD_TILL_CANCELED
        if self.expiration_time is not None and not resting:
            raise ValueError(f"an order that is {self.time_in_force} takes no expiration time")
        if self.reduce_only and self.time_in_force is not TimeInForce.IMMEDIATE_OR_CANCEL:
            raise ValueError("reduce_only goes with immediate_or_cancel only")
        if not 0 < self.price.dollars < 1:
            raise PriceError(f"no order can be at ${self.price}")

    def body(self) -> dict[str, Any]:
        """The request as JSON: prices and counts as text, and what is not set left out."""
        return {
            "ticker": self.ticker,
            "client_order_id": self.client_order_id,
            "side": str(self.side),
            "count": count_text(self.count),
            "price": str(self.price),
            "time_in_force": str(self.time_in_force),
            "self_trade_prevention_type": str(self.self_trade_prevention_type),
            "post_only": self.post_only,
            "reduce_only": self.reduce_only,
            "cancel_order_on_pause": self.cancel_order_on_pause,
            **_given(
                expiration_time=self.expiration_time, subaccount=self.subaccount,
                order_group_id=self.order_group_id, exchange_index=self.exchange_index,
            ),
        }  # fmt: skip


def buy_yes(ticker: str, client_order_id: str, price: YesPrice, count: Decimal, **terms: Any) -> NewOrder:
    """Buy YES at ``price`` or lower. ``terms`` are further fields of NewOrder."""
    return _order(ticker, client_order_id, BookSide.BID, require_yes(price), count, terms)


def sell_yes(ticker: str, client_order_id: str, price: YesPrice, count: Decimal, **terms: Any) -> NewOrder:
    """Sell YES at ``price`` or higher."""
    return _order(ticker, client_order_id, BookSide.ASK, require_yes(price), count, terms)


def buy_no(ticker: str, client_order_id: str, price: NoPrice, count: Decimal, **terms: Any) -> NewOrder:
    """Buy NO at ``price`` or lower, which is to sell YES at its complement or higher."""
    return _order(ticker, client_order_id, BookSide.ASK, require_no(price).complement(), count, terms)


def sell_no(ticker: str, client_order_id: str, price: NoPrice, count: Decimal, **terms: Any) -> NewOrder:
    """Sell NO at ``price`` or higher, which is to buy YES at its complement or lower."""
    return _order(ticker, client_order_id, BookSide.BID, require_no(price).complement(), count, terms)


def _order(
    ticker: str, client_id: str, side: BookSide, price: YesPrice, count: Decimal, terms: dict[str, Any]
) -> NewOrder:
    return NewOrder(ticker=ticker, client_order_id=client_id, side=side, price=price, count=count, **terms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """New price, size or expiry of a resting order. ``count`` is the total: filled so far plus what is to rest.

    ``expiration_time``: UTC seconds, 0 removes it, None leaves it. A new price or a larger size loses the place in the
    queue; a smaller size or a new expiry keeps it.
    """

    ticker: str
    side: BookSide
    price: YesPrice
    count: Decimal
    client_order_id: str | None = None
    updated_client_order_id: str | None = None
    expiration_time: int | None = None
    exchange_index: int | None = None

    def __post_init__(self) -> None:
        require_yes(self.price)
        check_count(self.count)

    def body(self) -> dict[str, Any]:
        return {
            "ticker": self.ticker,
            "side": str(self.side),
            "price": str(self.price),
            "count": count_text(self.count),
            **_given(
                client_order_id=self.client_order_id, updated_client_order_id=self.updated_client_order_id,
                expiration_time=self.expiration_time, exchange_index=self.exchange_index,
            ),
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """One order of a batch to cancel. Without its market the venue looks on the first shard only."""

    order_id: str
    market_ticker: str
    subaccount: int | None = None

    def body(self) -> dict[str, Any]:
        return {"order_id": self.order_id, "market_ticker": self.market_ticker, **_given(subaccount=self.subaccount)}


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


OrderId = Annotated[str, Field(min_length=1)]


class OrderCreated(Answer):
    """``average_fill_price`` (YES dollars) and ``average_fee_paid`` (dollars per contract) only after a fill."""

    order_id: OrderId
    client_order_id: str | None = None
    fill_count: Contracts
    remaining_count: Contracts
    average_fill_price: Dollars | None = None
    average_fee_paid: Dollars | None = None
    ts_ms: int


class OrderCanceled(Answer):
    """``reduced_by``: contracts that were still resting."""

    order_id: OrderId
    client_order_id: str | None = None
    reduced_by: Contracts
    ts_ms: int


class OrderDecreased(Answer):
    order_id: OrderId
    client_order_id: str | None = None
    remaining_count: Contracts
    ts_ms: int


class OrderAmended(Answer):
    """Counts only where the amendment filled something or changed what rests."""

    order_id: OrderId
    client_order_id: str | None = None
    remaining_count: Contracts | None = None
    fill_count: Contracts | None = None
    average_fill_price: Dollars | None = None
    average_fee_paid: Dollars | None = None
    ts_ms: int
