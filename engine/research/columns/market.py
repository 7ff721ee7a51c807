"""Recorded market data as columns: what a sweep holds in memory once and sends to its workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter

import numpy as np

from engine.market.events import Bar, MarketEvent, Observation, Quote, Tick
from engine.plan.arrays import Floats, Ints

BAR, QUOTE, OBSERVATION = 0, 1, 2
_TIME, _EVENTS = itemgetter(0), itemgetter(1)


@dataclass(frozen=True, slots=True)
class MarketColumns:
    """Ticks laid out as columns; implements ``engine.market.events.MarketSource``.

    ``times``: of each tick, UTC nanoseconds, ascending. Events of tick ``t`` are ``first[t]`` to ``first[t + 1]`` of
    ``kind`` (BAR, QUOTE, OBSERVATION), ``symbol`` (number in ``symbols``) and ``row`` (number in the table of that
    kind), in the order in which they came. ``bars``: shape (bars, 7): open, high, low, close, volume (NaN unknown),
    prices in money per unit; ``bar_times``, shape (bars, 2): start in UTC nanoseconds, length in seconds.
    ``quotes``, shape (quotes, 4): bid, bid size, ask, ask size, NaN where a side is missing; ``quote_times`` UTC
    nanoseconds. ``observations`` are kept as they came. Everything pickles.
    """

    symbols: tuple[str, ...]
    times: Ints
    first: Ints
    kind: Ints
    symbol: Ints
    row: Ints
    bars: Floats
    bar_times: Ints
    quotes: Floats
    quote_times: Ints
    observations: tuple[Observation, ...] = ()

    @classmethod
    def of(cls, ticks: Iterable[Tick]) -> MarketColumns:
        """Lay out ticks; raises what the source raises."""
        held = list(ticks)
        events = list(map(_EVENTS, held))
        counts = np.fromiter(map(len, events), dtype=np.int64, count=len(events))
        flat: list[MarketEvent] = list(chain.from_iterable(events))
        times = np.fromiter(map(_TIME, held), dtype=np.int64, count=len(held))
        first = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(counts)))
        return _Layout(flat).columns(times, first)

    def ticks(self) -> Iterator[Tick]:
        """The ticks as they were."""
        names = self.symbols
        for number, time_ns in enumerate(self.times.tolist()):
            found: list[MarketEvent] = []
            for event in range(self.first[number], self.first[number + 1]):
                row, symbol = int(self.row[event]), names[self.symbol[event]]
                if self.kind[event] == BAR:
                    start_ns, seconds = self.bar_times[row].tolist()
                    opened, high, low, close, volume = self.bars[row].tolist()
                    found.append(Bar(symbol, start_ns, seconds, opened, high, low, close, _known(volume)))
                elif self.kind[event] == QUOTE:
                    found.append(Quote(symbol, int(self.quote_times[row]), *map(_known, self.quotes[row].tolist())))
                else:
                    found.append(self.observations[row])
            yield Tick(time_ns, found)

    def between(self, begin_ns: int | None, end_ns: int | None) -> MarketColumns:
        """The ticks from ``begin_ns`` to before ``end_ns`` (UTC nanoseconds; None: no bound), without a copy."""
        begin = 0 if begin_ns is None else int(np.searchsorted(self.times, begin_ns))
        end = len(self.times) if end_ns is None else int(np.searchsorted(self.times, end_ns))
        end = max(begin, end)
        since, until = int(self.first[begin]), int(self.first[end])
        return MarketColumns(
            self.symbols, self.times[begin:end], self.first[begin : end + 1] - since, self.kind[since:until],
            self.symbol[since:until], self.row[since:until], self.bars, self.bar_times, self.quotes, self.quote_times,
            self.observations,
        )  # fmt: skip


class _Layout:
    """Events on their way into columns."""

    def __init__(self, events: Sequence[MarketEvent]) -> None:
        self._events = events
        self._number: dict[str, int] = {}
        for name in map(itemgetter(0), events):
            if name not in self._number:
                self._number[name] = len(self._number)

    def columns(self, times: Ints, first: Ints) -> MarketColumns:
        events = self._events
        count = len(events)
        kind = np.fromiter((_kind(event) for event in events), dtype=np.int64, count=count)
        symbol = np.fromiter((self._number[event[0]] for event in events), dtype=np.int64, count=count)
        row = np.zeros(count, dtype=np.int64)
        for number in (BAR, QUOTE, OBSERVATION):
            mine = kind == number
            row[mine] = np.arange(np.count_nonzero(mine))
        bars = [event for event in events if event.__class__ is Bar]
        quotes = [event for event in events if event.__class__ is Quote]
        return MarketColumns(
            tuple(self._number), times, first, kind, symbol, row,
            _table([bar[3:8] for bar in bars], 5), np.array([bar[1:3] for bar in bars], dtype=np.int64).reshape(-1, 2),
            _table([quote[2:6] for quote in quotes], 4), np.array([quote[1] for quote in quotes], dtype=np.int64),
            tuple(event for event in events if isinstance(event, Observation)),
        )  # fmt: skip


def _kind(event: MarketEvent) -> int:
    return BAR if event.__class__ is Bar else QUOTE if event.__class__ is Quote else OBSERVATION


def _table(rows: list[tuple[float | None, ...]], width: int) -> Floats:
    """Rows of numbers; None becomes NaN."""
    return np.array(rows, dtype=np.float64).reshape(-1, width)


def _known(value: float) -> float | None:
    return None if value != value else value
