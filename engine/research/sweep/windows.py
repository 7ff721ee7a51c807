"""What one parameter set did in each part of the data, and which of two sets did better."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum, inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.market.events import NANOS
from engine.research.results import figure, money
from engine.research.sets import SetResult, TradeColumns
from engine.research.statistics import Floats, Ints, max_drawdown
from engine.research.statistics.events import event_of
from engine.research.sweep.splits import Splits, Window

DEVELOPMENT, HOLDOUT = "development", "holdout"
_DAY_NS = 86_400 * NANOS

Figures = Mapping[str, Any]
"""Of the trades in a window: ``trades``, ``events`` (how many independent observations they are), ``win_rate``,
``won`` and ``lost`` (money, sums of the nets above and below zero), ``net``, ``expectancy``, ``profit_factor``,
``max_drawdown`` and ``sharpe``; None is unknown."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One parameter set, run over one part. ``windows`` are figures by the name of the window (``train``,
    ``validation``, ``fold_1_train``, ``fold_1_validation`` and so on, or ``holdout``); ``returns`` are the net results
    of trades that closed in each period of the part, as a share of the initial cash. ``engine`` is what ran it."""

    part: str
    parameters: Mapping[str, float]
    decisions_sha256: str
    windows: Mapping[str, Figures]
    returns: array[float]
    engine: str


def outcome_of(part: str, result: SetResult, splits: Splits) -> Outcome:
    """Sort the trades of a run into the windows of ``part`` and count them there."""
    cash, ends, trades = result.equity.initial, splits.periods[part], result.trades
    named, events = _windows(part, splits), _events(trades)
    windows = {name: _figures(trades, events, _inside(trades, held), cash, ends) for name, held in named.items()}
    whole = _inside(trades, named["train" if part == DEVELOPMENT else HOLDOUT])
    returns = array("d", _returns(trades, whole, cash, ends).tolist())
    return Outcome(part, dict(result.parameters), result.decisions_sha256, windows, returns, result.engine)


def _windows(part: str, splits: Splits) -> dict[str, list[Window]]:
    if part == HOLDOUT:
        return {HOLDOUT: [splits.holdout]}
    found = {"train": [splits.train], "validation": [fold.validation for fold in splits.folds]}
    for number, fold in enumerate(splits.folds, 1):
        found |= {f"fold_{number}_train": [fold.train], f"fold_{number}_validation": [fold.validation]}
    return found


def _inside(trades: TradeColumns, windows: Sequence[Window]) -> NDArray[np.bool_]:
    found = np.zeros(len(trades), dtype=np.bool_)
    for window in windows:
        found |= window.holds(trades.opened_ns, trades.closed_ns)
    return found


def _events(trades: TradeColumns) -> Ints:
    """A number for each trade, equal for trades of one event."""
    days = trades.closed_ns // _DAY_NS
    pairs, which = np.unique(np.stack((trades.symbol, days)), axis=1, return_inverse=True)
    names: dict[str, int] = {}
    numbers = [
        names.setdefault(event_of(trades.symbols[symbol], day * _DAY_NS), len(names))
        for symbol, day in pairs.T.tolist()
    ]
    found: Ints = np.array(numbers, dtype=np.int64)[which.reshape(-1)]
    return found


def _figures(
    trades: TradeColumns, events: Ints, inside: NDArray[np.bool_], cash: float, ends: Ints
) -> Figures:
    """Definitions as in ``engine.research.statistics``, but for two. ``max_drawdown`` is that of the account after each
    closed trade, from its highest point, the cash first: what a window's own trades did to it, and nothing of what
    was open. ``sharpe`` is per period, not annualised."""
    nets = trades.net[inside]
    count = len(nets)
    won, lost = fsum(nets[nets > 0]), fsum(nets[nets < 0])
    return {
        "trades": count,
        "events": len(np.unique(events[inside])),
        "win_rate": figure(float(np.count_nonzero(nets > 0)) / count) if count else None,
        "won": money(won),
        "lost": money(lost),
        "net": money(won + lost),
        "expectancy": money((won + lost) / count) if count else None,
        "profit_factor": figure(won / -lost) if lost else None,
        "max_drawdown": figure(_drawdown(trades.closed_ns[inside], nets, cash)),
        "sharpe": figure(_sharpe(_returns(trades, inside, cash, ends))),
    }


def _drawdown(closed_ns: Ints, nets: Floats, cash: float) -> float | None:
    if not len(nets):
        return None
    order = np.argsort(closed_ns, kind="stable")
    return max_drawdown(closed_ns[order], cash + np.cumsum(nets[order]), cash).ratio


def _returns(trades: TradeColumns, inside: NDArray[np.bool_], cash: float, ends: Ints) -> Floats:
    period = np.searchsorted(ends, trades.closed_ns[inside], side="right")
    return np.bincount(period, weights=trades.net[inside], minlength=len(ends)).astype(np.float64) / cash


def _sharpe(returns: Floats) -> float | None:
    if len(returns) < 2 or np.ptp(returns) <= 1e-15:
        return None
    return float(returns.mean() / returns.std(ddof=1))


def rank_key(figures: Figures, min_trades: int) -> tuple[bool, float, float, float]:
    """Orders sets, the best first: enough trades, then expectancy, profit factor and the smaller drawdown.

    A profit factor that is unknown because nothing was lost counts as the best one, every other unknown as the worst.
    """
    expectancy, factor, fall = (figures[name] for name in ("expectancy", "profit_factor", "max_drawdown"))
    if factor is None and expectancy is not None and expectancy > 0:
        factor = inf
    return (
        figures["trades"] < min_trades,
        inf if expectancy is None else -expectancy,
        inf if factor is None else -factor,
        inf if fall is None else fall,
    )


def pooled(parts: Sequence[Figures]) -> Figures:
    """The figures of several windows together, as far as their sums tell: no drawdown and no Sharpe ratio."""
    count = sum(part["trades"] for part in parts)
    won, lost = fsum(part["won"] for part in parts), fsum(part["lost"] for part in parts)
    wins = fsum(part["trades"] * part["win_rate"] for part in parts if part["trades"])
    return {
        "trades": count,
        "win_rate": figure(wins / count) if count else None,
        "won": money(won),
        "lost": money(lost),
        "net": money(won + lost),
        "expectancy": money((won + lost) / count) if count else None,
        "profit_factor": figure(won / -lost) if lost else None,
    }
