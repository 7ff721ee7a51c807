"""What the websocket tells, as checked values."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from connectors.kalshi.models.fields import (
    Answer,
    BookSide,
    Contracts,
    Dollars,
    No,
    Number,
    Outcome,
    Shard,
    Status,
    Yes,
    open_list,
)
from connectors.kalshi.models.markets import FeeTypeField, PriceRangeAnswer, Result


class SnapshotMessage(Answer):
    """A whole book. With ``use_yes_price`` both sides are in YES prices; a side without orders is left out."""

    market_ticker: str
    clock: int
    yes_dollars_fp: list[tuple[Yes, Contracts]] = Field(default_factory=list)
    no_dollars_fp: list[tuple[Yes, Contracts]] = Field(default_factory=list)


class DeltaMessage(Answer):
    """A change of one level. ``client_order_id`` is there when an order of ours caused it."""

    market_ticker: str
    clock: int
    price_dollars: Yes
    delta_fp: Contracts
    side: Outcome
    ts_ms: int | None = None
    client_order_id: str | None = None


class Ticker(Answer):
    """Top of book, last trade and volume of a market. Money totals are whole dollars."""

    market_ticker: str
    price_dollars: Yes
    yes_bid_dollars: Yes
    yes_ask_dollars: Yes
    yes_bid_size_fp: Contracts
    yes_ask_size_fp: Contracts
    volume_fp: Contracts
    open_interest_fp: Contracts
    last_trade_size_fp: Contracts
    dollar_volume: int
    dollar_open_interest: int
    ts_ms: int


class PublicTrade(Answer):
    """One execution between any two."""

    trade_id: str
    market_ticker: str
    yes_price_dollars: Yes
    no_price_dollars: No
    count_fp: Contracts
    taker_outcome_side: Outcome
    taker_book_side: BookSide
    is_block_trade: bool
    ts_ms: int


class UserFill(Answer):
    """One execution of ours. ``post_position_fp``: the position after it. It may come before the order's answer."""

    trade_id: str
    order_id: str
    client_order_id: str | None = None
    market_ticker: str
    exchange_index: Shard
    is_taker: bool
    yes_price_dollars: Yes
    count_fp: Contracts
    fee_cost: Dollars
    post_position_fp: Contracts
    outcome_side: Outcome
    book_side: BookSide
    ts_ms: int
    subaccount: int | None = None


class UserOrder(Answer):
    """An order of ours changed. ``last_update_reason``: Trade, Decrease, ExpiryCancel, CloseCancel, …"""

    order_id: str
    client_order_id: str
    ticker: str
    exchange_index: Shard
    status: Status
    outcome_side: Outcome
    book_side: BookSide
    yes_price_dollars: Yes
    initial_count_fp: Contracts
    fill_count_fp: Contracts
    remaining_count_fp: Contracts
    taker_fill_cost_dollars: Dollars
    maker_fill_cost_dollars: Dollars
    taker_fees_dollars: Dollars
    maker_fees_dollars: Dollars
    order_group_id: str | None = None
    expiration_ts_ms: int | None = None
    created_ts_ms: int | None
    last_updated_ts_ms: int | None = None
    last_update_reason: str | None = None
    subaccount_number: int | None = None


class PositionMessage(Answer):
    """A position of ours changed; ``position_fp`` above 0 is YES, below 0 NO."""

    market_ticker: str
    position_fp: Contracts
    position_cost_dollars: Dollars
    realized_pnl_dollars: Dollars
    fees_paid_dollars: Dollars
    position_fee_cost_dollars: Dollars
    volume_fp: Contracts
    subaccount: int | None = None


class MarketLifecycle(Answer):
    """A market was created, (de)activated, moved its close, was determined, settled, or changed its price grid.

    ``*_ts`` are UTC seconds. Which fields are there depends on ``event_type``.
    """

    market_ticker: str
    event_type: str
    exchange_index: Shard | None = None
    open_ts: int | None = None
    close_ts: int | None = None
    determination_ts: int | None = None
    settled_ts: int | None = None
    result: Annotated[Result, BeforeValidator(open_list(Result))] | None = None
    settlement_value: Dollars | None = None
    price_level_structure: str | None = None
    price_ranges: list[PriceRangeAnswer] | None = None


class EventLifecycle(Answer):
    """An event was created."""

    event_ticker: str
    series_ticker: str
    exchange_index: Shard
    title: str
    collateral_return_type: str


class EventFeeUpdate(Answer):
    """An event's override of fees was set, or cleared (None)."""

    event_ticker: str
    fee_type_override: FeeTypeField | None = None
    fee_multiplier_override: Number | None = None


class OrderGroupUpdate(Answer):
    """A group was created, triggered, reset, deleted, or its limit changed."""

    event_type: Literal["created", "triggered", "reset", "deleted", "limit_updated"]
    order_group_id: str
    contracts_limit_fp: Contracts | None = None
    ts_ms: int


Message = (
    Ticker | PublicTrade | UserFill | UserOrder | PositionMessage | MarketLifecycle | EventLifecycle | EventFeeUpdate
    | OrderGroupUpdate
)  # fmt: skip

MESSAGES: dict[str, type[Message]] = {
    "ticker": Ticker,
    "trade": PublicTrade,
    "fill": UserFill,
    "user_order": UserOrder,
    "market_position": PositionMessage,
    "market_lifecycle_v2": MarketLifecycle,
    "event_lifecycle": EventLifecycle,
    "event_fee_update": EventFeeUpdate,
    "order_group_updates": OrderGroupUpdate,
}
