"""Whether signals are worth what they say: the edge that was predicted against the edge that was made. Pure.

A signal gives the fair probability P that a contract pays. Whoever buys it at c with fee f predicts an edge of
P - c - f per contract; to sell it is to buy the other side, whose probability is 1 - P and whose price is 1 - c. What
was made of it is the trade's net result per contract. Sums over many trades agree when signals are right; predictions
that are larger than results by a steady part say that signals are too sure of themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np

from engine.market.orders import Side
from engine.research.calibration.metrics import Scores, scores
from engine.research.results import figure, iso_utc
from engine.research.statistics.bootstrap import Interval, expectancy_interval
from engine.research.statistics.break_even import held_to_settlement
from engine.research.statistics.events import event_of, event_results
from engine.research.trades import ClosedTrade

EDGES = (0.0, 0.02, 0.05, 0.10)
"""Lower bounds of the groups of predicted edge, money per contract."""

MIN_OUTCOMES = 20
SEED = 20_240_229


@dataclass(frozen=True, slots=True)
class PredictedTrade:
    """A closed trade of a contract with the fair probability of YES when its entry was decided, and what the maker of
    the signal had ``said`` before outcomes corrected it: only that may teach the next correction."""

    trade: ClosedTrade
    probability: float
    said: float

    @property
    def own_probability(self) -> float:
        """That the side bought pays."""
        return self.probability if self.trade.side is Side.BUY else 1 - self.probability

    @property
    def predicted(self) -> float:
        """Edge per contract after the fee of the entry, money; half of the fees where the trade was closed early."""
        price = float(self.trade.entry if self.trade.side is Side.BUY else Decimal(1) - self.trade.entry)
        sides = 1 if held_to_settlement(self.trade) else 2
        return self.own_probability - price - float(self.trade.fees) / sides / float(self.trade.quantity)

    @property
    def realised(self) -> float:
        """Net result per contract, money."""
        return float(self.trade.net / self.trade.quantity)

    @property
    def outcome(self) -> float | None:
        """1 when the contract paid, 0 when not, None when the trade was closed before."""
        return float(self.trade.exit) if held_to_settlement(self.trade) else None


@dataclass(frozen=True, slots=True)
class EdgeGroup:
    """Trades whose predicted edge was from ``low`` to below ``high`` (None: no bound), means per contract."""

    low: float | None
    high: float | None
    trades: int
    predicted: float
    realised: float


@dataclass(frozen=True, slots=True)
class SignalQuality:
    """``trades`` is how many of ``closed`` have a prediction. ``predicted`` and ``realised`` are means per contract,
    money; ``kept`` is the second over the first, None where nothing was predicted; ``correlation`` is between the two
    over trades. ``interval`` is that of the realised edge, clustered by event. ``scores`` are those of the
    probabilities against what came true, None with fewer than `MIN_OUTCOMES` outcomes.
    """

    closed: int
    trades: int
    outcomes: int
    predicted: float | None
    realised: float | None
    kept: float | None
    correlation: float | None
    interval: Interval | None
    groups: tuple[EdgeGroup, ...]
    scores: Scores | None

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            name: figure(getattr(self, name)) for name in ("predicted", "realised", "kept", "correlation")
        }
        return {
            "closed_trades": self.closed, "with_a_prediction": self.trades, "outcomes_known": self.outcomes, **found,
            "realised_interval": None if self.interval is None else [figure(self.interval.low),
                                                                     figure(self.interval.high)],
            "by_predicted_edge": [
                {"from": g.low, "to": g.high, "trades": g.trades, "predicted": figure(g.predicted),
                 "realised": figure(g.realised)} for g in self.groups
            ],
            "calibration": None if self.scores is None else {
                "brier": figure(self.scores.brier), "log_loss": figure(self.scores.log_loss),
                "ece": figure(self.scores.ece), "ece_if_right": figure(self.scores.ece_if_right),
                "slope": figure(self.scores.slope),
                "bins": [{"said": figure(b.said), "came_true": figure(b.came), "events": figure(b.events),
                          "low": figure(b.low), "high": figure(b.high)} for b in self.scores.bins],
            },
        }  # fmt: skip


def signal_quality(predicted: Sequence[PredictedTrade], closed: int) -> SignalQuality:
    """Judge predictions; ``closed`` is the number of all closed trades, those without a prediction included."""
    said = np.array([one.predicted for one in predicted])
    made = np.array([one.realised for one in predicted])
    known = [one for one in predicted if one.outcome is not None]
    mean_said, mean_made = (float(values.mean()) if len(values) else None for values in (said, made))
    varies = len(said) > 2 and np.ptp(said) > 1e-12 and np.ptp(made) > 1e-12
    return SignalQuality(
        closed, len(predicted), len(known), mean_said, mean_made,
        mean_made / mean_said if mean_said and mean_made is not None and mean_said > 0 else None,
        float(np.corrcoef(said, made)[0, 1]) if varies else None, _interval(predicted), tuple(_groups(said, made)),
        _scores(known),
    )  # fmt: skip


def outcome_rows(predicted: Sequence[PredictedTrade]) -> list[dict[str, Any]]:
    """Rows that ``engine calibrate --from`` reads: what was said of contracts that have settled, and what came true."""
    return [
        {
            "probability": one.said, "outcome": int(one.outcome), "time": iso_utc(one.trade.opened_ns),
            "event": event_of(one.trade.symbol, one.trade.closed_ns), "settled": iso_utc(one.trade.closed_ns),
            "market_price": float(one.trade.entry),
        }
        for one in sorted(predicted, key=lambda one: one.trade.opened_ns)
        if one.outcome is not None
    ]  # fmt: skip


def _groups(said: Any, made: Any) -> list[EdgeGroup]:
    bounds: list[float | None] = [None, *EDGES, None]
    found = []
    for low, high in pairwise(bounds):
        inside = (said >= (-np.inf if low is None else low)) & (said < (np.inf if high is None else high))
        count = int(inside.sum())
        if count:
            found.append(EdgeGroup(low, high, count, float(said[inside].mean()), float(made[inside].mean())))
    return found


def _interval(predicted: Sequence[PredictedTrade]) -> Interval | None:
    if not predicted:
        return None
    per_contract = [
        replace(t, quantity=Decimal(1), gross=t.gross / t.quantity, fees=t.fees / t.quantity, net=t.net / t.quantity)
        for t in (one.trade for one in predicted)
    ]
    return expectancy_interval(event_results(per_contract), SEED)


def _scores(known: Sequence[PredictedTrade]) -> Scores | None:
    if len(known) < MIN_OUTCOMES:
        return None
    names: dict[str, int] = {}
    event = [names.setdefault(event_of(one.trade.symbol, one.trade.closed_ns), len(names)) for one in known]
    p, y = np.array([one.probability for one in known]), np.array([one.outcome for one in known], dtype=np.float64)
    return scores(p, y, np.array(event, dtype=np.int64), SEED)
