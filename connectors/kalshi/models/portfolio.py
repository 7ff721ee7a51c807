"""The account: balance, positions, fills, settlements, orders, order groups, limits."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator

from connectors.kalshi.models.fields import (
    Answer,
    BookSide,
    Contracts,
    Dollars,
    Instant,
    No,
    Outcome,
    Shard,
    Status,
    Yes,
    open_list,
)
from connectors.kalshi.models.markets import Result


class ShardBalance(Answer):
    exchange_index: Shard
    balance: Dollars


class Balance(Answer):
    """Money that could be spent, in dollars; ``portfolio_value`` in cents. Orders draw on the shard of their market."""

    balance_dollars: Dollars
    portfolio_value: int
    updated_ts: int
    balance_breakdown: list[ShardBalance] | None = None

    def on_shard(self, index: int) -> Decimal | None:
        """Dollars on one shard: 0 where the venue lists others only, None where it lists none at all."""
        if self.balance_breakdown is None:
            return None
        return next((s.balance for s in self.balance_breakdown if s.exchange_index == index), Decimal(0))


class MarketPosition(Answer):
    """``position_fp`` above 0 is YES held, below 0 NO held."""

    ticker: str
    exchange_index: Shard
    position_fp: Contracts
    total_traded_dollars: Dollars
    market_exposure_dollars: Dollars
    realized_pnl_dollars: Dollars
    fees_paid_dollars: Dollars
    last_updated_ts: Instant


class Fill(Answer):
    """One execution of an order of ours, at a YES price. It does not carry our client order id."""

    fill_id: str
    trade_id: str
    order_id: str
    ticker: str
    exchange_index: Shard
    outcome_side: Outcome
    book_side: BookSide
    count_fp: Contracts
    yes_price_dollars: Yes
    no_price_dollars: No
    is_taker: bool
    fee_cost: Dollars
    created_time: Instant | None = None
    subaccount_number: int | None = None


class Settlement(Answer):
    """What a market paid. ``revenue`` and ``value`` (of one YES contract) are cents."""

    ticker: str
    event_ticker: str
    exchange_index: Shard
    market_result: Annotated[Result, BeforeValidator(open_list(Result))]
    yes_count_fp: Contracts
    yes_total_cost_dollars: Dollars
    no_count_fp: Contracts
    no_total_cost_dollars: Dollars
    revenue: int
    value: int | None = None
    fee_cost: Dollars
    settled_time: Instant


class Order(Answer):
    """An order as the venue lists it. ``yes_price_dollars`` is its limit, not what it was filled at."""

    order_id: str
    client_order_id: str
    ticker: str
    outcome_side: Outcome
    book_side: BookSide
    status: Status
    yes_price_dollars: Yes
    no_price_dollars: No
    initial_count_fp: Contracts
    fill_count_fp: Contracts
    remaining_count_fp: Contracts
    taker_fill_cost_dollars: Dollars
    maker_fill_cost_dollars: Dollars
    taker_fees_dollars: Dollars
    maker_fees_dollars: Dollars
    expiration_time: Instant | None = None
    created_time: Instant | None = None
    last_update_time: Instant | None = None
    self_trade_prevention_type: str | None = None
    order_group_id: str | None = None
    cancel_order_on_pause: bool | None = None
    subaccount_number: int | None = None
    exchange_index: Shard | None = None


class OrderAnswer(Answer):
    order: Order


class QueuePosition(Answer):
    """``queue_position_fp``: contracts that must be filled before this order is."""

    order_id: str
    market_ticker: str
    queue_position_fp: Contracts


class QueuePositionAnswer(Answer):
    queue_position_fp: Contracts


class QueuePositionsAnswer(Answer):
    queue_positions: list[QueuePosition]


class OrderGroup(Answer):
    """Orders that are cancelled together when more than ``contracts_limit_fp`` are matched within 15 seconds."""

    id: str
    contracts_limit_fp: Contracts | None = None
    is_auto_cancel_enabled: bool
    exchange_index: Shard | None = None


class OrderGroupsAnswer(Answer):
    order_groups: tuple[OrderGroup, ...] = ()


class OrderGroupDetail(Answer):
    """One group with the ids of its orders."""

    contracts_limit_fp: Contracts | None = None
    is_auto_cancel_enabled: bool
    orders: list[str]
    exchange_index: Shard | None = None


class CreatedOrderGroup(Answer):
    order_group_id: str
    subaccount: int
    exchange_index: Shard | None = None


class BucketLimit(Answer):
    """Tokens per second, and the most that the bucket holds."""

    refill_rate: int
    bucket_capacity: int


class AccountLimits(Answer):
    usage_tier: str
    read: BucketLimit
    write: BucketLimit


class EndpointTokenCost(Answer):
    method: str
    path: str
    cost: int


class EndpointCosts(Answer):
    """Endpoints that do not cost ``default_cost`` tokens."""

    default_cost: int
    endpoint_costs: list[EndpointTokenCost]
