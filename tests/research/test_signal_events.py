"""What came after signals: known only where a price is, and signed by the side."""

from __future__ import annotations

import pytest

from engine.research.signal_events import MINUTE_NS, Prices, expectancies, last_signals, summarize


def signal(minute: int, price: float | None, outcome: str = "approved", side: str = "buy") -> dict[str, object]:
    return {
        "event": "signal", "setup": "A", "outcome": outcome, "time_ns": minute * MINUTE_NS, "symbol": "SPY",
        "side": side, "price": price, "run": "r",
    }  # fmt: skip


PRICES = {("r", "SPY"): Prices([n * MINUTE_NS for n in range(100)], [100.0 + n for n in range(100)])}


def test_returns_are_signed_and_unknown_is_not_zero() -> None:
    signals = [signal(0, 100.0), signal(10, 110.0, side="sell"), signal(95, 195.0)]
    found = {(one.setup, one.outcome): one for one in expectancies(signals, PRICES, 10 * MINUTE_NS)}
    one = found["A", "approved"]
    assert (one.signals, one.known, one.unknown, one.hit_rate) == (3, 2, 1, 0.5)
    assert one.mean == pytest.approx((1000 - 10 / 110 * 10_000) / 2)
    assert found["ALL", "approved"] == one.__class__("ALL", *[getattr(one, n) for n in one.__slots__[1:]])


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
    assert summarize([*events, {"event": "order"}]) == {"A": {"approved": 3, "generated": 3}}
