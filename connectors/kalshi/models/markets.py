"""Series, events, markets, and the fees they announce."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator

from connectors.kalshi.fees import FeeChange, FeeSchedule, FeeTerms, FeeType, fee_terms
from connectors.kalshi.grid import PriceGrid, PriceRange
from connectors.kalshi.models.fields import (
    Answer,
    Contracts,
    Dollars,
    Instant,
    No,
    Number,
    Shard,
    Yes,
    open_list,
)


class MarketStatus(StrEnum):
    """Where a market is in its life: initialized, active (inactive when paused), closed, determined, finalized."""

    INITIALIZED = "initialized"
    INACTIVE = "inactive"
    ACTIVE = "active"
    CLOSED = "closed"
    DETERMINED = "determined"
    DISPUTED = "disputed"
    AMENDED = "amended"
    FINALIZED = "finalized"
    UNKNOWN = "unknown"


class Result(StrEnum):
    """How a market ended; NONE before that. SCALAR pays a value between $0 and $1 for YES."""

    NONE = ""
    YES = "yes"
    NO = "no"
    SCALAR = "scalar"
    UNKNOWN = "unknown"


FeeTypeField = Annotated[FeeType, BeforeValidator(open_list(FeeType))]


class PriceRangeAnswer(Answer):
    start: Dollars
    end: Dollars
    step: Dollars


class SettlementSource(Answer):
    name: str = ""
    url: str = ""


class Market(Answer):
    """One market. Prices at the top of an empty book come as bid 0 and ask 1 with size 0. The venue may leave out
    ``title``, which its specification calls deprecated."""

    ticker: str
    event_ticker: str
    market_type: str
    title: str = ""
    yes_sub_title: str
    no_sub_title: str
    created_time: Instant
    updated_time: Instant
    open_time: Instant
    close_time: Instant
    latest_expiration_time: Instant
    expected_expiration_time: Instant | None = None
    occurrence_datetime: Instant | None = None
    settlement_timer_seconds: int
    status: Annotated[MarketStatus, BeforeValidator(open_list(MarketStatus))]
    result: Annotated[Result, BeforeValidator(open_list(Result))]
    can_close_early: bool
    early_close_condition: str | None = None
    yes_bid_dollars: Yes
    yes_bid_size_fp: Contracts
    yes_ask_dollars: Yes
    yes_ask_size_fp: Contracts
    no_bid_dollars: No
    no_ask_dollars: No
    last_price_dollars: Yes
    previous_price_dollars: Yes
    volume_fp: Contracts
    volume_24h_fp: Contracts
    open_interest_fp: Contracts
    notional_value_dollars: Dollars
    settlement_value_dollars: Dollars | None = None
    settlement_ts: Instant | None = None
    settlement_bounds_type: str
    settlement_floor_dollars: Dollars | None = None
    expiration_value: str
    fee_waiver_expiration_time: Instant | None = None
    strike_type: str | None = None
    floor_strike: Number | None = None
    cap_strike: Number | None = None
    custom_strike: dict[str, Any] | None = None
    rules_primary: str
    rules_secondary: str
    price_level_structure: str
    price_ranges: list[PriceRangeAnswer]
    exchange_index: Shard | None = None

    @property
    def grid(self) -> PriceGrid:
        """Prices at which this market can be ordered now; PriceError when the venue's ranges make no grid."""
        return grid_of(self.price_ranges)


def grid_of(ranges: list[PriceRangeAnswer]) -> PriceGrid:
    """The price grid of ``price_ranges``."""
    return PriceGrid.of(PriceRange(r.start, r.end, r.step) for r in ranges)


class MarketAnswer(Answer):
    market: Market


class Event(Answer):
    """What several markets are about. ``mutually_exclusive``: at most one of them can end in YES."""

    event_ticker: str
    series_ticker: str
    title: str
    sub_title: str
    mutually_exclusive: bool
    collateral_return_type: str
    strike_date: Instant | None = None
    strike_period: str | None = None
    markets: list[Market] | None = None
    product_metadata: dict[str, Any] | None = None
    settlement_sources: list[SettlementSource] | None
    last_updated_ts: Instant | None = None
    fee_type_override: FeeTypeField | None = None
    fee_multiplier_override: Number | None = None
    exchange_index: Shard | None = None


class EventAnswer(Answer):
    """``markets`` holds the event's markets unless they were asked for nested."""

    event: Event
    markets: tuple[Market, ...] = ()


class Series(Answer):
    """A template of events, and what their markets charge unless an event overrides it."""

    ticker: str
    title: str
    frequency: str
    category: str
    categories: list[str]
    tags: list[str] | None = None
    settlement_sources: list[SettlementSource] | None
    contract_terms_url: str
    fee_type: FeeTypeField
    fee_multiplier: Number
    volume_fp: Contracts | None = None
    last_updated_ts: Instant | None = None
    exchange_index: Shard | None = None


class SeriesAnswer(Answer):
    series: Series


class SeriesListAnswer(Answer):
    series: list[Series]


class SeriesFeeChange(Answer):
    """A change of a series' fees, in force from ``scheduled_ts``."""

    id: str
    series_ticker: str
    fee_type: FeeTypeField
    fee_multiplier: Number
    scheduled_ts: Instant


class SeriesFeeChangesAnswer(Answer):
    series_fee_change_arr: list[SeriesFeeChange]


class EventFeeChange(Answer):
    """A change of an event's override; None clears it."""

    id: str
    event_ticker: str
    series_ticker: str
    fee_type_override: FeeTypeField | None = None
    fee_multiplier_override: Number | None = None
    scheduled_ts: Instant


def fee_schedule(
    series: Series, event: Event, market: Market, series_changes: Iterable[SeriesFeeChange],
    event_changes: Iterable[EventFeeChange],
) -> FeeSchedule:  # fmt: skip
    """What a market charges and will: what its series and event say now, and the changes announced for both."""
    now = FeeChange(0, series.fee_type, series.fee_multiplier)
    later = [
        FeeChange(c.scheduled_ts, c.fee_type, c.fee_multiplier)
        for c in series_changes if c.series_ticker == series.ticker
    ]  # fmt: skip
    own = FeeChange(0, event.fee_type_override, event.fee_multiplier_override)
    own_later = [
        FeeChange(c.scheduled_ts, c.fee_type_override, c.fee_multiplier_override)
        for c in event_changes if c.event_ticker == event.event_ticker
    ]  # fmt: skip
    return FeeSchedule((now, *_by_time(later)), (own, *_by_time(own_later)), market.fee_waiver_expiration_time)


def _by_time(changes: Iterable[FeeChange]) -> list[FeeChange]:
    return sorted(changes, key=lambda change: change.from_ns)


def market_fees(series: Series, event: Event | None = None, market: Market | None = None) -> FeeTerms:
    """What a market charges: its event's override, else its series; and its waiver. FeeError for unknown kinds."""
    override: tuple[FeeType | None, Decimal | None] = (None, None)
    if event is not None:
        override = (event.fee_type_override, event.fee_multiplier_override)
    waiver = market.fee_waiver_expiration_time if market is not None else None
    return fee_terms(series.fee_type, series.fee_multiplier, *override, waived_until_ns=waiver)
