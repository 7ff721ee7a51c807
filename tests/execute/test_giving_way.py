"""An exit that ends unfilled: the same rules decide the same on paper and live, and the stop sells the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from connectors.calendars import calendar
from connectors.paper import PaperBroker, PaperSettings
from engine.decide.actions import Decision
from engine.decide.tick import Decider
from engine.execute.loop import Loop
from engine.market.events import NANOS, Quote, Tick
from engine.market.instrument import Instrument, InstrumentKind
from engine.market.orders import BrokerReport
from engine.plan.plan import make_plan
from engine.ruleset.link import link
from engine.ruleset.linker import PackFiles
from engine.ruleset.load import load_text

PACK = "kind: pack\nname: p\nvenue: paper\ntimezone: UTC\ncalendar: 24/7\nuniverse: [A]\n"
RULES = """\
kind: strategy
name: buy
on: quote
when: last > $0.49 and not position.open
then: {buy: {size: 10, bracket: {stop: $0.40, target: $0.70}}}
---
kind: exit
name: patient
unknown: hold
when: $0.44 < last < $0.46
then: {close: CLOSE, limit: $0.60, within: 25s}
---
kind: exit
name: follow
unknown: hold
when: $0.47 < last < $0.49 and position.stop < $0.41
then: {stop: $0.42}
"""
INSTRUMENT = Instrument(
    "A", InstrumentKind.BINARY, Decimal("0.01"), Decimal(1), "24/7", lowest=Decimal("0.01"), highest=Decimal("0.99")
)
FREE = PaperSettings(fee_per_unit=Decimal(0), fee_minimum=Decimal(0), slippage_bps=Decimal(0))
# Bids, ten seconds apart; offers are two cents above.
SCENES = {
    "the stop is reached afterwards": ["0.49", "0.49", "0.44", "0.43", "0.43", "0.43", "0.43", "0.39", "0.39"],
    "the stop is reached meanwhile": ["0.49", "0.49", "0.44", "0.43", "0.39", "0.43", "0.43", "0.43", "0.43"],
    "the stop is moved meanwhile": ["0.49", "0.49", "0.44", "0.47", "0.43", "0.43", "0.43", "0.41", "0.41"],
}


class Seen:
    """What was decided, and what filled."""

    def __init__(self) -> None:
        self.decisions: list[str] = []
        self.fills: list[tuple[str, Decimal, Decimal]] = []

    def decision(self, decision: Decision, decider: Decider) -> None:
        self.decisions.append(decision.canonical())

    def report(self, report: BrokerReport, decider: Decider) -> None:
        self.fills += [(f.leg.value, f.quantity, f.price) for f in report.fills]

    def __getattr__(self, name: str) -> Any:
        return lambda *told: None


def loop_of(broker: Any, rules: str) -> tuple[Loop, Seen]:
    ruleset = link([PackFiles("p", [load_text("pack.yaml", PACK), load_text("rules.yaml", rules)])])
    assert not ruleset.findings, ruleset.findings
    decider = Decider(make_plan(ruleset, ("A",)), {"A": INSTRUMENT}, {"24/7": calendar("24/7")}, Decimal(1000))
    seen = Seen()
    return Loop(decider, broker, [seen]), seen


def on_paper(rules: str, bids: list[str], start_ns: int) -> Seen:
    """The broker is another one at every quote, as after a kill."""
    broker = PaperBroker(FREE, {"A": INSTRUMENT})
    loop, seen = loop_of(broker, rules)
    for number, bid in enumerate(bids):
        now = start_ns + number * 10 * NANOS
        loop.step(Tick(now, [Quote("A", now, float(bid), 100.0, round(float(bid) + 0.02, 2), 100.0)]))
        kept = json.dumps(broker.snapshot())
        broker = loop.broker = PaperBroker(FREE, {"A": INSTRUMENT})
        broker.restore(json.loads(kept))
    return seen


def on_venue(rig: Any, rules: str, bids: list[str], start_ns: int) -> Seen:
    loop, seen = loop_of(rig.broker, rules)
    rig.told = lambda report: report is None or loop.hear(report, rig.venue.now)
    for number, bid in enumerate(bids):
        now = rig.venue.now = start_ns + number * 10 * NANOS
        ask = f"{Decimal(bid) + Decimal('0.02')}"
        rig.venue.book["A"] = (bid, ask)
        loop.step(Tick(now, [Quote("A", now, float(bid), 100.0, float(ask), 100.0)]))
        rig.exchange()
    return seen


FLEES = """
---
kind: strategy
name: again
on: quote
when: last < $0.42
then: {buy: {size: 1}}
---
kind: guard
name: flee
for: entries
require: last > $0.43
else: {flatten: all}
"""


def whatever_waits(make_rig: Callable[[], Any], close: str, more: str, *after: str) -> tuple[Seen, Seen]:
    """On paper and live: a patient exit of two hours is under way when the price falls to ``after``."""
    rules = RULES.replace("CLOSE", close).replace("25s", "2h").replace("stop: $0.40", "stop: $0.10") + more
    rig, bids = make_rig().ready(), ["0.49", "0.49", "0.44", "0.43", *after]
    start_ns = rig.venue.now + NANOS
    paper, live = on_paper(rules, bids, start_ns), on_venue(rig, rules, bids, start_ns)
    assert paper.decisions == live.decisions
    assert [leg for leg, *_ in paper.fills] == [leg for leg, *_ in live.fills] == ["entry", "exit"]
    assert rig.venue.positions() == {} and rig.resting() == []
    return paper, live


@pytest.mark.parametrize("close", ["all", "40%"])
def test_what_is_flattened_waits_for_no_exit_on_paper_or_live(make_rig: Callable[[], Any], close: str) -> None:
    paper, live = whatever_waits(make_rig, close, FLEES, "0.39", "0.39", "0.39")
    assert any("cancel/" in line and "market" in line for line in paper.decisions)
    assert live.fills[1][1] == 10


URGENT = """
---
kind: exit
name: urgent
unknown: hold
when: last < $0.43
then: {close: all}
"""


@pytest.mark.parametrize("close", ["all", "40%"])
def test_an_exit_at_market_waits_for_no_better_price_on_paper_or_live(make_rig: Callable[[], Any], close: str) -> None:
    paper, _ = whatever_waits(make_rig, close, URGENT, "0.39", "0.38", "0.38")
    assert sum("p.urgent" in line and "cancel/" in line for line in paper.decisions) == 1, "and waits for itself"


@pytest.mark.parametrize("close", ["all", "40%"])
@pytest.mark.parametrize("scene", SCENES)
def test_paper_and_live_decide_and_sell_the_same(make_rig: Callable[[], Any], scene: str, close: str) -> None:
    rules, bids, rig = RULES.replace("CLOSE", close), SCENES[scene], make_rig().ready()
    start_ns = rig.venue.now + NANOS
    paper, live = on_paper(rules, bids, start_ns), on_venue(rig, rules, bids, start_ns)
    assert paper.decisions == live.decisions
    assert any("p.patient" in line for line in paper.decisions)
    assert any("replace/" in line for line in paper.decisions) == (scene == "the stop is moved meanwhile")
    assert paper.fills == live.fills
    assert [leg for leg, *_ in paper.fills] in (["entry", "stop"], ["entry", "stop", "stop"])
    assert sum(quantity for leg, quantity, _ in paper.fills if leg == "stop") == 10
    if scene == "the stop is reached meanwhile":
        assert {price for leg, _, price in paper.fills if leg == "stop"} == {Decimal("0.39")}, "it waits for no exit"
    assert rig.venue.positions() == {}
