"""A fair probability from features: the price, moved by calibration and flow as far as both were found to help."""

from __future__ import annotations

from dataclasses import dataclass

from engine.research.flow.calibration import Line
from engine.research.flow.features import LEAST, MOST, Features, FlowSettings, chance, log_odds


@dataclass(frozen=True, slots=True)
class Coefficients:
    """``flow``: log-odds for an imbalance of 1 that is wholly believed; ``calibration``: the share of the table's
    correction that is taken, 0 to 0.5. Both 0 is the market's own price."""

    flow: float = 0.0
    calibration: float = 0.0


def belief(found: Features, settings: FlowSettings) -> float:
    """How far the flow is believed, 0 to 1: n / (n + n0) with n its effective trades."""
    return found.effective / (found.effective + settings.half_trades)


def fair(
    found: Features, line: Line, coefficients: Coefficients, settings: FlowSettings, anchor: float | None = None
) -> float:
    """Fair probability of YES.

    logit p = x + w (a + (b - 1) x) + k g I with x the log-odds of the price (``anchor``, such as a microprice, or the
    capped mean of the newest trades), a, b the table's ``line``, I the imbalance, g the belief in it; p stays within
    ``most_move`` of the price.
    """
    price = min(max(found.price if anchor is None else anchor, LEAST), MOST)
    odds = log_odds(price)
    moved = coefficients.calibration * line.shift(odds) + coefficients.flow * belief(found, settings) * found.imbalance
    kept = min(max(chance(odds + moved), price - settings.most_move), price + settings.most_move)
    return min(max(kept, LEAST), MOST)
