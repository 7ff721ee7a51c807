"""What rests, what cancels what, what may be changed, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from connectors.paper import FillModel
from engine.market.events import NANOS
from engine.market.orders import Leg, OrderState, OrderType, Side

WORKING, CANCELLED, REFUSED = OrderState.WORKING, OrderState.CANCELLED, OrderState.REFUSED


# -- brackets --------------------------------------------------------------------------------------------------------


def test_legs_of_an_entry_that_never_filled_are_cancelled_with_it(paper: Any) -> None:
    market = paper()
    market.bracket(stop="80", limit="90", expires_ns=market.now + NANOS)
    market.bar(100, 100, 99, 100)
    assert market.states["stop"] == market.states["target"] == [WORKING, CANCELLED]
    assert market.resting() == {}


def test_legs_do_nothing_before_their_entry_fills(paper: Any) -> None:
    market = paper()
    market.bracket(limit="90")
    assert market.bar(100, 111, 94, 100) == []
    assert market.resting() == {"o": 10, "stop": 10, "target": 10}


def test_what_one_leg_fills_the_other_loses(paper: Any) -> None:
    market = paper(participation=Decimal("0.1"))
    market.bracket()
    market.flat(100)
    market.bar(100, 111, 100, 110, volume=40)
    assert market.resting() == {"stop": 6, "target": 10}
    market.bar(100, 100, 94, 94)
    assert market.held() == 0
    assert market.resting() == {}


def test_legs_of_a_partly_filled_entry_cover_what_filled_and_grow_with_it(paper: Any, told: Any) -> None:
    market = paper(participation=Decimal("0.1"))
    market.bracket()
    market.flat(100, volume=40)
    market.bar(100, 111, 100, 100, volume=0)
    assert [f.quantity for f in market.bar(100, 111, 100, 100, volume=10)] == [1, 1]  # one more in, one out at 110
    market.cancel("o")
    assert market.resting() == {"stop": 4, "target": 5}
    assert [(f.client_id, f.quantity) for f in market.bar(94, 94, 94, 94)] == [("stop", 4)]
    assert market.held() == 0
    assert market.resting() == {}


def test_legs_that_covered_all_that_will_ever_fill_go_with_the_entry(paper: Any) -> None:
    market = paper(participation=Decimal("0.1"))
    market.bracket(limit="100.50")
    market.flat(100, volume=40)
    market.bar(101, 111, 101, 110, volume=None)
    assert market.held() == 0
    assert set(market.resting()) == {"o", "stop", "target"}  # the entry could still fill
    market.cancel("o")
    assert market.resting() == {}


def test_a_reduction_never_closes_more_than_is_held(paper: Any) -> None:
    market = paper()
    market.place(market.order(quantity=5), market.order("other", quantity=7, strategy="t"))
    market.flat(100)
    market.place(market.order("x", Side.SELL, 50, Leg.EXIT))
    assert [f.quantity for f in market.flat(100)] == [5]
    market.flat(100)
    assert market.states["x"][-1] is CANCELLED
    assert (market.held(), market.held("t")) == (0, 7)


def test_a_short_position_is_covered_and_no_more(paper: Any) -> None:
    market = paper()
    market.bracket("105", "90", sells=True)
    market.flat(100)
    market.place(market.order("x", Side.BUY, 50, Leg.EXIT))
    market.flat(100)
    assert market.held() == 0


# -- changes ---------------------------------------------------------------------------------------------------------


def test_a_moved_stop_is_the_one_that_counts(paper: Any, told: Any) -> None:
    market = paper()
    market.bracket()
    market.flat(100)
    market.replace("stop", Decimal(99))
    assert told(market.bar(100, 100, 98, 98)) == [("stop", "99")]


def test_a_leg_and_a_partial_exit_together_close_what_is_held(paper: Any) -> None:
    market = paper()
    market.bracket()
    market.flat(100)
    market.place(market.order("part", Side.SELL, 3, Leg.EXIT))
    market.flat(100)
    assert market.held() == 7
    market.bar(100, 100, 94, 94)
    assert [(f.client_id, f.quantity) for f in market.fills[1:]] == [("part", 3), ("stop", 7)]
    assert market.held() == 0


def test_a_leg_that_gave_way_while_its_entry_still_fills_protects_what_comes_later(paper: Any) -> None:
    market = paper(participation=Decimal("0.1"))
    market.bracket()
    market.flat(100, volume=40)
    market.place(market.order("part", Side.SELL, 2, Leg.EXIT))
    market.flat(100)
    assert market.held() == 8
    assert [(f.client_id, f.quantity) for f in market.bar(100, 100, 94, 94)] == [("stop", 8)]


@pytest.mark.parametrize(
    ("name", "stop", "reason"),
    [
        ("stop", "99.005", "price 99.005 is not on the grid of 0.01"),
        ("stop", "-1", "price -1 is not on the grid of 0.01"),
        ("target", "99", "it has no stop"),
    ],
)
def test_a_change_that_cannot_be_made_leaves_the_order_and_says_why(
    paper: Any, told: Any, name: str, stop: str, reason: str
) -> None:
    market = paper()
    market.bracket()
    market.flat(100)
    market.replace(name, Decimal(stop))
    assert market.states[name][-1] is WORKING
    assert market.reasons[name] == f"not changed: {reason}"
    assert told(market.bar(100, 100, 94, 94)) == [("stop", "95")]


def test_a_stop_that_was_reached_cannot_be_moved_any_more(paper: Any) -> None:
    market = paper(participation=Decimal("0.1"))
    market.bracket()
    market.flat(100)
    market.bar(100, 100, 94, 95, volume=10)
    market.replace("stop", Decimal(90))
    assert market.states["stop"][-1] is OrderState.PARTLY_FILLED
    assert market.reasons["stop"] == "not changed: its stop was reached"


def test_changing_or_cancelling_what_is_done_is_no_error(paper: Any) -> None:
    market = paper()
    market.place(market.order())
    market.flat(100)
    assert market.broker.cancel(["o", "never"], market.now).updates == []
    for name in ("o", "never"):
        assert market.broker.replace(name, market.now, Decimal(1)).updates == []


# -- giving way ------------------------------------------------------------------------------------------------------


def patient(market: Any, quantity: int = 10, seconds: float = 150, limit: str = "120") -> None:
    """Sell at a limit that is not reached, for so many seconds."""
    expires_ns = market.now + int(seconds * NANOS)
    market.place(market.order("x", Side.SELL, quantity, Leg.EXIT, limit=limit, expires_ns=expires_ns))


def test_a_stop_gives_way_to_an_exit_and_is_there_again_when_its_time_is_over(paper: Any, told: Any) -> None:
    market = paper()
    market.bracket()
    market.flat(100)
    patient(market, seconds=120)
    assert market.bar(100, 111, 96, 100) == [], "the exit is for all that is held"
    market.flat(100)
    assert market.states["x"][-1] is OrderState.EXPIRED
    assert market.states["stop"] == [WORKING]
    assert told(market.bar(100, 100, 94, 94)) == [("stop", "95")]


def test_a_target_is_there_again_too(paper: Any, told: Any) -> None:
    market = paper()
    market.bracket()
    market.flat(100)
    patient(market, seconds=60)
    assert market.bar(100, 111, 100, 100) == []
    assert told(market.bar(100, 111, 100, 100)) == [("target", "110")]


def test_a_stop_that_is_reached_waits_for_no_exit_that_waits_for_a_better_price(paper: Any, told: Any) -> None:
    market = paper()
    market.bracket()
    market.flat(100)
    patient(market, seconds=7200)
    assert told(market.bar(100, 100, 94, 98)) == [("stop", "95")]
    assert market.held() == 0
    assert market.bar(100, 130, 94, 98) == [], "nothing is left for the exit"


@pytest.mark.parametrize("model", list(FillModel))
def test_an_exit_that_ends_inside_a_bar_frees_the_target_for_the_rest_of_it(
    paper: Any, told: Any, model: FillModel
) -> None:  # fmt: skip
    market = paper(fill_model=model)
    market.bracket()
    market.flat(100)
    patient(market, seconds=30)
    assert told(market.bar(100, 112, 99, 111)) == [("target", "110")]


def test_an_exit_of_a_part_keeps_no_part_from_the_stop(paper: Any) -> None:
    market = paper()
    market.bracket()
    market.flat(100)
    patient(market, 4, seconds=180)
    assert [(f.client_id, f.quantity) for f in market.bar(100, 100, 94, 94)] == [("stop", 10)]
    assert market.held() == 0


@pytest.mark.parametrize("way", ["expires", "cancelled", "refused"])
def test_the_stop_is_for_all_that_is_held_again(paper: Any, way: str) -> None:
    market = paper()
    market.bracket()
    market.flat(100)
    patient(market, 4, seconds=60, limit="120.001" if way == "refused" else "120")
    if way == "cancelled":
        market.cancel("x")
    market.flat(100)
    assert not market.states["x"][-1].open
    assert [(f.client_id, f.quantity) for f in market.bar(100, 100, 94, 94)] == [("stop", 10)]


def test_what_an_exit_sold_before_its_end_is_protected_no_more(paper: Any) -> None:
    market = paper(participation=Decimal("0.1"))
    market.bracket()
    market.flat(100)
    patient(market, seconds=60, limit="100")
    market.bar(101, 101, 101, 101, volume=40)
    assert market.held() == 6
    assert [(f.client_id, f.quantity) for f in market.bar(100, 100, 94, 94)] == [("stop", 6)]


def test_the_exit_of_one_strategy_is_nothing_to_the_stop_of_another(paper: Any) -> None:
    market = paper()
    market.bracket()
    market.place(market.order("other", strategy="t"))
    market.flat(100)
    market.place(market.order("x", Side.SELL, 10, Leg.EXIT, limit="120", strategy="t"))
    assert [(f.client_id, f.quantity) for f in market.bar(100, 100, 94, 94)] == [("stop", 10)]


def test_at_the_quote_after_its_end_an_exit_is_over(paper: Any, told: Any) -> None:
    market = paper()
    market.bracket()
    market.flat(100)
    patient(market, seconds=10)
    assert market.quote(111, 111.5) == [], "the target gives way"
    assert told(market.quote(111, 111.5, after_ns=20 * NANOS)) == [("target", "110")]


# -- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"quantity": 0}, "quantity 0 is not a whole number of lots of 1"),
        ({"limit": "99.005"}, "price 99.005 is not on the grid of 0.01"),
        ({"stop": "-1"}, "price -1 is not on the grid of 0.01"),
        ({"symbol": "SPX"}, "SPX is an index and cannot be ordered"),
        ({"symbol": "QQQ"}, "there is no symbol QQQ"),
        ({"type": OrderType.LIMIT}, "a limit order needs a limit price"),
        ({"type": OrderType.MARKET, "limit": "99"}, "a market order takes no limit price"),
        ({"type": OrderType.STOP_LIMIT, "limit": "99"}, "a stop-limit order needs a stop price"),
        ({"parent": "elsewhere", "leg": Leg.STOP, "stop": "99"}, "its entry elsewhere was not placed with it"),
        ({"quantity": 1000}, "it costs 100001.00 and 100000.00 in cash is free"),
    ],
)
def test_what_cannot_be_taken_is_refused_with_the_reason(paper: Any, changes: dict[str, Any], reason: str) -> None:
    market = paper(fee_minimum=Decimal(1))
    market.place(market.order(**changes))
    assert market.states["o"] == [REFUSED]
    assert market.reasons["o"] == reason
    assert market.flat(100) == []


def test_without_any_price_nothing_can_be_taken(paper: Any) -> None:
    market = paper(first_bar=False)
    market.place(market.order())
    assert market.reasons["o"] == "no price of SPY is known"
    market.quote(99.9, 100.1)
    market.place(market.order("again"))
    assert market.states["again"] == [WORKING]


def test_a_client_id_is_taken_once(paper: Any) -> None:
    market = paper()
    market.place(market.order())
    market.place(market.order())
    market.place(market.order("twin"), market.order("twin"))
    assert market.states["o"] == [WORKING, REFUSED]
    assert market.states["twin"] == [REFUSED, REFUSED]
    market.flat(100)
    market.place(market.order())
    assert market.reasons["o"] == "client id o was used before"


def test_an_entry_is_not_taken_without_its_stop(paper: Any) -> None:
    market = paper()
    market.bracket(stop="95.001")
    assert {name: states[-1] for name, states in market.states.items()} == dict.fromkeys(
        ("o", "stop", "target"), REFUSED
    )
    assert market.reasons["o"] == "order stop of its bracket was refused"
    assert market.flat(100) == []


def test_resting_entries_keep_their_cash(paper: Any) -> None:
    market = paper(cash=Decimal(1500))
    market.place(market.order("first", limit="90"), market.order("second", limit="80"))
    assert market.states["second"] == [REFUSED]
    assert market.reasons["second"] == "it costs 800.00 and 600.00 in cash is free"
    market.cancel("first")
    market.place(market.order("third", limit="80"))
    assert market.states["third"] == [WORKING]


def test_the_cash_check_is_of_entries_that_buy(paper: Any) -> None:
    market = paper(cash=Decimal(10))
    market.place(market.order("short", Side.SELL, 10))
    market.flat(100)
    market.place(market.order("cover", Side.BUY, 10, Leg.EXIT))
    assert [f.client_id for f in market.flat(120)] == ["cover"]
    assert market.broker.account.cash == Decimal(10) + 1000 - 1200
