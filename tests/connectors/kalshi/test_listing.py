"""What a market's ticker alone says of it."""

from __future__ import annotations

import pytest

from connectors.kalshi.listing import event_of


@pytest.mark.parametrize(
    ("ticker", "event"),
    [
        ("KXTOPMODEL-26MAR28-GPT", "KXTOPMODEL-26MAR28"),
        ("KXCPI-26DEC-T0.1", "KXCPI-26DEC"),
        ("KXCPI-26DEC-T-0.1", "KXCPI-26DEC"),  # a threshold below zero
        ("KXMLBHIT-26JUN111310AZMIA-AZKMARTE4-2", "KXMLBHIT-26JUN111310AZMIA"),  # a player and a count
        ("KXELONMARS-99", "KXELONMARS-99"),  # the only market of its event
        ("KXODD", "KXODD"),
    ],
)
def test_the_event_is_what_stands_before_the_markets_own_part(ticker: str, event: str) -> None:
    assert event_of(ticker) == event
