"""Minute bars from trades as they are told, and from time and sales where they were not.

``BarMaker`` is pure: a bar is over when its minute is, and a moment for late trades.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from connectors.polygon.events import Window
from connectors.polygon.history import Failures, GapReader
from connectors.polygon.minutes import Gap, Minutes
from connectors.tradier.client import TradierRest
from connectors.tradier.errors import NotAuthorized, RequestRefused, TradierError
from connectors.tradier.listing import is_option, underlying_of
from connectors.tradier.models import Sale
from engine.market.events import NANOS, Bar
from engine.market.instrument import Instrument
from engine.market.venue import News, Unheard

SECONDS = 60
WIDTH_NS = SECONDS * NANOS
LATE_NS = NANOS  # how long after its minute a bar waits for trades that come late
SETTLE_NS = 3 * NANOS  # how long after its end a minute may take to be in time and sales
CHUNK_NS = 2 * 86_400 * NANOS  # of one request: Tradier refuses answers that are too large
FAILURES = Failures(TradierError, (NotAuthorized, RequestRefused))


class BarMaker:
    """One symbol. A trade of a minute that was told already is passed over, as bars are told once.

    ``volumes``: whether trades have sizes that count; those of an index do not.
    """

    def __init__(self, symbol: str, *, volumes: bool = True) -> None:
        self.symbol, self._volumes = symbol, volumes
        self._start_ns = 0  # of the bar under way; 0 without one
        self._told_ns = 0
        self._prices: list[Decimal] = []
        self._volume = Decimal(0)

    def trade(self, price: Decimal, size: Decimal, time_ns: int) -> list[Window]:
        """Take in a trade; returns the bars that are over by it."""
        start = time_ns // WIDTH_NS * WIDTH_NS
        if start < self._told_ns or price <= 0 or (self._start_ns and start < self._start_ns):
            return []
        found = self._close() if self._start_ns and start > self._start_ns else []
        self._start_ns = start
        self._prices.append(price)
        self._volume += size
        return found

    def due(self, now_ns: int) -> list[Window]:
        """The bar under way, if its minute is over."""
        return self._close() if self._start_ns and now_ns >= self._start_ns + WIDTH_NS + LATE_NS else []

    def forget(self) -> None:
        """Leave out the bar under way: trades of it were missed."""
        self._start_ns, self._prices, self._volume = 0, [], Decimal(0)

    def _close(self) -> list[Window]:
        prices = self._prices
        bar = Window(
            self.symbol, self._start_ns, SECONDS, prices[0], max(prices), min(prices), prices[-1],
            self._volume if self._volumes else None,
        )  # fmt: skip
        self._told_ns = self._start_ns + WIDTH_NS
        self.forget()
        return [bar]


class Bars:
    """The bars of all symbols, each minute told once and in order; minutes that were not heard from begin to end come
    from time and sales. ``instruments`` by Tradier's names; ``since_ns``: from which minute on they are told.
    ``changed`` hears when something was read, and what could not be.
    """

    def __init__(
        self, rest: TradierRest, instruments: Mapping[str, Instrument], since_ns: int,
        changed: Callable[[list[News]], None] = lambda news: None,
    ) -> None:  # fmt: skip
        self._rest, self._clock, self._instruments = rest, rest.http.clock, instruments
        self._makers = {name: BarMaker(name, volumes=i.tradable) for name, i in instruments.items()}
        self._minutes = Minutes(instruments, since_ns, SETTLE_NS, per_second=True)
        self._reader = GapReader(self._read, self._wait_until, self._filled, FAILURES, self._clock.sleep)
        self._changed = changed

    async def close(self) -> None:
        """Stop reading."""
        await self._reader.close()

    def link(self, now_ns: int, *, up: bool) -> None:
        """Everything is heard from now on, or nothing."""
        self._reader.forget(frozenset(self._makers))
        for name, maker in self._makers.items():
            maker.forget()
            if not up:
                self._minutes.lost(name)
                continue
            for gap in self._minutes.ready(name, now_ns):
                self._reader.read(gap)

    def behind(self) -> bool:
        """Whether bars of a break are still to come."""
        return self._minutes.behind()

    def trade(self, name: str, price: Decimal, size: Decimal, time_ns: int) -> None:
        """A trade was told."""
        for window in self._makers[name].trade(price, size, time_ns):
            self._minutes.hear(window)

    def due(self, now_ns: int) -> list[Bar]:
        """The bars that are over by now, in order."""
        for maker in self._makers.values():
            for window in maker.due(now_ns):
                self._minutes.hear(window)
        over = (window for group in self._minutes.due(now_ns) for window in group)
        return [bar_of(self._instruments[window.ticker].symbol, window) for window in over]

    async def _read(self, gap: Gap) -> list[Window]:
        volumes = self._instruments[gap.ticker].tradable
        return await read_windows(self._rest, gap.ticker, gap.from_ns, gap.to_ns, volumes=volumes)

    async def _wait_until(self, time_ns: int) -> None:
        while (left := time_ns - self._clock.now_ns()) > 0:
            await self._clock.sleep(left / NANOS)

    def _filled(self, gap: Gap, windows: list[Window] | None, why: str) -> None:
        self._minutes.filled(gap, windows or [])
        news: list[News] = []
        if windows is None:
            reason = f"the bars from {_wall(gap.from_ns)} to {_wall(gap.to_ns)} UTC could not be read: {why}"
            news.append(Unheard(gap.from_ns, self._instruments[gap.ticker].symbol, reason))
        self._changed(news)


async def read_windows(rest: TradierRest, name: str, from_ns: int, to_ns: int, *, volumes: bool = True) -> list[Window]:
    """The minutes of a symbol (as Tradier writes it) that begin in [from_ns, to_ns), extended hours included."""
    found: list[Window] = []
    for start in range(from_ns, to_ns, CHUNK_NS):
        end = min(start + CHUNK_NS, to_ns)
        for sale in await rest.timesales(name, "1min", start, end):
            if start <= sale.start_ns < end:
                found += _window(name, sale, volumes)
    return found


async def read_bars(rest: TradierRest, instrument: Instrument, from_ns: int, to_ns: int) -> list[Bar]:
    """The same as rules see them."""
    symbol, volumes = instrument.symbol, instrument.tradable
    name = symbol if is_option(symbol) else underlying_of(symbol)
    return [bar_of(symbol, window) for window in await read_windows(rest, name, from_ns, to_ns, volumes=volumes)]


def bar_of(symbol: str, window: Window) -> Bar:
    """A window as rules see it."""
    volume = None if window.volume is None else float(window.volume)
    return Bar(
        symbol, window.start_ns, window.seconds, float(window.open), float(window.high), float(window.low),
        float(window.close), volume,
    )  # fmt: skip


def _window(name: str, sale: Sale, volumes: bool) -> list[Window]:
    """None of a minute in which nothing traded."""
    opened, high, low, close = sale.open, sale.high, sale.low, sale.close
    if opened is None or high is None or low is None or close is None or close <= 0:
        return []
    volume = (sale.volume or Decimal(0)) if volumes else None
    return [Window(name, sale.start_ns, SECONDS, opened, high, low, close, volume)]


def _wall(time_ns: int) -> str:
    return f"{datetime.fromtimestamp(time_ns // NANOS, UTC):%H:%M}"
