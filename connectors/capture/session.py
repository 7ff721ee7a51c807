"""How a session of a capture began: when, by what, at which exchange, and what was read of each market."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.kalshi.fees import FeeTerms, FeeType
from connectors.kalshi.grid import PriceGrid, PriceRange
from connectors.kalshi.listing import Listing, instrument_of_grid
from connectors.kalshi.models.exchange import ExchangeStatus
from connectors.kalshi.models.markets import MarketStatus, Result
from connectors.kalshi.states import MarketState
from connectors.kalshi.teller import Terms
from engine.market.instrument import Instrument


class SessionError(ValueError):
    """A session that cannot be read. The text names the field."""


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SaidFees(_Said):
    """What a market charges. ``multiplier`` of the published rate; no fee before ``waived_until_ns``."""

    type: FeeType
    multiplier: Decimal
    waived_until_ns: int | None


class SaidMarket(_Said):
    """One market as it was read. Times are UTC nanoseconds, prices dollars; ``fees`` null where they are not known."""

    ticker: str
    event: str
    yes_title: str
    no_title: str
    rules: str
    status: MarketStatus
    open_ns: int
    close_ns: int
    can_close_early: bool
    price_ranges: list[tuple[Decimal, Decimal, Decimal]]
    shard: int | None
    result: Result
    yes_value: Decimal | None
    fees: SaidFees | None

    @classmethod
    def of(cls, terms: Terms, listing: Listing) -> Self:
        state, fees = terms.state, terms.fees
        return cls(
            ticker=state.ticker, event=state.event_ticker, yes_title=listing.yes_title, no_title=listing.no_title,
            rules=listing.rules, status=state.status, open_ns=state.open_ns, close_ns=state.close_ns,
            can_close_early=state.can_close_early,
            price_ranges=[(r.start, r.end, r.step) for r in state.grid.ranges], shard=state.exchange_index,
            result=state.result, yes_value=state.yes_value,
            fees=None if fees is None else SaidFees(
                type=fees.type, multiplier=fees.multiplier, waived_until_ns=fees.waived_until_ns
            ),
        )  # fmt: skip

    @property
    def grid(self) -> PriceGrid:
        return PriceGrid.of(PriceRange(*r) for r in self.price_ranges)

    @property
    def terms(self) -> Terms:
        state = MarketState(
            self.ticker, self.event, self.status, self.open_ns, self.close_ns, self.can_close_early, self.grid,
            self.shard, self.result, self.yes_value,
        )  # fmt: skip
        fees = self.fees
        charged = None if fees is None else FeeTerms(fees.type, fees.multiplier, fees.waived_until_ns)
        return Terms(state, charged)

    @property
    def instrument(self) -> Instrument:
        return instrument_of_grid(self.ticker, self.grid)


class Session(_Said):
    """The head of a session. ``created_ns`` is of the session, ``by`` the run or command that captured it."""

    venue: Literal["kalshi"]
    exchange: str
    created_ns: int
    engine: str
    by: str
    status: dict[str, Any]
    markets: list[SaidMarket]

    @classmethod
    def of(
        cls, exchange: str, created_ns: int, engine: str, by: str, markets: Sequence[Terms],
        listings: Mapping[str, Listing], status: ExchangeStatus,
    ) -> Self:  # fmt: skip
        said = [SaidMarket.of(terms, listings[terms.state.ticker]) for terms in markets]
        return cls(
            venue="kalshi", exchange=exchange, created_ns=created_ns, engine=engine, by=by,
            status=status.model_dump(mode="json"), markets=said,
        )  # fmt: skip

    @property
    def exchange_status(self) -> ExchangeStatus:
        return ExchangeStatus.model_validate(self.status)

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
