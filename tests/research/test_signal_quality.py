"""Whether signals are worth what they say."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from engine.market.orders import Side
from engine.research.calibration.outcomes import read_outcomes
from engine.research.signal_quality import PredictedTrade, outcome_rows, signal_quality
from engine.research.trades import ClosedTrade

DAY = 86_400_000_000_000


def predicted(
    said: float, entry: str, exit_price: str, side: Side = Side.BUY, event: int = 0, fees: str = "0.10"
) -> PredictedTrade:
    quantity = Decimal(10)
    gross = (Decimal(exit_price) - Decimal(entry)) * quantity * side.sign
    trade = ClosedTrade(
        "p.a", f"KXTOP-26E{event:03}-A", side, quantity, Decimal(entry), Decimal(exit_price), event * DAY,
        event * DAY + 1, gross, Decimal(fees), gross - Decimal(fees), "settled", "c", 1.0, 0.0, None, 1,
    )  # fmt: skip
    return PredictedTrade(trade, said, said)


def test_the_edge_of_yes_and_of_no_are_told_in_the_same_coin() -> None:
    yes = predicted(0.70, "0.60", "1")
    assert yes.predicted == pytest.approx(0.70 - 0.60 - 0.01)
    assert yes.realised == pytest.approx(0.40 - 0.01)
    assert yes.outcome == 1.0
    no = predicted(0.30, "0.40", "0", side=Side.SELL)  # NO at 60 cents, which pays with 70%
    assert no.predicted == pytest.approx(0.70 - 0.60 - 0.01)
    assert no.realised == pytest.approx(0.40 - 0.01)
    assert no.outcome == 0.0
    early = predicted(0.70, "0.60", "0.65")
    assert early.predicted == pytest.approx(0.70 - 0.60 - 0.005)  # half of the fees are those of the exit
    assert early.outcome is None


def test_right_signals_keep_what_they_promise_and_boastful_ones_do_not() -> None:
    draws = np.random.default_rng(5).random(400)
    right = [predicted(0.6, "0.5", "1" if draw < 0.6 else "0", event=n) for n, draw in enumerate(draws)]
    boasting = [predicted(0.8, "0.5", "1" if draw < 0.6 else "0", event=n) for n, draw in enumerate(draws)]
    good, bad = signal_quality(right, 400), signal_quality(boasting, 500)
    assert good.predicted == pytest.approx(0.09) and bad.predicted == pytest.approx(0.29)
    assert good.kept is not None and 0.4 < good.kept < 1.6
    assert bad.kept is not None and bad.kept < 0.6
    assert good.interval is not None and good.interval.low < 0.09 < good.interval.high
    assert bad.interval is not None and bad.interval.high < 0.29
    assert good.scores is not None and bad.scores is not None
    assert good.scores.brier < bad.scores.brier
    assert (bad.closed, bad.trades, bad.outcomes) == (500, 400, 400)


def test_trades_are_grouped_by_what_was_predicted() -> None:
    said = [predicted(0.55, "0.50", "1"), predicted(0.75, "0.50", "0"), predicted(0.40, "0.50", "1")]
    found = signal_quality(said, 3)
    assert [(g.low, g.high, g.trades, round(g.predicted, 4), round(g.realised, 4)) for g in found.groups] == [
        (None, 0.0, 1, -0.11, 0.49), (0.02, 0.05, 1, 0.04, 0.49), (0.1, None, 1, 0.24, -0.51),
    ]  # fmt: skip
    assert found.scores is None and found.interval is None  # three are too few to say anything


def test_without_predictions_everything_is_unknown() -> None:
    found = signal_quality([], 7).to_json()
    assert (found["closed_trades"], found["with_a_prediction"]) == (7, 0)
    assert [found[name] for name in ("predicted", "realised", "kept", "correlation", "calibration")] == [None] * 5


def test_outcomes_are_what_calibration_reads(tmp_path: Path) -> None:
    settled = [predicted(0.7, "0.6", "1", event=2), predicted(0.2, "0.3", "0")]
    rows = outcome_rows([*settled, predicted(0.4, "0.5", "0.45")])
    assert [(row["probability"], row["outcome"]) for row in rows] == [(0.2, 0), (0.7, 1)]
    file = tmp_path / "o.json"
    file.write_text(json.dumps({"outcomes": rows}), encoding="utf-8")
    found = read_outcomes(file)
    assert found.probability.tolist() == [0.2, 0.7] and found.outcome.tolist() == [0.0, 1.0]
    assert found.market.tolist() == [0.3, 0.6] and found.events == 2
