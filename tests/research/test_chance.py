"""What a back-test says of chance, and of what contracts cost."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest

from engine.market.orders import Side
from engine.report.layout import chance_table
from engine.research.chance import chance, price_bands
from engine.research.trades import ClosedTrade

DAY = 86_400_000_000_000


def contracts(won: Sequence[bool], cents: int = 50) -> list[ClosedTrade]:
    """Ten contracts an event, held to settlement; two trades an event."""
    trades = []
    for number, outcome in enumerate(won):
        entry, paid = Decimal(cents) / 100, Decimal(int(outcome))
        for leg in "AB":
            net = (paid - entry) * 10 - Decimal("0.17")
            trades.append(ClosedTrade(
                "p.s", f"KXA-26{number:05d}-{leg}", Side.BUY, Decimal(10), entry, paid, 0, number * DAY, net,
                Decimal("0.17"), net, "settled", "c", 1.0, 0.0, None, 1,
            ))  # fmt: skip
    return trades


def test_a_clear_edge_and_none_are_told_apart() -> None:
    source = np.random.default_rng(1)
    good, _ = chance(contracts((source.random(200) < 0.7).tolist()))
    none, _ = chance(contracts((source.random(200) < 0.517).tolist()))
    for name in ("expectancy_low", "expectancy_low_anytime", "probabilistic_sharpe", "profit_factor_low"):
        assert good[name] is not None and none[name] is not None
    assert good["events"] == 200
    assert float(good["expectancy_low"] or 0) > 0 > float(none["expectancy_low"] or 0)
    assert float(good["profit_factor_low"] or 0) > 1 > float(none["profit_factor_low"] or 2)
    assert float(good["placebo_p"] or 1) < 0.01 < float(none["placebo_p"] or 0)
    assert good["break_even_win_rate"] == pytest.approx(0.517)


@pytest.mark.parametrize("won", [[], [True], [True, False] * 5, [True] * 40])
def test_what_is_unknown_has_a_reason_and_stands_in_the_table(won: list[bool]) -> None:
    figures, reasons = chance(contracts(won))
    assert {name for name, value in figures.items() if value is None} == reasons.keys()
    assert all(reasons.values())
    shown = [value for _, value in chance_table(contracts(won)).rows]
    assert [value.startswith("unknown: ") for value in shown] == [value is None for value in figures.values()]


def test_bands_say_what_was_needed_and_how_sure_the_win_rate_is() -> None:
    cheap, dear = price_bands(contracts([True] + [False] * 19, cents=8) + contracts([True] * 16, cents=97))
    assert (cheap["cost_from"], cheap["trades"], cheap["wins"]) == (0.0, 40, 2)
    assert (dear["cost_from"], dear["win_rate"], dear["break_even_win_rate"]) == (0.9, 1.0, 0.987)
    assert float(dear["win_rate_low"] or 1) < float(dear["break_even_win_rate"] or 0)
    assert price_bands([]) == []
