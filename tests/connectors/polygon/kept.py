"""A store of ticks and bars in memory, which outlives whoever writes into it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from engine.market.marketdata import BarRow, TickRow

Row = TypeVar("Row", TickRow, BarRow)

class Kept:
    """Implements ``MarketDataStore``. ``writes`` are the sizes of what was written at once; ``fails`` counts down."""

    def __init__(self) -> None:
        self.tick_rows: dict[tuple[str, int, str, int], TickRow] = {}
        self.bar_rows: dict[tuple[str, int, str], BarRow] = {}
        self.writes: list[int] = []
        self.fails_after: int | None = None

    def upsert_ticks(self, rows: Iterable[TickRow]) -> int:
        given = self._written(list(rows))
        self.tick_rows |= {(r.symbol, r.time_ns, r.source, r.sequence): r for r in given}
        return len(given)

    def upsert_bars(self, rows: Iterable[BarRow]) -> int:
        given = self._written(list(rows))
        self.bar_rows |= {(r.symbol, r.start_ns, r.source): r for r in given}
        return len(given)

    def _written(self, rows: list[Row]) -> list[Row]:
        if self.fails_after is not None and len(self.writes) >= self.fails_after:
            raise OSError("the disk is full")
        self.writes.append(len(rows))
        return rows

    def last_tick_ns(self, symbol: str, source: str) -> int | None:
        of = [r for r in self.tick_rows.values() if (r.symbol, r.source) == (symbol, source)]
        return max((r.time_ns for r in of), default=None)

    def last_bar_ns(self, symbol: str, source: str) -> int | None:
        of = [r for r in self.bar_rows.values() if (r.symbol, r.source) == (symbol, source)]
        return max((r.start_ns for r in of), default=None)

    def ticks(self, symbol: str, from_ns: int, to_ns: int) -> Iterator[TickRow]:
        found = [r for r in self.tick_rows.values() if r.symbol == symbol and from_ns <= r.time_ns < to_ns]
        return iter(sorted(found, key=lambda r: (r.time_ns, r.source, r.sequence)))

    def bars(self, symbol: str, from_ns: int, to_ns: int) -> Iterator[BarRow]:
        found = [r for r in self.bar_rows.values() if r.symbol == symbol and from_ns <= r.start_ns < to_ns]
        return iter(sorted(found, key=lambda r: (r.start_ns, r.source)))

    def close(self) -> None:
        pass
