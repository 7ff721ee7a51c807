"""A stopped paper run goes on as if it had never stopped."""

from __future__ import annotations

import json
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.paper import FillModel, PaperBroker, SnapshotError
from engine.market.events import NANOS
from engine.market.orders import Leg, OrderState, Side

BARS = st.lists(
    st.tuples(st.integers(9_400, 10_600), st.integers(0, 300), st.integers(0, 300), st.none() | st.integers(0, 90)),
    min_size=2,
    max_size=12,
)


def feed(market: Any, bars: list[Any]) -> None:
    for open_, up, down, volume in bars:
        market.bar(open_ / 100, (open_ + up) / 100, (open_ - down) / 100, (open_ + up - down) / 100, volume)


def started(paper: Any, model: FillModel) -> Any:
    market = paper(fill_model=model, fee_minimum=Decimal(1), slippage_bps=Decimal(3))
    market.quote(99.95, 100.05)
    market.bracket("97", "103", quantity=17)
    market.place(
        market.order("dip", limit="98", expires_ns=market.now + 200 * NANOS, fallback_market=True),
        market.order("rise", stop="101", limit="102", strategy="t"),
        market.order("short", Side.SELL, 5, strategy="u"),
        market.order("cover", Side.BUY, 5, Leg.STOP, stop="104", parent="short", strategy="u"),
    )
    return market


def resumed(market: Any) -> Any:
    """The market with another broker, which has read what the first one wrote."""
    text = json.dumps(market.broker.snapshot())
    market.broker = PaperBroker(market.settings, market.instruments)
    market.broker.restore(json.loads(text))
    return market


@given(bars=BARS, cut=st.integers(0, 12), model=st.sampled_from(FillModel))
def test_a_run_that_was_stopped_fills_as_one_that_was_not(
    paper: Any, bars: list[Any], cut: int, model: FillModel
) -> None:  # fmt: skip
    whole, parted = started(paper, model), started(paper, model)
    feed(whole, bars)
    feed(parted, bars[:cut])
    feed(resumed(parted), bars[cut:])
    assert parted.fills == whole.fills
    assert parted.states == whole.states
    assert parted.broker.snapshot() == whole.broker.snapshot()


def test_a_stop_that_gives_way_is_there_again_after_a_restart(paper: Any) -> None:
    market = paper()
    market.bracket()
    market.flat(100)
    market.place(market.order("x", Side.SELL, 10, Leg.EXIT, limit="120", expires_ns=market.now + 120 * NANOS))
    market.bar(100, 100, 96, 100)
    resumed(market).flat(100)
    assert market.states["x"][-1] is OrderState.EXPIRED
    assert [(f.client_id, f.quantity) for f in resumed(market).bar(100, 100, 94, 94)] == [("stop", 10)]


def test_money_and_quantities_are_kept_as_text(paper: Any) -> None:
    market = paper(cash=Decimal("100000.10"))
    market.place(market.order(limit="99.10"))
    saved = market.broker.snapshot()
    assert saved["cash"] == "100000.10"
    assert (saved["orders"][0]["remaining"], saved["orders"][0]["order"]["limit"]) == ("10", "99.10")


def test_client_ids_of_resting_orders_stay_taken(paper: Any) -> None:
    market = paper()
    market.place(market.order(limit="90"))
    market.flat(100)
    resumed(market).place(market.order(limit="90"))
    assert market.states["o"][-1] is OrderState.REFUSED


def broken(saved: dict[str, Any], change: str) -> dict[str, Any]:
    state = deepcopy(saved)
    if change == "missing":
        del state["cash"]
    elif change == "side":
        state["orders"][0]["order"]["side"] = "hold"
    elif change == "extra":
        state["margin"] = "1"
    else:
        state["orders"][0]["order"]["symbol"] = "QQQ"
    return state


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("missing", "cash: Field required"), ("side", "orders.0.order.side: "), ("extra", "margin: "),
        ("symbol", "holds QQQ, which this run does not trade: add it"),
    ],
)  # fmt: skip
def test_a_state_that_cannot_be_used_is_refused_by_field_and_changes_nothing(
    paper: Any, change: str, text: str
) -> None:  # fmt: skip
    market = paper()
    market.place(market.order())
    saved = market.broker.snapshot()
    with pytest.raises(SnapshotError, match=text):
        market.broker.restore(broken(saved, change))
    assert market.broker.snapshot() == saved
