"""A market as what can be ordered, and what is said of it beside its state."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple, Self

from connectors.kalshi.grid import PriceGrid
from connectors.kalshi.models.markets import Market
from engine.market.instrument import Instrument, InstrumentKind, PriceBand

LOT = Decimal(1)
CALENDAR = "24/7"


class Listing(NamedTuple):
    """What a market is about, in the venue's words."""

    yes_title: str
    no_title: str
    rules: str

    @classmethod
    def of(cls, market: Market) -> Self:
        """As REST tells it."""
        return cls(market.yes_sub_title, market.no_sub_title, market.rules_primary)


def event_of(ticker: str) -> str:
    """The event of a market by its ticker alone: SERIES-EVENT of SERIES-EVENT-MARKET. The market's own part may have
    dashes in it, as thresholds below zero and players' counts do."""
    series, dash, rest = ticker.partition("-")
    return f"{series}{dash}{rest.partition('-')[0]}"


def instrument_of_grid(ticker: str, event: str, grid: PriceGrid) -> Instrument:
    """Whole contracts, at YES prices on ``grid``, that settle on ``event``."""
    bands = tuple(PriceBand(r.start, r.end, r.step) for r in grid.ranges)
    smallest = min(band.step for band in bands)
    first, last = bands[0], bands[-1]
    return Instrument(
        ticker, InstrumentKind.BINARY, smallest, LOT, CALENDAR, bands if len(bands) > 1 else (),
        first.start or first.step, last.end if last.end < 1 else last.end - last.step, event,
    )  # fmt: skip
