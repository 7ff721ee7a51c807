"""What contracts cost, by market, event and day; caps over markets; and what a restart must not forget."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from connectors.calendars import calendar
from connectors.paper import PaperBroker, PaperSettings
from engine.cli.manifest import MANIFEST
from engine.decide.tick import Decider, VenueFacts
from engine.execute.loop import Loop
from engine.execute.resume import Carried, Start, begin_with
from engine.market.events import NANOS, Observation, Quote, Tick
from engine.market.instrument import contract
from engine.plan.plan import make_plan
from engine.ruleset.link import link
from engine.ruleset.linker import PackFiles
from engine.ruleset.load import load_text

PACK = "kind: pack\nname: p\nvenue: kalshi\ntimezone: UTC\nuniverse: [KXE-1-A, KXE-1-B, KXE-2-A]\n"
YES = """\
kind: strategy
name: buy_yes
on: quote
when: not position.open
cooldown: 10m
then: {buy: {size: 50, limit: ask}}
"""
NO = YES.replace("name: buy_yes", "name: buy_no").replace("buy: {size: 50, limit: ask}", "sell: {size: 50, limit: bid}")
CAP = """\
---
kind: guard
name: event_cap
for: entries
require: exposure.in_event + order.cost <= $30
else: {cap: {notional: $30 - exposure.in_event}}
"""
START = 1_700_000_000 * NANOS


class Contracts:
    """Markets A and B of one event, A of another; quotes by hand."""

    def __init__(self, rules: str, cash: int = 1000) -> None:
        ruleset = link([PackFiles("p", [load_text("pack.yaml", PACK), load_text("rules.yaml", rules)])], MANIFEST)
        assert not ruleset.findings, ruleset.findings
        symbols = ["KXE-1-A", "KXE-1-B", "KXE-2-A"]
        instruments = {s: contract(s, s.rpartition("-")[0]) for s in symbols}
        self.decider = Decider(
            make_plan(ruleset, symbols), instruments, {"24/7": calendar("24/7")}, Decimal(cash),
            VenueFacts(fee_per_unit=1.0, fee_minimum=5.0, fee_rate=0.07),
        )  # fmt: skip
        self.broker = PaperBroker(PaperSettings(cash=Decimal(cash), slippage_bps=Decimal(0)), instruments)
        self.loop = Loop(self.decider, self.broker, [])
        self.now = START

    def quotes(self, *symbols: str, bid: float = 0.38, ask: float = 0.40, size: float = 1000) -> list[Any]:
        self.now += 60 * NANOS
        return self.step([Quote(s, self.now, bid, size, ask, size) for s in symbols])

    def step(self, events: list[Any]) -> list[Any]:
        before = list(self.decider.context.decisions)
        self.loop.step(Tick(self.now, events))
        return [d for d in self.decider.context.decisions if d not in before]

    @property
    def portfolio(self) -> Any:
        return self.decider.context.portfolio


def test_yes_and_no_tie_up_what_each_costs() -> None:
    world = Contracts(YES)
    world.quotes("KXE-1-A")
    assert world.portfolio.exposure() == pytest.approx(20), "the order that is on its way counts"
    world.quotes("KXE-1-A")
    assert world.portfolio.exposure(symbol="KXE-1-A") == pytest.approx(20)
    assert world.portfolio.cost_today() == pytest.approx(20)
    other = Contracts(NO)
    other.quotes("KXE-1-A")
    other.quotes("KXE-1-A")
    assert other.portfolio.exposure() == pytest.approx(50 * 0.62), "NO costs $1 less the YES bid"
    assert other.portfolio.exposure(event="KXE-1") == pytest.approx(31)
    assert other.portfolio.exposure(event="KXE-2") == 0


def test_a_cap_on_an_event_holds_over_markets_that_come_in_one_tick() -> None:
    world = Contracts(YES + CAP)
    found = world.quotes("KXE-1-A", "KXE-1-B", "KXE-2-A")
    assert [(d.symbol, int(d.orders[0].quantity)) for d in found] == [("KXE-1-A", 50), ("KXE-1-B", 25), ("KXE-2-A", 50)]
    world.quotes("KXE-1-A", "KXE-1-B")
    assert world.portfolio.exposure(event="KXE-1") == pytest.approx(30)


def test_a_cap_that_leaves_nothing_blocks_by_its_name() -> None:
    world = Contracts(NO + CAP)
    first, second = world.quotes("KXE-1-A", "KXE-1-B")
    assert int(first.orders[0].quantity) == 48, "48 NO at 62 cents are $29.76"
    assert (second.verdict, second.guard) == ("blocked", "p.event_cap")


def test_a_pack_limit_counts_what_no_costs() -> None:
    world = Contracts(NO)
    world.decider.context.plan.packs["p.buy_no"].max_notional = 31.0 / 2
    (decision,) = world.quotes("KXE-1-A")
    assert int(decision.orders[0].quantity) == 25


def test_contracts_pay_by_their_own_formula_alone() -> None:
    world = Contracts(YES)
    world.quotes("KXE-1-A")
    world.quotes("KXE-1-A")
    fee = Decimal("0.84")  # 0.07 x 50 x 0.4 x 0.6
    assert world.portfolio.cash == Decimal(1000) - 20 - fee


def test_cash_that_rules_read_is_cash_that_can_be_spent() -> None:
    guard = CAP.replace("event_cap", "some_cash").replace(
        "require: exposure.in_event + order.cost <= $30\nelse: {cap: {notional: $30 - exposure.in_event}}",
        "require: account.cash >= $970\nelse: {block: little cash is left}",
    )
    world = Contracts(NO + guard)
    world.quotes("KXE-1-A")
    world.quotes("KXE-1-A")
    assert world.portfolio.cash > 1000, "what contracts were sold for is in the books"
    fee = Decimal("0.8246")  # 0.07 x 50 x 0.38 x 0.62
    assert world.portfolio.spendable() == Decimal(1000) - 31 - fee
    (decision,) = world.quotes("KXE-2-A")
    assert (decision.verdict, decision.guard) == ("blocked", "p.some_cash")


def test_cash_that_rules_read_lacks_what_was_ordered_already() -> None:
    guard = CAP.replace("event_cap", "some_cash").replace(
        "require: exposure.in_event + order.cost <= $30\nelse: {cap: {notional: $30 - exposure.in_event}}",
        "require: account.cash - order.cost >= $950\nelse: {block: little cash is left}",
    )
    world = Contracts(NO + guard)
    first, second = world.quotes("KXE-1-A", "KXE-2-A")
    assert first.orders and world.portfolio.cash == 1000, "31 dollars are on their way and not spent"
    assert (second.verdict, second.guard) == ("blocked", "p.some_cash")


def test_money_that_no_owes_is_not_spent_again() -> None:
    world = Contracts(NO, cash=40)
    world.quotes("KXE-1-A")
    world.quotes("KXE-1-A")
    assert world.portfolio.held
    world.quotes("KXE-2-A")
    assert not world.portfolio.pending, "a second 50 NO would cost $31, and $9 are left"


def test_a_settled_market_pays_out_and_ends_its_orders() -> None:
    world = Contracts(NO)
    world.quotes("KXE-1-A")
    world.quotes("KXE-1-A")
    world.now += NANOS
    world.step([Observation("KXE-1-A", world.now, "market.settlement", 0.0)])
    assert not world.portfolio.held
    fee = Decimal("0.8246")  # 0.07 x 50 x 0.38 x 0.62
    assert world.portfolio.cash == 1000 + Decimal("0.38") * 50 - fee
    assert world.broker.account.cash == world.portfolio.cash
    assert not world.broker.resting()


def test_a_day_begins_with_nothing_spent() -> None:
    world = Contracts(YES)
    world.quotes("KXE-1-A")
    world.quotes("KXE-1-A")
    assert world.portfolio.cost_today() == pytest.approx(20)
    world.now += 24 * 3600 * NANOS
    world.step([])
    assert world.portfolio.cost_today() == 0
    assert world.portfolio.exposure() == pytest.approx(20)


def restarted(world: Contracts, rules: str, hold: bool = True) -> Contracts:
    """Another process that is told what this one remembered, by way of JSON."""
    told = json.loads(json.dumps(world.decider.told()))
    again = Contracts(rules)
    again.now = world.now
    begin_with(again.decider, Start(None, None, Carried(told if hold else {**told, "held": []})))
    return again


def test_a_restart_forgets_neither_cooldowns_nor_the_day() -> None:
    world = Contracts(YES)
    world.quotes("KXE-1-A")
    world.quotes("KXE-1-A", bid=0.30, ask=0.32)
    again = restarted(world, YES)
    before, after = world.portfolio, again.portfolio
    assert after.cost_today() == pytest.approx(before.cost_today())
    assert after.entries_today == before.entries_today
    made = before.equity() - before.equity_at_day_start
    assert after.equity() - after.equity_at_day_start == pytest.approx(made)
    assert after.peak_equity - after.equity() == pytest.approx(before.peak_equity - before.equity())
    (decision,) = again.quotes("KXE-1-B")[:1]
    assert decision.verdict == "fired"
    cooling = restarted(world, YES, hold=False)
    (decision,) = cooling.quotes("KXE-1-A")
    assert decision.verdict == "cooling"


def test_a_restart_on_another_day_begins_that_day() -> None:
    world = Contracts(YES)
    world.quotes("KXE-1-A")
    world.quotes("KXE-1-A")
    again = restarted(world, YES)
    assert again.portfolio.cost_today() == pytest.approx(20)
    again.now += 24 * 3600 * NANOS
    again.step([])
    assert again.portfolio.cost_today() == 0
    assert again.portfolio.entries_today == {}


@pytest.mark.parametrize("field", ["high", "low", "bars", "last"])
def test_a_restart_keeps_what_exits_watch(field: str) -> None:
    world = Contracts(YES)
    for bid in (0.38, 0.38, 0.45, 0.35):
        world.quotes("KXE-1-A", bid=bid, ask=bid + 0.02)
    again = restarted(world, YES)
    key = ("p.buy_yes", "KXE-1-A")
    assert getattr(again.portfolio.held[key], field) == getattr(world.portfolio.held[key], field)
