"""How a session of a capture began: when, by what, at which exchange, and what was read of each market."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, Self

from connectors.capture.codec import Head, Maker, Said, decoded
from connectors.kalshi.fees import FeeChange, FeeSchedule, FeeType
from connectors.kalshi.grid import PriceGrid, PriceRange
from connectors.kalshi.listing import Listing, instrument_of_grid
from connectors.kalshi.models.exchange import ExchangeStatus
from connectors.kalshi.models.markets import MarketStatus, Result
from connectors.kalshi.states import MarketState
from connectors.kalshi.teller import Reading, taker_rates
from engine.market.instrument import Instrument


class SaidChange(Said):
    """What is charged from an instant on; nulls of an event say that it overrides nothing."""

    from_ns: int
    type: FeeType | None
    multiplier: Decimal | None


class SaidFees(Said):
    """What a market charges and will, by its series and by its event; no fee before ``waived_until_ns``."""

    series: list[SaidChange]
    event: list[SaidChange]
    waived_until_ns: int | None

    @classmethod
    def of(cls, fees: FeeSchedule) -> Self:
        series, event = (
            [SaidChange(from_ns=c.from_ns, type=c.type, multiplier=c.multiplier) for c in changes]
            for changes in (fees.series, fees.event)
        )
        return cls(series=series, event=event, waived_until_ns=fees.waived_until_ns)

    @property
    def schedule(self) -> FeeSchedule:
        series, event = (
            tuple(FeeChange(c.from_ns, c.type, c.multiplier) for c in changes) for changes in (self.series, self.event)
        )
        return FeeSchedule(series, event, self.waived_until_ns)


class SaidState(Said):
    """How a market stood. Times are UTC nanoseconds, prices dollars."""

    ticker: str
    event: str
    status: MarketStatus
    open_ns: int
    close_ns: int
    can_close_early: bool
    price_ranges: list[tuple[Decimal, Decimal, Decimal]]
    shard: int | None
    result: Result
    yes_value: Decimal | None
    volume: Decimal | None = None  # captures of before did not keep it

    @classmethod
    def of(cls, state: MarketState) -> Self:
        return cls(
            ticker=state.ticker, event=state.event_ticker, status=state.status, open_ns=state.open_ns,
            close_ns=state.close_ns, can_close_early=state.can_close_early,
            price_ranges=[(r.start, r.end, r.step) for r in state.grid.ranges], shard=state.exchange_index,
            result=state.result, yes_value=state.yes_value, volume=state.volume,
        )  # fmt: skip

    @property
    def grid(self) -> PriceGrid:
        return PriceGrid.of(PriceRange(*r) for r in self.price_ranges)

    @property
    def state(self) -> MarketState:
        return MarketState(
            self.ticker, self.event, self.status, self.open_ns, self.close_ns, self.can_close_early, self.grid,
            self.shard, self.result, self.yes_value, self.volume,
        )  # fmt: skip

    @property
    def instrument(self) -> Instrument:
        return instrument_of_grid(self.ticker, self.event, self.grid)


class SaidTitles(Said):
    """What a market is about, in the venue's words."""

    yes: str
    no: str
    rules: str


class SaidReading(Said):
    """What was read beside the stream, beginning at ``began_ns``; ``fees`` by ticker, null where they were not read."""

    began_ns: int
    status: dict[str, Any]
    states: list[SaidState]
    fees: dict[str, SaidFees] | None

    @classmethod
    def of(cls, reading: Reading) -> Self:
        fees = reading.fees
        return cls(
            began_ns=reading.began_ns, status=reading.exchange.model_dump(mode="json"),
            states=[SaidState.of(state) for state in reading.states],
            fees=None if fees is None else {ticker: SaidFees.of(schedule) for ticker, schedule in fees.items()},
        )  # fmt: skip

    @property
    def reading(self) -> Reading:
        fees = None if self.fees is None else {ticker: said.schedule for ticker, said in self.fees.items()}
        exchange = ExchangeStatus.model_validate(self.status)
        return Reading(self.began_ns, exchange, [said.state for said in self.states], fees)


class Session(Head):
    """The head of a session. ``read``: what was read of every market before the stream began."""

    venue: Literal["kalshi"]
    titles: dict[str, SaidTitles]
    read: SaidReading

    @classmethod
    def of(
        cls, maker: Maker, created_ns: int, states: Sequence[MarketState], listings: Mapping[str, Listing],
        reading: Reading,
    ) -> Self:  # fmt: skip
        newest = {state.ticker: state for state in (*states, *reading.states)}
        titles = {t: SaidTitles(yes=said.yes_title, no=said.no_title, rules=said.rules) for t, said in listings.items()}
        return cls(
            venue="kalshi", **maker._asdict(), created_ns=created_ns, titles=titles,
            read=SaidReading.of(reading._replace(states=list(newest.values()))),
        )  # fmt: skip

    @property
    def markets(self) -> dict[str, SaidState]:
        """How each market stood at the beginning."""
        return {state.ticker: state for state in self.read.states}

    @property
    def instruments(self) -> dict[str, Instrument]:
        """The markets as what can be ordered, on the grids that they had."""
        return {ticker: market.instrument for ticker, market in self.markets.items()}

    @property
    def taker_rates(self) -> dict[str, Decimal]:
        """What takers were charged in each market when the session began."""
        reading = self.read.reading
        return taker_rates(reading.fees or {}, reading.began_ns)


def decode_reading(data: bytes) -> Reading:
    """A reading in the middle of a session; SessionError names the first field that is wrong."""
    return decoded(SaidReading, data).reading


def encode_reading(reading: Reading) -> bytes:
    return SaidReading.of(reading).model_dump_json().encode()
