"""Limits, days and halts as the language's page promises them, at the inputs at which they are easily broken."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine.market.events import NANOS, Bar, Quote
from engine.market.orders import Leg

DAY_NS = 24 * 3600 * NANOS
ALWAYS = "kind: strategy\nname: buy\nwhen: close > 100\nthen: {buy: {size: 1}}\n"
ONCE = ALWAYS.replace("close > 100", "close > 100 and not position.open").replace("size: 1", "size: 10")
PACK = "kind: pack\nname: p\nvenue: paper\ntimezone: America/New_York\ncalendar: XNYS\nuniverse: [SPY]\n"


def verdicts(decisions: list[Any]) -> list[str]:
    return [d.verdict.value for d in decisions]


# -- session windows ---------------------------------------------------------------------------------------------------


def test_a_window_goes_on_counting_while_another_opens_and_closes(engine: Any) -> None:
    windows = (
        "---\nkind: session\nname: day\nhours: 09:31-15:55\nlimits: {entries: 2}\n"
        "---\nkind: session\nname: within\nhours: 10:05-10:08\nlimits: {entries_per_symbol: 1}\n"
    )
    found = verdicts(engine(ALWAYS + windows).bars(*[101] * 12))
    assert found == ["fired", "fired", *["blocked"] * 10]


def test_an_inner_window_counts_only_what_was_entered_within_it(engine: Any) -> None:
    windows = (
        "---\nkind: session\nname: day\nhours: 09:31-15:55\n"
        "---\nkind: session\nname: within\nhours: 10:03-10:08\nlimits: {entries: 1}\n"
    )
    found = verdicts(engine(ALWAYS + windows).bars(*[101] * 8))
    assert found == ["fired", "fired", "fired", "blocked", "blocked", "blocked", "blocked", "fired"]


@pytest.mark.parametrize("hours", ["09:31-15:55", "00:00-24:00"])
def test_each_days_window_counts_from_nothing(engine: Any, hours: str) -> None:
    e = engine(ALWAYS + f"---\nkind: session\nname: day\nhours: {hours}\nlimits: {{entries: 1}}\n")
    assert verdicts(e.bars(101, 101)) == ["fired", "blocked"]
    e.start_ns += DAY_NS  # nothing is heard in between
    assert verdicts(e.bars(101, 101)) == ["fired", "blocked"]


# -- days --------------------------------------------------------------------------------------------------------------


def test_what_the_night_and_the_first_bar_cost_is_lost_today(engine: Any) -> None:
    guard = "---\nkind: guard\nname: loss\nfor: entries\nrequire: pnl.today > -$100\nelse: {block: lost enough}\n"
    again = "---\nkind: strategy\nname: again\nwhen: close < 90\nthen: {buy: {size: 1}}\n"
    e = engine(ONCE + again + guard)
    e.bars(101, 101)
    e.start_ns += DAY_NS
    assert [d.reason for d in e.bar(80)] == ["lost enough"]


def test_a_stop_that_fills_in_the_first_bar_of_a_day_is_realised_on_that_day(engine: Any) -> None:
    e = engine(ONCE.replace("size: 10", "size: 10, bracket: {stop: close - $5}"))
    e.bars(101, 101)
    e.start_ns += DAY_NS
    e.bar(80)
    portfolio = e.decider.context.portfolio
    assert not e.held
    assert portfolio.realised - portfolio.realised_at_day_start == Decimal(-210)
    assert portfolio.equity() - portfolio.equity_at_day_start == -210


def test_drawdown_is_measured_from_what_a_target_brought(engine: Any) -> None:
    look = "---\nkind: strategy\nname: fell\nwhen: pnl.drawdown > 0.05%\nthen: {buy: {size: 1}}\n"
    target = ONCE.replace("size: 10", "size: 10, bracket: {target: close + $10}")
    e = engine(target.replace("close > 100", "100 < close < 102") + look)
    e.bars(101, 101)
    e.bar(90, high=112)  # the target is reached at 111, and the bar closes far below
    assert e.decider.context.portfolio.peak_equity == 100_100
    e.bars(101, 101)  # bought again
    assert [d.rule for d in e.bar(95)] == ["p.fell"]


# -- positions ---------------------------------------------------------------------------------------------------------


def test_the_limits_of_a_pack_count_entries_under_way(engine: Any) -> None:
    e = engine(
        "kind: strategy\nname: buy\nwhen: close > 100\nthen: {buy: {size: 100, limit: close - $2}}\n",
        pack=PACK + "limits: {quantity: 150}\n",
    )
    assert verdicts(e.bars(101, 101, 101)) == ["fired", "fired", "blocked"]
    e.bar(99, low=90)
    assert e.held["p.buy", "SPY"].position.quantity == 150


def test_two_parts_at_one_tick_are_both_closed(engine: Any) -> None:
    parts = "".join(
        f"---\nkind: exit\nname: {name}\nonce: true\npriority: {n}\nwhen: position.gain > 1\nthen: {then}\n"
        for n, (name, then) in enumerate((("a", "{close: 20%}"), ("b", "{close: 50%, stop: position.entry}")))
    )
    e = engine(ONCE.replace("size: 10", "size: 10, bracket: {stop: close - $5}") + parts)
    e.bars(101, 101)
    e.bar(105)
    assert e.held["p.buy", "SPY"].stop_price() == 101  # the stop moves at once
    e.bars(105, 105, 105)
    assert [f.quantity for f in e.seen.fills if f.leg is Leg.EXIT] == [2, 4]


def test_a_stop_grows_with_what_is_bought_later(engine: Any) -> None:
    stop = "---\nkind: exit\nname: stop\nwhen: true\nthen: {stop: position.entry - $5}\n"
    e = engine(ALWAYS.replace("size: 1", "size: 10").replace("close > 100", "100 < close < 102") + stop)
    e.bars(101, 101, 101, 103, 103)
    assert e.held["p.buy", "SPY"].position.quantity == 30
    assert sum(o.quantity for o in e.broker.resting()) == 30
    e.bar(90, open_=103)
    assert not e.held
    assert {f.leg for f in e.seen.fills if f.leg is not Leg.ENTRY} == {Leg.STOP}
    assert not e.broker.resting()


# -- guards of exits ---------------------------------------------------------------------------------------------------


def test_a_guard_of_all_orders_that_flattens_does_not_hold_itself_back(engine: Any) -> None:
    guard = "---\nkind: guard\nname: g\nfor: all\nrequire: close < 105\nelse: {flatten: all}\n"
    e = engine(ALWAYS + guard)
    e.bars(101, 106, 106)
    assert not e.held


def test_a_guard_that_judges_an_exit_flattens_and_halts(engine: Any) -> None:
    out = "---\nkind: exit\nname: out\nunknown: hold\nwhen: close > 106\nthen: {close: 10%}\n"
    guard = "---\nkind: guard\nname: g\nfor: exits\nrequire: close < 105\nelse: {flatten: all}\n"
    e = engine(ONCE + out + guard)
    e.bars(101, 101, 107)
    e.bar(99)
    assert not e.held
    e = engine(ONCE + out + guard.replace("flatten: all", "halt: until tomorrow"))
    e.bars(101, 101, 107)
    assert e.decider.context.halted("p") is not None


# -- prices ------------------------------------------------------------------------------------------------------------


def test_the_last_price_of_a_market_of_quotes_is_the_middle_of_the_last_whole_one(engine: Any) -> None:
    e = engine("kind: strategy\nname: low\non: quote\nwhen: last < $100\nthen: {buy: {size: 1}}\n")
    found = [
        verdicts(e.tick(e.start_ns + n * NANOS, [Quote("SPY", e.start_ns + n * NANOS, bid, None, 101.0, None)]))
        for n, bid in enumerate((100.0, 98.0, None))
    ]
    assert found == [[], ["fired"], ["fired"]]


# -- priority ----------------------------------------------------------------------------------------------------------


def test_the_most_urgent_strategy_goes_first_over_all_symbols(engine: Any) -> None:
    rules = (
        "kind: strategy\nname: late\npriority: 100\nuniverse: [SPY]\nwhen: close > 100\nthen: {buy: {size: 1}}\n"
        "---\nkind: strategy\nname: first\npriority: 1\nuniverse: [QQQ]\nwhen: close > 100\nthen: {buy: {size: 1}}\n"
        "---\nkind: guard\nname: one\nfor: entries\nrequire: orders.open < 1\nelse: {block: one at a time}\n"
    )
    e = engine(rules, symbols=("SPY", "QQQ"))
    found = e.bar(101, also=[Bar("QQQ", e.start_ns, 60, 101, 101, 101, 101, None)])
    assert [(d.rule, d.verdict.value) for d in found] == [("p.first", "fired"), ("p.late", "blocked")]
