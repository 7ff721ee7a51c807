"""What changes seldom and is not streamed whole: whether the exchange is open, how markets stand, what they charge and
will charge. A run reads it at its start, and again every minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from connectors.kalshi.client import KalshiRest
from connectors.kalshi.fees import FeeChange, FeeSchedule, Liquidity
from connectors.kalshi.models.exchange import ExchangeStatus
from connectors.kalshi.models.markets import Event, Market, fee_schedule
from connectors.kalshi.models.stream import EventFeeUpdate
from connectors.kalshi.rest.markets import MarketFilter
from connectors.kalshi.rest.paging import collect
from connectors.kalshi.states import MarketState

A_READ = 100
FEES_EVERY = 10  # readings: fees are announced long before they change, and an event's own is streamed


@dataclass(frozen=True, slots=True)
class Terms:
    """What is read of a market. ``fees`` is None where nobody has asked what it charges."""

    state: MarketState
    fees: FeeSchedule | None = None


class TermsRead(NamedTuple):
    """One reading, as of ``time_ns``: of the exchange, and of some or all markets."""

    time_ns: int
    exchange: ExchangeStatus
    markets: tuple[Terms, ...]


def taker_rates(markets: Iterable[Terms], time_ns: int) -> dict[str, Decimal]:
    """What takers pay at an instant, as a multiple of count × price × (1 − price); markets whose charges are not known
    are left out."""
    found = {terms.state.ticker: terms.fees.at(time_ns) for terms in markets if terms.fees is not None}
    return {ticker: fees.rate(Liquidity.TAKER) for ticker, fees in found.items() if fees is not None}


class TermsReader:
    """Reads the terms of ``markets``. ``fees``: whether anybody asks what they charge."""

    def __init__(
        self, rest: KalshiRest, markets: Iterable[Market], clock: Callable[[], int], *, fees: bool
    ) -> None:
        self._rest, self._clock, self._with_fees = rest, clock, fees
        self._markets = {market.ticker: market for market in markets}
        self._fees: dict[str, FeeSchedule] = {}
        self._readings = 0

    async def read(self) -> TermsRead:
        """Read what is due; KalshiError leaves what was known."""
        began_ns = self._clock()
        exchange = await self._rest.exchange.status()
        markets = [m for part in _parts(self._markets) for m in await collect(self._rest.markets.markets(_of(part)))]
        if self._with_fees and self._readings % FEES_EVERY == 0:
            self._fees = await self._read_fees(markets)
        self._readings += 1
        terms = tuple(Terms(MarketState.of(m), self._fees.get(m.ticker)) for m in markets)
        return TermsRead(began_ns, exchange, terms)

    def on_event_fee(self, told: EventFeeUpdate, now_ns: int) -> dict[str, FeeSchedule]:
        """An event's own fees were set or cleared; what its markets charge now."""
        change = FeeChange(now_ns, told.fee_type_override, told.fee_multiplier_override)
        for ticker, market in self._markets.items():
            if market.event_ticker == told.event_ticker and ticker in self._fees:
                self._fees[ticker] = self._fees[ticker].overridden(change)
        return {t: f for t, f in self._fees.items() if self._markets[t].event_ticker == told.event_ticker}

    async def _read_fees(self, markets: Iterable[Market]) -> dict[str, FeeSchedule]:
        events = await self._events({market.event_ticker for market in markets})
        reads = self._rest.markets
        series = {name: await reads.series(name) for name in sorted({e.series_ticker for e in events.values()})}
        series_changes = await reads.series_fee_changes()
        event_changes = await collect(reads.event_fee_changes())
        return {
            market.ticker: fee_schedule(
                series[events[market.event_ticker].series_ticker], events[market.event_ticker], market,
                series_changes, event_changes,
            )
            for market in markets
        }  # fmt: skip

    async def _events(self, tickers: Iterable[str]) -> dict[str, Event]:
        """The list has no combos, which are asked for one by one."""
        reads = self._rest.markets
        wanted = sorted(tickers)
        found = {e.event_ticker: e for part in _parts(wanted) for e in await collect(reads.events(tickers=part))}
        return {name: found.get(name) or await reads.event(name, with_markets=False) for name in wanted}


def _parts(tickers: Iterable[str]) -> list[list[str]]:
    names = sorted(tickers)
    return [names[start : start + A_READ] for start in range(0, len(names), A_READ)]


def _of(tickers: list[str]) -> MarketFilter:
    return MarketFilter(tickers=tuple(tickers))
