"""Choosing a correction: the right one where there is one, none where not, and none from too little."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from engine.research.calibration.choose import choose
from engine.research.calibration.errors import TooFewOutcomesError
from engine.research.calibration.maps import Identity, Platt
from engine.research.calibration.outcomes import Outcomes

MakeOutcomes = Callable[..., Outcomes]


def test_overconfident_probabilities_are_drawn_in(outcomes: MakeOutcomes) -> None:
    choice = choose(outcomes(1_200, slope=0.5, intercept=-0.2), seed=1)
    assert isinstance(choice.map, Platt)  # the plainest that does as well as the flexible ones
    assert choice.map.slope == pytest.approx(0.5, abs=0.12)
    assert choice.after.log_loss < choice.before.log_loss
    assert choice.before.ece_p < 0.01 < choice.after.ece_p
    assert choice.after.slope == pytest.approx(1, abs=0.25)
    assert [c.left_out for c in choice.candidates] == ["", "", "", ""]


def test_right_probabilities_are_left_alone(outcomes: MakeOutcomes) -> None:
    picked = [choose(outcomes(600, seed=seed), seed=1).map for seed in range(2, 10)]
    assert sum(isinstance(found, Identity) for found in picked) >= 6


def test_a_curve_that_platt_cannot_follow_gets_a_more_flexible_one(outcomes: MakeOutcomes) -> None:
    made = outcomes(3_000)
    source = np.random.default_rng(5)
    luck = source.random(made.events)[made.event]
    came = (luck < np.where(made.probability > 0.5, 0.85, 0.4)).astype(np.float64)
    stepped = Outcomes(
        made.probability, came, made.time_ns, made.event, made.market, made.known_ns, made.source, made.sha256
    )
    choice = choose(stepped, seed=1)
    assert choice.map.method == "isotonic"


@pytest.mark.parametrize(
    ("events", "out"),
    [
        (120, {"beta": "120 events, and it takes 150", "isotonic": "120 events, and it takes 1,000"}),
        (400, {"isotonic": "400 events, and it takes 1,000"}),
        (1_000, {}),
    ],
)
def test_methods_are_tried_only_with_enough(outcomes: MakeOutcomes, events: int, out: dict[str, str]) -> None:
    choice = choose(outcomes(events), seed=1)
    assert {c.method: c.left_out for c in choice.candidates if c.left_out} == out
    assert all((c.log_loss is None) == (c.method in out) for c in choice.candidates)


def test_too_little_is_refused_with_the_numbers(outcomes: MakeOutcomes) -> None:
    with pytest.raises(TooFewOutcomesError) as caught:
        choose(outcomes(99), seed=1)
    said = str(caught.value)
    assert "too few outcomes: 99 independent events in 148 rows" in said
    assert "platt 100 (20 of the rarer outcome), beta 150 (30 of the rarer outcome), isotonic 1,000 (100" in said


def test_rows_are_no_substitute_for_events(outcomes: MakeOutcomes) -> None:
    """A thousand rows about ninety events are ninety outcomes."""
    made = outcomes(90)
    again = np.tile(np.arange(len(made.event)), 11)
    order = np.argsort(made.time_ns[again], kind="stable")
    rows = again[order]
    many = Outcomes(
        made.probability[rows], made.outcome[rows], made.time_ns[rows], made.event[rows], made.market[rows],
        made.known_ns, made.source, made.sha256,
    )  # fmt: skip
    with pytest.raises(TooFewOutcomesError, match="90 independent events"):
        choose(many, seed=1)


def test_one_sided_outcomes_are_refused(outcomes: MakeOutcomes) -> None:
    with pytest.raises(TooFewOutcomesError, match="of them came true"):
        choose(outcomes(500, slope=1, intercept=-8), seed=1)


def test_outcomes_that_are_known_too_late_to_learn_from_are_refused(outcomes: MakeOutcomes) -> None:
    made = outcomes(300)
    late = Outcomes(
        made.probability, made.outcome, made.time_ns, made.event, made.market,
        np.full(made.events, made.time_ns[-1] + 1), made.source, made.sha256,
    )  # fmt: skip
    with pytest.raises(TooFewOutcomesError, match="no outcomes of both kinds were known before"):
        choose(late, seed=1)


def test_the_market_that_knows_more_is_seen_to(outcomes: MakeOutcomes) -> None:
    choice = choose(outcomes(1_000, slope=0.2, intercept=0.8, market=True), seed=1)
    assert choice.market is not None and choice.market.log_loss is not None
    assert choice.market.events == choice.tried_events
    mean = choice.market.log_loss
    assert mean.low <= mean.value <= mean.high
    assert mean.value == pytest.approx(choice.market.market_log_loss - choice.after.log_loss)
    assert choose(outcomes(300), seed=1).market is None


def test_the_future_cannot_change_what_a_fold_was_corrected_with(outcomes: MakeOutcomes) -> None:
    """Turning the outcomes of the last fold over changes the score there, and no correction before it."""
    from engine.research.calibration.choose import _unseen
    from engine.research.calibration.folds import walk_forward

    made = outcomes(400, slope=0.6)
    folds = walk_forward(made)
    turned = made.outcome.copy()
    turned[folds[-1].test] = 1 - turned[folds[-1].test]
    other = Outcomes(
        made.probability, turned, made.time_ns, made.event, made.market, made.known_ns, made.source, made.sha256
    )
    assert (_unseen(made, folds, "beta") == _unseen(other, folds, "beta")).all()
