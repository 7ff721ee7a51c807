"""How a session of a capture began: when, by what, at which exchange, and what was read of each market."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.kalshi.fees import FeeChange, FeeSchedule, FeeType
from connectors.kalshi.grid import PriceGrid, PriceRange
from connectors.kalshi.listing import Listing, instrument_of_grid
from connectors.kalshi.models.exchange import ExchangeStatus
from connectors.kalshi.models.markets import MarketStatus, Result
from connectors.kalshi.states import MarketState
from connectors.kalshi.terms import Terms, TermsRead
from engine.market.instrument import Instrument


class SessionError(ValueError):
    """A session that cannot be read. The text names the field."""


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Change = tuple[int, FeeType | None, Decimal | None]


class SaidFees(_Said):
    """What a market charges and will: (from when, type, multiplier) of its series and of its event, in order of time;
    no fee before ``waived_until_ns``. Nulls: an event that overrides nothing."""

    series: list[Change]
    event: list[Change]
    waived_until_ns: int | None

    @classmethod
    def of(cls, fees: FeeSchedule) -> Self:
        series, event = ([(c.from_ns, c.type, c.multiplier) for c in part] for part in (fees.series, fees.event))
        return cls(series=series, event=event, waived_until_ns=fees.waived_until_ns)

    @property
    def schedule(self) -> FeeSchedule:
        series, event = (tuple(FeeChange(*change) for change in part) for part in (self.series, self.event))
        return FeeSchedule(series, event, self.waived_until_ns)


class SaidTerms(_Said):
    """One market as it was read. Times are UTC nanoseconds, prices dollars; ``fees`` null where they are not known."""

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
    fees: SaidFees | None

    @property
    def grid(self) -> PriceGrid:
        return PriceGrid.of(PriceRange(*r) for r in self.price_ranges)

    @property
    def terms(self) -> Terms:
        state = MarketState(
            self.ticker, self.event, self.status, self.open_ns, self.close_ns, self.can_close_early, self.grid,
            self.shard, self.result, self.yes_value,
        )  # fmt: skip
        return Terms(state, None if self.fees is None else self.fees.schedule)

    @property
    def instrument(self) -> Instrument:
        return instrument_of_grid(self.ticker, self.event, self.grid)


class SaidMarket(SaidTerms):
    """A market at the head of a session, with what it is about in the venue's words."""

    yes_title: str
    no_title: str
    rules: str


def said_terms(terms: Terms) -> SaidTerms:
    """What is kept of a market's terms."""
    state, fees = terms.state, terms.fees
    return SaidTerms(
        ticker=state.ticker, event=state.event_ticker, status=state.status, open_ns=state.open_ns,
        close_ns=state.close_ns, can_close_early=state.can_close_early,
        price_ranges=[(r.start, r.end, r.step) for r in state.grid.ranges], shard=state.exchange_index,
        result=state.result, yes_value=state.yes_value, fees=None if fees is None else SaidFees.of(fees),
    )  # fmt: skip


class SaidReading(_Said):
    """A reading of terms in the middle of a session."""

    status: dict[str, Any]
    markets: list[SaidTerms]

    @classmethod
    def of(cls, read: TermsRead) -> Self:
        return cls(status=read.exchange.model_dump(mode="json"), markets=[said_terms(t) for t in read.markets])

    def reading(self, time_ns: int) -> TermsRead:
        exchange = ExchangeStatus.model_validate(self.status)
        return TermsRead(time_ns, exchange, tuple(market.terms for market in self.markets))


class Session(_Said):
    """The head of a session. ``created_ns`` is of the session, ``by`` the run or command that captured it, ``read_ns``
    when the markets were read."""

    venue: Literal["kalshi"]
    exchange: str
    created_ns: int
    engine: str
    by: str
    read_ns: int
    status: dict[str, Any]
    markets: list[SaidMarket]

    @classmethod
    def of(
        cls, exchange: str, created_ns: int, engine: str, by: str, read: TermsRead, listings: Mapping[str, Listing]
    ) -> Self:
        said = [
            SaidMarket(**dict(said_terms(terms)), **listings[terms.state.ticker]._asdict()) for terms in read.markets
        ]
        return cls(
            venue="kalshi", exchange=exchange, created_ns=created_ns, engine=engine, by=by, read_ns=read.time_ns,
            status=read.exchange.model_dump(mode="json"), markets=said,
        )  # fmt: skip

    @property
    def reading(self) -> TermsRead:
        exchange = ExchangeStatus.model_validate(self.status)
        return TermsRead(self.read_ns, exchange, tuple(market.terms for market in self.markets))

    def encode(self) -> bytes:
        return self.model_dump_json().encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """SessionError names the first field that is wrong."""
        try:
            return cls.model_validate(json.loads(data))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise SessionError(f"{place}: {first['msg']}") from None
        except ValueError as error:
            raise SessionError(f"it is no JSON ({error})") from None
