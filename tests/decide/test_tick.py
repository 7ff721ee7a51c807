"""What the engine does at a tick, seen from outside: orders, positions and refusals."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine.decide.actions import Verdict
from engine.market.events import NANOS, Bar
from engine.market.orders import Leg, OrderState

BUY = """\
kind: strategy
name: buy
when: close > 100 and not position.open
then: {buy: {size: 10}}
"""
BRACKET = BUY.replace("{size: 10}", "{size: 10, bracket: {stop: close - $5, target: close + $10}}")


def verdicts(decisions: list[Any]) -> list[tuple[str, str, str]]:
    return [(d.rule.partition(".")[2], d.verdict.value, d.guard.partition(".")[2] or d.guard) for d in decisions]


def test_an_entry_fills_on_the_next_bar_and_never_on_its_own(engine: Any) -> None:
    e = engine(BUY)
    assert verdicts(e.bars(99, 101)) == [("buy", "fired", "")]
    assert not e.seen.fills
    e.bar(103, open_=102)
    assert [(f.quantity, f.price) for f in e.seen.fills] == [(Decimal(10), Decimal(102))]
    assert e.held["p.buy", "SPY"].position.quantity == 10


def test_an_order_is_written_down_before_the_broker_has_it(engine: Any) -> None:
    e = engine(BUY)
    e.bars(99, 101)
    (order,) = e.seen.placed
    assert e.seen.log == [f"written {order.client_id}", f"working {order.client_id}"]


def test_the_same_intent_has_the_same_client_id_in_every_run(engine: Any) -> None:
    ids = []
    for _ in range(2):
        e = engine(BRACKET)
        e.bars(99, 101)
        ids.append([o.client_id for o in e.seen.placed])
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 3


def test_a_bracket_closes_at_its_stop_and_cancels_its_target(engine: Any) -> None:
    e = engine(BRACKET)
    e.bars(99, 101, 102)
    e.bar(95, low=94, open_=100)
    assert [f.leg for f in e.seen.fills] == [Leg.ENTRY, Leg.STOP]
    assert e.seen.fills[-1].price == Decimal(96)
    assert e.held == {}
    assert e.broker.resting() == []


def test_unknown_is_not_true(engine: Any) -> None:
    e = engine(BUY.replace("close > 100", "bid > 100"))
    assert e.bars(101, 102) == []


def test_cooldown_counts_from_the_entry_and_is_per_symbol(engine: Any) -> None:
    rules = "kind: strategy\nname: buy\nwhen: close > 100\ncooldown: 3m\nthen: {buy: {size: 1}}\n"
    e = engine(rules)
    found = verdicts(e.bars(101, 101, 101, 101))
    assert found == [("buy", "fired", ""), ("buy", "cooling", "cooldown"), ("buy", "cooling", "cooldown"),
                     ("buy", "fired", "")]  # fmt: skip


def test_a_guard_that_is_unknown_blocks_and_says_so(engine: Any) -> None:
    guard = "---\nkind: guard\nname: spread\nfor: entries\nrequire: spread < $1\nelse: {block: too wide}\n"
    e = engine(BUY + guard)
    (blocked,) = e.bars(101)
    assert (blocked.verdict, blocked.guard) == (Verdict.BLOCKED, "p.spread")
    assert blocked.reason == "too wide (unknown, so it blocks)"
    assert verdicts(e.bar(101, quote=(100.9, 101.1))) == [("buy", "fired", "")]


def test_all_guards_are_judged_and_the_first_that_blocks_is_named(engine: Any) -> None:
    guards = "".join(
        f"---\nkind: guard\nname: {name}\nfor: entries\nrequire: {text}\nelse: {{block: {name}}}\n"
        for name, text in (
            ("one", "order.quantity < 100"),
            ("two", "order.quantity < 5"),
            ("three", "account.cash < $1"),
        )
    )
    (blocked,) = engine(BUY + guards).bars(101)
    assert blocked.guard == "p.two"
    assert blocked.guards == {"p.one": "true", "p.two": "false", "p.three": "false"}


def test_a_cap_shrinks_the_order_to_whole_lots(engine: Any) -> None:
    guard = "---\nkind: guard\nname: cap\nfor: entries\nrequire: false\nelse: {cap: {notional: $350}}\n"
    e = engine(BUY + guard)
    e.bars(101)
    assert [o.quantity for o in e.seen.placed] == [Decimal(3)]


def test_a_halt_stops_entries_until_the_next_day_but_never_an_exit(engine: Any) -> None:
    rules = BUY + (
        "---\nkind: exit\nname: out\nunknown: hold\nwhen: close < 100\nthen: {close: all}\n"
        "---\nkind: guard\nname: loss\nfor: entries\nrequire: pnl.today >= $0\nelse: {halt: until tomorrow}\n"
    )
    e = engine(rules)
    e.bars(101, 101, 95, 95)
    assert e.held == {}
    assert verdicts(e.bars(101)) == [("buy", "blocked", "loss")]
    assert verdicts(e.bars(101)) == [("buy", "blocked", "loss")]
    e.start_ns += 24 * 3600 * NANOS
    assert verdicts(e.bars(101)) == [("buy", "fired", "")]


def test_a_flatten_guard_closes_what_is_open(engine: Any) -> None:
    rules = BUY + (
        "---\nkind: strategy\nname: more\nwhen: close > 110\nthen: {buy: {size: 1}}\n"
        "---\nkind: guard\nname: calm\nfor: entries\nrequire: close < 105\nelse: {flatten: all}\n"
    )
    e = engine(rules)
    e.bars(101, 101, 111, 111)
    assert e.held == {}
    assert [f.leg for f in e.seen.fills] == [Leg.ENTRY, Leg.EXIT]


def test_exits_run_by_priority_and_the_first_that_closes_ends_the_round(engine: Any) -> None:
    rules = BUY + "".join(
        f"---\nkind: exit\nname: {name}\npriority: {priority}\nunknown: hold\nwhen: close < 100\nthen: {{close: all}}\n"
        for name, priority in (("late", 20), ("early", 10))
    )
    e = engine(rules)
    assert verdicts(e.bars(101, 101, 99))[1:] == [("early", "fired", "")]


def test_a_partial_exit_acts_once_and_moves_the_stop(engine: Any) -> None:
    rules = BRACKET + (
        "---\nkind: exit\nname: half\nonce: true\nunknown: hold\nwhen: position.gain >= $2\n"
        "then: {close: 50%, stop: position.entry}\n"
    )
    e = engine(rules)
    e.bars(101, 101, 104, 104, 105)
    assert [(f.leg, f.quantity) for f in e.seen.fills] == [(Leg.ENTRY, 10), (Leg.EXIT, 5)]
    held = e.held["p.buy", "SPY"]
    assert held.stop_price() == 101.0
    e.bar(100, low=100)
    assert (e.held, e.broker.resting()) == ({}, [])
    assert sum(f.quantity * f.side.sign for f in e.seen.fills) == 0


def test_a_trail_starts_at_its_activation_and_never_moves_back(engine: Any) -> None:
    rules = BUY + (
        "---\nkind: exit\nname: trail\nunknown: hold\nwhen: true\n"
        "then: {trail: {by: 2%, after: position.gain_ratio >= 3%}}\n"
    )
    e = engine(rules)
    e.bars(101, 101, 102)
    assert e.broker.resting() == []
    e.bar(106)
    assert [o.stop for o in e.broker.resting()] == [Decimal("103.88")]
    e.bars(105, 110, 109)
    assert [o.stop for o in e.broker.resting()] == [Decimal("107.80")]
    e.bar(107, low=106)
    assert e.held == {}


def test_a_time_stop_acts_although_the_symbol_is_silent(engine: Any) -> None:
    rules = BUY + (
        "---\nkind: exit\nname: old\nunknown: hold\nwhen: position.age >= 5m\nthen: {close: all}\n"
    )  # fmt: skip
    e = engine(rules, symbols=("QQQ", "SPY"))
    e.bars(101, 101)
    decisions: list[Any] = []
    for _ in range(6):
        decisions += e.bar(400, symbol="QQQ")
    assert verdicts(decisions) == [("old", "fired", "")]


def test_an_exit_whose_condition_is_unknown_does_what_its_file_says(engine: Any) -> None:
    text = "---\nkind: exit\nname: quoted\nunknown: {policy}\nwhen: bid < 90\nthen: {{close: all}}\n"
    closing = engine(BUY + text.format(policy="close"))
    closing.bars(101, 101, 101)
    assert "its condition is unknown, and the rule says close" in [d.reason for d in closing.seen.decisions]
    holding = engine(BUY + text.format(policy="hold"))
    holding.bars(101, 101, 101)
    assert ("p.buy", "SPY") in holding.held


def test_sessions_open_close_and_set_parameters(engine: Any) -> None:
    rules = """\
