"""Statistics of research, each by a stated formula with its source. ``catalogue`` lists them; the docs follow it.

- ``trades``, ``curve``: a back-test's closed trades and its equity curve.
- ``events``, ``concentration``, ``break_even``: what belongs together, where the money came from, what had to be won.
- ``bootstrap``, ``sequential``, ``placebo``: how sure a mean is, with events as the independent observations.
- ``sharpe``, ``overfitting``: what is left of a result after all that was tried.
"""

from engine.research.statistics.curve import (
    TRADING_DAYS_PER_YEAR,
    CurveStatistics,
    Drawdown,
    Floats,
    Ints,
    buy_and_hold_return,
    curve_statistics,
    daily_closes,
    local_days,
    local_hours,
    max_drawdown,
)
from engine.research.statistics.trades import TradeStatistics, trade_statistics

__all__ = [
    "TRADING_DAYS_PER_YEAR",
    "CurveStatistics",
    "Drawdown",
    "Floats",
    "Ints",
    "TradeStatistics",
    "buy_and_hold_return",
    "curve_statistics",
    "daily_closes",
    "local_days",
    "local_hours",
    "max_drawdown",
    "trade_statistics",
]
