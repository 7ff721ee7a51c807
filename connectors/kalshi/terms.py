"""What changes seldom and is not streamed whole: whether the exchange is open, how markets stand, what they charge and
will charge. A run reads it at its start, and again every minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from connectors.kalshi.client import KalshiRest
from connectors.kalshi.fees import FeeChange, FeeSchedule
from connectors.kalshi.models.exchange import ExchangeStatus
from connectors.kalshi.models.markets import Event, Market, fee_schedule
from connectors.kalshi.models.stream import EventFeeUpdate
from connectors.kalshi.rest.markets import MarketFilter
from connectors.kalshi.rest.paging import collect

A_READ = 100
FEES_EVERY = 10  # readings: fees are announced long before they change, and an event's own is streamed
NANOS = 1_000_000_000
STALE_NS = 300 * NANOS
STALE = "whether the exchange is open has not been told for five minutes"


class Terms:
    """Keeps what was read last of ``markets``. ``fees``: whether any rule asks what they charge."""

    def __init__(
        self, rest: KalshiRest, markets: Iterable[Market], clock: Callable[[], int], *, fees: bool
    ) -> None:
        self.exchange: ExchangeStatus | None = None
        self.fees: dict[str, FeeSchedule] = {}
        self._rest, self._clock, self._with_fees = rest, clock, fees
        self._markets = {market.ticker: market for market in markets}
        self._read_ns = 0
        self._readings = 0

    async def read(self) -> list[Market]:
        """Read everything that is due; returns the markets as they stand. KalshiError leaves what was known."""
        began_ns = self._clock()
        exchange = await self._rest.exchange.status()
        markets = [m for part in _parts(self._markets) for m in await collect(self._rest.markets.markets(_of(part)))]
        if self._with_fees and self._readings % FEES_EVERY == 0:
            self.fees = await self._fees(markets)
        self.exchange, self._read_ns = exchange, began_ns
        self._markets |= {market.ticker: market for market in markets}
        self._readings += 1
        return markets

    def stale(self, now_ns: int) -> bool:
        """Whether the last reading is too old to trade on."""
        return now_ns - self._read_ns > STALE_NS

    def on_event_fee(self, told: EventFeeUpdate, now_ns: int) -> list[str]:
        """An event's own fees were set or cleared; returns the tickers concerned."""
        concerned = [t for t, m in self._markets.items() if m.event_ticker == told.event_ticker and t in self.fees]
        change = FeeChange(now_ns, told.fee_type_override, told.fee_multiplier_override)
        for ticker in concerned:
            self.fees[ticker] = self.fees[ticker].overridden(change)
        return concerned

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
