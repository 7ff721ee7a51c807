"""The facts of gates: known where they can be, and a reason where not."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest

from engine.market.orders import Side
from engine.research.gatefacts import FIGURES, NO_TRIALS, Figure, Shown
from engine.research.statistics.trials import Trials
from engine.research.trades import ClosedTrade

NO_RESULTS = "the ledger keeps no results of trials by period"
HOUR = 3_600_000_000_000


def shown(nets: Sequence[float], trials: Trials | None = None) -> Shown:
    """One contract trade an event, four a day."""
    trades = []
    for number, net in enumerate(nets):
        closed = number * 6 * HOUR
        trades.append(ClosedTrade(
            "p.s", f"KXA-26{number:05d}-B", Side.BUY, Decimal(10), Decimal("0.5"), Decimal("0.6"), closed, closed,
            Decimal(str(net)), Decimal(0), Decimal(str(net)), "rule", "c", 1.0, 0.0, None, 1,
        ))  # fmt: skip
    return Shown(trades, Figure(0.1), Figure(1.0), trials)


def noise(trials: int, rows: int = 320) -> Trials:
    return Trials(trials, np.full(trials, float(rows)), np.random.default_rng(1).normal(size=(rows, trials)))


GOOD = (np.random.default_rng(2).normal(2.0, 4.0, 300)).round(2).tolist()


def test_with_enough_of_everything_all_is_known() -> None:
    found = {name: shown(GOOD, noise(50)).figure(name) for name in FIGURES}
    assert [name for name, figure in found.items() if figure.value is None or figure.reason] == []
    assert found["stats.trades"].value == found["stats.events"].value == 300
    assert found["stats.days"].value == 75
    low, anytime = found["stats.expectancy_low"].value, found["stats.expectancy_low_anytime"].value
    mean, deflated = found["stats.expectancy"].value, found["stats.deflated_sharpe"].value
    assert low is not None and anytime is not None and mean is not None and deflated is not None
    assert 0 < anytime < low < mean
    assert deflated > 0.95
    assert found["stats.placebo_p"].value == pytest.approx(1 / 2001)


@pytest.mark.parametrize("nets", [[], [1.0], [1.0] * 19, [0.0] * 30, [2.0] * 30])
def test_whatever_is_unknown_says_why(nets: list[float]) -> None:
    for name in FIGURES:
        figure = shown(nets).figure(name)
        assert (figure.value is None) == bool(figure.reason), name


@pytest.mark.parametrize(
    ("trials", "deflated", "overfitting"),
    [
        (None, NO_TRIALS, NO_TRIALS),
        (Trials(0, np.array([])), NO_TRIALS, NO_TRIALS),
        (Trials(5, np.full(5, 300.0)), "", NO_RESULTS),
        (Trials(5, np.full(5, 2.0)), "none of 5 trials traded 3 events", NO_RESULTS),
        (noise(1), "", "1 trial(s): nothing was chosen, so nothing can be overfitted"),
        (noise(4, 31), "", "31 periods are too few for 16 blocks of at least 2"),
    ],
)
def test_without_a_ledger_nothing_is_known_of_the_search(
    trials: Trials | None, deflated: str, overfitting: str
) -> None:
    judged = shown(GOOD, trials)
    assert judged.figure("stats.deflated_sharpe").reason == deflated
    assert judged.figure("stats.overfitting").reason == overfitting


def test_the_same_trades_always_get_the_same_figures() -> None:
    first, again = ({name: shown(GOOD, noise(20)).figure(name) for name in FIGURES} for _ in range(2))
    assert first == again


def test_a_wider_search_makes_the_same_result_worth_less() -> None:
    values = [shown(GOOD[:60], noise(count)).figure("stats.deflated_sharpe").value for count in (2, 20, 200)]
    assert values == sorted(values, reverse=True)
    assert values[0] != values[-1]


def test_the_newest_trades_are_the_holdout() -> None:
    judged = shown([5.0] * 50 + [-1.0] * 50)
    assert judged.holdout_expectancy(50).value == -1.0
    assert judged.holdout_expectancy(100).value == 2.0
    assert judged.holdout_expectancy(101) == Figure(None, "there are 100 closed trades")
    assert judged.holdout_expectancy(0).value is None
