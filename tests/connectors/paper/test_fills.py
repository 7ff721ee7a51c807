"""At which price orders fill inside bars and on quotes, on bars small enough to check by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connectors.paper import FillModel
from engine.market.orders import Leg, OrderState, Side

PESSIMISTIC, CENTRAL, OPTIMISTIC = FillModel.PESSIMISTIC, FillModel.CENTRAL, FillModel.OPTIMISTIC


@pytest.mark.parametrize(("model", "price"), [(PESSIMISTIC, "100.3"), (CENTRAL, "100.2"), (OPTIMISTIC, "100")])
def test_a_market_order_pays_half_the_spread_and_the_slippage(paper: Any, told: Any, model: Any, price: str) -> None:
    market = paper(slippage_bps=Decimal(10), fill_model=model)
    market.quote(99.9, 100.1)
    market.flat(100)
    market.place(market.order())
    assert told(market.bar(100, 101, 99, 100)) == [("o", price)]


@pytest.mark.parametrize(
    ("model", "low", "filled"),
    [
        (CENTRAL, 99.0, False), (CENTRAL, 98.99, True), (OPTIMISTIC, 99.0, True), (OPTIMISTIC, 99.01, False),
        (PESSIMISTIC, 98.995, False), (PESSIMISTIC, 98.99, True),
    ],
)  # fmt: skip
def test_a_touch_is_not_a_fill(paper: Any, model: FillModel, low: float, filled: bool) -> None:
    market = paper(fill_model=model)
    market.place(market.order(limit="99"))
    assert bool(market.bar(100, 100, low, 100)) is filled


@pytest.mark.parametrize("price", ["100.30", "0.07", "4512.29"])
def test_a_full_tick_beyond_the_limit_is_enough_whatever_the_floats(paper: Any, price: str) -> None:
    market = paper(fill_model=PESSIMISTIC)
    market.place(market.order(limit=price, quantity=1))
    beyond = float(Decimal(price) - Decimal("0.01"))
    assert len(market.bar(9999, 9999, beyond, 9999)) == 1


def test_a_limit_gets_a_better_open_when_it_arrives(paper: Any, told: Any) -> None:
    market = paper()
    market.place(market.order(limit="99"))
    assert told(market.bar(97, 98, 96, 97)) == [("o", "97")]


@pytest.mark.parametrize(("model", "price"), [(CENTRAL, "99"), (PESSIMISTIC, "99"), (OPTIMISTIC, "97")])
def test_a_limit_that_rests_gets_its_limit_and_nothing_better(paper: Any, told: Any, model: Any, price: str) -> None:
    market = paper(fill_model=model)
    market.place(market.order(limit="99"))
    assert market.flat(100) == []
    assert told(market.bar(97, 98, 96, 97)) == [("o", price)]


def test_a_marketable_limit_crosses_half_the_spread(paper: Any, told: Any) -> None:
    market = paper()
    market.quote(99.9, 100.1)
    market.flat(100)
    market.place(market.order("dear", limit="100.05"), market.order("enough", limit="100.20"))
    fills = dict(told(market.bar(100, 100.1, 100, 100)))
    assert fills == {"enough": "100.1", "dear": "100.05"}  # the second only because price came down to 100


@pytest.mark.parametrize(("sells", "open_", "price"), [(False, 90, "89.91"), (True, 112, "112.112")])
def test_a_gap_through_the_stop_fills_at_the_open(paper: Any, told: Any, sells: bool, open_: float, price: str) -> None:
    market = paper(slippage_bps=Decimal(10))
    market.bracket("105" if sells else "95", "80" if sells else "120", sells=sells)
    market.flat(100)
    assert told(market.bar(open_, open_ + 1, open_ - 1, open_)) == [("stop", price)]
    assert market.states["target"][-1] is OrderState.CANCELLED


@pytest.mark.parametrize(("model", "leg"), [(CENTRAL, "stop"), (PESSIMISTIC, "stop"), (OPTIMISTIC, "target")])
def test_stop_and_target_in_one_bar_are_decided_against_the_order(paper: Any, told: Any, model: Any, leg: str) -> None:
    market = paper(fill_model=model)
    market.bracket()
    market.flat(100)
    assert [name for name, _ in told(market.bar(100, 120, 80, 100))] == [leg]


@pytest.mark.parametrize("model", FillModel)
@pytest.mark.parametrize(("open_", "leg"), [(94, "stop"), (111, "target")])
def test_the_open_comes_before_the_rest_of_the_bar(
    paper: Any, told: Any, model: Any, open_: float, leg: str
) -> None:  # fmt: skip
    market = paper(fill_model=model)
    market.bracket()
    market.flat(100)
    assert [name for name, _ in told(market.bar(open_, 120, 80, 100))] == [leg]


def test_a_stop_pays_half_the_spread_like_the_market_order_it_becomes(paper: Any, told: Any) -> None:
    market = paper()
    market.quote(99.9, 100.1)
    market.flat(100)
    market.bracket()
    market.flat(100)
    assert told(market.bar(100, 100, 94, 95)) == [("stop", "94.9")]


# -- brackets that are born inside a bar -----------------------------------------------------------------------------


def test_after_a_fill_at_the_open_the_whole_bar_counts_for_the_legs(paper: Any, told: Any) -> None:
    market = paper()
    market.bracket()
    assert told(market.bar(100, 111, 96, 100)) == [("o", "100"), ("target", "110")]
    market = paper()
    market.bracket()
    assert told(market.bar(100, 101, 94, 100)) == [("o", "100"), ("stop", "95")]


def test_a_target_touched_in_the_bar_of_an_entry_inside_it_may_have_come_before(paper: Any, told: Any) -> None:
    bar = (105, 111, 98.5, 100)
    for model, fills in ((CENTRAL, [("o", "99")]), (OPTIMISTIC, [("o", "99"), ("target", "110")])):
        market = paper(fill_model=model)
        market.bracket(limit="99")
        assert told(market.bar(*bar)) == fills


def test_a_close_beyond_the_target_came_after_the_entry(paper: Any, told: Any) -> None:
    market = paper()
    market.bracket(limit="99")
    assert told(market.bar(105, 112, 98.5, 111)) == [("o", "99"), ("target", "110")]


def test_the_stop_counts_in_the_bar_of_an_entry_inside_it(paper: Any, told: Any) -> None:
    market = paper()
    market.bracket(limit="99")
    assert told(market.bar(105, 105, 94, 100)) == [("o", "99"), ("stop", "95")]


def test_an_open_beyond_the_stop_came_before_an_entry_inside_the_bar(paper: Any, told: Any) -> None:
    market = paper()
    market.place(
        market.order("up", stop="105"),
        market.order("guard", Side.SELL, leg=Leg.STOP, stop="99", parent="up", group="up"),
    )
    assert told(market.bar(98, 106, 98, 104)) == [("up", "105")]
    assert told(market.bar(104, 104, 98, 98)) == [("guard", "99")]


# -- volume and quotes -----------------------------------------------------------------------------------------------


def test_an_order_takes_its_share_of_the_volume_and_the_rest_goes_on(paper: Any) -> None:
    market = paper(participation=Decimal("0.1"))
    market.place(market.order(quantity=25))
    assert [f.quantity for f in market.flat(100, volume=109)] == [10]
    assert market.states["o"][-1] is OrderState.PARTLY_FILLED
    assert market.flat(100, volume=0) == []
    assert [f.quantity for f in market.flat(100, volume=1000)] == [15]
    assert market.states["o"][-1] is OrderState.FILLED


def test_a_stop_that_could_not_fill_wholly_goes_on_at_the_next_open(paper: Any, told: Any) -> None:
    market = paper(participation=Decimal("0.1"))
    market.bracket()
    market.flat(100, volume=None)
    assert told(market.bar(100, 100, 94, 96, 40)) == [("stop", "95")]
    assert market.held() == 6
    assert told(market.bar(97, 98, 96, 97, None)) == [("stop", "97")]
    assert market.held() == 0


def test_a_leg_takes_its_share_of_a_bar_once(paper: Any) -> None:
    market = paper(participation=Decimal("0.1"))
    market.bracket(quantity=20)
    market.flat(100, volume=100)
    market.bar(100, 100, 90, 92, 50)  # the entry fills 5 more and wakes the stop, which has its own 5
    assert sum(f.quantity for f in market.fills if f.client_id == "stop") == 5
    assert market.held() == 10


def test_an_order_never_takes_its_share_twice_by_falling_back(paper: Any) -> None:
    market = paper(participation=Decimal("0.1"))
    market.place(market.order(limit="105", quantity=25, expires_ns=market.now + 1, fallback_market=True))
    market.flat(100, volume=100)
    assert sum(f.quantity for f in market.fills) == 10


def test_quotes_alone_fill_what_is_marketable(paper: Any, told: Any) -> None:
    market = paper(first_bar=False)
    market.quote(99.4, 99.6)
    market.place(market.order(limit="99"))
    assert market.quote(98.5, None) == []
    assert market.quote(98.5, 99.5) == []
    assert told(market.quote(98.4, 98.9)) == [("o", "99")]  # it rests: who sells to it gets its price


def test_a_limit_that_arrives_marketable_pays_the_offer(paper: Any, told: Any) -> None:
    market = paper()
    market.place(market.order(limit="99"))
    assert told(market.quote(98.4, 98.9)) == [("o", "98.9")]


def test_a_quote_fills_no_more_than_its_size(paper: Any) -> None:
    market = paper()
    market.place(market.order())
    assert [f.quantity for f in market.quote(99.9, 100.1, size=4)] == [4]
    assert [f.quantity for f in market.quote(99.9, 100.1, size=400)] == [6]


def test_a_stop_on_quotes_is_reached_by_the_side_it_would_hit(paper: Any, told: Any) -> None:
    market = paper(slippage_bps=Decimal(10))
    market.bracket()
    market.flat(100)
    assert market.quote(95.01, 95.2) == []
    assert told(market.quote(94.0, 95.2)) == [("stop", "93.906")]


def test_a_quote_does_not_fill_a_leg_that_the_same_quote_brought_to_life(paper: Any, told: Any) -> None:
    market = paper()
    market.bracket(stop="99.95")
    assert told(market.quote(99.9, 100.1)) == [("o", "100.1")]
    assert told(market.quote(99.9, 100.1)) == [("stop", "99.9")]


# -- stop-limit ------------------------------------------------------------------------------------------------------


def test_a_stop_limit_reached_inside_a_bar_trades_from_the_next_on(paper: Any, told: Any) -> None:
    market = paper()
    market.place(market.order(stop="105", limit="106"))
    assert market.bar(100, 105, 100, 104) == []
    assert told(market.bar(105, 107, 104, 106)) == [("o", "105")]


def test_a_stop_limit_does_not_chase_a_price_beyond_its_limit(paper: Any, told: Any) -> None:
    market = paper()
    market.place(market.order(stop="105", limit="106"))
    assert market.bar(108, 109, 107, 108) == []
    assert told(market.bar(108, 108, 105, 107)) == [("o", "106")]


def test_a_gap_between_stop_and_limit_trades_at_the_open(paper: Any, told: Any) -> None:
    market = paper()
    market.place(market.order(stop="105", limit="106"))
    assert told(market.bar(105.5, 109, 105, 108)) == [("o", "105.5")]


# -- costs -----------------------------------------------------------------------------------------------------------


def test_the_least_fee_is_charged_once_for_an_order(paper: Any) -> None:
    market = paper(participation=Decimal("0.1"), fee_per_unit=Decimal("0.01"), fee_minimum=Decimal("1.50"))
    market.place(market.order(quantity=200))
    market.flat(100, volume=1000)
    market.flat(100, volume=1000)
    assert [f.fee for f in market.fills] == [Decimal("1.50"), Decimal("0.50")]  # 200 units cost 2 in all