kind: strategy
name: buy
params: {least: {default: 100}}
when: close > least and not position.open
then: {buy: {size: 1}}
---
kind: session
name: late
days: mon..fri
hours: 10:05-10:10
set: {buy.least: 200}
---
kind: session
name: early
days: mon..fri
hours: 10:00-10:03
"""
    e = engine(rules)
    assert verdicts(e.bars(99, 99, 101)) == [("buy", "blocked", "session")]  # 10:03 is already outside
    assert verdicts(e.bars(101, 150)) == [("buy", "blocked", "session")]  # 10:05 sets 200
    assert verdicts(e.bars(201)) == [("buy", "fired", "")]


def test_an_index_triggers_and_its_fund_is_bought_at_its_own_prices(engine: Any) -> None:
    rules = """\
kind: strategy
name: buy
universe: [SPX]
when: close > 5000
then: {buy: {symbol: execution_symbol, size: 1, limit: close, bracket: {stop: close - $1}}}
"""
    e = engine(rules, symbols=("SPX", "SPY"))
    e.bar(500, symbol="SPY")
    e.bar(5001, symbol="SPX")
    entry, stop = e.seen.placed
    assert (entry.symbol, entry.limit, stop.stop) == ("SPY", Decimal(500), Decimal(499))


def test_volume_of_an_index_is_unknown_and_not_zero(engine: Any) -> None:
    rules = "kind: strategy\nname: s\nuniverse: [SPX]\nwhen: volume < 5\nthen: {buy: {size: 1}}\n"
    e = engine(rules, symbols=("SPX", "SPY"))
    assert e.bar(5000, symbol="SPX") == []


def test_two_triggers_of_one_order_send_it_once(engine: Any) -> None:
    rules = "kind: strategy\nname: s\nuniverse: [SPX, SPY]\nwhen: close > 1\nthen: {buy: {size: 1}}\n"
    e = engine(rules, symbols=("SPX", "SPY"))
    e.bar(500, symbol="SPY")
    spx = Bar("SPX", e.start_ns + 60 * NANOS, 60, 5000, 5000, 5000, 5000, None)
    decisions = e.bar(500, symbol="SPY", also=[spx])
    assert [(d.trigger_symbol, d.verdict.value, d.guard) for d in decisions] == [
        ("SPX", "fired", ""), ("SPY", "blocked", "same order"),
    ]  # fmt: skip


def test_a_repeated_and_a_late_bar_are_noted_and_change_nothing(engine: Any) -> None:
    e = engine("kind: strategy\nname: s\nwhen: sma(close, 2) > 100\nthen: {buy: {size: 1}}\n")
    e.bars(100, 100)
    last = Bar("SPY", e.start_ns + 60 * NANOS, 60, 100, 100, 100, 100, None)
    assert e.tick(last.known_ns + 1, [last]) == []
    late = Bar("SPY", e.start_ns, 60, 900, 900, 900, 900, None)
    assert e.tick(last.known_ns + 2, [late]) == []
    correction = Bar("SPY", e.start_ns + 60 * NANOS, 60, 900, 900, 900, 900, None)
    assert e.tick(last.known_ns + 3, [correction]) == []
    assert [n.text for n in e.seen.notes] == [
        "repeated bar, ignored", "bar older than the newest one, ignored",
        "correction of a bar that has been acted on, ignored",
    ]  # fmt: skip
    assert len(e.bars(101)) == 1


def test_a_higher_timeframe_is_seen_only_when_complete(engine: Any) -> None:
    e = engine("kind: strategy\nname: s\non: bar(5m)\nwhen: close > 100\nthen: {buy: {size: 1}}\n")
    assert e.bars(101, 101, 101, 101) == []
    assert len(e.bars(101)) == 1


def test_a_missing_last_minute_completes_the_higher_bar_at_the_next_tick(engine: Any) -> None:
    e = engine("kind: strategy\nname: s\non: bar(5m)\nwhen: close > 100\nthen: {buy: {size: 1}}\n")
    assert e.bars(101, 101, 101, 101) == []
    e.minute += 1  # 10:04 never comes
    assert len(e.bars(50)) == 1


def test_a_condition_must_hold_for_its_time(engine: Any) -> None:
    e = engine("kind: strategy\nname: s\nwhen: close > 100 for 3m\ncooldown: 1h\nthen: {buy: {size: 1}}\n")
    assert e.bars(101, 101, 99, 101, 101, 101) == []
    assert len(e.bars(101)) == 1


def test_a_stop_on_the_wrong_side_is_refused(engine: Any) -> None:
    e = engine(BUY.replace("{size: 10}", "{size: 10, bracket: {stop: close + $5}}"))
    (blocked,) = e.bars(101)
    assert (blocked.verdict, blocked.guard) == (Verdict.BLOCKED, "bracket")


def test_an_index_cannot_be_ordered(engine: Any) -> None:
    rules = "kind: strategy\nname: s\nuniverse: [SPX]\nwhen: close > 1\nthen: {buy: {symbol: symbol, size: 1}}\n"
    e = engine(rules, symbols=("SPX", "SPY"))
    (blocked,) = e.bar(5000, symbol="SPX")
    assert (blocked.verdict, blocked.guard) == (Verdict.BLOCKED, "market")


def test_pack_limits_cap_every_position(engine: Any) -> None:
    pack = "kind: pack\nname: p\nvenue: paper\ntimezone: America/New_York\ncalendar: XNYS\nuniverse: [SPY]\n"
    e = engine(BUY, pack=pack + "limits: {quantity: 7}\n")
    e.bars(101)
    assert [o.quantity for o in e.seen.placed] == [Decimal(7)]


def test_when_a_position_is_gone_the_rest_of_its_entry_is_cancelled(engine: Any) -> None:
    e = engine(BRACKET)
    e.bar(101, volume=1000)
    e.bar(95, open_=101, low=94, volume=40)  # 4 of 10 fill, and the stop takes them
    assert [(f.leg, f.quantity) for f in e.seen.fills] == [(Leg.ENTRY, 4), (Leg.STOP, 4)]
    e.bar(95, volume=1000)
    assert e.held == {}
    assert e.broker.resting() == []
    assert {u.state for u in e.seen.updates} >= {OrderState.CANCELLED}


@pytest.mark.parametrize("seed", range(3))
def test_same_inputs_same_decisions(engine: Any, seed: int) -> None:
    import random

    hashes = []
    for _ in range(2):
        draw, e = random.Random(seed), engine(BRACKET)
        for _ in range(200):
            e.bar(round(draw.uniform(95, 106), 2), volume=draw.randint(10, 500))
        hashes.append(e.loop.hash.hexdigest())
    assert hashes[0] == hashes[1]
