"""The fit finds what is there, refuses what is too little, and never looks ahead."""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.market.events import NANOS
from engine.research.flow.features import FlowSettings
from engine.research.flow.fit import FitError, Fitted, Sample, fit, known_before, loss, walk_forward
from engine.research.flow.model import Coefficients
from engine.research.flow.parameters import (
    Data,
    FlowParameters,
    Label,
    ParametersError,
    folds_of,
    numbers,
    parse_parameters,
    settings_of,
)
from engine.research.flow.samples import by_market, samples_of

FLOW = FlowSettings(least_trades=10)
EVERY = 1800.0
Tape = Callable[..., Any]


def fitted(tape: Tape, knowing: float, seed: int = 1) -> Fitted:
    trades, markets = tape(120, knowing, seed)
    until = max(m.settled_ns for m in markets.values())
    return walk_forward(samples_of(by_market(trades), markets, FLOW, until, EVERY), 4)


def test_takers_who_know_something_are_found(tape: Tape) -> None:
    found = fitted(tape, 0.62)
    assert found.better
    assert found.coefficients.flow > 0.4
    assert found.in_force == found.coefficients
    assert all(fold.model_loss < fold.market_loss for fold in found.folds)


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_takers_who_know_nothing_change_nothing(tape: Tape, seed: int) -> None:
    found = fitted(tape, 0.5, seed)
    assert not found.better
    assert found.in_force == Coefficients()


def test_too_little_is_refused_with_what_is_needed(tape: Tape) -> None:
    trades, markets = tape(40, 0.6)
    samples = samples_of(by_market(trades), markets, FLOW, 2**62, EVERY)
    with pytest.raises(FitError, match="there are 40 events with an outcome, and 60 are needed"):
        walk_forward(samples, 4)
    with pytest.raises(FitError, match="there are 0 events"):
        walk_forward([], 4)


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.floats(0.3, 0.9), st.booleans())
def test_no_later_trade_moves_an_earlier_fit(tape: Tape, seed: int, share: float, by_price: bool) -> None:
    """Everything after an instant is thrown away, or made up anew: what could be fitted at that instant is the same."""
    trades, markets = tape(30, 0.6, 7)
    other, _ = tape(30, 0.5, seed)
    begin, end = trades[0].time_ns, trades[-1].time_ns
    cut = begin + int(share * (end - begin))
    ahead = 3600.0 if by_price else None
    true_until = max(m.settled_ns for m in markets.values())
    versions = [
        (trades, true_until),
        ([t for t in trades if t.time_ns < cut], cut),
        ([t if t.time_ns < cut else o for t, o in zip(trades, other, strict=True)], true_until),
    ]
    usable = [
        known_before(samples_of(by_market(told), markets, FLOW, until, EVERY, ahead), cut) for told, until in versions
    ]
    assert usable[0] == usable[1] == usable[2]
    assert fit(usable[0]) == fit(usable[1])


def test_a_fold_uses_nothing_that_was_not_known_before_it(tape: Tape) -> None:
    trades, markets = tape(120, 0.62)
    samples = samples_of(by_market(trades), markets, FLOW, 2**62, EVERY)
    for fold in walk_forward(samples, 4).folds:
        before = known_before(samples, fold.begins_ns)
        assert fold.coefficients == fit(before)
        assert all(s.known_ns < fold.begins_ns for s in before)


def test_the_fit_is_the_least_loss() -> None:
    samples = [Sample(f"e{n}", n, 0.2, 0.1, 0.5 if n % 3 else -0.4, float(n % 3 != 0), n + 1) for n in range(90)]
    best = fit(samples)

    def penalised(flow: float, calibration: float) -> float:
        found = Coefficients(flow, calibration)
        return sum(loss(s, found) for s in samples) + flow**2 / (2 * 0.5**2) + calibration**2 / (2 * 0.25**2)

    least = penalised(best.flow, best.calibration)
    for flow, calibration in ((0.01, 0), (-0.01, 0), (0, 0.01), (0, -0.01)):
        assert penalised(best.flow + flow, best.calibration + calibration) > least


def test_loss_is_the_log_of_the_chance() -> None:
    assert loss(Sample("e", 0, log(3), 0, 0, 1.0, 1), Coefficients()) == pytest.approx(-log(0.75))


def test_labels_by_price_need_the_whole_stretch(tape: Tape) -> None:
    trades, markets = tape(1, 0.5)
    end = trades[-1].time_ns
    samples = samples_of(by_market(trades), markets, FLOW, end, EVERY, 3600.0)
    assert samples
    assert all(s.known_ns == s.at_ns + 2 * 3600 * NANOS <= end for s in samples)


def parameters(found: Fitted) -> FlowParameters:
    return FlowParameters(
        made_at="now", settings=settings_of(FLOW), label=Label(kind="outcome"), calibration=None,
        data=Data(trades=1, markets=1, events=found.events, samples=found.samples, first="a", last="b"),
        folds=folds_of(found, str), gain=found.gain, gain_low=found.gain_low, better=found.better,
        fitted=numbers(found.coefficients), in_force=numbers(found.in_force),
    )  # fmt: skip


def test_parameters_come_back_as_they_were_and_cannot_be_forced(tape: Tape) -> None:
    found = parameters(fitted(tape, 0.5))
    text = found.rendered()
    assert parse_parameters(text, "p") == found
    assert found.settings.settings() == FLOW
    with pytest.raises(ParametersError, match="in_force must be zeros"):
        parse_parameters(text.replace('"in_force": {\n    "flow": 0.0', '"in_force": {\n    "flow": 1.0'), "p")
    with pytest.raises(ParametersError, match=r"p: settings\.window"):
        parse_parameters(text.replace('"window": 21600.0', '"window": -1'), "p")
    with pytest.raises(ParametersError, match="p:1 is no JSON"):
        parse_parameters("{", "p")
