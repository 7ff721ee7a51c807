"""Higher bars as the tick engine's aggregators give them, and the rows that they add to a symbol's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.market.bars import BarAggregator
from engine.market.calendar import TradingCalendar
from engine.market.columns import MarketColumns
from engine.market.events import NANOS, Bar
from engine.plan.arrays import Floats, Ints
from engine.plan.ops import FRAME_SHIFT
from engine.plan.program import InputKey
from engine.research.columns.rows import SymbolRows


@dataclass(slots=True)
class FrameRows:
    """``source``: the symbol's row that each row shows. ``real``: whether rules decide at it. ``bits``: the frames that
    moved. ``pending_ns``: when the next higher bar will be over, as things stand."""

    source: Ints
    real: Ints
    bits: Ints
    pending_ns: Ints
    shown: list[dict[int, Bar]]
    _columns: dict[InputKey, Floats] = field(default_factory=dict)

    def column(self, key: InputKey) -> Floats:
        """A field of the higher bars; not to be changed."""
        if key not in self._columns:
            self._columns[key] = np.array([_field(shown.get(key.seconds), key) for shown in self.shown])
        return self._columns[key]


def frame_rows(
    market: MarketColumns, rows: SymbolRows, frames: Sequence[int], calendar: TradingCalendar
) -> FrameRows:
    """The rows of one symbol with its higher bars, kept with the market. ``frames``: their seconds."""
    key = ("frames", rows.symbol, tuple(frames), calendar)
    return market.kept(key, lambda: _Maker(market, rows, frames, calendar).make())


class _Maker:
    def __init__(
        self, market: MarketColumns, rows: SymbolRows, frames: Sequence[int], calendar: TradingCalendar
    ) -> None:
        self._frames = frames
        self._aggregators = [BarAggregator(seconds, calendar) for seconds in frames]
        times, values = market.bar_times[rows.bars].tolist(), market.bars[rows.bars].tolist()
        self._bars = {
            row: Bar(rows.symbol, start, seconds, opened, high, low, close, None if volume != volume else volume)
            for row, (start, seconds), (opened, high, low, close, volume) in zip(
                rows.bar_at.tolist(), times, values, strict=True
            )
        }
        self._times = market.times[rows.tick].tolist()
        self._now: dict[int, Bar] = {}
        self._source: list[int] = []
        self._bits: list[int] = []
        self._shown: list[dict[int, Bar]] = []
        self._pending: list[int] = []

    def make(self) -> FrameRows:
        for row, now_ns in enumerate(self._times):
            self._take(row, now_ns)
        source = np.array(self._source, dtype=np.int64)
        real = (np.append(source[1:], -1) != source).astype(np.int64)
        return FrameRows(
            source, real, np.array(self._bits, dtype=np.int64), np.array(self._pending, dtype=np.int64), self._shown
        )

    def _take(self, row: int, now_ns: int) -> None:
        moved, bar = 0, self._bars.get(row)
        if bar is not None:
            for number, aggregator in enumerate(self._aggregators):
                done = aggregator.push(bar, now_ns)
                if done is not None:
                    self._now = {**self._now, self._frames[number]: done}
                    moved |= 1 << (FRAME_SHIFT + number)
        for number, aggregator in enumerate(self._aggregators):
            done, bit = aggregator.flush(now_ns), 1 << (FRAME_SHIFT + number)
            if done is not None and moved & bit:
                self._show(row, bit)  # two bars are over at once: the older is seen first
            if done is not None:
                self._now = {**self._now, self._frames[number]: done}
                moved |= bit
        self._show(row, moved)

    def _show(self, row: int, bits: int) -> None:
        self._source.append(row)
        self._bits.append(bits)
        self._shown.append(self._now)
        self._pending.append(min(aggregator.pending_ns for aggregator in self._aggregators))


def _field(bar: Bar | None, key: InputKey) -> float:
    if bar is None:
        return np.nan
    if key.what == "time":
        return bar.known_ns / NANOS
    value = getattr(bar, key.name)
    return np.nan if value is None else float(value)
