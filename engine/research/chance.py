"""How much of a back-test chance explains, and what contracts had to win by what they cost: rows for reports."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engine.research.gatefacts import SEED, Figure, Shown
from engine.research.rows import Row
from engine.research.statistics import Floats, Ints
from engine.research.statistics.bootstrap import Interval, expectancy_interval, profit_factor_interval
from engine.research.statistics.break_even import by_price_band
from engine.research.statistics.events import EventResults, event_of
from engine.research.trades import ClosedTrade

_FACTS = (
    "events", "effective_events", "largest_event_share", "net_without_best", "break_even_win_rate",
    "expectancy_low_anytime", "event_sharpe", "probabilistic_sharpe", "placebo_p",
)  # fmt: skip


def chance(trades: Sequence[ClosedTrade]) -> tuple[Row, dict[str, str]]:
    """Figures by name, rounded to 6 decimals, and why one is None. Intervals hold 90%, so a low is a 95% bound."""
    shown = Shown(trades, Figure(None, "not judged"), Figure(None, "not judged"))
    found = {name: shown.figure(f"stats.{name}") for name in _FACTS}
    few = shown.figure("stats.expectancy_low").reason
    mean = expectancy_interval(shown.events, SEED)
    found |= _ends("expectancy", mean, few)
    factor = profit_factor_interval(*_numbered(trades, shown.events), SEED)
    found |= _ends("profit_factor", factor, few or "no losing trade")
    row: Row = {name: None if of.value is None else round(of.value, 6) for name, of in found.items()}
    return row, {name: of.reason for name, of in sorted(found.items()) if of.value is None}


def price_bands(trades: Sequence[ClosedTrade]) -> list[Row]:
    """One row for each band of cost of contracts held to settlement, from cheap to dear."""
    return [
        {
            "cost_from": band.low, "cost_to": band.high, "trades": band.trades, "wins": band.wins,
            "win_rate": round(band.win_rate, 6), "break_even_win_rate": round(band.needed, 6),
            "win_rate_low": round(band.lower, 6), "win_rate_high": round(band.upper, 6),
        }
        for band in by_price_band(trades)
    ]  # fmt: skip


def _ends(name: str, found: Interval | None, reason: str) -> dict[str, Figure]:
    ends = {"low": None, "high": None} if found is None else {"low": found.low, "high": found.high}
    known = {end: value for end, value in ends.items() if value is not None and np.isfinite(value)}
    unknown = Figure(None, reason or "resamples without a loss have no bound")
    return {f"{name}_{end}": Figure(known[end]) if end in known else unknown for end in ends}


def _numbered(trades: Sequence[ClosedTrade], events: EventResults) -> tuple[Floats, Ints]:
    """Net money and the number of the event of each trade."""
    numbers = {name: number for number, name in enumerate(events.names)}
    index = [numbers[event_of(trade.symbol, trade.closed_ns)] for trade in trades]
    return np.array([float(trade.net) for trade in trades]), np.array(index, dtype=np.int64)
