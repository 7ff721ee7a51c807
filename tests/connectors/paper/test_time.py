"""When orders meet the market and when their time is over."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.paper import FillModel
from engine.market.events import NANOS, Bar, Quote
from engine.market.orders import Leg, OrderState, Side

MINUTE = 60 * NANOS
PESSIMISTIC, CENTRAL, OPTIMISTIC = FillModel.PESSIMISTIC, FillModel.CENTRAL, FillModel.OPTIMISTIC


@pytest.mark.parametrize("latency_ms", [0, 250])
def test_nothing_that_was_known_when_the_order_was_placed_fills_it(paper: Any, latency_ms: int) -> None:
    market = paper(latency_ms=latency_ms)
    market.place(market.order())
    now = market.now
    late_bar = Bar("SPY", now - MINUTE, 60, 100, 100, 100, 100, None)
    late_quote = Quote("SPY", now, 99.9, None, 100.1, None)
    assert market.broker.on_events(now + NANOS, [late_bar]) is None
    assert market.broker.on_events(now + 2 * NANOS, [late_quote]) is None
    assert len(market.flat(100)) == 1


def test_an_order_needs_its_latency_to_reach_a_quote(paper: Any) -> None:
    market = paper(latency_ms=250)
    market.place(market.order())
    assert market.quote(99.9, 100.1, after_ns=249_999_999) == []
    assert len(market.quote(99.9, 100.1, after_ns=1)) == 1


@pytest.mark.parametrize(("model", "price"), [(PESSIMISTIC, "103"), (CENTRAL, "101"), (OPTIMISTIC, "98")])
def test_a_market_order_placed_inside_a_bar_does_not_get_its_open(
    paper: Any, told: Any, model: FillModel, price: str
) -> None:  # fmt: skip
    market = paper(fill_model=model)
    market.now += 30 * NANOS
    market.place(market.order())
    assert told(market.bar(99, 103, 98, 101)) == [("o", price)]


def test_a_latency_of_half_a_bar_misses_the_open(paper: Any, told: Any) -> None:
    market = paper(latency_ms=30_000)
    market.place(market.order())
    assert told(market.bar(99, 103, 98, 101)) == [("o", "101")]


def test_a_latency_beyond_a_bar_misses_all_of_it(paper: Any) -> None:
    market = paper(latency_ms=90_000)
    market.place(market.order())
    assert market.flat(100) == []
    assert len(market.flat(100)) == 1


def test_of_a_limit_or_stop_placed_inside_a_bar_only_the_close_counts(paper: Any, told: Any) -> None:
    market = paper()
    market.place(market.order("held"))
    market.flat(100)
    market.now += 30 * NANOS
    stop = market.order("stop", Side.SELL, leg=Leg.STOP, stop="99")
    market.place(market.order("limit", limit="97"), stop)
    assert market.bar(100, 101, 95, 100) == []
    market.now += 30 * NANOS
    market.place(market.order("later", limit="97"))
    assert dict(told(market.bar(100, 101, 96.5, 96.8))) == {"limit": "97", "stop": "99", "later": "97"}


def test_a_stop_moved_inside_a_bar_is_not_reached_by_what_came_before(paper: Any, told: Any) -> None:
    market = paper()
    market.bracket()
    market.flat(100)
    market.now += 40 * NANOS
    market.replace("stop", market.order(stop="100.50").stop)
    assert market.bar(100, 102, 99, 101.2) == []
    assert told(market.bar(101.2, 101.2, 100, 100)) == [("stop", "100.5")]


# -- the end of an order's time --------------------------------------------------------------------------------------


def test_a_limit_whose_time_ends_inside_a_bar_counts_only_at_its_open(paper: Any, told: Any) -> None:
    market = paper()
    market.place(market.order("below", limit="90", expires_ns=market.now + 10 * NANOS))
    assert market.bar(100, 100, 89, 95) == []
    assert market.states["below"][-1] is OrderState.EXPIRED
    market.place(market.order("above", limit="96", expires_ns=market.now + 10 * NANOS))
    assert told(market.bar(95, 97, 94, 95)) == [("above", "95")]


@pytest.mark.parametrize(("model", "price"), [(PESSIMISTIC, "101"), (CENTRAL, "95"), (OPTIMISTIC, "90")])
def test_a_limit_may_go_to_market_when_its_time_is_over(
    paper: Any, told: Any, model: FillModel, price: str
) -> None:  # fmt: skip
    market = paper(fill_model=model)
    market.place(market.order(limit="90", expires_ns=market.now + 10 * NANOS, fallback_market=True))
    assert told(market.bar(100, 101, 89, 95)) == [("o", price)]


def test_going_to_market_is_never_better_than_the_limit_that_did_not_fill(paper: Any, told: Any) -> None:
    market = paper()
    market.place(market.order(limit="90", expires_ns=market.now + 10 * NANOS, fallback_market=True))
    assert told(market.bar(100, 101, 85, 86)) == [("o", "90")]


def test_a_time_that_ends_with_the_bar_leaves_it_the_whole_bar(paper: Any, told: Any) -> None:
    market = paper()
    market.place(market.order(limit="99", expires_ns=market.now + MINUTE))
    assert told(market.bar(100, 100, 98, 99)) == [("o", "99")]
    market.place(market.order("p", limit="90", expires_ns=market.now + MINUTE))
    market.place(market.order("q", limit="90", expires_ns=market.now + MINUTE, fallback_market=True))
    assert market.bar(100, 100, 99, 100) == []
    assert market.states["p"][-1] is OrderState.EXPIRED
    assert told(market.bar(101, 102, 99, 100)) == [("q", "101")]


def test_an_order_does_not_outlive_its_time_over_a_gap_in_the_data(paper: Any, told: Any) -> None:
    market = paper()
    market.place(market.order("gone", limit="99", expires_ns=market.now + 10 * NANOS))
    market.place(market.order("market", limit="90", expires_ns=market.now + 10 * NANOS, fallback_market=True))
    market.now += 60 * MINUTE
    assert told(market.bar(95, 96, 94, 95)) == [("market", "95")]
    assert market.states["gone"][-1] is OrderState.EXPIRED


def test_an_order_whose_time_ends_before_it_arrives_never_fills(paper: Any) -> None:
    market = paper(latency_ms=250)
    market.place(market.order(limit="105", expires_ns=market.now + NANOS // 10))
    assert market.flat(100) == []
    assert market.states["o"] == [OrderState.WORKING, OrderState.EXPIRED]


def test_a_stop_entry_whose_time_ends_inside_the_bar_is_reached_only_at_its_open(paper: Any, told: Any) -> None:
    market = paper()
    market.place(market.order("no", stop="105", expires_ns=market.now + 10 * NANOS))
    assert market.bar(100, 106, 100, 105) == []
    market.place(market.order("yes", stop="105", expires_ns=market.now + 10 * NANOS))
    assert told(market.bar(105, 106, 104, 105)) == [("yes", "105")]


def test_on_quotes_an_order_fills_up_to_its_time_and_not_after(paper: Any, told: Any) -> None:
    market = paper()
    end = market.now + 10 * NANOS
    market.place(
        market.order("gone", limit="99", expires_ns=end),
        market.order("market", limit="90", expires_ns=end, fallback_market=True),
    )
    assert market.quote(99.0, 99.2, after_ns=10 * NANOS) == []
    assert told(market.quote(98.0, 98.5)) == [("market", "98.5")]
    assert market.states["gone"][-1] is OrderState.EXPIRED


def test_legs_of_an_entry_that_fell_back_to_market_protect_it_in_the_same_bar(paper: Any, told: Any) -> None:
    market = paper()
    market.bracket(stop="95", limit="97", expires_ns=market.now + 10 * NANOS, fallback_market=True)
    assert told(market.bar(100, 101, 94, 99)) == [("o", "99"), ("stop", "95")]
