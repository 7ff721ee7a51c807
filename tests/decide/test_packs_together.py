"""Several packs on one account: each keeps to its budget, and what stops one of them stops no other."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.calendars import calendar
from connectors.paper import PaperBroker, PaperSettings
from engine.cli.manifest import MANIFEST
from engine.decide.actions import Verdict
from engine.decide.tick import Decider
from engine.execute.loop import Loop
from engine.market.events import NANOS, Quote, Tick
from engine.market.inputs import FOREVER_NS, MANUAL, Halted, Requested, Wish
from engine.market.instrument import contract
from engine.market.orders import Leg, Side
from engine.plan.plan import make_plan
from engine.ruleset.link import link
from engine.ruleset.linker import PackFiles
from engine.ruleset.load import load_text
from engine.ruleset.rules import Ruleset

START = 1_700_000_000 * NANOS
MARKETS = ("KXE-1-A", "KXE-2-A")
FREE = PaperSettings(fee_per_unit=Decimal(0), fee_minimum=Decimal(0), slippage_bps=Decimal(0))
BUY = """\
kind: strategy
name: buy
on: quote
when: ask > 0.1
cooldown: 1m
then: {buy: {size: 50, limit: ask}}
"""


def pack(name: str, rules: str = BUY, more: str = "") -> PackFiles:
    head = f"kind: pack\nname: {name}\nvenue: kalshi\ntimezone: UTC\nuniverse: [{', '.join(MARKETS)}]\n{more}"
    return PackFiles(name, [load_text(f"{name}/pack.yaml", head), load_text(f"{name}/rules.yaml", rules)])


def common(rules: str) -> PackFiles:
    return PackFiles("common", [load_text("common/rules.yaml", rules)])


def linked(*packs: PackFiles) -> Ruleset:
    ruleset = link(list(packs), MANIFEST)
    assert not ruleset.findings, ruleset.findings
    return ruleset


class Run:
    """Packs on one account with a paper broker; quotes by hand."""

    def __init__(self, *packs: PackFiles, cash: int = 1000) -> None:
        instruments = {symbol: contract(symbol, symbol.rpartition("-")[0]) for symbol in MARKETS}
        plan = make_plan(linked(*packs), list(MARKETS))
        self.decider = Decider(plan, instruments, {"24/7": calendar("24/7")}, Decimal(cash))
        self.loop = Loop(self.decider, PaperBroker(FREE, instruments), [])
        self.loop.recorders = [self]  # type: ignore[list-item]
        self.decisions: list[Any] = []
        self.all: list[Any] = []
        self.now = START

    def decision(self, decision: Any, decider: Decider) -> None:
        self.decisions.append(decision)
        self.all.append(decision)

    def orders(self, orders: Any) -> None: ...

    def report(self, report: Any, decider: Decider) -> None: ...

    def note(self, note: Any) -> None: ...

    def ticks(self, ticks: Any, equity: Any, decider: Decider) -> None: ...

    def quote(self, symbol: str = MARKETS[0], bid: float = 0.19, ask: float = 0.20) -> Mapping[str, Any]:
        """A minute later; what each rule decided, by its key."""
        self.decisions.clear()
        self.now += 61 * NANOS
        self.loop.step(Tick(self.now, [Quote(symbol, self.now, bid, 1000.0, ask, 1000.0)]))
        return {decision.rule: decision for decision in self.decisions}

    def tied_up(self, name: str) -> float:
        return self.decider.context.portfolio.exposure_of_pack(name)


def size(decision: Any) -> Decimal:
    (entry,) = [order for order in decision.orders if order.leg is Leg.ENTRY]
    quantity: Decimal = entry.quantity
    return quantity


def test_a_budget_cuts_entries_and_then_blocks_them_and_the_other_pack_goes_on() -> None:
    run = Run(pack("small", more="budget: $15\n"), pack("large"))
    first = run.quote()
    assert size(first["small.buy"]) == size(first["large.buy"]) == 50  # $10 each
    second = run.quote(MARKETS[1])
    assert size(second["small.buy"]) == 25, "$5 are left"
    assert size(second["large.buy"]) == 50
    third = run.quote()
    assert third["small.buy"].verdict is Verdict.BLOCKED
    assert (third["small.buy"].guard, third["small.buy"].reason) == (
        "budget", "$0.00 is left of the pack's budget of $15.00"
    )  # fmt: skip
    assert third["large.buy"].verdict is Verdict.FIRED
    assert run.tied_up("small") == pytest.approx(15.0)


def test_an_order_under_way_counts_before_it_fills() -> None:
    run = Run(pack("a", BUY.replace("limit: ask", "limit: bid"), "budget: $10\n"))
    assert size(run.quote(bid=0.19)["a.buy"]) == 50
    assert not run.decider.context.portfolio.held, "it rests at the bid"
    assert size(run.quote(MARKETS[1], bid=0.1)["a.buy"]) == 5, "$0.50 are left"


@given(budget=st.integers(1, 40), asks=st.lists(st.integers(11, 95), min_size=1, max_size=8))
def test_no_prices_make_a_pack_tie_up_more_than_its_budget(budget: int, asks: list[int]) -> None:
    run = Run(pack("a", more=f"budget: ${budget}\n"), pack("b"), cash=10_000)
    for number, ask in enumerate(asks):
        run.quote(MARKETS[number % 2], (ask - 1) / 100, ask / 100)
        assert run.tied_up("a") <= budget + 1e-9


LOSS = """\
---
kind: guard
name: stop_now
for: entries
require: exposure.total < $15
else: {halt: until resumed}
"""


def test_a_halt_of_one_pack_stops_that_pack_and_one_of_common_stops_all() -> None:
    own = Run(pack("a", BUY + LOSS), pack("b"))
    own.quote()
    second = own.quote(MARKETS[1])
    assert second["a.buy"].guard == "a.stop_now"
    assert second["b.buy"].verdict is Verdict.FIRED
    third = own.quote()
    assert third["a.buy"].reason.startswith("halted: ")
    assert third["b.buy"].verdict is Verdict.FIRED, "b has no such guard and is not halted by it"
    shared = Run(pack("a"), pack("b"), common(LOSS.removeprefix("---\n")))
    shared.quote()
    shared.quote(MARKETS[1])
    third = shared.quote()
    assert [third[f"{name}.buy"].reason.startswith("halted: ") for name in "ab"] == [True, True]


def test_a_halt_goes_on_after_a_restart_where_it_was_and_a_resume_ends_all() -> None:
    run = Run(pack("a", BUY + LOSS.replace("$15", "$1500")), pack("b"))
    run.decider.halt(Halted(FOREVER_NS, "a.stop_now", "too much"))
    found = run.quote()
    assert found["a.buy"].reason == "halted: too much"
    context = run.decider.context
    assert context.halted() is context.halted("a") is not None
    assert context.halted("b") is None
    assert found["b.buy"].verdict is Verdict.FIRED
    run.decider.halt(Halted(FOREVER_NS, "gone.rule", "nobody knows any more"))
    found = run.quote(MARKETS[1])
    assert {found["a.buy"].verdict, found["b.buy"].verdict} == {Verdict.BLOCKED}, "a rule that is gone halts all"
    run.decider.resume()
    assert run.quote()["a.buy"].verdict is Verdict.FIRED


def test_what_a_guard_flattens_is_its_own_packs() -> None:
    flatten = LOSS.replace("{halt: until resumed}", "{flatten: all}")
    run = Run(pack("a", BUY + flatten), pack("b"))
    for market in MARKETS * 3:  # orders fill at the next quote of their market
        run.quote(market)
    held = {strategy for strategy, _ in run.decider.context.portfolio.held}
    assert held == {"b.buy"}


def test_cooldowns_and_parameters_are_each_packs_own() -> None:
    slow = BUY.replace("cooldown: 1m", "cooldown: 1h")
    run = Run(pack("a", slow), pack("b"))
    run.quote()
    found = run.quote()
    assert found["a.buy"].verdict is Verdict.COOLING
    assert found["b.buy"].verdict is Verdict.FIRED


def session(limits: str) -> str:
    return f"---\nkind: session\nname: day\nhours: 00:00-24:00\nlimits: {{{limits}}}\n"


@pytest.mark.parametrize(
    ("limits", "words"),
    [("positions: 1", "1 positions"), ("positions_per_symbol: 1", "1 positions per symbol"), ("orders: 1", "1 orders")],
)
def test_the_limits_of_a_session_count_its_own_packs_positions_and_orders(limits: str, words: str) -> None:
    resting = BUY.replace("limit: ask", "limit: bid - $0.05")
    limited = pack("a", resting + session(limits))
    run = Run(limited, pack("b", resting))
    for _ in range(3):  # the orders of b must not take up the room of a
        found = run.quote()
        assert found["b.buy"].verdict is Verdict.FIRED
    assert [d.verdict for d in run.all if d.rule == "a.buy"] == [Verdict.FIRED, Verdict.BLOCKED, Verdict.BLOCKED]
    assert found["a.buy"].reason == f"the limit of day, {words}, is reached"
    run = Run(pack("b", resting), pack("c", resting + session(limits)))
    assert [d.verdict for d in run.quote().values()] == [Verdict.FIRED, Verdict.FIRED], "b was first at this tick"


def test_positions_of_another_pack_leave_a_session_its_room() -> None:
    run = Run(pack("a", BUY.replace("0.1", "0.5") + session("positions: 1")), pack("b"))
    for market in MARKETS * 2:
        run.quote(market)
    assert {strategy for strategy, _ in run.decider.context.portfolio.held} == {"b.buy"}
    assert run.quote(bid=0.54, ask=0.55)["a.buy"].verdict is Verdict.FIRED
    assert run.quote(MARKETS[1], bid=0.54, ask=0.55)["a.buy"].reason == "the limit of day, 1 positions, is reached"


def test_what_a_person_holds_of_a_packs_symbols_counts_for_it() -> None:
    run = Run(pack("a", BUY.replace("0.1", "0.5") + session("positions: 1")), pack("b", BUY.replace("0.1", "0.9")))
    run.quote()
    run.decider.request(Requested("r1", Wish.ENTER, "someone", symbol=MARKETS[0], side=Side.BUY, quantity=Decimal(3)))
    run.quote()
    run.quote()
    assert list(run.decider.context.portfolio.held) == [(MANUAL, MARKETS[0])]
    assert run.quote(bid=0.54, ask=0.55)["a.buy"].reason == "the limit of day, 1 positions, is reached"
