"""A run told as scans, in the lines that users of the former trader know."""

from __future__ import annotations

from decimal import Decimal

from engine.market.orders import Leg, Order, OrderType, Side
from engine.report.scan_lines import Opportunity, order_words, scan_lines

NANOS = 10**9
NOON = 1_705_314_600 * NANOS  # 2024-01-15 10:30:00 UTC
TICKER = "KXATPMATCH-24JAN15DJONAD-DJO"
TITLE = "Will Novak Djokovic win the Djokovic vs Nadal match?"


def order(side: Side = Side.BUY, limit: str = "0.62", count: int = 5) -> Order:
    return Order("id", TICKER, side, Decimal(count), OrderType.LIMIT, Leg.ENTRY, "t.s", "t.s", NOON, Decimal(limit))


FIGURES = {"Value edge": 0.032, "Expected value": 0.065}


def test_the_lines_of_the_former_trader() -> None:
    found = [Opportunity(TITLE, FIGURES, [order()])]
    assert list(scan_lines(found, dry=True)) == [
        "Found 1 tradable opportunities",
        "[DRY RUN] Would place order: "
        f"{{'ticker': '{TICKER}', 'side': 'yes', 'action': 'buy', 'count': 5, 'price': 62}}",
        f"  Opportunity: {TITLE}",
        "  Value edge: 3.2%",
        "  Expected value: 6.5%",
        "Placed 1 trades in this scan",
    ]


def test_what_a_guard_held_back_is_no_trade() -> None:
    held = Opportunity(TITLE, FIGURES, [], "enough_volume: too little has been traded")
    assert list(scan_lines([held, held], dry=False)) == [
        "Found 2 tradable opportunities",
        "Held back: 2 by enough_volume: too little has been traded",
        "Placed 0 trades in this scan",
    ]
    assert list(scan_lines([], dry=True)) == ["Found 0 tradable opportunities", "Placed 0 trades in this scan"]


def test_selling_what_is_not_held_is_buying_no_and_part_cents_stay() -> None:
    assert order_words(order(Side.SELL, "0.40")) == {
        "ticker": TICKER, "side": "no", "action": "buy", "count": 5, "price": 60,
    }  # fmt: skip
    assert order_words(order(limit="0.625"))["price"] == 62.5
