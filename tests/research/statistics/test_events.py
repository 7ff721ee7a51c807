"""Which trades are one observation, and where the money came from."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.research.statistics.concentration import net_without_best, profit_by, shares
from engine.research.statistics.events import event_of, event_results

DAY = 86_400_000_000_000
MakeTrade = Callable[..., Any]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("KXTOPMODEL-26MAR28-GPT", 0), ("KXTOPMODEL-26MAR28-CLAU", 9 * DAY), True),  # legs of one event
        (("KXTOPMODEL-26MAR28-GPT", 0), ("KXTOPMODEL-26APR04-GPT", 0), False),
        (("KXHIGHNY-26MAR28-T50", 0), ("KXHIGHCHI-26MAR28-T50", 0), False),  # a date alone ties nothing together
        (("KXMLBTB-26JUN111410TEXKC-A", 0), ("KXMLBHR-26JUN111410TEXKC-B", 0), True),  # series on one game
        (("KXATPMATCH-26APR25CERDAR-CER", 0), ("KXATPMATCH-26APR25CERDAR-DAR", 0), True),
        (("CONTROLH-2026-D", 0), ("CONTROLH-2026-R", DAY), True),
        (("KXCPI-26DEC-T-0.1", 0), ("KXCPI-26DEC-T0.1", 0), True),  # a threshold below zero has a dash
        (("POWER-28-DH-DS-DP", 0), ("POWER-28-RH-RS-RP", 0), True),
        (("KXFED-26DEC", 0), ("KXFED-26DEC", DAY), True),
        (("SPY", 0), ("SPY", DAY - 1), True),
        (("SPY", 0), ("SPY", DAY), False),
        (("SPY", 0), ("QQQ", 0), False),
        (("BRK-B", 0), ("BRK-B", DAY), False),
    ],
)
def test_what_is_one_event(one: tuple[str, int], other: tuple[str, int], same: bool) -> None:
    assert (event_of(*one) == event_of(*other)) is same


def test_real_markets_are_grouped_at_least_as_the_venue_groups_them(shared_data: Path) -> None:
    with (shared_data / "kalshi" / "markets-2026-02.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    groups: dict[str, set[str]] = {}
    for row in rows:
        groups.setdefault(row["event_ticker"], set()).add(event_of(row["ticker"], 0))
    assert len(groups) > 1
    assert all(len(found) == 1 for found in groups.values())


def test_events_are_summed_and_stand_in_the_order_of_their_close(trade: MakeTrade) -> None:
    trades = [
        trade("KXB-26A-X", "0.5", "1", closed_ns=5), trade("KXA-26A-X", "0.5", "0", closed_ns=9),
        trade("KXA-26A-Y", "0.2", "1", closed_ns=DAY, fees="1"),
    ]  # fmt: skip
    found = event_results(trades)
    assert found.names == ("KXB-26A", "KXA-26A")
    assert found.net.tolist() == [5.0, -5.0 + 8.0 - 1.0]
    assert found.trades.tolist() == [1.0, 2.0]
    assert found.days == 2


def test_shares_worked_by_hand() -> None:
    found = shares({"A": 60.0, "B": -30.0, "C": 10.0})
    assert (found.largest, found.largest_group) == (pytest.approx(0.6), "A")
    assert found.hhi == pytest.approx(0.36 + 0.09 + 0.01)
    assert found.effective == pytest.approx(1 / 0.46)
    assert shares({"A": 0.0}).hhi is None


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.integers(-100, 100), min_size=1, max_size=20))
def test_concentration_lies_between_even_and_one(net: dict[str, int]) -> None:
    found = shares({key: float(value) for key, value in net.items()})
    if found.hhi is None or found.largest is None or found.effective is None:
        assert not any(net.values())
        return
    assert 1 / len(net) - 1e-12 <= found.hhi <= found.largest + 1e-12 <= 1 + 2e-12
    assert 1 - 1e-12 <= found.effective <= len(net) + 1e-9


def test_without_the_best_trades(trade: MakeTrade) -> None:
    trades = [trade(symbol=f"S{n}", entry="0.5", exit=exit) for n, exit in enumerate("1100011")]
    assert net_without_best(trades, 3) == pytest.approx(5 - 15)
    assert profit_by(trades[:2], lambda t: t.symbol) == {"S0": 5.0, "S1": 5.0}
