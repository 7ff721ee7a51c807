"""One symbol's share of the data: a row for each tick at which something happened to it, or nothing to any, with what
it then showed.

The rows say what ``engine.decide.symbol.SymbolState`` puts into the slots of a program. A tick that completes two
higher bars of one timeframe has a row of its own for the older of them, which is no tick at which rules decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.market.bars import BarAggregator
from engine.market.calendar import TradingCalendar
from engine.market.events import NANOS, Bar
from engine.plan.arrays import Floats, Ints
from engine.plan.build import Texts
from engine.plan.ops import BASE_SECONDS, FRAME_SHIFT, Group
from engine.plan.program import InputKey
from engine.research.columns.market import BAR, OBSERVATION, QUOTE, MarketColumns

BAR_FIELDS = ("open", "high", "low", "close", "volume")
HAS_QUOTE = 1  # of a row's signals: a quote came; bits above it: observations by prefix
MOST_PREFIXES = 60


class CannotLayOut(Exception):
    """Data that the column engine does not take. The text says what is odd, and when."""


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
    empty = np.flatnonzero(np.diff(market.first) == 0)
    tick_of = np.repeat(np.arange(len(market.times)), np.diff(market.first))
    found = []
    for symbol in symbols:
        number = market.symbols.index(symbol) if symbol in market.symbols else -1
        mine = np.flatnonzero(market.symbol == number)
        wanted = keys[symbol]
        found.append(_LaneMaker(market, symbol, mine, tick_of[mine], empty, wanted).make(
            frames, calendars[symbol], prefixes, texts
        ))
    return found


class _LaneMaker:
    def __init__(
        self, market: MarketColumns, symbol: str, events: Ints, ticks: Ints, empty: Ints, keys: Sequence[InputKey]
    ) -> None:
        self._market, self._symbol, self._keys = market, symbol, keys
        self._events, self._ticks = events, ticks
        own = ticks[np.concatenate(([True], np.diff(ticks) > 0))[: len(ticks)]]
        self._tick = np.union1d(own, empty) if len(empty) else own
        self._bars, self._bar_at = self._of(BAR)
        self._quotes, self._quote_at = self._of(QUOTE)

    def _of(self, kind: int) -> tuple[Ints, Ints]:
        """The table's rows of one kind of event, and the lane's row of each."""
        chosen = self._market.kind[self._events] == kind
        ticks = self._ticks[chosen]
        if kind != OBSERVATION and (np.diff(ticks) == 0).any():
            when = self._market.times[ticks[:-1][np.diff(ticks) == 0][0]]
            what = "bars" if kind == BAR else "quotes"
            raise CannotLayOut(f"two {what} of {self._symbol} came at one instant ({when} ns)")
        rows = self._market.row[self._events][chosen]
        return rows, np.arange(len(ticks)) if len(ticks) == len(self._tick) else np.searchsorted(self._tick, ticks)

    def make(self, frames: Sequence[int], calendar: TradingCalendar, prefixes: Sequence[str], texts: Texts) -> Lane:
        rows = len(self._tick)
        starts = self._market.bar_times[self._bars, 0]
        if (np.diff(starts) <= 0).any():
            raise CannotLayOut(f"bars of {self._symbol} came late or twice")
        lane = Lane(self._symbol, self._tick, np.ones(rows, dtype=np.int64), np.zeros(rows, dtype=np.int64),
                    np.zeros(rows, dtype=np.int64))
        self._base(lane)
        self._from_quotes(lane)
        self._observed(lane, prefixes, texts)
        self._where_it_stands(lane)
        return self._with_frames(lane, frames, calendar) if frames else lane

    def _wants(self, what: str, seconds: int) -> dict[str, InputKey]:
        return {key.name: key for key in self._keys if key.what == what and key.seconds == seconds and not key.owner}

    def _base(self, lane: Lane) -> None:
        facts, times = self._wants("fact", BASE_SECONDS), self._wants("time", BASE_SECONDS)
        values = self._market.bars[self._bars]
        rows = len(lane.tick)
        for place, name in enumerate(BAR_FIELDS):
            if name in facts:
                lane.columns[facts[name]] = spread(values[:, place], self._bar_at, rows)
        last = self._wants("fact", 0).get("last")
        if last is not None:
            lane.columns[last] = spread(values[:, 3], self._bar_at, rows)
            lane.events[self._bar_at] |= Group.QUOTE
        if times:
            stamps = self._market.bar_times[self._bars]
            known = in_seconds(stamps[:, 0] + stamps[:, 1] * NANOS)
            for key in times.values():
                lane.columns[key] = spread(known, self._bar_at, rows)
        lane.events[self._bar_at] |= Group.BAR

    def _from_quotes(self, lane: Lane) -> None:
        values, rows = self._market.quotes[self._quotes], len(lane.tick)
        bid, ask = values[:, 0], values[:, 2]
        mid, width = (bid + ask) / 2.0, ask - bid
        ratio = np.full(len(mid), np.nan)
        np.divide(width, mid, out=ratio, where=mid > 0)
        shown = {"bid": bid, "ask": ask, "mid": mid, "spread": width, "spread_ratio": ratio,
                 "bid_size": values[:, 1], "ask_size": values[:, 3]}  # fmt: skip
        facts, times = self._wants("fact", 0), self._wants("time", 0)
        stamps = in_seconds(self._market.quote_times[self._quotes])
        for name, column in shown.items():
            if name in facts:
                lane.columns[facts[name]] = spread(column, self._quote_at, rows)
            if name in times:
                known = column == column
                lane.columns[times[name]] = spread(stamps[known], self._quote_at[known], rows)
        lane.events[self._quote_at] |= Group.QUOTE
        lane.signals[self._quote_at] |= HAS_QUOTE

    def _observed(self, lane: Lane, prefixes: Sequence[str], texts: Texts) -> None:
        seen, at = self._of(OBSERVATION)
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

    def _where_it_stands(self, lane: Lane) -> None:
        rows, quotes = len(lane.tick), self._market.quotes[self._quotes]
        close = spread(self._market.bars[self._bars, 3], self._bar_at, rows)
        lane.market = {"close": close, "last": close}
        if not len(quotes):
            return
        lane.market["bid"] = spread(quotes[:, 0], self._quote_at, rows)
        lane.market["ask"] = spread(quotes[:, 2], self._quote_at, rows)
        mid = (quotes[:, 0] + quotes[:, 2]) / 2.0
        known = mid == mid
        middle = spread(mid[known], self._quote_at[known], rows)
        # A market without bars is where its quotes are.
        lane.market["last"] = np.where(close == close, close, middle)

    # -- higher timeframes -----------------------------------------------------------------------------------------

    def _with_frames(self, lane: Lane, frames: Sequence[int], calendar: TradingCalendar) -> Lane:
        made = _Frames(self._market, self._symbol, self._bars, self._bar_at, lane, frames, calendar)
        return made.lane(self._keys)


class _Frames:
    """Higher bars as the tick engine's aggregators give them, and the rows that they add."""

    def __init__(
        self, market: MarketColumns, symbol: str, bars: Ints, bar_at: Ints, lane: Lane, frames: Sequence[int],
        calendar: TradingCalendar,
    ) -> None:  # fmt: skip
        self._lane, self._frames = lane, frames
        self._aggregators = [BarAggregator(seconds, calendar) for seconds in frames]
        times, values = market.bar_times[bars].tolist(), market.bars[bars].tolist()
        self._bars = {
            row: Bar(symbol, start, seconds, opened, high, low, close, None if volume != volume else volume)
            for row, (start, seconds), (opened, high, low, close, volume) in zip(
                bar_at.tolist(), times, values, strict=True
            )
        }
        self._times = market.times[lane.tick].tolist()
        self._now: dict[int, Bar] = {}
        self._source: list[int] = []  # the lane's row that each new row shows
        self._events: list[int] = []
        self._clock_of: list[int] = []
        self._shown: list[dict[int, Bar]] = []
        self._pending: list[int] = []

    def lane(self, keys: Sequence[InputKey]) -> Lane:
        for row, now_ns in enumerate(self._times):
            self._take(row, now_ns)
        old = self._lane
        source = np.array(self._source, dtype=np.int64)
        events = np.array(self._events, dtype=np.int64)
        real = (np.append(source[1:], -1) != source).astype(np.int64)
        made = Lane(
            old.symbol, old.tick[source], real, events, old.signals[source] * real,
            {key: column[source] for key, column in old.columns.items()},
            {name: column[source] for name, column in old.market.items()}, np.array(self._pending, dtype=np.int64),
            {name: int(np.searchsorted(source, row)) for name, row in old.since.items()},
        )  # fmt: skip
        for key in keys:
            if key.seconds in self._frames and key.what in ("fact", "time"):
                made.columns[key] = np.array([_field(shown.get(key.seconds), key) for shown in self._shown])
        return made

    def _take(self, row: int, now_ns: int) -> None:
        event, bar = int(self._lane.events[row]), self._bars.get(row)
        if bar is not None:
            for number, aggregator in enumerate(self._aggregators):
                done = aggregator.push(bar, now_ns)
                if done is not None:
                    self._now = {**self._now, self._frames[number]: done}
                    event |= 1 << (FRAME_SHIFT + number)
        for number, aggregator in enumerate(self._aggregators):
            done, bit = aggregator.flush(now_ns), 1 << (FRAME_SHIFT + number)
            if done is not None and event & bit:
                self._show(row, bit)  # two bars are over at once: the older is seen first
            if done is not None:
                self._now = {**self._now, self._frames[number]: done}
                event |= bit
        self._show(row, event)

    def _show(self, row: int, event: int) -> None:
        self._source.append(row)
        self._events.append(event)
        self._shown.append(self._now)
        self._pending.append(min(aggregator.pending_ns for aggregator in self._aggregators))


