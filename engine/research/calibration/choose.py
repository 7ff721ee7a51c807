"""Which correction to use, by what each would have scored on outcomes that it had not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.research.calibration.errors import TooFewOutcomesError
from engine.research.calibration.folds import Fold, walk_forward
from engine.research.calibration.maps import FITS, AnyMap, Method
from engine.research.calibration.metrics import Scores, brier_losses, by_event, log_losses, scores
from engine.research.calibration.outcomes import Outcomes
from engine.research.statistics import Floats
from engine.research.statistics.bootstrap import Interval, expectancy_interval
from engine.research.statistics.events import EventResults

CLIP = 1e-3
"""Corrected probabilities stay this far from 0 and 1."""

MIN_EVENTS: Mapping[Method, int] = {"identity": 100, "platt": 100, "beta": 150, "isotonic": 1_000}
"""Least independent outcomes of each method. Two numbers are fitted by Platt, three by beta; isotonic steps overfit
below about a thousand (scikit-learn's guide on calibration)."""

MIN_RARER: Mapping[Method, int] = {"identity": 10, "platt": 20, "beta": 30, "isotonic": 100}
"""Least of them that came true, and that did not: ten for each number that is fitted (P. Peduzzi et al., Journal of
Clinical Epidemiology 49(12), 1996)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One method: its scores over the folds, or why it was not tried. ``behind`` is how much worse its log-loss is than
    the best one's, ``behind_error`` the standard error of that, by event.
    """

    method: Method
    log_loss: float | None
    brier: float | None
    behind: float | None
    behind_error: float | None
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class AgainstMarket:
    """Corrected probabilities against the market's price, over ``events`` that have one, all unseen. ``log_loss`` and
    ``brier`` are the market's minus ours: above zero we are better. Intervals hold 90%, by bootstrap over events.
    """

    events: int
    market_log_loss: float
    market_brier: float
    log_loss: Interval | None
    brier: Interval | None


@dataclass(frozen=True, slots=True)
class Choice:
    """The correction to use, fitted on everything. ``before`` and ``after`` are scores of the raw and the corrected
    probabilities over the same unseen rows; each row was corrected by a fit on earlier, settled events alone.
    """

    map: AnyMap
    candidates: tuple[Candidate, ...]
    before: Scores
    after: Scores
    tried_rows: int
    tried_events: int
    folds: int
    market: AgainstMarket | None


def choose(outcomes: Outcomes, seed: int) -> Choice:
    """The plainest method whose log-loss over the folds is within one standard error of the best (L. Breiman et al.,
    "Classification and Regression Trees", 1984). Raises TooFewOutcomesError.
    """
    reasons = {method: _too_few(outcomes, method) for method in FITS}
    if all(reason for method, reason in reasons.items() if method != "identity"):
        raise TooFewOutcomesError(_refusal(outcomes))
    folds = [fold for fold in walk_forward(outcomes) if _varies(outcomes, fold)]
    if not folds:
        raise TooFewOutcomesError(
            f"{outcomes.source}: no outcomes of both kinds were known before the probabilities were said that a "
            "correction would be tried on; more history is needed, or `settled` times if the file has none"
        )
    tried = np.concatenate([fold.test for fold in folds])
    unseen = {method: _unseen(outcomes, folds, method) for method, reason in reasons.items() if not reason}
    y, event = outcomes.outcome[tried], outcomes.event[tried]
    losses = {method: by_event(log_losses(p, y), event) for method, p in unseen.items()}
    best = min(losses, key=lambda method: float(losses[method].mean()))
    candidates = tuple(
        _candidate(method, unseen[method], y, event, losses, best)
        if method in unseen
        else Candidate(method, None, None, None, None, reasons[method])
        for method in FITS
    )  # fmt: skip
    picked = next(c.method for c in candidates if _as_good(c))
    found = FITS[picked](outcomes.probability, outcomes.outcome, outcomes.weight)
    return Choice(
        found, candidates, scores(unseen["identity"], y, event, seed), scores(unseen[picked], y, event, seed),
        len(tried), len(losses[picked]), len(folds),
        _against_market(outcomes.market[tried], unseen[picked], y, event, seed),
    )  # fmt: skip


def clipped(p: Floats) -> Floats:
    """Kept `CLIP` from 0 and 1."""
    found: Floats = np.clip(p, CLIP, 1 - CLIP)
    return found


def _too_few(outcomes: Outcomes, method: Method) -> str:
    """Why there is too little to fit a method with; "" when there is enough."""
    came = float((outcomes.weight * outcomes.outcome).sum())
    rarer = min(came, outcomes.events - came)
    if outcomes.events < MIN_EVENTS[method]:
        return f"{outcomes.events:,} events, and it takes {MIN_EVENTS[method]:,}"
    if rarer < MIN_RARER[method]:
        return f"{rarer:.0f} events of the rarer outcome, and it takes {MIN_RARER[method]}"
    return ""


def _refusal(outcomes: Outcomes) -> str:
    came = float((outcomes.weight * outcomes.outcome).sum())
    needs = ", ".join(
        f"{method} {MIN_EVENTS[method]:,} ({MIN_RARER[method]} of the rarer outcome)"
        for method in FITS if method != "identity"
    )  # fmt: skip
    return (
        f"{outcomes.source}: too few outcomes: {outcomes.events:,} independent events in {len(outcomes.outcome):,} "
        f"rows, {came:.0f} of them came true; it takes {needs}"
    )


def _varies(outcomes: Outcomes, fold: Fold) -> bool:
    seen = outcomes.outcome[fold.train]
    return bool(seen.min() < seen.max())


def _unseen(outcomes: Outcomes, folds: list[Fold], method: Method) -> Floats:
    """Corrected probabilities of the rows tried, fold after fold."""
    parts = []
    for train, test in folds:
        # Weights are those of whole events, and events are never split between folds.
        fitted = FITS[method](outcomes.probability[train], outcomes.outcome[train], outcomes.weight[train])
        parts.append(clipped(fitted.of(outcomes.probability[test])))
    return np.concatenate(parts)


def _candidate(
    method: Method, p: Floats, y: Floats, event: NDArray[np.int64], losses: dict[Method, Floats], best: Method
) -> Candidate:
    apart = losses[method] - losses[best]
    error = float(apart.std(ddof=1)) / float(np.sqrt(len(apart))) if len(apart) > 1 else 0.0
    brier = float(by_event(brier_losses(p, y), event).mean())
    return Candidate(method, float(losses[method].mean()), brier, float(apart.mean()), error)


def _as_good(candidate: Candidate) -> bool:
    behind, error = candidate.behind, candidate.behind_error
    return behind is not None and error is not None and behind <= error


def _against_market(
    market: Floats, p: Floats, y: Floats, event: NDArray[np.int64], seed: int
) -> AgainstMarket | None:
    priced = ~np.isnan(market)
    if not priced.any():
        return None
    market, p, y, event = clipped(market[priced]), p[priced], y[priced], event[priced]
    found = [
        (by_event(loss(market, y), event), by_event(loss(p, y), event)) for loss in (log_losses, brier_losses)
    ]
    (market_log, our_log), (market_brier, our_brier) = found
    return AgainstMarket(
        len(market_log), float(market_log.mean()), float(market_brier.mean()),
        _interval(market_log - our_log, seed), _interval(market_brier - our_brier, seed),
    )  # fmt: skip


def _interval(apart: Floats, seed: int) -> Interval | None:
    """Of a mean by event."""
    names = tuple(str(number) for number in range(len(apart)))
    return expectancy_interval(EventResults(names, apart, np.ones(len(apart)), 0), seed)
