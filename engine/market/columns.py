"""Recorded market data as columns: what a sweep holds in memory once and sends to its workers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import chain, islice
from operator import itemgetter
from typing import Any, NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from engine.market.events import Bar, MarketEvent, MarketSource, Observation, Quote, Tick
from engine.market.inputs import Aside, MarketInput, Waits, everything_of

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

BAR, QUOTE, OBSERVATION = 0, 1, 2
BLOCK_TICKS = 8192
Made = TypeVar("Made")
_SYMBOL, _TIME, _EVENTS = itemgetter(0), itemgetter(0), itemgetter(1)


@runtime_checkable
class InColumns(Protocol):
    """A source that can give its ticks as columns at once, which is quicker than one by one."""

    def columns(self, notice: Callable[[], None]) -> MarketColumns | None:
        """The same as ``MarketColumns.of(ticks())``; None where only ``ticks`` can do it, or can say what is wrong.
        ``notice`` is called now and then. Raises nothing."""
        ...


class Placed(NamedTuple):
    """What is told before tick ``number`` and is no tick."""

    number: int
    item: Aside


@dataclass(frozen=True, slots=True)
class MarketColumns:
    """Ticks laid out as columns; implements ``engine.market.inputs.InputSource``.

    ``times``: of each tick, UTC nanoseconds, ascending. Events of tick ``t`` are ``first[t]`` to ``first[t + 1]`` of
    ``kind`` (BAR, QUOTE, OBSERVATION), ``symbol`` (number in ``symbols``) and ``row`` (number in the table of that
    kind), in the order in which they came. ``bars``: shape (bars, 5): open, high, low, close, volume (NaN unknown),
    prices in money per unit; ``bar_times``, shape (bars, 2): start in UTC nanoseconds, length in seconds.
    ``quotes``, shape (quotes, 4): bid, bid size, ask, ask size, NaN where a side is missing; ``quote_times`` UTC
    nanoseconds. ``observations`` are kept as they came, and so are ``asides``: what was told between ticks of the past,
    missed or late. Everything pickles.
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
    asides: tuple[Placed, ...] = ()
    _kept: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """What was worked out from the columns is worked out again where they arrive."""
        names = [each.name for each in fields(self) if each.init]
        return MarketColumns, tuple(getattr(self, name) for name in names)

    def kept(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Something worked out from the columns alone and ``key``: made once, and kept as long as the columns are."""
        if key not in self._kept:
            self._kept[key] = make()
        found: Made = self._kept[key]
        return found

    @classmethod
    def read(cls, source: MarketSource, notice: Callable[[], None] = lambda: None) -> MarketColumns:
        """Lay out all that a source has. One that is ``InColumns`` does it itself, where it can."""
        found = source.columns(notice) if isinstance(source, InColumns) else None
        return cls.of(everything_of(source), notice) if found is None else found

    @classmethod
    def of(cls, inputs: Iterable[MarketInput], notice: Callable[[], None] = lambda: None) -> MarketColumns:
        """Lay out ticks, some thousands at a time; raises what the source raises. ``notice`` is called now and then."""
        layout, asides = _Layout(), list[Placed]()
        rest = _ticks_alone(inputs, asides)
        while block := list(islice(rest, BLOCK_TICKS)):
            layout.add(block)
            notice()
        return replace(layout.columns(), asides=tuple(asides))

    def inputs(self) -> Iterator[MarketInput]:
        """The ticks as they were, and what was told between them."""
        asides, at = self.asides, 0
        for number, tick in enumerate(self.ticks()):
            while at < len(asides) and asides[at].number <= number:
                yield asides[at].item
                at += 1
            yield tick

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
        """The ticks from ``begin_ns`` to before ``end_ns`` (UTC nanoseconds; None: no bound), without a copy.

        The span asked for last is kept, with what was worked out of it.
        """
        if begin_ns is None and end_ns is None:
            return self
        span, found = self._kept.get("span", (None, None))
        if span != (begin_ns, end_ns):
            found = self._between(begin_ns, end_ns)
            self._kept["span"] = ((begin_ns, end_ns), found)
        chosen: MarketColumns = found
        return chosen

    def _between(self, begin_ns: int | None, end_ns: int | None) -> MarketColumns:
        begin = 0 if begin_ns is None else int(np.searchsorted(self.times, begin_ns))
        end = len(self.times) if end_ns is None else int(np.searchsorted(self.times, end_ns))
        end = max(begin, end)
        since, until = int(self.first[begin]), int(self.first[end])
        return MarketColumns(
            self.symbols, self.times[begin:end], self.first[begin : end + 1] - since, self.kind[since:until],
            self.symbol[since:until], self.row[since:until], self.bars, self.bar_times, self.quotes, self.quote_times,
            self.observations, tuple(self._asides_between(begin, end)),
        )  # fmt: skip

    def _asides_between(self, begin: int, end: int) -> Iterator[Placed]:
        """Those of a span of ticks; before it, how long bars are waited for."""
        waits = [aside for aside in self.asides if aside.number < begin and isinstance(aside.item, Waits)]
        if waits:
            yield Placed(0, waits[-1].item)
        for number, item in self.asides:
            if begin <= number < end:
                yield Placed(number - begin, item)


def _ticks_alone(inputs: Iterable[MarketInput], asides: list[Placed]) -> Iterator[Tick]:
    """The ticks; everything else goes to ``asides``."""
    number = 0
    for item in inputs:
        if isinstance(item, Tick):
            number += 1
            yield item
        else:
            asides.append(Placed(number, item))


class _Layout:
    """Ticks on their way into columns."""

    def __init__(self) -> None:
        self._number: dict[str, int] = {}
        self._parts: list[tuple[Ints, Ints, Ints, Ints, Floats, Ints, Floats, Ints]] = []
        self._observations: list[Observation] = []

    def add(self, ticks: Sequence[Tick]) -> None:
        events = list(map(_EVENTS, ticks))
        counts = np.fromiter(map(len, events), dtype=np.int64, count=len(events))
        times = np.fromiter(map(_TIME, ticks), dtype=np.int64, count=len(ticks))
        flat: list[MarketEvent] = list(chain.from_iterable(events))
        numbers = self._number
        for name in dict.fromkeys(map(_SYMBOL, flat)):
            numbers.setdefault(name, len(numbers))
        symbol = np.fromiter((numbers[event[0]] for event in flat), dtype=np.int64, count=len(flat))
        kind = np.fromiter(map(_kind, flat), dtype=np.int64, count=len(flat))
        bars: list[Any] = flat if not kind.any() else [event for event in flat if event.__class__ is Bar]
        quotes: list[Any] = [event for event in flat if event.__class__ is Quote] if kind.any() else []
        self._observations += [event for event in flat if isinstance(event, Observation)] if kind.any() else []
        self._parts.append((
            times, counts, kind, symbol, _table([bar[3:8] for bar in bars], 5),
            np.array([bar[1:3] for bar in bars], dtype=np.int64).reshape(-1, 2),
            _table([quote[2:6] for quote in quotes], 4), np.array([quote[1] for quote in quotes], dtype=np.int64),
        ))  # fmt: skip

    def columns(self) -> MarketColumns:
        if not self._parts:
            self.add([])
        times, counts, kind, symbol, bars, bar_times, quotes, quote_times = (
            np.concatenate(found) for found in zip(*self._parts, strict=True)
        )
        row = np.zeros(len(kind), dtype=np.int64)
        for number in (BAR, QUOTE, OBSERVATION):
            mine = kind == number
            row[mine] = np.arange(np.count_nonzero(mine))
        first = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(counts)))
        return MarketColumns(
            tuple(self._number), times, first, kind, symbol, row, bars, bar_times, quotes, quote_times,
            tuple(self._observations),
        )  # fmt: skip


def _kind(event: MarketEvent) -> int:
    return BAR if event.__class__ is Bar else QUOTE if event.__class__ is Quote else OBSERVATION


def _table(rows: list[tuple[float | None, ...]], width: int) -> Floats:
    """Rows of numbers; None becomes NaN."""
    return np.array(rows, dtype=np.float64).reshape(-1, width)


def _known(value: float) -> float | None:
    return None if value != value else value
