"""A simulated market: sessions, bars, quotes and gaps to run rules on without a network or a key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import count, islice
from random import Random

from connectors.calendars import calendar as calendar_named
from connectors.simulated.model import Market, Path, PathBar, time_of_day_shape
from connectors.simulated.quotes import quote_around, to_tick
from engine.market.calendar import TradingDay
from engine.market.events import NANOS, Bar, Quote, SourceError, Tick

HALF_DAY_NS = 12 * 3600 * NANOS
MISSING_MINUTES = 0.004  # part of the bars of a share that have no trade and so no bar
OWN_VOLATILITY = 0.8  # of a share beside the market's
INDICES = {"SPX": (5000.0, 1.0, 0.05), "NDX": (18_000.0, 1.2, 0.25)}  # first price, beta, own volatility
PROXIES = {"SPY": ("SPX", 0.1), "QQQ": ("NDX", 0.025)}
MINUTE_VOLUMES = {"SPY": 150_000.0, "QQQ": 90_000.0}
SPREADS_BPS = {"SPY": 0.3, "QQQ": 0.4}


class SimulatedSource:
    """A believable market from a seed: no clock, no network, the same ticks every time.

    ``symbols``: SPX and NDX are indices, without volume and quotes; SPY and QQQ follow them at 1/10 and 1/40; any other
    symbol is a share that follows the same market. The path of a symbol does not depend on which others are asked for.
    ``start``: the first bar begins at or after it (UTC where it has no zone). ``days`` or ``bars`` (bars per symbol)
    say when to stop; without either it goes on to the end of the calendar. ``interval_s`` is the length of a bar.
    ``calendar``: a calendar's name, or the sessions themselves in order of time.

    Each tick has the quotes at the close of the bar, then the bars, by symbol. Now and then a share has no bar.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        start: datetime,
        *,
        days: int | None = None,
        bars: int | None = None,
        seed: int = 1,
        interval_s: int = 60,
        calendar: str | Sequence[TradingDay] = "XNYS",
    ) -> None:
        for name, value in (("days", days), ("bars", bars), ("interval_s", interval_s)):
            if value is not None and value < 1:
                raise SourceError(f"a simulation needs {name} of 1 or more, not {value}")
        if not symbols:
            raise SourceError("a simulation needs at least one symbol, such as SPY")
        self.symbols = sorted(set(symbols))
        aware = start if start.tzinfo is not None else start.replace(tzinfo=UTC)
        self._start_ns = int(aware.timestamp()) * NANOS
        self._days = days
        self._bars = bars
        self._seed = seed
        self._interval_s = interval_s
        self._calendar = calendar

    def ticks(self) -> Iterator[Tick]:
        """Yield ticks in strictly increasing time, always from the start."""
        ticks = self._all_ticks()
        return ticks if self._bars is None else islice(ticks, self._bars)

    def _all_ticks(self) -> Iterator[Tick]:
        minutes = self._interval_s / 60
        market = Market(self._seed, minutes)
        paths = {symbol: self._path(symbol, minutes) for symbol in {_path_of(s) for s in self.symbols}}
        venues = [_Venue(symbol, self._seed, self._interval_s) for symbol in self.symbols]
        interval_ns = self._interval_s * NANOS
        for number, day in enumerate(islice(self._sessions(), self._days)):
            market_gap = market.gap()
            for path in paths.values():
                path.gap(market_gap if number else 0.0)
            length = (day.close_ns - day.open_ns) // interval_ns
            if length < 1:
                raise SourceError(f"bars of {self._interval_s} s do not fit into a session of "
                                  f"{(day.close_ns - day.open_ns) // NANOS} s; choose a shorter interval")
            for n in range(length):
                start_ns = day.open_ns + n * interval_ns
                moves = market.moves(n / length)
                moved = {symbol: path.next_bar(moves, n / length) for symbol, path in paths.items()}
                printed = [venue.events(start_ns, moved[venue.path], n / length) for venue in venues]
                if start_ns >= self._start_ns:
                    quotes = [quote for quote, _ in printed if quote is not None]
                    yield Tick(start_ns + interval_ns, [*quotes, *(bar for _, bar in printed if bar is not None)])

    def _sessions(self) -> Iterator[TradingDay]:
        """Sessions that have a whole bar left at the start, and all later ones."""
        if not isinstance(self._calendar, str):
            days: Iterator[TradingDay] = iter(self._calendar)
        else:
            days = _days_of(self._calendar, self._start_ns)
        return (day for day in days if day.close_ns - self._interval_s * NANOS >= self._start_ns)

    def _path(self, symbol: str, minutes: float) -> Path:
        if symbol in INDICES:
            return Path(self._seed, symbol, *INDICES[symbol], minutes)
        character = Random(f"{self._seed}:character:{symbol}")
        price, beta = character.uniform(30, 400), character.uniform(0.7, 1.4)
        return Path(self._seed, symbol, price, beta, OWN_VOLATILITY, minutes)


def _path_of(symbol: str) -> str:
    return PROXIES[symbol][0] if symbol in PROXIES else symbol


def _days_of(name: str, start_ns: int) -> Iterator[TradingDay]:
    """Sessions from the local date of an instant on; half-day steps meet every date, whatever clocks do."""
    sessions = calendar_named(name)
    seen = 0
    for n in count():
        day = sessions.day_at(start_ns + n * HALF_DAY_NS)
        if day is not None and day.ordinal > seen:
            seen = day.ordinal
            yield day


class _Venue:
    """Turns the path of a symbol into what its market prints: ticks of a cent, volume, quotes, missing minutes."""

    def __init__(self, symbol: str, seed: int, interval_s: int) -> None:
        self.path, self._ratio = PROXIES.get(symbol, (symbol, 1.0))
        self._symbol = symbol
        self._interval_s = interval_s
        self._index = symbol in INDICES
        self._random = Random(f"{seed}:venue:{symbol}")
        drawn_volume, drawn_spread = self._random.uniform(5_000, 40_000), self._random.uniform(1, 4)
        self._volume = MINUTE_VOLUMES.get(symbol, drawn_volume) * interval_s / 60
        self._spread_bps = SPREADS_BPS.get(symbol, drawn_spread)

    def events(self, start_ns: int, moved: PathBar, fraction: float) -> tuple[Quote | None, Bar | None]:
        """The quote at the close and the bar; an index has no quote, and a share sometimes no bar."""
        open_, high, low, close = (to_tick(price * self._ratio) for price in moved[:4])
        bar = Bar(self._symbol, start_ns, self._interval_s, open_, high, low, close, None)
        if self._index:
            return None, bar
        shape = time_of_day_shape(fraction)
        volume = self._volume * shape**2 * (0.6 + 0.5 * moved.unusual) * self._random.lognormvariate(0, 0.35)
        sizes = 100 * self._random.randint(1, 30), 100 * self._random.randint(1, 30)
        quote = quote_around(self._symbol, bar.known_ns, close, self._spread_bps * shape, sizes)
        if self._random.random() < MISSING_MINUTES:
            return quote, None
        return quote, bar._replace(volume=float(max(1, round(volume))))
