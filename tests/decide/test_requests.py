"""What a person asks for: judged like any order, done as asked or not at all, never stopped where it reduces."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from engine.decide.actions import Decision, Verdict
from engine.market.inputs import FOREVER_NS, MANUAL, OPERATOR, Halted, Requested, Wish
from engine.market.orders import Leg, OrderState, OrderType, Side

RULES = """\
kind: strategy
name: never
when: close > 100000
then: {buy: {size: 10, bracket: {stop: close - $1}}}
---
kind: guard
name: dear
for: entries
require: order.notional <= $5000
else: {block: it costs too much}
---
kind: guard
name: keep
for: exits
require: close > 1000000
else: {block: nothing is sold}
"""
SESSIONS = """\
---
kind: session
name: early
calendar: XNYS
timezone: America/New_York
days: mon..fri
hours: 09:31-10:03
"""
PACK = """\
kind: pack
name: p
venue: paper
timezone: America/New_York
calendar: XNYS
universe: [SPY]
limits: {notional: $3000}
"""
MakeEngine = Callable[..., Any]


def asked(engine: Any, close: float = 100.0, **fields: Any) -> list[Decision]:
    """Ask, and look at the decisions of the next bar."""
    wish = Requested(**{"id": "r1", "wish": Wish.ENTER, "by": "me", "symbol": "SPY", "quantity": Decimal(10), **fields})
    engine.decider.request(wish)
    found: list[Decision] = [d for d in engine.bar(close) if d.request == wish.id]
    assert found
    return found


def test_an_entry_goes_out_with_its_bracket_and_is_held_by_nobody_of_the_rules(engine: MakeEngine) -> None:
    made = engine(RULES)
    made.bars(100.0, 100.0)
    (decision,) = asked(made, stop_ratio=Decimal("0.01"), target_ratio=Decimal("0.02"))
    entry, stop, target = decision.orders
    assert decision.verdict is Verdict.FIRED and decision.guards == {"p.dear": "true"}
    assert (entry.side, entry.quantity, entry.type, entry.strategy) == (Side.BUY, 10, OrderType.MARKET, MANUAL)
    assert (stop.leg, stop.stop, target.leg, target.limit) == (Leg.STOP, 99, Leg.TARGET, 102)
    assert stop.parent == target.parent == entry.client_id
    made.bars(100.0, 100.0)
    assert made.held[MANUAL, "SPY"].quantity == 10
    made.bar(98.5, low=98.0)
    made.bars(98.5, 98.5)
    assert not made.held, "the stop has closed it"


def test_a_guard_of_the_rules_blocks_and_force_passes_it(engine: MakeEngine) -> None:
    made = engine(RULES)
    made.bars(100.0)
    (blocked,) = asked(made, quantity=Decimal(60))
    assert (blocked.verdict, blocked.guard, blocked.reason) == (Verdict.BLOCKED, "p.dear", "it costs too much")
    assert not made.seen.placed
    (forced,) = asked(made, id="r2", quantity=Decimal(60), force=True)
    assert forced.verdict is Verdict.FIRED and "forced" in forced.reason
    assert [o.quantity for o in made.seen.placed] == [60]


def test_no_force_passes_a_halt(engine: MakeEngine) -> None:
    made = engine(RULES)
    made.bars(100.0)
    made.decider.halt(Halted(FOREVER_NS, OPERATOR, "tea"))
    (decision,) = asked(made, force=True)
    assert decision.verdict is Verdict.BLOCKED and decision.reason == "halted: tea"
    assert not made.seen.placed


def test_sessions_stop_an_entry_and_hard_limits_stop_even_a_forced_one(engine: MakeEngine) -> None:
    made = engine(RULES + SESSIONS, pack=PACK)
    made.bars(100.0)
    assert asked(made)[0].verdict is Verdict.FIRED, "10:02 lies in the window"
    made.bars(100.0, 100.0)
    assert asked(made, id="r2")[0].reason == "outside every session window of p"
    (big,) = asked(made, id="r3", quantity=Decimal(40), force=True)
    assert big.verdict is Verdict.BLOCKED and big.guard == "limits of p"
    (small,) = asked(made, id="r4", quantity=Decimal(5), force=True)
    assert small.verdict is Verdict.FIRED


@pytest.mark.parametrize(
    ("fields", "guard"),
    [
        ({"quantity": Decimal("1.5")}, "size"),
        ({"limit": Decimal("99.995")}, "price"),
        ({"stop_ratio": Decimal("0.00001")}, "bracket"),
        ({"symbol": "IBM"}, "market"),
    ],
)
def test_nothing_is_rounded_or_shrunk(engine: MakeEngine, fields: dict[str, Any], guard: str) -> None:
    made = engine(RULES)
    made.bars(100.0)
    (decision,) = asked(made, **fields)
    assert decision.verdict is Verdict.BLOCKED and decision.guard == guard and decision.reason
    assert not made.seen.placed


def test_a_dry_run_orders_nothing_and_shows_what_it_would(engine: MakeEngine) -> None:
    made = engine(RULES)
    made.bars(100.0)
    (decision,) = asked(made, dry=True, stop_ratio=Decimal("0.01"))
    assert decision.verdict is Verdict.FIRED and not decision.actions
    assert [o.leg for o in decision.wanted] == [Leg.ENTRY, Leg.STOP]
    assert not made.seen.placed and not made.decider.context.portfolio.pending


def test_the_same_wish_never_orders_twice(engine: MakeEngine) -> None:
    made = engine(RULES)
    made.bars(100.0)
    asked(made, limit=Decimal(50))
    (again,) = asked(made, limit=Decimal(50))
    assert again.verdict is Verdict.BLOCKED and again.guard == "same order"
    assert len(made.seen.placed) == 1


def test_cancel_takes_entries_off_and_leaves_what_protects(engine: MakeEngine) -> None:
    made = engine(RULES)
    made.bars(100.0)
    asked(made, stop_ratio=Decimal("0.05"))
    made.bars(100.0, 100.0)
    asked(made, id="r2", limit=Decimal(50), stop_ratio=Decimal("0.05"))
    (decision,) = asked(made, id="r3", wish=Wish.CANCEL, symbol="")
    assert [o.limit for o in decision.wanted] == [50]
    made.bars(100.0)
    resting = [order.leg for order in made.broker.resting()]
    assert resting == [Leg.STOP], "the stop of what is held"


def test_cancel_by_age_takes_only_older_orders(engine: MakeEngine) -> None:
    made = engine(RULES)
    made.bars(100.0)
    asked(made, limit=Decimal(50))
    made.bars(100.0, 100.0, 100.0)
    asked(made, id="r2", limit=Decimal(51))
    (decision,) = asked(made, id="r3", wish=Wish.CANCEL, symbol="", age_ns=180_000_000_000)
    assert [o.limit for o in decision.wanted] == [50]


def test_flatten_closes_whatever_guards_and_halts_say(engine: MakeEngine) -> None:
    made = engine(RULES)
    made.bars(100.0)
    asked(made, stop_ratio=Decimal("0.05"))
    made.bars(100.0, 100.0)
    made.decider.halt(Halted(FOREVER_NS, OPERATOR, "tea"))
    found = asked(made, id="r2", wish=Wish.FLATTEN, symbol="")
    assert [o.leg for d in found for o in d.orders] == [Leg.EXIT]
    made.bars(100.0, 100.0)
    assert not made.held and not list(made.broker.resting())


@pytest.mark.parametrize("close", ["all", "40%"])
def test_flatten_waits_for_no_exit_that_hopes_for_a_better_price(engine: MakeEngine, close: str) -> None:
    buy = "kind: strategy\nname: buy\nwhen: close > 100 and not position.open\nthen: {buy: {size: 10}}\n"
    hopes = "---\nkind: exit\nname: hopes\nunknown: hold\nwhen: close < 100\n"
    made = engine(f"{buy}{hopes}then: {{close: {close}, limit: close + $10, within: 2h}}\n")
    made.bars(101.0, 101.0, 99.0, 99.0)
    (held,) = made.held.values()
    (hoping,) = held.exiting
    found = asked(made, id="r2", wish=Wish.FLATTEN, symbol="")
    assert [(o.leg, o.quantity) for d in found for o in d.orders] == [(Leg.EXIT, 10)]
    made.bars(99.0)
    assert not made.held and not list(made.broker.resting())
    assert [u.state for u in made.seen.updates if u.client_id == hoping and not u.state.open] == [OrderState.CANCELLED]
