"""Age, best and worst price of a position: what is known to have come after its entry, and all of that."""

from __future__ import annotations

from typing import Any

import pytest

from engine.market.events import NANOS, Bar, Quote

MARKET = "kind: strategy\nname: buy\nwhen: close > 100 and not position.open\nthen: {buy: {size: 10}}\n"
LIMIT = MARKET.replace("{size: 10}", "{size: 10, limit: $101, within: 30m}")
EXIT = "---\nkind: exit\nname: out\nunknown: hold\nwhen: %s\nthen: {close: all}\n"


def fired(e: Any) -> list[str]:
    return [d.rule for d in e.seen.decisions if d.rule == "p.out" and d.verdict == "fired"]


def held(e: Any) -> Any:
    return e.held["p.buy", "SPY"]


def test_an_entry_at_the_open_is_as_old_as_the_bar_at_its_end(engine: Any) -> None:
    e = engine(MARKET + EXIT % "position.age >= 3m")
    e.bars(101)
    e.bars(101)
    assert e.seen.fills[0].time_ns == e.start_ns + 60 * NANOS, "it filled as the second minute began"
    assert held(e).position.opened_ns == e.start_ns + 60 * NANOS
    assert held(e).bars == 1
    e.bars(101)
    assert fired(e) == []
    e.bars(101)
    assert fired(e) == ["p.out"], "three minutes and three bars later"
    e.bars(101)
    assert e.seen.fills[1].time_ns == e.start_ns + 4 * 60 * NANOS, "closed at the open of the next"


def test_the_whole_bar_counts_for_an_entry_at_its_open(engine: Any) -> None:
    e = engine(MARKET)
    e.bar(101)
    e.bar(102, open_=101, high=105, low=99)
    assert (held(e).high, held(e).low, held(e).last) == (105, 99, 102)


@pytest.mark.parametrize("rule", [LIMIT, MARKET.replace("{size: 10}", "{size: 10, stop: $103}")])
def test_only_the_close_counts_for_an_entry_inside_a_bar(engine: Any, rule: str) -> None:
    e = engine(rule)
    e.bar(102)
    e.bar(102, open_=102, high=102.5, low=101.5)  # the limit rests
    bar = {"open_": 102, "high": 106, "low": 100}
    e.bar(104, **bar)
    price = held(e).entry
    assert price in (101, 103)
    assert (held(e).high, held(e).low) == (104, price), "106 or 100 may have come before it"
    assert held(e).position.opened_ns == e.start_ns + 3 * 60 * NANOS, "it is known to be there at the end"
    e.bar(104, open_=104, high=107, low=99)
    assert (held(e).high, held(e).low) == (107, 99)


def test_a_trailing_stop_does_not_follow_what_came_before_the_entry(engine: Any) -> None:
    e = engine(LIMIT + "---\nkind: exit\nname: trail\nunknown: hold\nwhen: true\nthen: {trail: {by: $2}}\n")
    e.bar(102)
    e.bar(102, open_=102, high=102.5, low=101.5)
    e.bar(101.5, open_=102, high=110, low=100.5)
    assert [float(o.stop) for o in e.broker.resting()] == [99.5], "two below the close, and not below 110"


def test_of_a_bar_that_covers_an_entry_by_a_quote_only_the_close_counts(engine: Any) -> None:
    e = engine(LIMIT)
    e.bar(102)
    middle = e.start_ns + 90 * NANOS
    e.tick(middle, [Quote("SPY", middle, 100.9, 100.0, 101.0, 100.0)])
    assert held(e).position.opened_ns == middle
    e.bar(102, open_=102, high=108, low=100)
    assert (held(e).high, held(e).low) == (102, 101)


def test_an_order_that_fills_inside_a_bar_has_filled_by_its_end_whenever_that_is_told(engine: Any) -> None:
    e = engine(LIMIT)
    e.bar(102)
    e.bar(102, open_=102, high=102.5, low=101.5)
    end_ns = e.start_ns + 3 * 60 * NANOS
    e.tick(end_ns + 4 * NANOS, [Bar("SPY", end_ns - 60 * NANOS, 60, 102, 106, 100, 104, None)])
    assert e.seen.fills[0].time_ns == held(e).position.opened_ns == end_ns
    e.minute += 1
    e.bar(104, open_=104, high=107, low=99)
    assert (held(e).high, held(e).low) == (107, 99), "all of the next bar comes after"
