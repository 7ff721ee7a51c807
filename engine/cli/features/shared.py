"""What the verbs under ``engine features`` and runs that record share: days, machines, rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from connectors.days import DayRange
from engine.decide.features import Features
from engine.decide.labels import ExtendedHours, calendar_stretches, window_stretches
from engine.decide.sessions import calendar_of
from engine.market.calendar import TradingCalendar
from engine.market.instrument import Instrument
from engine.plan.compiled import compiled_kernel
from engine.ruleset.rules import Ruleset
from state.marketdata import FeatureSeries, MarketData, SessionLabel

AT_ONCE: Final = 2_000  # bars whose values are written in one transaction
HOUR: Final = 3600
# Of the exchanges in New York: https://www.nyse.com/markets/hours-calendars. On half days trading after the close ends
# at 17:00, as pandas_market_calendars has it, too.
EXTENDED: Final = {name: ExtendedHours(4 * HOUR, 20 * HOUR, 17 * HOUR) for name in ("XNYS", "XNAS")}


@dataclass(slots=True)
class Count:
    """What became of one symbol's bars."""

    bars: int = 0
    values: int = 0
    unknown: int = 0
    written: int = 0

    @property
    def words(self) -> str:
        there = self.values - self.written
        return (
            f"{self.values} values at {self.bars} bars ({self.unknown} unknown), {self.written} written, "
            f"{there} were there"
        )


class Row:
    """The values of one symbol at the close of one bar, on their way to the store."""

    __slots__ = ("features", "source", "time_ns", "values")

    def __init__(self, features: Features, time_ns: int, source: str, values: Sequence[float]) -> None:
        self.features, self.time_ns, self.source, self.values = features, time_ns, source, values


def make_features(
    ruleset: Ruleset, instruments: Iterable[Instrument], calendars: Mapping[str, TradingCalendar],
    parameters: Mapping[str, float],
) -> dict[str, Features]:  # fmt: skip
    """By symbol, of those for which the rules name a value that bars make. Raises PlanError."""
    made = (Features(ruleset, one, calendars, parameters, compiled_kernel()) for one in instruments)
    return {features.symbol: features for features in made if features.names}


def series_of(rows: Iterable[Row]) -> Iterator[FeatureSeries]:
    """The values of one symbol as the store keeps them, name by name. NaN is unknown."""
    by_source: dict[str, list[Row]] = {}
    for row in rows:
        by_source.setdefault(row.source, []).append(row)
    for source, own in by_source.items():
        symbol = own[0].features.symbol
        times = [row.time_ns for row in own]
        columns = zip(*(row.values for row in own), strict=True)
        for name, column in zip(own[0].features.names, columns, strict=True):
            yield FeatureSeries(symbol, name, source, times, [value if value == value else None for value in column])


class Writer:
    """Collects values and writes them together, each symbol's that are not there just so."""

    def __init__(self, store: MarketData) -> None:
        self._store, self._rows, self.counts = store, list[Row](), defaultdict[str, Count](Count)

    def add(self, row: Row) -> None:
        self._rows.append(row)
        if len(self._rows) >= AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what there is."""
        by_symbol: dict[str, list[Row]] = {}
        for row in self._rows:
            by_symbol.setdefault(row.features.symbol, []).append(row)
        for symbol, rows in by_symbol.items():
            series, count = list(series_of(rows)), self.counts[symbol]
            count.bars += len(rows)
            count.values += sum(len(one.values) for one in series)
            count.unknown += sum(one.values.count(None) for one in series)
            count.written += self._store.note_features(series)
        self._rows.clear()


def labels_of(
    ruleset: Ruleset, calendars: Mapping[str, TradingCalendar], first: date, last: date
) -> dict[str, list[SessionLabel]]:
    """The sessions of all calendars and the windows of all packs, by calendar: those of ``zones.calendars_of``."""
    found: dict[str, list[SessionLabel]] = {}
    for name, calendar in calendars.items():
        stretches = [*calendar_stretches(calendar, first, last, EXTENDED.get(name))]
        windows = [s for pack in ruleset.packs.values() for s in pack.sessions if calendar_of(s, calendars) == name]
        stretches += window_stretches(windows, calendar, first, last)
        found[name] = [SessionLabel(name, *stretch) for stretch in sorted(stretches)]
    return found


def keep_labels(
    data: MarketData, ruleset: Ruleset, calendars: Mapping[str, TradingCalendar], first: date, last: date
) -> dict[str, list[SessionLabel]]:
    """Write what ``labels_of`` gives in place of what stood there for those days; other packs' windows stay."""
    found = labels_of(ruleset, calendars, first, last)
    for name, labels in found.items():
        days = DayRange(first, last, calendars[name].timezone)
        mine = {""} | {f"{pack.name}." for pack in ruleset.packs.values()}
        there = data.session_labels(name, days.begin_ns, days.end_ns)
        stale = [row for row in there if _whose(row.label) in mine and row[:3] not in {new[:3] for new in labels}]
        data.upsert_session_labels(labels)
        if stale:
            data.drop_session_labels(stale)
    return found


def _whose(label: str) -> str:
    """The pack of a window with its dot; empty for a session of the calendar."""
    pack, dot, _ = label.partition(".")
    return pack + dot if dot else ""
