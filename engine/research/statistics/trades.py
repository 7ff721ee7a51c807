"""What closed trades say, each figure by a stated formula.

A figure that cannot be computed is None, never 0 and never infinity; ``unknown`` then maps its field name to the reason
in words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from engine.market.events import NANOS
from engine.research.statistics.concentration import profit_by, shares
from engine.research.trades import ClosedTrade

_ZERO = Decimal(0)
NO_TRADES = "no trades"


@dataclass(frozen=True, slots=True)
class TradeStatistics:
    """Figures over closed trades; ``n`` is their count and ``net_i`` the net money of one (after fees).

    - ``wins`` have net > 0, ``losses`` net < 0; a trade that nets exactly zero is neither.
    - ``gross``, ``fees``, ``net``: sums, money. ``net = gross - fees``.
    - ``win_rate`` = wins / n, a ratio.
    - ``expectancy`` = net / n, money per trade.
    - ``average_win`` (> 0) and ``average_loss`` (< 0): mean net of the wins and of the losses, money.
    - ``payoff`` = average_win / |average_loss|.
    - ``profit_factor`` = sum of winning nets / |sum of losing nets|.
    - ``average_holding_seconds`` = mean time from first entry to flat.
    - ``largest_ticker_share`` = max over symbols of |net| / sum over symbols of |net|: the share of one symbol in the
      absolute result, whether it won or lost.
    - ``sqn`` = sqrt(n) * mean(net_i) / s(net_i), s with n - 1 (system quality number; Van K. Tharp, "Definitive Guide
      to Position Sizing", with net money in place of R multiples, and n not capped at 100).

    Win rate, expectancy, payoff and profit factor follow Robert Pardo, "The Evaluation and Optimization of Trading
    Strategies", 2nd ed., on performance profiles.
    """

    trades: int
    wins: int
    losses: int
    gross: Decimal
    fees: Decimal
    net: Decimal
    win_rate: float | None
    expectancy: Decimal | None
    average_win: Decimal | None
    average_loss: Decimal | None
    payoff: float | None
    profit_factor: float | None
    average_holding_seconds: float | None
    largest_ticker_share: float | None
    sqn: float | None
    unknown: Mapping[str, str]


def trade_statistics(trades: Sequence[ClosedTrade]) -> TradeStatistics:
    """Figures over ``trades``, in any order; see `TradeStatistics` for the formulas."""
    unknown: dict[str, str] = {}
    wins = [trade.net for trade in trades if trade.net > 0]
    losses = [trade.net for trade in trades if trade.net < 0]
    count = len(trades)
    gross = sum((trade.gross for trade in trades), _ZERO)
    fees = sum((trade.fees for trade in trades), _ZERO)
    net = sum((trade.net for trade in trades), _ZERO)
    won, lost = sum(wins, _ZERO), sum(losses, _ZERO)
    if not count:
        unknown |= dict.fromkeys(("win_rate", "expectancy", "average_holding_seconds"), NO_TRADES)
    if not wins:
        unknown["average_win"] = "no winning trade"
    if not losses:
        unknown["average_loss"] = unknown["profit_factor"] = "no losing trade"
    largest_ticker = shares(profit_by(trades, lambda trade: trade.symbol)).largest
    if largest_ticker is None:
        unknown["largest_ticker_share"] = "no symbol won or lost anything"
    if not (wins and losses):
        unknown["payoff"] = "needs a winning and a losing trade"
    return TradeStatistics(
        trades=count,
        wins=len(wins),
        losses=len(losses),
        gross=gross,
        fees=fees,
        net=net,
        win_rate=len(wins) / count if count else None,
        expectancy=net / count if count else None,
        average_win=won / len(wins) if wins else None,
        average_loss=lost / len(losses) if losses else None,
        payoff=float((won / len(wins)) / -(lost / len(losses))) if wins and losses else None,
        profit_factor=float(won / -lost) if losses else None,
        average_holding_seconds=sum(trade.holding_ns for trade in trades) / count / NANOS if count else None,
        largest_ticker_share=largest_ticker,
        sqn=_system_quality(trades, unknown),
        unknown=unknown,
    )


def _system_quality(trades: Sequence[ClosedTrade], unknown: dict[str, str]) -> float | None:
    if len(trades) < 2:
        unknown["sqn"] = "fewer than 2 trades"
        return None
    if all(trade.net == trades[0].net for trade in trades):
        unknown["sqn"] = "net per trade does not vary"
        return None
    nets = np.array([float(trade.net) for trade in trades])
    return float(math.sqrt(len(nets)) * nets.mean() / nets.std(ddof=1))
