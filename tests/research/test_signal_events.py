"""What came after signals: known only where a price is, and signed by the side."""

from __future__ import annotations

import pytest

from engine.research.signal_events import MINUTE_NS, Prices, expectancies, last_signals, summarize


def signal(
    minute: int, price: float | None, outcome: str = "approved", side: str = "buy", pack: str = "p"
) -> dict[str, object]:
    return {
        "event": "signal", "strategy": f"{pack}.a", "setup": "A", "outcome": outcome,
        "time_ns": minute * MINUTE_NS, "symbol": "SPY", "side": side, "price": price, "run": "r",
    }  # fmt: skip


PRICES = {("r", "SPY"): Prices([n * MINUTE_NS for n in range(100)], [100.0 + n for n in range(100)])}


def test_returns_are_signed_and_unknown_is_not_zero() -> None:
    signals = [signal(0, 100.0), signal(10, 110.0, side="sell"), signal(95, 195.0)]
    found = {(one.pack, one.setup, one.outcome): one for one in expectancies(signals, PRICES, 10 * MINUTE_NS)}
    one = found["p", "A", "approved"]
    assert (one.signals, one.known, one.unknown, one.hit_rate) == (3, 2, 1, 0.5)
    assert one.mean == pytest.approx((1000 - 10 / 110 * 10_000) / 2)
    assert found["", "ALL", "approved"] == one.__class__("", "ALL", *[getattr(one, n) for n in one.__slots__[2:]])


def test_setups_of_one_name_in_two_packs_are_two() -> None:
    signals = [signal(0, 100.0), signal(0, 100.0, side="sell", pack="q"), signal(5, 105.0, "blocked", pack="q")]
    assert summarize(signals) == {("p", "A"): {"approved": 1}, ("q", "A"): {"approved": 1, "blocked": 1}}
    found = expectancies(signals, PRICES, 10 * MINUTE_NS)
    assert [(one.pack, one.setup, one.outcome, one.signals) for one in found] == [
        ("p", "A", "approved", 1), ("q", "A", "approved", 1), ("q", "A", "blocked", 1),
        ("", "ALL", "approved", 2), ("", "ALL", "blocked", 1),
    ]  # fmt: skip
    assert [one.mean for one in found[:2]] == [pytest.approx(1000), pytest.approx(-1000)]


def test_a_price_long_after_the_horizon_is_none() -> None:
    prices = {("r", "SPY"): Prices([0, 60 * MINUTE_NS], [100.0, 110.0])}
    (one, _) = expectancies([signal(0, 100.0)], prices, 30 * MINUTE_NS)
    assert one.mean is None and one.hit_rate is None and one.unknown == 1
    (one, _) = expectancies([signal(0, 100.0)], prices, 57 * MINUTE_NS)
    assert one.mean == pytest.approx(1000)


def test_of_other_data_the_first_price_stands_in_where_none_was_recorded() -> None:
    prices = {("", "SPY"): Prices([0, 10 * MINUTE_NS], [100.0, 101.0])}
    (one, _) = expectancies([signal(0, None)], prices, 10 * MINUTE_NS)
    assert one.mean == pytest.approx(100)


def test_each_signal_counts_once_and_the_last_are_those_recorded_last() -> None:
    events = [signal(n, 1.0, outcome) for n in (3, 1, 2) for outcome in ("generated", "approved")]
    assert [event["time_ns"] for event in last_signals(events, 2)] == [MINUTE_NS, 2 * MINUTE_NS]
    assert summarize([*events, {"event": "order"}]) == {("p", "A"): {"approved": 3, "generated": 3}}
