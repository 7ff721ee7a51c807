"""One symbol's share of the data: a row for each tick at which something happened to it, or nothing to any, with what
it then showed.

The rows say what ``engine.decide.symbol.SymbolState`` puts into the slots of a program. A tick that completes two
higher bars of one timeframe has a row of its own for the older of them, which is no tick at which rules decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.market.calendar import TradingCalendar
from engine.market.columns import MarketColumns
from engine.market.events import NANOS
from engine.plan.arrays import Floats, Ints
from engine.plan.build import Texts
from engine.plan.ops import BASE_SECONDS, Group
from engine.plan.program import InputKey
from engine.research.columns.frames import frame_rows
from engine.research.columns.rows import BAR_FIELDS, QUOTE_FACTS, CannotLayOut, SymbolRows, spread, symbol_rows

HAS_QUOTE = 1  # of a row's signals: a quote came; bits above it: observations by prefix
MOST_PREFIXES = 60


@dataclass(slots=True)
class Lane:
    """Rows of one symbol. ``tick``: which tick each belongs to. ``real``: whether rules decide at it. ``events``: the
    groups that moved. ``signals``: HAS_QUOTE and the prefixes of what was observed. ``columns``: inputs by key, one
    value a row; clock facts are not among them. ``market``: last, close, bid, ask, whether a rule reads them
    or not. ``pending_ns``: when the next higher bar will be over, as things stand. ``since``: the first row at which
    each fact was observed.
    """

    symbol: str
    tick: Ints
    real: Ints
    events: Ints
    signals: Ints
    columns: dict[InputKey, Floats] = field(default_factory=dict)
    market: dict[str, Floats] = field(default_factory=dict)
    pending_ns: Ints | None = None
    since: dict[str, int] = field(default_factory=dict)


def lanes_of(
    market: MarketColumns, symbols: Sequence[str], keys: Mapping[str, Sequence[InputKey]], frames: Sequence[int],
    calendars: Mapping[str, TradingCalendar], prefixes: Sequence[str], texts: Texts,
) -> list[Lane]:  # fmt: skip
    """The lanes of ``symbols``. ``keys``: what their programs read. ``calendars``: by symbol. ``frames``: seconds of
    the higher timeframes. ``prefixes``: of the observations that trigger strategies. Raises CannotLayOut.
    """
    if len(prefixes) > MOST_PREFIXES:
        raise CannotLayOut(f"more than {MOST_PREFIXES} kinds of signals trigger strategies")
    return [
        _LaneMaker(market, symbol_rows(market, symbol), keys[symbol]).make(frames, calendars[symbol], prefixes, texts)
        for symbol in symbols
    ]


class _LaneMaker:
    def __init__(self, market: MarketColumns, rows: SymbolRows, keys: Sequence[InputKey]) -> None:
        self._market, self._rows, self._keys = market, rows, keys

    def make(self, frames: Sequence[int], calendar: TradingCalendar, prefixes: Sequence[str], texts: Texts) -> Lane:
        rows = self._rows
        lane = Lane(rows.symbol, rows.tick, np.ones(rows.count, dtype=np.int64), np.zeros(rows.count, dtype=np.int64),
                    np.zeros(rows.count, dtype=np.int64))
        self._base(lane)
        self._from_quotes(lane)
        self._observed(lane, prefixes, texts)
        lane.market = rows.standing
        return self._with_frames(lane, frames, calendar) if frames else lane

    def _wants(self, what: str, seconds: int) -> dict[str, InputKey]:
        return {key.name: key for key in self._keys if key.what == what and key.seconds == seconds and not key.owner}

    def _base(self, lane: Lane) -> None:
        facts, times = self._wants("fact", BASE_SECONDS), self._wants("time", BASE_SECONDS)
        rows, wanted = self._rows, 0
        for name in BAR_FIELDS:
            if name in facts:
                lane.columns[facts[name]] = rows.of_bars(name)
        last = self._wants("fact", 0).get("last")
        if last is not None:
            lane.columns[last] = rows.standing["last"]
            wanted |= Group.QUOTE
        for key in times.values():
            lane.columns[key] = rows.of_bars("known")
        _mark(lane.events, rows.bar_at, Group.BAR | wanted)

    def _from_quotes(self, lane: Lane) -> None:
        rows = self._rows
        facts, times = self._wants("fact", 0), self._wants("time", 0)
        for name in QUOTE_FACTS:
            if name in facts:
                lane.columns[facts[name]] = rows.of_quotes(name)
            if name in times:
                lane.columns[times[name]] = rows.when_quoted(name)
        _mark(lane.events, rows.quote_at, Group.QUOTE)
        _mark(lane.signals, rows.quote_at, HAS_QUOTE)

    def _observed(self, lane: Lane, prefixes: Sequence[str], texts: Texts) -> None:
        seen, at = self._rows.seen, self._rows.seen_at
        facts, times = self._wants("fact", 0), self._wants("time", 0)
        by_name: dict[str, list[tuple[int, float, int, bool]]] = {}
        for number, row in zip(seen.tolist(), at.tolist(), strict=True):
            observation = self._market.observations[number]
            value, name = observation.value, observation.name
            code = np.nan if value is None else texts.code(value) if isinstance(value, str) else float(value)
            by_name.setdefault(name, []).append((row, code, observation.time_ns, value is not None))
            lane.events[row] |= Group.SIGNAL
            prefix = name.partition(".")[0]
            if prefix in prefixes:
                lane.signals[row] |= 2 << prefixes.index(prefix)
        rows = len(lane.tick)
        for name, items in by_name.items():
            if name in facts:
                merged = _merged(lane.columns.get(facts[name]), [(row, value) for row, value, _, _ in items], rows)
                lane.columns[facts[name]] = merged
                lane.since[name] = items[0][0]
            stamped = [(row, time_ns / NANOS) for row, _, time_ns, known in items if known]
            if name in times and stamped:
                lane.columns[times[name]] = _merged(lane.columns.get(times[name]), stamped, rows)

    # -- higher timeframes -----------------------------------------------------------------------------------------

    def _with_frames(self, lane: Lane, frames: Sequence[int], calendar: TradingCalendar) -> Lane:
        found = frame_rows(self._market, self._rows, frames, calendar)
        source, own = found.source, found.real
        made = Lane(
            lane.symbol, lane.tick[source], own, np.where(own == 1, lane.events[source] | found.bits, found.bits),
            lane.signals[source] * own, {key: column[source] for key, column in lane.columns.items()},
            {name: column[source] for name, column in lane.market.items()}, found.pending_ns,
            {name: int(np.searchsorted(source, row)) for name, row in lane.since.items()},
        )  # fmt: skip
        for key in self._keys:
            if key.seconds in frames and key.what in ("fact", "time"):
                made.columns[key] = found.column(key)
        return made


def _mark(groups: Ints, rows: Ints, bits: int) -> None:
    if len(rows) == len(groups):
        groups |= bits
    else:
        groups[rows] |= bits


def _merged(column: Floats | None, items: Sequence[tuple[int, float]], rows: int) -> Floats:
    """Observed values, over those that another source of the same fact gave."""
    if column is not None:
        raise CannotLayOut("a fact of quotes was observed as a signal as well")
    last = dict(items)  # of two at one instant the later one stays
    return spread(np.array(list(last.values())), np.array(list(last), dtype=np.int64), rows)
