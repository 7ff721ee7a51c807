"""The practice venue's core without a network: money and shares are kept, whatever is asked of it."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.simulators.tradier.core.exchange import Exchange
from connectors.simulators.tradier.core.orders import BadRequest, Order, Price, Refused

CASH = D(100_000)


def venue(bid: str = "500.00", ask: str = "500.02", size: int = 100) -> Exchange:
    exchange = Exchange(CASH)
    exchange.quote("SPY", Price(D(bid), D(ask), D(bid), D(size)), 0)
    return exchange


def form(**fields: Any) -> dict[str, str]:
    base = {"class": "equity", "symbol": "SPY", "side": "buy", "quantity": "10", "type": "market", "duration": "day"}
    return {**base, **{name: str(value) for name, value in fields.items()}}


def bracket(entry: str, target: str, stop: str, quantity: int = 10) -> dict[str, str]:
    legs = (("buy", "limit", "price", entry), ("sell", "limit", "price", target), ("sell", "stop", "stop", stop))
    found = {"class": "otoco", "duration": "day"}
    for n, (side, kind, name, price) in enumerate(legs):
        found |= {f"symbol[{n}]": "SPY", f"side[{n}]": side, f"quantity[{n}]": str(quantity), f"type[{n}]": kind}
        found[f"{name}[{n}]"] = price
    return found


def states(order: Order) -> list[str]:
    return [leg.status for leg in order.legs]


def move(exchange: Exchange, bid: str, ask: str, size: int = 100, now: int = 1) -> None:
    exchange.quote("SPY", Price(D(bid), D(ask), D(bid), D(size)), now)


def test_a_bracket_sleeps_wakes_and_ends() -> None:
    exchange = venue(size=4)
    made = exchange.place(bracket("500.02", "501", "499"), 1)
    assert states(made) == ["partially_filled", "pending", "pending"]
    move(exchange, "501.00", "501.02")  # the target's price, while the legs still sleep
    assert exchange.held["SPY"].quantity == 4
    move(exchange, "500.00", "500.02")
    assert states(made) == ["filled", "open", "open"]
    move(exchange, "501.00", "501.02", 3)
    assert states(made) == ["filled", "partially_filled", "canceled"]
    move(exchange, "501.10", "501.12")
    assert (made.status, exchange.held, states(made)) == ("filled", {}, ["filled", "filled", "canceled"])


def test_cancelling_the_entry_takes_its_legs_and_keeps_what_filled() -> None:
    exchange = venue(size=4)
    made = exchange.place(bracket("500.02", "501", "499"), 1)
    exchange.cancel(made.legs[1], 2)  # any part takes off the whole
    assert states(made) == ["canceled"] * 3 and made.status == "canceled" and exchange.held["SPY"].quantity == 4
    with pytest.raises(BadRequest, match="already in finalized state: canceled"):
        exchange.cancel(made, 3)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"duration": "gtc"}, "MarketOrderIsGtc"),
        ({"symbol": "NOPE"}, "SecurityUndefined"),
        ({"side": "sell"}, "UnexpectedSellOrder"),
        ({"side": "buy_to_cover"}, "UnexpectedBuyToCoverOrder"),
        ({"quantity": 20_000_000}, "IncorrectOrderQuantity"),
        ({"quantity": 401}, "Backoffice rejected override of the order."),
        ({"type": "stop", "stop": "500.00"}, "BuyStopOrderStopPriceLessAsk"),
        ({"type": "limit", "price": "500.001"}, "OrderPriceIsInvalid"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], code: str) -> None:
    exchange = venue()
    with pytest.raises(Refused) as found:
        exchange.place(form(**fields), 1)
    assert found.value.reasons[0] == code and exchange.orders == {}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"class": "swap"}, "class: swap"), ({"tag": "a b"}, "tag: contains invalid characters"),
        ({"tag": "a" * 256}, "more than 255"), ({"quantity": "1.5"}, "quantity: 1.5"), ({"type": "limit"}, "price: is"),
    ],
)  # fmt: skip
def test_what_is_no_request(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        venue().place(form(**fields), 1)


def test_no_more_can_be_closed_than_is_held() -> None:
    exchange = venue()
    exchange.place(form(quantity=10), 1)
    exchange.place(form(side="sell", type="limit", price="510", quantity=6), 2)
    with pytest.raises(Refused, match="LongPositionCrossZero"):
        exchange.place(form(side="sell", type="limit", price="510", quantity=5), 3)


def test_orders_wait_for_their_part_of_the_day_and_end_with_it() -> None:
    exchange = venue()
    exchange.opened("premarket", 0)
    day = exchange.place(form(type="limit", price="501"), 1)
    early = exchange.place(form(type="limit", price="499", duration="pre"), 1)
    assert (day.status, early.status) == ("pending", "open")
    exchange.expire(2, after_close=False)
    exchange.opened("open", 2)
    assert (day.status, early.status) == ("filled", "expired")
    late = exchange.place(form(type="limit", price="400"), 3)
    kept = exchange.place(form(type="limit", price="400", duration="gtc"), 3)
    exchange.expire(4, after_close=True)
    assert (late.status, kept.status) == ("expired", "open")


ACTIONS = st.one_of(
    st.tuples(st.just("quote"), st.integers(49_000, 51_000), st.integers(1, 30)),
    st.tuples(st.just("order"), st.sampled_from(["buy", "sell", "sell_short", "buy_to_cover"]), st.integers(1, 40)),
    st.tuples(st.just("bracket"), st.integers(-50, 50), st.integers(1, 40)),
    st.tuples(st.just("cancel"), st.integers(0, 20), st.just(0)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ACTIONS, max_size=40))
def test_nothing_is_made_and_nothing_lost(actions: list[tuple[str, Any, int]]) -> None:
    """Cash and shares are what the trades say, no order fills more than it is for, and of a pair one leg at most."""
    exchange = venue()
    made: list[Order] = []
    for now, (kind, value, number) in enumerate(actions, 1):
        last = exchange.prices["SPY"].last
        try:
            if kind == "quote":
                move(exchange, str(D(value) / 100), str(D(value + 2) / 100), number, now)
            elif kind == "order":
                made.append(exchange.place(form(side=value, quantity=number, type="limit", price=last), now))
            elif kind == "bracket":
                price = last + D(value) / 100
                made.append(exchange.place(bracket(str(price), str(price + 1), str(price - 1), number), now))
            elif made:
                exchange.cancel(made[value % len(made)], now)
        except (Refused, BadRequest):
            continue
    spent = sum((t.quantity * t.price * (1 if t.side.startswith("buy") else -1) for t in exchange.trades), D(0))
    shares = sum((t.quantity * (1 if t.side.startswith("buy") else -1) for t in exchange.trades), D(0))
    assert exchange.cash == CASH - spent
    assert (exchange.held["SPY"].quantity if "SPY" in exchange.held else 0) == shares
    for order in exchange.every.values():
        assert order.executed <= order.quantity or order.legs
        if order.kind == "otoco":
            entry, *pair = order.legs
            assert sum(leg.executed for leg in pair) <= entry.executed
            assert sum(1 for leg in pair if leg.executed) <= 1