def _field(bar: Bar | None, key: InputKey) -> float:
    if bar is None:
        return np.nan
    if key.what == "time":
        return bar.known_ns / NANOS
    value = getattr(bar, key.name)
    return np.nan if value is None else float(value)


def spread(values: Floats, at: Ints, rows: int) -> Floats:
    """Values that come at some rows and stay until the next; unknown before the first."""
    if len(at) == rows:
        return np.ascontiguousarray(values)
    counts = np.zeros(rows, dtype=np.int64)
    counts[at] = 1
    newest = np.cumsum(counts)
    found: Floats = np.concatenate((np.full(1, np.nan), values))[newest]
    return found


def _merged(column: Floats | None, items: Sequence[tuple[int, float]], rows: int) -> Floats:
    """Observed values, over those that another source of the same fact gave."""
    if column is not None:
        raise CannotLayOut("a fact of quotes was observed as a signal as well")
    last = dict(items)  # of two at one instant the later one stays
    return spread(np.array(list(last.values())), np.array(list(last), dtype=np.int64), rows)


def in_seconds(times: Ints) -> Floats:
    """Nanoseconds to seconds, each rounded once, as Python divides integers."""
    if not (times % NANOS).any():
        return np.asarray(times // NANOS, dtype=np.float64)
    return np.array([time_ns / NANOS for time_ns in times.tolist()])
