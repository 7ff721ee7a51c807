"""Edges and stakes, against worked examples."""

from __future__ import annotations

import pytest

from engine.report.signals import LONGEST, message, signals_csv
from engine.research.ranking import Candidate, Ranked, cost_of, rank

RATE = 0.07


def only(candidate: Candidate, fraction: float = 1.0) -> Ranked:
    (found,) = rank([candidate], 100.0, fraction, RATE)
    return found


@pytest.mark.parametrize(
    ("fair", "yes_ask", "no_ask", "side", "cost", "kelly"),
    [
        (0.50, 0.40, None, "YES", 0.4168, 0.143),
        (0.30, None, 0.62, "NO", 0.6365, 0.175),
        (0.95, 0.90, 0.11, "YES", 0.9063, 0.466),
    ],
)
def test_kelly_with_fees(
    fair: float, yes_ask: float | None, no_ask: float | None, side: str, cost: float, kelly: float
) -> None:
    found = only(Candidate("KXA-B", fair, 1.0, yes_ask, no_ask))
    assert found.side == side
    assert found.price is not None
    assert cost_of(found.price, RATE) == pytest.approx(cost, abs=1e-4)
    assert found.kelly == pytest.approx(kelly, abs=1e-3)


def test_fraction_and_confidence_make_the_stake() -> None:
    full = only(Candidate("KXA-B", 0.50, 1.0, 0.40))
    found = only(Candidate("KXA-B", 0.50, 0.5, 0.40), 0.25)
    assert full.stake is not None and found.stake is not None
    assert found.stake == pytest.approx(full.stake / 8)
    assert found.contracts == int(found.stake / 0.4168)


def test_no_edge_no_stake() -> None:
    found = only(Candidate("KXA-B", 0.50, 1.0, 0.50, 0.52))
    assert found.edge is not None and found.edge < 0
    assert (found.kelly, found.stake, found.contracts) == (0.0, 0.0, 0)


def test_the_best_come_first_and_those_without_a_price_last() -> None:
    told = [
        Candidate("KXNO-PRICE", 0.9, 1.0), Candidate("KXLESS-SURE", 0.9, 0.2, 0.5),
        Candidate("KXBEST-A", 0.7, 1.0, 0.5), Candidate("KXLOSES-A", 0.4, 1.0, 0.5, 0.6),
    ]  # fmt: skip
    found = [one.candidate.ticker for one in rank(told, 100.0, 0.25, RATE)]
    assert found == ["KXBEST-A", "KXLESS-SURE", "KXLOSES-A", "KXNO-PRICE"]


def test_a_message_fits_and_counts_what_does_not() -> None:
    ranked = rank([Candidate(f"KXLONGTICKER-{n:04d}", 0.7, 1.0, 0.5, title="A title") for n in range(500)], 1, 1, RATE)
    text = message(ranked, 100.0, "now")
    assert len(text) <= LONGEST
    shown = text.count("edge")
    assert f"… and {500 - shown} more" in text
    assert signals_csv(ranked).count("\n") == 501
