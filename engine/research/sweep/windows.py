"""What one parameter set did in each part of the data, and which of two sets did better."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from engine.research.results import figure, money
from engine.research.statistics import Ints, max_drawdown, trade_statistics
from engine.research.sweep.splits import Splits, Window
from engine.research.trades import ClosedTrade

DEVELOPMENT, HOLDOUT = "development", "holdout"

Figures = dict[str, Any]
"""Of the trades in a window: ``trades``, ``win_rate``, ``net``, ``expectancy``, ``profit_factor``, ``max_drawdown``
and ``sharpe``; None is unknown."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One parameter set, run over one part. ``windows`` are figures by the name of the window (``train``,
    ``validation``, ``fold_1_train``, ``fold_1_validation`` and so on, or ``holdout``); ``returns`` are the net results
    of trades that closed in each period of the part, as a share of the initial cash."""

    part: str
    parameters: Mapping[str, float]
    decisions_sha256: str
    windows: Mapping[str, Figures]
    returns: array[float]


def outcome_of(
    part: str, parameters: Mapping[str, float], decisions_sha256: str, trades: Sequence[ClosedTrade], cash: Decimal,
    splits: Splits,
) -> Outcome:  # fmt: skip
    """Sort the trades of a run into the windows of ``part`` and count them there."""
    ends = splits.periods[part]
    windows = {name: _figures(_inside(trades, parts), cash, ends) for name, parts in _windows(part, splits).items()}
    whole = _inside(trades, [splits.train if part == DEVELOPMENT else splits.holdout])
    return Outcome(part, parameters, decisions_sha256, windows, array("d", _returns(whole, cash, ends)))


def _windows(part: str, splits: Splits) -> dict[str, list[Window]]:
    if part == HOLDOUT:
        return {HOLDOUT: [splits.holdout]}
    found = {"train": [splits.train], "validation": [fold.validation for fold in splits.folds]}
    for number, fold in enumerate(splits.folds, 1):
        found |= {f"fold_{number}_train": [fold.train], f"fold_{number}_validation": [fold.validation]}
    return found


def _inside(trades: Sequence[ClosedTrade], windows: Sequence[Window]) -> list[ClosedTrade]:
    return [trade for trade in trades if any(window.holds(trade) for window in windows)]


def _figures(trades: Sequence[ClosedTrade], cash: Decimal, ends: Ints) -> Figures:
    """``max_drawdown`` is that of the account after each closed trade, from its highest point, the cash first: what a
    window's own trades did to it, and nothing of what was open. ``sharpe`` is per period, not annualised."""
    found = trade_statistics(trades)
    return {
        "trades": found.trades,
        "win_rate": figure(found.win_rate),
        "net": money(found.net),
        "expectancy": money(found.expectancy),
        "profit_factor": figure(found.profit_factor),
        "max_drawdown": figure(_drawdown(trades, cash)),
        "sharpe": figure(_sharpe(_returns(trades, cash, ends))),
    }


def _drawdown(trades: Sequence[ClosedTrade], cash: Decimal) -> float | None:
    if not trades:
        return None
    ordered = sorted(trades, key=lambda trade: trade.closed_ns)
    times = np.array([trade.closed_ns for trade in ordered], dtype=np.int64)
    worth = float(cash) + np.cumsum([float(trade.net) for trade in ordered])
    return max_drawdown(times, worth, float(cash)).ratio


def _returns(trades: Sequence[ClosedTrade], cash: Decimal, ends: Ints) -> list[float]:
    sums = [Decimal(0)] * len(ends)
    for trade in trades:
        sums[int(np.searchsorted(ends, trade.closed_ns, side="right"))] += trade.net
    return [float(total / cash) for total in sums]


def _sharpe(returns: Sequence[float]) -> float | None:
    values = np.array(returns)
    if len(values) < 2 or np.ptp(values) <= 1e-15:
        return None
    return float(values.mean() / values.std(ddof=1))


def rank_key(figures: Figures, min_trades: int) -> tuple[bool, float, float, float]:
    """Orders sets, the best first: enough trades, then expectancy, profit factor and the smaller drawdown.

    A profit factor that is unknown because nothing was lost counts as the best one, every other unknown as the worst.
    """
    expectancy, factor, fall = (figures[name] for name in ("expectancy", "profit_factor", "max_drawdown"))
    if factor is None and expectancy is not None and expectancy > 0:
        factor = np.inf
    worst = -np.inf
    return (
        figures["trades"] < min_trades,
        -(worst if expectancy is None else expectancy),
        -(worst if factor is None else factor),
        np.inf if fall is None else fall,
    )
