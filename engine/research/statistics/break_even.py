"""How often trades had to win to come out even, and whether they did."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist

from engine.market.orders import Side
from engine.research.trades import ClosedTrade

_ONE = Decimal(1)
BANDS = 10
"""Price bands of a contract: each 10 cents wide."""


@dataclass(frozen=True, slots=True)
class PriceBandResult:
    """Contracts held to settlement whose cost was from ``low`` to below ``high`` (money per contract that pays $1).

    ``needed`` is the mean of q* = cost + fee; ``lower`` and ``upper`` the Wilson interval of ``win_rate``. A band
    is shown to pay only where ``lower > needed``.
    """

    low: float
    high: float
    trades: int
    wins: int
    win_rate: float
    needed: float
    lower: float
    upper: float


def held_to_settlement(trade: ClosedTrade) -> bool:
    """A contract that paid $1 or nothing in the end."""
    return 0 < trade.entry < 1 and trade.exit in (0, 1)


def contract_cost(trade: ClosedTrade) -> Decimal:
    """q* of one contract: its price plus fee, money; also the win rate at which it comes out even.

    To sell YES that is not held is to buy NO at one dollar less the price.
    """
    price = trade.entry if trade.side is Side.BUY else _ONE - trade.entry
    return price + trade.fees / trade.quantity


def break_even_win_rate(trades: Sequence[ClosedTrade]) -> float | None:
    """The win rate at which these trades come out even; None where no trade says so.

    If every trade was a contract held to settlement: mean of q* = cost + fee. Else L / (W + L) with W the mean net
    of wins and L that of losses, unsigned, which is q* where all costs are equal (V. K. Tharp; R. Pardo 2008).
    """
    if trades and all(held_to_settlement(trade) for trade in trades):
        return float(sum((contract_cost(trade) for trade in trades), Decimal(0)) / len(trades))
    wins = [trade.net for trade in trades if trade.net > 0]
    losses = [-trade.net for trade in trades if trade.net < 0]
    if not wins or not losses:
        return None
    won, lost = sum(wins, Decimal(0)) / len(wins), sum(losses, Decimal(0)) / len(losses)
    return float(lost / (won + lost))


def wilson_interval(wins: int, count: int, confidence: float = 0.9) -> tuple[float, float]:
    """Two-sided interval of a win rate (E. B. Wilson, JASA 22(158), 1927). ``count`` must be above zero."""
    if count <= 0:
        raise ValueError("an interval of a win rate needs at least one trade")
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    rate, square = wins / count, z * z
    middle = (rate + square / (2 * count)) / (1 + square / count)
    half = z / (1 + square / count) * math.sqrt(rate * (1 - rate) / count + square / (4 * count * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def by_price_band(trades: Sequence[ClosedTrade], confidence: float = 0.9) -> list[PriceBandResult]:
    """Contracts held to settlement by what they cost, from cheap to dear; bands without a trade are left out."""
    bands: dict[int, list[ClosedTrade]] = {}
    for trade in trades:
        if held_to_settlement(trade):
            bands.setdefault(min(int(contract_cost(trade) * BANDS), BANDS - 1), []).append(trade)
    found = []
    for band, inside in sorted(bands.items()):
        wins = sum(trade.exit == (1 if trade.side is Side.BUY else 0) for trade in inside)
        needed = sum((contract_cost(trade) for trade in inside), Decimal(0)) / len(inside)
        lower, upper = wilson_interval(wins, len(inside), confidence)
        found.append(PriceBandResult(
            band / BANDS, (band + 1) / BANDS, len(inside), wins, wins / len(inside), float(needed), lower, upper
        ))  # fmt: skip
    return found
