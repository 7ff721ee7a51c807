"""Protective orders give way to an exit, and are there again when it ends unfilled."""

from __future__ import annotations

from typing import Any

import pytest

from engine.market.orders import Leg, OrderState

BUY = (
    "kind: strategy\nname: buy\nwhen: close > 100 and not position.open\n"
    "then: {buy: {size: 10, bracket: {stop: close - $5, target: close + $10}}}\n"
)
PATIENT = (
    "---\nkind: exit\nname: patient\nunknown: hold\nwhen: close crosses below 99\n"
    "then: {close: CLOSE, limit: close + $10, within: 3m}\n"
)


def fills(e: Any) -> list[tuple[Leg, int]]:
    return [(f.leg, int(f.quantity)) for f in e.seen.fills]


def ends(e: Any) -> list[OrderState]:
    """How the exits ended."""
    exits = {o.client_id for o in e.seen.placed if o.leg is Leg.EXIT}
    return [u.state for u in e.seen.updates if u.client_id in exits and not u.state.open]


def test_a_market_that_falls_after_an_exit_was_not_reached_is_stopped_out(engine: Any) -> None:
    e = engine(BUY + PATIENT.replace("CLOSE", "all"))
    e.bars(101, 101, 98, 98)
    held = e.held["p.buy", "SPY"]
    assert held.exiting
    assert held.stop_price() == 96.0, "what rules see of the stop while it gives way"
    e.bars(98, 98)
    assert ends(e) == [OrderState.EXPIRED]
    assert held.stop_price() == 96.0
    e.bar(95)
    assert fills(e) == [(Leg.ENTRY, 10), (Leg.STOP, 10)]
    assert (e.held, e.broker.resting()) == ({}, [])


def test_after_a_part_that_was_not_sold_the_stop_is_for_all_of_it(engine: Any) -> None:
    e = engine(BUY + PATIENT.replace("CLOSE", "40%"))
    e.bars(101, 101, 98, 98, 98, 98)
    assert ends(e) == [OrderState.EXPIRED]
    e.bar(95)
    assert fills(e) == [(Leg.ENTRY, 10), (Leg.STOP, 10)]
    assert (e.held, e.broker.resting()) == ({}, [])


def test_a_stop_that_trails_is_moved_while_it_gives_way_and_no_second_one_is_placed(engine: Any) -> None:
    trail = "---\nkind: exit\nname: trail\nunknown: hold\nwhen: true\nthen: {trail: {by: $4}}\n"
    e = engine(BUY + PATIENT.replace("below 99", "above 103").replace("CLOSE", "40%") + trail)
    e.bars(101, 101, 104, 106, 106, 106, 106)
    assert ends(e) == [OrderState.EXPIRED]
    assert [o.leg for o in e.seen.placed if o.leg is Leg.STOP] == [Leg.STOP]
    assert e.held["p.buy", "SPY"].stop_price() == 102.0
    e.bar(100)
    assert fills(e) == [(Leg.ENTRY, 10), (Leg.STOP, 10)]
    assert (e.held, e.broker.resting()) == ({}, [])


def test_an_exit_that_fills_leaves_nothing_behind(engine: Any) -> None:
    e = engine(BUY + PATIENT.replace("CLOSE", "all"))
    e.bars(101, 101, 98)
    e.bar(100, high=109)
    assert fills(e) == [(Leg.ENTRY, 10), (Leg.EXIT, 10)]
    assert (e.held, e.broker.resting()) == ({}, [])


FLEE = (
    "---\nkind: strategy\nname: again\nwhen: close < 97\nthen: {buy: {size: 1}}\n"
    "---\nkind: guard\nname: flee\nfor: entries\nrequire: close > 98\nelse: {flatten: all}\n"
)


@pytest.mark.parametrize("close", ["all", "40%"])
def test_what_a_guard_flattens_waits_for_no_better_price(engine: Any, close: str) -> None:
    e = engine(BUY.replace("$5", "$50") + PATIENT.replace("CLOSE", close).replace("3m", "2h") + FLEE)
    e.bars(101, 101, 98.5, 98.5, 96)
    assert [f"{o.type} {o.quantity}" for o in e.seen.placed if o.leg is Leg.EXIT][1:] == ["market 10"]
    e.bars(96)
    assert fills(e) == [(Leg.ENTRY, 10), (Leg.EXIT, 10)]
    assert (e.held, e.broker.resting()) == ({}, [])
    assert sorted(ends(e)) == [OrderState.CANCELLED, OrderState.FILLED]


def test_an_exit_at_market_for_everything_is_not_asked_for_twice(engine: Any) -> None:
    at_once = "---\nkind: exit\nname: out\nunknown: hold\nwhen: close < 97\nthen: {close: all}\n"
    e = engine(BUY.replace("$5", "$50") + at_once + FLEE)
    e.bars(101, 101, 96, 96)
    assert len([o for o in e.seen.placed if o.leg is Leg.EXIT]) == 1
    assert fills(e) == [(Leg.ENTRY, 10), (Leg.EXIT, 10)]
