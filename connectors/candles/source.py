"""Minute candles of Kalshi markets as a source of ticks.

A candle tells what traded in a minute: a bar, the last price, that the market was open. It tells of no book. Its time
is taken as the start of its minute, so that it is known a minute later: where the file means the end, everything comes
a minute late, and never early.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Final

from connectors.candles import facts
from connectors.candles.files import candle_files, market_files
from connectors.candles.records import MarketRecord, read_records
from connectors.candles.rows import Candle, read_candles
from connectors.days import ALL_TIME, DayRange
from connectors.kalshi.grid import PriceGrid, PriceRange
from connectors.kalshi.listing import event_of, instrument_of_grid
from connectors.replay.files import ByteCount
from engine.market.events import NANOS, SETTLEMENT, MarketEvent, Observation, SourceError, Tick, later
from engine.market.instrument import Instrument

CENT: Final = Decimal("0.01")
NO_BOOK: Final = "a candle does not tell of the book"
NOT_TOLD: Final = "a candle does not tell it"
ASSUMED: Final = "the spread is assumed, and says nothing of sizes"
ALWAYS: Final = frozenset({SETTLEMENT})


@dataclass(frozen=True, slots=True)
class _File:
    """A file of candles, looked through. ``ends``: when the last minute of each market is over (UTC nanoseconds);
    ``first``: when the first minute of any begins (seconds); ``step``: the grid in dollars that all prices are on."""

    path: Path
    ends: Mapping[str, int]
    first: int
    step: Decimal


class CandleMarkets:
    """The markets of a folder or file of candles. ``spread``: dollars to assume between bid and ask around the last
    price; None leaves both unknown.

    Files are read through once. SourceError names file, line and field of the first row that is wrong.
    """

    has_signals = False

    def __init__(self, root: Path, spread: Decimal | None) -> None:
        if spread is not None and not 0 < spread < 1:
            raise SourceError(f"an assumed spread of {spread} dollars makes no sense; give one such as 0.02")
        self.root, self.spread = root, spread
        self._files = sorted(map(_survey, candle_files(root)), key=lambda file: (file.first, file.path))
        self._check_twice()
        self._records = read_records(market_files(root))

    def _check_twice(self) -> None:
        owner: dict[str, Path] = {}
        for file in self._files:
            for ticker in sorted(file.ends):
                if ticker in owner:
                    raise SourceError(f"{file.path}: {ticker} is in {owner[ticker]}, too; keep it in one file")
                owner[ticker] = file.path

    @cached_property
    def instruments(self) -> dict[str, Instrument]:
        """Each market on the grid that its prices show: cents, or finer."""
        return {
            ticker: instrument_of_grid(
                ticker, event_of(ticker), PriceGrid((PriceRange(Decimal(0), Decimal(1), file.step),))
            )
            for file in self._files
            for ticker in sorted(file.ends)
        }

    @property
    def taker_rates(self) -> dict[str, Decimal]:
        """What candles do not tell: the published rate holds."""
        return {}

    def listed(self) -> None:
        """No source of signals was kept."""

    @property
    def origin(self) -> str:
        """Where the prices came from, and that bid and ask were made up where they were."""
        return "candles kalshi" if self.spread is None else "candles kalshi, spread assumed"

    @property
    def words(self) -> str:
        """What is assumed, for reports; docs/backtesting.md says what follows."""
        spread = "none" if self.spread is None else f"${self.spread}"
        settled = sum(1 for ticker in self.instruments if self._pays(ticker))
        return f"candles, spread assumed: {spread}, results known: {settled} of {len(self.instruments)}"

    def ticks_of(self, symbols: Collection[str], names: Collection[str], days: DayRange = ALL_TIME) -> CandleSource:
        """A source for these markets and these facts."""
        files = [file for file in self._files if file.ends.keys() & set(symbols)]
        return CandleSource(files, symbols, names, self.spread, self._records, days)

    def _pays(self, ticker: str) -> bool:
        record = self._records.get(ticker)
        return record is not None and record.pays is not None


class CandleSource:
    """Implements ``engine.market.events.MarketSource``. ``days``: in which a candle begins or a market pays out.

    Each minute that has a row of any market is a tick, also when nothing traded in it.
    """

    def __init__(
        self, files: Sequence[_File], symbols: Collection[str], names: Collection[str], spread: Decimal | None,
        records: Mapping[str, MarketRecord], days: DayRange,
    ) -> None:  # fmt: skip
        self._files = [file.path for file in files]
        self._symbols, self._names = frozenset(symbols), frozenset(names)
        self._first = min((file.first for file in files), default=0)
        self._ends = {t: end for file in files for t, end in file.ends.items() if t in self._symbols}
        self._half = None if spread is None else spread / 2
        self._records = records
        self._span = days
        self._count = ByteCount()
        self._size = sum(path.stat().st_size for path in self._files)
        self._known: set[str] = set()

    def progress(self) -> float:
        """The part of the files that has been read, 0 to 1."""
        return min(1.0, self._count.total() / self._size) if self._size else 1.0

    def ticks(self) -> Iterator[Tick]:
        """One tick a minute, and one for each market that pays out after its last candle. SourceError where the days
        have none."""
        self._count, self._known = ByteCount(), set()
        candles = heapq.merge(*map(self._wanted, self._files), key=lambda c: c.start)
        minutes = (list(minute) for _, minute in groupby(candles, key=lambda c: c.start))
        traded = ((m[0].known_ns, [e for candle in m for e in self._events(candle)]) for m in minutes)
        now = 0
        for time_ns, events in heapq.merge(traded, self._payouts(), key=lambda tick: tick[0]):
            now = later(time_ns, now)
            yield Tick(now, events)
        if not now and self._ends and self._span.bounded:
            raise self._span.nothing(", ".join(sorted(self._ends)), self._first * NANOS, max(self._ends.values()))

    def _payouts(self) -> list[tuple[int, list[MarketEvent]]]:
        """What each market paid, at its close or after its last candle, whichever is later."""
        found = []
        for ticker, end_ns in self._ends.items():
            record = self._records.get(ticker)
            if record is not None and record.pays is not None:
                time_ns = max(record.close_ns, end_ns)
                if time_ns in self._span:
                    found.append((time_ns, facts.wanted(record.ended(time_ns), self._names, ALWAYS)))
        return sorted(found, key=lambda payout: payout[0])

    def _wanted(self, path: Path) -> Iterator[Candle]:
        for candle in read_candles(path, self._count):
            if candle.ticker in self._symbols and candle.start * NANOS in self._span:
                yield candle

    def _events(self, candle: Candle) -> list[MarketEvent]:
        ticker, now_ns, bar = candle.ticker, candle.known_ns, candle.bar
        events: list[MarketEvent] = []
        record = self._records.get(ticker)
        if record is not None:
            events += record.time_left(now_ns)
        if ticker not in self._known:
            self._known.add(ticker)
            events += facts.charges(ticker, now_ns)
            told = {e.name for e in events if isinstance(e, Observation)}
            events += facts.untold(ticker, now_ns, told, self._names, NOT_TOLD)
        if bar is not None:
            events += facts.trading(ticker, now_ns)
            events.append(Observation(ticker, now_ns, "market.last", bar.close))
            if self._half is not None:
                events += facts.prices(ticker, now_ns, *self._around(bar.close), ASSUMED)
            events.append(bar)
        return facts.wanted(events, self._names, ALWAYS)

    def _around(self, price: float) -> tuple[float | None, float | None]:
        """Bid and ask around a price on whole cents, rounded apart; None where a side would be at 0 or 1."""
        assert self._half is not None
        middle = Decimal(repr(price))
        bid = ((middle - self._half) / CENT).quantize(Decimal(1), ROUND_FLOOR) * CENT
        ask = ((middle + self._half) / CENT).quantize(Decimal(1), ROUND_CEILING) * CENT
        return (float(bid) if bid > 0 else None), (float(ask) if ask < 1 else None)


def _survey(path: Path) -> _File:
    ends: dict[str, int] = {}
    first, step = 0, CENT
    for candle in read_candles(path):
        first = min(first or candle.start, candle.start)
        ends[candle.ticker] = candle.known_ns
        if candle.open is not None:
            step = min(step, *map(_step, (candle.open, candle.high, candle.low, candle.close)))
    if not ends:
        raise SourceError(f"{path}: no candle is in it; remove the file")
    return _File(path, ends, first, step)


def _step(cents: float | None) -> Decimal:
    """The coarsest grid in dollars that has this price."""
    hundredths = round((cents or 0) * 100)
    if hundredths % 100 == 0:
        return CENT
    return Decimal("0.001") if hundredths % 10 == 0 else Decimal("0.0001")
