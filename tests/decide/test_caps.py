"""Guards judge the order that would be sent: what a cap left is what those after it see."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

BUY = "kind: strategy\nname: buy\nwhen: close > 100\nthen: {buy: {size: 10, bracket: {stop: close - $5}}}\n"


def guard(name: str, require: str, action: str, judges: str = "entries") -> str:
    return f"---\nkind: guard\nname: {name}\nfor: {judges}\nrequire: '{require}'\nelse: {{{action}}}\n"


CAP = guard("cap", "order.quantity <= 4", "cap: {quantity: 4.9}")


def sizes(e: Any) -> list[Decimal]:
    return [o.quantity for o in e.seen.placed if o.leg == "entry"]


@pytest.mark.parametrize(
    "require",
    ["order.quantity <= 4", "order.cost < $450", "order.notional <= $404", "order.risk < $21"],
)
def test_a_guard_after_a_cap_judges_what_the_cap_left(engine: Any, require: str) -> None:
    after = engine(BUY + CAP + guard("least", require, "block: too much"))
    (decision,) = after.bars(101)
    assert sizes(after) == [4]
    assert decision.guards == {"p.cap": "false", "p.least": "true"}
    before = engine(BUY + guard("least", require, "block: too much") + CAP)
    (decision,) = before.bars(101)
    assert (sizes(before), decision.guard) == ([], "p.least"), "what comes before the cap sees all of the order"


def test_a_guard_that_asks_for_a_least_size_blocks_what_a_cap_left_too_small(engine: Any) -> None:
    e = engine(BUY + CAP + guard("worth_it", "order.quantity >= 5", "block: not worth its fee"))
    (decision,) = e.bars(101)
    assert (sizes(e), decision.guard, decision.reason) == ([], "p.worth_it", "not worth its fee")


def test_a_cap_after_a_cap_starts_from_what_the_first_left(engine: Any) -> None:
    half = guard("half", "order.quantity < 2", "cap: {quantity: order.quantity / 2}")
    e = engine(BUY + CAP + half)
    e.bars(101)
    assert sizes(e) == [2]


def test_a_capped_order_halts_nothing_that_it_does_not_reach(engine: Any) -> None:
    e = engine(BUY + CAP + guard("large", "order.cost < $1000", "halt: until tomorrow"))
    e.bars(101, 101)
    assert sizes(e) == [4, 4]


def test_what_guards_remember_is_one_order_after_the_other_as_they_were_wanted(engine: Any) -> None:
    steady = guard("steady", "or_else(not (order.quantity crosses above 5), true)", "block: more")
    e = engine(BUY + steady + CAP)
    e.bars(101, 101, 101)
    assert sizes(e) == [4, 4, 4], "10 were wanted each time"


def test_a_reduction_is_judged_and_sent_whole(engine: Any) -> None:
    out = "---\nkind: exit\nname: out\nunknown: hold\nwhen: close < 100\nthen: {close: all}\n"
    rules = BUY + out + guard("cap", "order.quantity <= 4", "cap: {quantity: 4}", "exits")
    e = engine(rules + guard("whole", "order.quantity == position.quantity", "block: a part", "exits"))
    e.bars(101, 99, 99, 99)
    assert [f.quantity for f in e.seen.fills] == [10, 10]
    assert e.held == {}
