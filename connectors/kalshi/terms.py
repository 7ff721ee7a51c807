"""What changes seldom and is not streamed whole: whether the exchange is open, how markets stand, what they charge and
will charge. A run reads it at its start, and again every minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from connectors.kalshi.client import KalshiRest
from connectors.kalshi.fees import FeeSchedule
from connectors.kalshi.models.exchange import ExchangeStatus
from connectors.kalshi.models.markets import Event, Market, fee_schedule
from connectors.kalshi.rest.markets import MarketFilter
from connectors.kalshi.rest.paging import collect

A_READ = 100
FEES_EVERY = 10  # readings: fees are announced long before they change, and an event's own is streamed


class Answers(NamedTuple):
    """One reading, begun at ``began_ns``. ``fees`` by ticker, None when they were not due."""

    began_ns: int
    exchange: ExchangeStatus
    markets: list[Market]
    fees: dict[str, FeeSchedule] | None


class Terms:
    """Reads them of ``markets``. ``fees``: whether anybody asks what they charge."""

    def __init__(
        self, rest: KalshiRest, markets: Iterable[Market], clock: Callable[[], int], *, fees: bool
    ) -> None:
        self._rest, self._clock, self._with_fees = rest, clock, fees
        self._tickers = [market.ticker for market in markets]
        self._readings = 0

    async def read(self) -> Answers:
        """Everything that is due. KalshiError when any of it cannot be read."""
        began_ns = self._clock()
        exchange, parts = await self._rest.exchange.status(), _parts(self._tickers)
        markets = [m for part in parts for m in await collect(self._rest.markets.markets(_of(part)))]
        due = self._with_fees and self._readings % FEES_EVERY == 0
        fees = await self._fees(markets) if due else None
        self._readings += 1
        return Answers(began_ns, exchange, markets, fees)

    async def _fees(self, markets: Iterable[Market]) -> dict[str, FeeSchedule]:
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
