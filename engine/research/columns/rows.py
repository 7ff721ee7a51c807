"""One symbol's rows in a market, whatever rules read of them: laid out once and kept with the market."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engine.market.columns import BAR, OBSERVATION, QUOTE, MarketColumns
from engine.market.events import NANOS
from engine.plan.arrays import Floats, Ints

BAR_FIELDS = ("open", "high", "low", "close", "volume")
QUOTE_FACTS = ("bid", "ask", "mid", "spread", "spread_ratio", "bid_size", "ask_size")


class CannotLayOut(Exception):
    """Data that the column engine does not take. The text says what is odd, and when."""


@dataclass(slots=True)
class SymbolRows:
    """Rows of one symbol: ``tick`` says which tick each belongs to. ``bars``, ``quotes``, ``seen``: numbers in the
    market's tables, and ``bar_at``, ``quote_at``, ``seen_at`` the row of each. ``standing``: last, close, bid and ask
    as they stood at each row. Columns are made when they are first asked for, and are not to be changed.
    """

    market: MarketColumns
    symbol: str
    tick: Ints
    bars: Ints
    bar_at: Ints
    quotes: Ints
    quote_at: Ints
    seen: Ints
    seen_at: Ints
    standing: dict[str, Floats] = field(default_factory=dict)
    _columns: dict[tuple[str, str], Floats] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return len(self.tick)

    def of_bars(self, name: str) -> Floats:
        """One of BAR_FIELDS, or ``known``, when the bar was known (seconds); unknown before the first bar."""
        key = ("bar", name)
        if key not in self._columns:
            if name == "known":
                stamps = self.market.bar_times[self.bars]
                values = in_seconds(stamps[:, 0] + stamps[:, 1] * NANOS)
            else:
                values = self.market.bars[self.bars, BAR_FIELDS.index(name)]
            self._columns[key] = spread(values, self.bar_at, self.count)
        return self._columns[key]

    def of_quotes(self, name: str) -> Floats:
        """One of QUOTE_FACTS."""
        key = ("quote", name)
        if key not in self._columns:
            self._columns[key] = spread(self._quoted(name), self.quote_at, self.count)
        return self._columns[key]

    def when_quoted(self, name: str) -> Floats:
        """When one of QUOTE_FACTS was last known (seconds)."""
        key = ("when", name)
        if key not in self._columns:
            values = self._quoted(name)
            known = values == values
            stamps = in_seconds(self.market.quote_times[self.quotes])
            self._columns[key] = spread(stamps[known], self.quote_at[known], self.count)
        return self._columns[key]

    def _quoted(self, name: str) -> Floats:
        values = self.market.quotes[self.quotes]
        bid, ask = values[:, 0], values[:, 2]
        match name:
            case "bid" | "bid_size" | "ask" | "ask_size":
                found: Floats = values[:, ("bid", "bid_size", "ask", "ask_size").index(name)]
                return found
            case "spread":
                return np.asarray(ask - bid)
        mid: Floats = (bid + ask) / 2.0
        if name == "spread_ratio":
            ratio = np.full(len(mid), np.nan)
            np.divide(ask - bid, mid, out=ratio, where=mid > 0)
            return ratio
        return mid


def symbol_rows(market: MarketColumns, symbol: str) -> SymbolRows:
    """The rows of one symbol, kept with the market. Raises CannotLayOut."""
    return market.kept(("rows", symbol), lambda: _laid_out(market, symbol))


def _laid_out(market: MarketColumns, symbol: str) -> SymbolRows:
    tick_of, empty = market.kept("ticks", lambda: _ticks_of_events(market))
    number = market.symbols.index(symbol) if symbol in market.symbols else -1
    mine = market.symbol == number
    events = np.arange(len(mine)) if mine.all() else np.flatnonzero(mine)
    ticks = tick_of[events]
    own = ticks if (ticks[1:] > ticks[:-1]).all() else np.unique(ticks)
    tick = np.union1d(own, empty) if len(empty) else own
    kind = market.kind[events]

    def of(wanted: int) -> tuple[Ints, Ints]:
        """The table's rows of one kind of event, and the symbol's row of each."""
        chosen = kind == wanted
        every = bool(chosen.all())
        at = ticks if every else ticks[chosen]
        twice = at[1:] == at[:-1]
        if wanted != OBSERVATION and twice.any():
            what = "bars" if wanted == BAR else "quotes"
            when = market.times[at[:-1][twice][0]]
            raise CannotLayOut(f"two {what} of {symbol} came at one instant ({when} ns)")
        rows: Ints = market.row[events] if every else market.row[events[chosen]]
        return rows, np.arange(len(at)) if len(at) == len(tick) else np.searchsorted(tick, at)

    found = SymbolRows(market, symbol, tick, *of(BAR), *of(QUOTE), *of(OBSERVATION))
    starts = market.bar_times[found.bars, 0]
    if (starts[1:] <= starts[:-1]).any():
        raise CannotLayOut(f"bars of {symbol} came late or twice")
    found.standing = _standing(found)
    return found


def _ticks_of_events(market: MarketColumns) -> tuple[Ints, Ints]:
    """The tick of each event, and the ticks at which nothing happened to any symbol."""
    counts = np.diff(market.first)
    return np.repeat(np.arange(len(market.times)), counts), np.flatnonzero(counts == 0)


def _standing(rows: SymbolRows) -> dict[str, Floats]:
    close = rows.of_bars("close")
    if not len(rows.quotes):
        return {"close": close, "last": close}
    mid = rows.of_quotes("mid")
    known = rows.market.quotes[rows.quotes]
    middles = (known[:, 0] + known[:, 2]) / 2.0
    told = middles == middles
    middle = mid if told.all() else spread(middles[told], rows.quote_at[told], rows.count)
    # A market without bars is where its quotes are.
    last = np.where(close == close, close, middle)
    return {"close": close, "last": last, "bid": rows.of_quotes("bid"), "ask": rows.of_quotes("ask")}


def spread(values: Floats, at: Ints, rows: int) -> Floats:
    """Values that come at some rows and stay until the next; unknown before the first."""
    if len(at) == rows:
        return np.ascontiguousarray(values)
    counts = np.zeros(rows, dtype=np.int64)
    counts[at] = 1
    newest = np.cumsum(counts)
    found: Floats = np.concatenate((np.full(1, np.nan), values))[newest]
    return found


def in_seconds(times: Ints) -> Floats:
    """Nanoseconds to seconds, each rounded once, as Python divides integers."""
    if not (times % NANOS).any():
        return np.asarray(times // NANOS, dtype=np.float64)
    return np.array([time_ns / NANOS for time_ns in times.tolist()])
