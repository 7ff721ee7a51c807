"""Fits how much flow and calibration move the price, on what was known at the time and on nothing later.

Time is cut into folds. Each fold is judged with coefficients fitted to samples whose labels were known before the fold
begins, so that no trade and no outcome of it or after it can have moved them. What such folds show decides whether the
coefficients are used at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt
from statistics import fmean, stdev
from typing import NamedTuple

from engine.research.flow.features import LEAST, MOST, chance
from engine.research.flow.model import Coefficients

FLOW_BOUND = 3.0  # of the coefficient of the flow, both ways
CALIBRATION_BOUND = 0.5
FLOW_PRIOR, CALIBRATION_PRIOR = 0.5, 0.25  # standard deviations around 0: few events leave both near it
STEPS = 100
LEAST_EVENTS = 30  # before the first fold, and over all folds together
ONE_SIDED_95 = 1.645


class FitError(Exception):
    """Too little to fit on. The text says what there is and what is needed."""


class Sample(NamedTuple):
    """One look at a market. ``odds``: of its price; ``shift``: the table's whole correction; ``pull``: belief times
    imbalance; ``label``: what came of it, 0 to 1; ``known_ns``: when that was known."""

    event: str
    at_ns: int
    odds: float
    shift: float
    pull: float
    label: float
    known_ns: int


@dataclass(frozen=True, slots=True)
class Fold:
    """One stretch of time, judged with what was known before it. Losses are mean log-losses, each event counting once.
    """

    begins_ns: int
    ends_ns: int
    train_events: int
    test_events: int
    coefficients: Coefficients
    market_loss: float
    model_loss: float


@dataclass(frozen=True, slots=True)
class Fitted:
    """``coefficients`` over all samples; ``gain``: how much less the folds' log-loss was than the market's, a mean over
    events; ``gain_low``: its one-sided 95% bound. ``better`` says that the bound is above 0."""

    coefficients: Coefficients
    folds: tuple[Fold, ...]
    gain: float
    gain_low: float
    samples: int
    events: int

    @property
    def better(self) -> bool:
        return self.gain_low > 0

    @property
    def in_force(self) -> Coefficients:
        """What signals are built with: nothing but the price unless the folds say otherwise."""
        return self.coefficients if self.better else Coefficients()


def walk_forward(samples: Sequence[Sample], folds: int) -> Fitted:
    """Fit and judge over ``folds`` stretches of time with equally many samples, after a first one to learn from.

    FitError when there is too little.
    """
    ordered = sorted(samples, key=lambda s: (s.at_ns, s.event))
    events = {s.event for s in ordered}
    if len(events) < 2 * LEAST_EVENTS:
        raise FitError(
            f"there are {len(events)} events with an outcome, and {2 * LEAST_EVENTS} are needed: half to learn from "
            "before the first fold, half to judge by"
        )
    judged: list[Fold] = []
    gains: dict[str, list[float]] = {}
    edges = [ordered[len(ordered) * number // (folds + 1)].at_ns for number in range(1, folds + 1)]
    for begins, ends in zip(edges, [*edges[1:], ordered[-1].at_ns + 1], strict=True):
        fold = _judge(ordered, begins, ends, gains)
        if fold is not None:
            judged.append(fold)
    if len(gains) < LEAST_EVENTS:
        raise FitError(
            f"only {len(gains)} events fall into folds with {LEAST_EVENTS} events known before them, and "
            f"{LEAST_EVENTS} are needed: collect a longer time"
        )
    each = [fmean(values) for values in gains.values()]
    gain = fmean(each)
    low = gain - ONE_SIDED_95 * stdev(each) / sqrt(len(each))
    return Fitted(fit(ordered), tuple(judged), gain, low, len(ordered), len(events))


def known_before(samples: Sequence[Sample], time_ns: int) -> list[Sample]:
    """Samples whose labels were known before an instant: all that a fit at that instant may use."""
    return [s for s in samples if s.known_ns < time_ns and s.at_ns < time_ns]


def _judge(ordered: Sequence[Sample], begins: int, ends: int, gains: dict[str, list[float]]) -> Fold | None:
    """One fold; None while too little is known before it. Gains of its events are added to ``gains``."""
    train = known_before(ordered, begins)
    test = [s for s in ordered if begins <= s.at_ns < ends]
    known = {s.event for s in train}
    if len(known) < LEAST_EVENTS or not test:
        return None
    coefficients = fit(train)
    market: dict[str, list[float]] = {}
    model: dict[str, list[float]] = {}
    for s in test:
        losses = loss(s, Coefficients()), loss(s, coefficients)
        market.setdefault(s.event, []).append(losses[0])
        model.setdefault(s.event, []).append(losses[1])
        gains.setdefault(s.event, []).append(losses[0] - losses[1])
    means = [fmean(fmean(values) for values in found.values()) for found in (market, model)]
    return Fold(begins, ends, len(known), len(market), coefficients, *means)


def loss(sample: Sample, coefficients: Coefficients) -> float:
    """Log-loss of one sample."""
    odds = sample.odds + coefficients.calibration * sample.shift + coefficients.flow * sample.pull
    p = min(max(chance(odds), LEAST / 10), 1 - (1 - MOST) / 10)
    return -(sample.label * log(p) + (1 - sample.label) * log(1 - p))


def fit(samples: Sequence[Sample]) -> Coefficients:
    """Coefficients with the least penalised log-loss, each event counting once. Convex; Newton, one at a time."""
    counts: dict[str, int] = {}
    for s in samples:
        counts[s.event] = counts.get(s.event, 0) + 1
    weights = [1.0 / counts[s.event] for s in samples]
    flow = calibration = 0.0
    for _ in range(STEPS):
        before = flow, calibration
        flow = _step(samples, weights, flow, calibration, "pull", FLOW_PRIOR, (-FLOW_BOUND, FLOW_BOUND))
        calibration = _step(
            samples, weights, flow, calibration, "shift", CALIBRATION_PRIOR, (0.0, CALIBRATION_BOUND)
        )
        if max(abs(flow - before[0]), abs(calibration - before[1])) < 1e-10:
            break
    return Coefficients(flow, calibration)


def _step(
    samples: Sequence[Sample], weights: Sequence[float], flow: float, calibration: float, name: str, prior: float,
    bounds: tuple[float, float],
) -> float:  # fmt: skip
    """One Newton step in one coefficient, kept within its bounds."""
    value = flow if name == "pull" else calibration
    slope, bend = value / prior**2, 1 / prior**2
    for s, weight in zip(samples, weights, strict=True):
        x = s.pull if name == "pull" else s.shift
        p = chance(s.odds + flow * s.pull + calibration * s.shift)
        slope += weight * x * (p - s.label)
        bend += weight * x * x * p * (1 - p)
    return min(max(value - slope / bend, bounds[0]), bounds[1])
