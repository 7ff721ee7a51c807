"""From the rows of many files to ticks: in the order of time, or in the order in which the rows arrived."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import groupby, islice, repeat
from operator import itemgetter, lt
from typing import Any, NamedTuple

from connectors.replay.columns import MINUTE_NS
from connectors.replay.files import DataFile
from connectors.replay.rows import Batch, Selection
from connectors.replay.survey import places_of
from engine.market.events import NANOS, Bar, MarketEvent, Quote, SourceError, Tick

Days = Iterator[tuple[int, Batch]]
DayReader = Callable[[DataFile], Days]
SYMBOL, TIME = itemgetter(0), itemgetter(1)  # of a bar and of a quote alike
Arrival = tuple[int, bool, MarketEvent]  # when it arrived (UTC nanoseconds), whether it is a bar, what it is


class _Head(NamedTuple):
    """Where the reading of one file has come to: its next day, and what follows."""

    day: int
    batch: Batch
    file: DataFile
    rest: Days


class TimeOrder:
    """Ticks in the order of time, whatever the order of rows and files, holding one day in memory.

    Within a tick quotes come first, then bars, each by symbol. Rows that repeat another exactly are dropped and
    counted in ``duplicates_dropped``; rows that contradict another are an error.
    """

    def __init__(self, files: list[DataFile], read: DayReader, selection: Selection) -> None:
        self.duplicates_dropped = 0
        self._files = files
        self._read = read
        self._selection = selection

    def ticks(self) -> Iterator[Tick]:
        for batches in self._days():
            yield from self._ticks_of_day(batches)

    def _days(self) -> Iterator[list[Batch]]:
        """The batches of each day, earliest first. Day files are opened on their day, others stay open."""
        dated = sorted(((file.day, file) for file in self._files if file.day is not None), reverse=True)
        heads: list[_Head] = []
        for file in self._files:
            if file.day is None:
                _advance(file, self._read(file), heads)
        while dated or heads:
            today = min([head.day for head in heads] + [day for day, _ in dated[-1:]])
            while dated and dated[-1][0] == today:
                _, file = dated.pop()
                _advance(file, self._read(file), heads)
            batches: list[Batch] = []
            while due := [head for head in heads if head.day <= today]:
                heads = [head for head in heads if head.day > today]
                for head in due:
                    if head.day < today:
                        raise _goes_back(head)
                    batches.append(head.batch)
                    _advance(head.file, head.rest, heads)
            yield batches

    def _ticks_of_day(self, batches: list[Batch]) -> Iterator[Tick]:
        series: dict[tuple[bool, str], list[Any]] = {}
        for batch in batches:
            bars = type(batch[0]) is Bar
            for symbol, run in groupby(batch, key=SYMBOL):
                series.setdefault((bars, symbol), []).extend(run)
        by_time: dict[int, list[MarketEvent]] = {}
        for (bars, _), events in sorted(series.items()):  # quotes come before bars
            events = self._in_order(events)
            times_ns = [event[1] + MINUTE_NS for event in events] if bars else list(map(TIME, events))
            if len(series) == 1:
                return map(tuple.__new__, repeat(Tick), zip(times_ns, zip(events), strict=True))
            for time_ns, event in zip(times_ns, events, strict=True):
                if time_ns in by_time:
                    by_time[time_ns].append(event)
                else:
                    by_time[time_ns] = [event]
        return map(tuple.__new__, repeat(Tick), sorted(by_time.items()))

    def _in_order(self, events: list[Any]) -> list[Any]:
        """One symbol's bars or quotes by time, each once."""
        times_ns = list(map(TIME, events))
        if all(map(lt, times_ns, islice(times_ns, 1, None))):
            return events
        unique: dict[int, Any] = {}
        for event in sorted(events, key=TIME):
            earlier = unique.setdefault(event[1], event)
            if earlier is not event:
                if earlier != event:
                    raise self._contradiction(earlier, event)
                self.duplicates_dropped += 1
        return list(unique.values())

    def _contradiction(self, first: MarketEvent, second: MarketEvent) -> SourceError:
        """Find the two lines again; remembering the line of every row would slow every replay."""
        quotes = isinstance(first, Quote)
        start_ns = first[1] - (MINUTE_NS if quotes else 0)
        day, _, _ = self._selection.day_bounds(start_ns)
        files = [file for file in self._files if file.day in (None, day)]
        places = [place for file in files for place in places_of(file, first[0], start_ns, quotes=quotes)]
        fields = [name for name, a, b in zip(first._fields, first, second, strict=True) if a != b]
        when = datetime.fromtimestamp(start_ns // NANOS, self._selection.zone)
        return SourceError(
            f"{places[-1]}: this {'quote' if quotes else 'bar'} of {first[0]} at {when:%Y-%m-%d %H:%M %Z} differs in "
            f"{', '.join(fields)} from {' and '.join(places[:-1])}; remove the wrong one, or replay in arrival order"
        )


def _advance(file: DataFile, days: Days, heads: list[_Head]) -> None:
    for day, batch in islice(days, 1):
        heads.append(_Head(day, batch, file, days))


def _goes_back(head: _Head) -> SourceError:
    when = datetime.fromordinal(head.day)
    return SourceError(f"{head.file.path}: rows of {head.batch[0].symbol} go back in time to {when:%Y-%m-%d} after a "
                       "later day; sort the file by window_start, or replay in arrival order")


class ArrivalOrder:
    """Ticks in the order of the rows of each file: what a recorded feed delivered, late and repeated rows included.

    A row that is late belongs to the tick during which it arrived, unchanged. Files are merged by the time of arrival,
    quotes before bars; day files follow each other by date.
    """

    duplicates_dropped = 0

    def __init__(self, files: list[DataFile], read: DayReader) -> None:
        self._files = files
        self._read = read

    def ticks(self) -> Iterator[Tick]:
        now_ns = 0
        events: list[MarketEvent] = []
        for arrival_ns, _, event in self._merged():
            if arrival_ns <= now_ns:
                events.append(event)
                continue
            if events:
                yield Tick(now_ns, events)
            now_ns, events = arrival_ns, [event]
        if events:
            yield Tick(now_ns, events)

    def _merged(self) -> Iterator[Arrival]:
        streams = [self._arrivals(file) for file in self._files if file.day is None]
        dated = sorted((file for file in self._files if file.day is not None), key=lambda file: file.day or 0)
        streams.append(event for _, group in groupby(dated, key=lambda file: file.day)
                       for event in _merge([self._arrivals(file) for file in group]))
        return _merge(streams)

    def _arrivals(self, file: DataFile) -> Iterator[Arrival]:
        """Each event with the time at which it arrived: no earlier than it was known, nor than the row before it."""
        arrival_ns = 0
        for _, batch in self._read(file):
            for event in batch:
                arrival_ns = max(arrival_ns, event.known_ns if isinstance(event, Bar) else event.time_ns)
                yield arrival_ns, type(event) is Bar, event


def _merge(streams: list[Iterator[Arrival]]) -> Iterator[Arrival]:
    return heapq.merge(*streams, key=itemgetter(0, 1))
