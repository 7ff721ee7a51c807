"""Rules that go on in another process decide as if nothing had happened."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.calendars import calendar
from connectors.paper import PaperBroker, PaperSettings
from engine.decide.actions import Decision
from engine.decide.tick import Decider
from engine.execute.loop import Loop
from engine.execute.resume import Carried, Start, begin_with, never_arrived, orphans
from engine.market.events import NANOS, Bar, Tick
from engine.market.instrument import Instrument
from engine.market.orders import BrokerReport, OrderState
from engine.plan.plan import Plan, make_plan
from engine.ruleset.link import link
from engine.ruleset.linker import PackFiles
from engine.ruleset.load import load_text

PACK = """\
kind: pack
name: p
venue: paper
timezone: America/New_York
calendar: XNYS
universe: [SPY, QQQ]
"""
# Conditions look at the bar alone: averages begin anew with a process, and are no memory of what was done.
RULES = """\
kind: session
name: early
calendar: XNYS
timezone: America/New_York
days: mon..fri
hours: 09:20-09:50
limits: {entries: 9, entries_per_symbol: 6}
---
kind: session
name: late
calendar: XNYS
timezone: America/New_York
days: mon..fri
hours: 09:50-16:00
set: {dip.level: $99.5}
---
kind: strategy
name: dip
params: {level: {default: $99, min: $90, max: $110, about: below it is a dip}}
when: close < level and entries.today < 30
cooldown: 7m
then: {buy: {size: 10, bracket: {stop: close - $3, target: close + $4}}}
---
kind: strategy
name: rise
when: close > $101 and pnl.realized_today > -$60 and pnl.drawdown < 50%
cooldown: 4m
then: {sell: {size: 6, limit: close + $1, within: 5m, bracket: {stop: close + $3, target: close - $4}}}
---
kind: exit
name: half
priority: 2
once: true
unknown: hold
when: position.gain > $1
then: {close: 50%}
---
kind: exit
name: follow
priority: 3
unknown: hold
when: position.gain > $2
then: {trail: {by: 1%, after: position.gain_ratio >= 2%}}
---
kind: exit
name: too_old
priority: 1
unknown: hold
when: position.age > 9m
then: {close: all}
---
kind: exit
name: patient
priority: 4
unknown: hold
when: position.gain < -$1
then: {close: all, limit: position.entry + $2, within: 3m}
---
kind: guard
name: not_many
for: entries
require: positions.count < 4
else: {block: many}
"""
SYMBOLS = ("SPY", "QQQ")
START_NS = 1_709_648_400 * NANOS  # 2024-03-05 09:20 in New York
CHEAP = PaperSettings(fee_per_unit=Decimal("0.01"), fee_minimum=Decimal("0.05"), slippage_bps=Decimal(1))
PRICES = st.lists(st.tuples(st.integers(960, 1040), st.integers(960, 1040)), min_size=2, max_size=60)


class Notes:
    def __init__(self) -> None:
        self.decisions: list[str] = []
        self.fills: list[tuple[str, int]] = []

    def report(self, report: BrokerReport, decider: Decider) -> None:
        self.fills += [(f.leg.value, int(f.quantity)) for f in report.fills]

    def decision(self, decision: Decision, decider: Decider) -> None:
        self.decisions.append(repr((decision.time_ns, decision.rule, decision.verdict, decision.actions)))

    def __getattr__(self, name: str) -> Any:
        return lambda *told: None


@cache
def plan_of(rules: str) -> Plan:
    ruleset = link([PackFiles("p", [load_text("pack.yaml", PACK), load_text("rules.yaml", rules)])])
    assert not ruleset.findings, ruleset.findings
    return make_plan(ruleset, SYMBOLS)


class Process:
    """One life of an engine on a paper account."""

    def __init__(self, rules: str = RULES) -> None:
        instruments = {symbol: Instrument(symbol) for symbol in SYMBOLS}
        self.decider = Decider(plan_of(rules), instruments, {"XNYS": calendar("XNYS")}, Decimal(100_000))
        self.broker = PaperBroker(CHEAP, instruments)
        self.notes = Notes()
        self.loop = Loop(self.decider, self.broker, [self.notes])

    def live(self, prices: list[tuple[int, int]], first: int) -> None:
        for minute, closes in enumerate(prices, first):
            begin = START_NS + minute * 60 * NANOS
            bars = [
                Bar(symbol, begin, 60, close / 10, close / 10 + 0.2, close / 10 - 0.2, close / 10, 1000.0)
                for symbol, close in zip(SYMBOLS, closes, strict=True)
            ]
            self.loop.step(Tick(begin + 60 * NANOS, bars))

    def die(self) -> str:
        return json.dumps([self.broker.snapshot(), self.decider.told()])

    def rise(self, kept: str) -> None:
        broker, told = json.loads(kept)
        self.broker.restore(broker)
        begin_with(self.decider, Start(None, None, Carried(told)))
        assert never_arrived(self.decider, {o.client_id for o in self.broker.resting()}, 0).updates == []


@given(prices=PRICES, cut=st.integers(0, 60))
def test_a_new_process_goes_on_as_the_old_one_would_have(prices: list[tuple[int, int]], cut: int) -> None:
    whole, first, second = Process(), Process(), Process()
    whole.live(prices, 0)
    first.live(prices[:cut], 0)
    second.rise(first.die())
    second.live(prices[cut:], min(cut, len(prices)))
    assert first.notes.decisions + second.notes.decisions == whole.notes.decisions
    assert json.loads(second.die()) == json.loads(whole.die())


@pytest.mark.parametrize("cut", range(7))
def test_an_exit_that_was_not_reached_leaves_the_stop_in_whatever_process_it_ends(cut: int) -> None:
    prices = [(980, 1000), (980, 1000), (965, 1000), (966, 1000), (967, 1000), (967, 1000), (940, 1000)]
    rules = RULES.replace("when: position.gain < -$1", "when: $96.45 < close < $96.55")
    first, second = Process(rules), Process(rules)
    first.live(prices[:cut], 20)
    second.rise(first.die())
    second.live(prices[cut:], 20 + cut)
    assert first.notes.fills + second.notes.fills == [("entry", 10), ("stop", 10)]
    assert any("p.patient" in decision for decision in first.notes.decisions + second.notes.decisions)


def test_there_is_something_to_remember() -> None:
    process = Process()
    process.live([(980, 1000), (981, 1020), (1015, 1000), (1012, 1015)], 20)
    told = process.decider.told()
    assert told["cooling"] and told["held"] and told["entries_today"] and told["held"][0]["fired"]


def test_an_order_that_never_reached_the_broker_is_forgotten() -> None:
    process = Process()
    process.live([(980, 1000)], 20)
    told = process.decider.told()
    assert len(told["pending"]) == 1
    again = Process()
    begin_with(again.decider, Start(None, None, Carried(told)))
    lost = never_arrived(again.decider, (), 5).updates
    assert [update.state for update in lost] == [OrderState.REFUSED]
    assert again.decider.told()["pending"] == []


def test_a_position_of_rules_that_are_gone_is_named_and_left_to_its_bracket() -> None:
    process = Process()
    process.live([(980, 1000), (981, 1000)], 20)
    kept = process.die()
    others = Process(RULES.replace("name: dip", "name: dips").replace("dip.level", "dips.level"))
    start = Start(None, None, Carried(json.loads(kept)[1]))
    assert orphans(others.decider, start) == [("p.dip", "SPY")]
    others.rise(kept)
    assert others.decider.context.portfolio.held == {}
    others.live([(900, 1000)], 22)  # its stop fills, and nobody stumbles over it
    assert others.broker.account.positions == {}


def test_money_that_came_meanwhile_is_no_profit() -> None:
    process = Process()
    process.live([(980, 1000), (981, 1000)], 20)
    again = Process()
    begin_with(again.decider, Start(None, None, Carried(process.decider.told(), Decimal(500), Decimal(-7))))
    before, after = process.decider.context.portfolio, again.decider.context.portfolio
    assert after.initial_cash == before.initial_cash + 500
    assert after.equity_at_day_start == pytest.approx(before.equity_at_day_start + 500)
    assert after.realised == before.realised - 7
