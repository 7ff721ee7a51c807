"""Whatever happens, in whatever order, with crashes in between: no order twice, none lost, no position without exit."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.execute.reconcile import ForeignPolicy
from engine.market.orders import Leg, Order, Side
from engine.market.venue import VenueSettlement, WireOrder

D = Decimal
Bracket = Callable[..., tuple[Order, Order, Order]]
QUOTES = [("0.49", "0.51"), ("0.39", "0.41"), ("0.61", "0.63"), (None, "0.20"), ("0.05", "0.07"), ("0.55", "0.57")]
ACTIONS = st.one_of(
    st.tuples(st.just("enter"), st.sampled_from([Side.BUY, Side.SELL]), st.booleans()),
    st.tuples(st.just("quote"), st.sampled_from(QUOTES)),
    st.tuples(st.just("trade"), st.integers(1, 6)),
    st.tuples(st.just("faults"), st.lists(st.sampled_from(["", "lost", "unanswered", "limited", "late"]), max_size=3)),
    st.tuples(st.just("arrive"), st.none()),
    st.tuples(st.just("silent"), st.booleans()),
    st.tuples(st.just("depth"), st.integers(0, 12)),
    st.tuples(st.just("cancel"), st.integers(0, 3)),
    st.tuples(st.just("exit"), st.integers(1, 10)),
    st.tuples(st.just("crash"), st.booleans()),
    st.tuples(st.just("reconcile"), st.none()),
)


class Story:
    """Carries out what hypothesis thinks of, as the rules and the world would."""

    def __init__(self, rig: Any, new_bracket: Bracket, new_exit: Any) -> None:
        self.rig, self.new_bracket, self.new_exit = rig, new_bracket, new_exit
        self.number = 0

    def do(self, action: tuple[Any, ...]) -> None:
        name, *what = action
        getattr(self, name)(*what)
        self.take_off_what_is_left()
        self.check()

    def take_off_what_is_left(self) -> None:
        """As the loop does when a position is gone: the rest of its entry must not come."""
        intents = list(self.rig.broker.accounts.intents.values())
        if not self.rig.held() and any(f.leg is not Leg.ENTRY for f in self.rig.fills):
            started = [i.order.client_id for i in intents if not i.reduces and i.filled]
            self.rig.told(self.rig.broker.cancel(started, self.rig.venue.now))
            self.rig.exchange()

    def enter(self, side: Side, market: bool) -> None:
        if self.rig.held() or any(not i.reduces for i in self.rig.broker.accounts.intents.values()):
            return  # one position at a time, as most rules say
        self.number += 1
        prices = {"stop": "0.40", "target": "0.60"} if side is Side.BUY else {"stop": "0.60", "target": "0.40"}
        limit = None if market else "0.50"
        self.rig.place(*self.new_bracket(f"e{self.number}", 10, limit=limit, side=side, **prices))

    def exit(self, quantity: int) -> None:
        held = self.rig.held()
        exits = [i for i in self.rig.broker.accounts.intents.values() if i.order.leg is Leg.EXIT]
        if not held or exits:
            return
        self.number += 1
        legs = [i.order.client_id for i in self.rig.broker.accounts.intents.values() if i.reduces]
        self.rig.told(self.rig.broker.cancel(legs, self.rig.venue.now))
        side = Side.SELL if held > 0 else Side.BUY
        self.rig.place(self.new_exit(f"x{self.number}", int(abs(held)), side=side))

    def quote(self, quote: tuple[str | None, str | None]) -> None:
        self.rig.tick(A=quote)

    def trade(self, quantity: int) -> None:
        for order in self.rig.resting():
            self.rig.venue.trade(order.venue_order_id, min(D(quantity), order.quantity - order.filled))
            break
        self.rig.tick()

    def faults(self, faults: list[str]) -> None:
        self.rig.venue.faults = list(faults)

    def arrive(self, nothing: None) -> None:
        self.rig.venue.arrive()

    def silent(self, silent: bool) -> None:
        self.rig.venue.silent = silent

    def depth(self, depth: int) -> None:
        self.rig.venue.depth = D(depth)

    def cancel(self, which: int) -> None:
        entries = [i.order.client_id for i in self.rig.broker.accounts.intents.values() if not i.reduces]
        self.rig.told(self.rig.broker.cancel(entries[which : which + 1], self.rig.venue.now))
        self.rig.exchange()

    def crash(self, after_sending: bool) -> None:
        """The process dies, with requests on their way or not even begun."""
        if after_sending:
            self.rig.exchange(1)
        self.rig.start()
        self.rig.venue.stream.clear()
        self.reconcile(None)

    def reconcile(self, nothing: None) -> None:
        self.rig.reconcile()

    def check(self) -> None:
        venue = self.rig.venue
        sent = Counter(o.client_id for o in venue.sent)
        assert all(count == 1 for count in sent.values()), "an order was sent twice"
        for intent in self.rig.broker.accounts.intents_ever.values():
            assert intent.filled <= intent.order.quantity
        # What can still reduce the position at the venue is never more than there is of it, so that it cannot turn.
        net = venue.positions().get("A", D(0))
        entries = {c for c, a in self.rig.broker.accounts.attempts.items() if a.intent.startswith("e") and "-" not in
                   a.intent}  # fmt: skip
        for side, most in ((Side.SELL, max(net, D(0))), (Side.BUY, max(-net, D(0)))):
            resting = [o for o in self.rig.resting(side) if o.client_id not in entries]
            assert sum((o.quantity - o.filled for o in resting), D(0)) <= most, "more is for sale than is held"

    def end(self) -> None:
        """The venue is well again: everything becomes certain, and what is held is protected."""
        rig = self.rig
        rig.venue.faults, rig.venue.silent, rig.venue.depth = [], False, D(1000)
        for _ in range(6):
            rig.tick(3, A=("0.49", "0.51"))
            rig.reconcile()
        assert rig.reconcile().agrees
        net = {s: q for s, q in rig.broker.accounts.net().items() if q}
        assert net == rig.venue.positions()
        booked = sum((f.quantity * f.side.sign for f in rig.store.fills), D(0))
        assert booked == net.get("A", D(0))
        assert {f.fill_id for f in rig.store.fills} == {f.fill_id for f in rig.venue.fills}
        held = abs(rig.held())
        if held:
            stops = [i for i in rig.broker.accounts.intents.values() if i.order.leg is Leg.STOP]
            assert sum((min(i.order.quantity, held) for i in stops), D(0)) >= held, "a position without its stop"
            side = Side.SELL if rig.held() > 0 else Side.BUY
            targets = sum((o.quantity - o.filled for o in rig.resting(side)), D(0))
            assert targets == held, "a position without its target"


@given(st.lists(ACTIONS, max_size=14))
@settings(max_examples=150)
def test_no_order_twice_none_lost_no_position_without_its_exit(
    make_rig: Any, new_bracket: Bracket, new_exit: Any, actions: list[tuple[Any, ...]]
) -> None:
    story = Story(make_rig().ready(A=("0.49", "0.51")), new_bracket, new_exit)
    for action in actions:
        story.do(action)
    story.end()


def test_a_restart_arms_everything_again_before_any_entry(rig: Any, new_bracket: Bracket) -> None:
    rig.place(*new_bracket("e"))
    rig.venue.trade("v1", 10)
    rig.start()  # the fill was never heard of
    rig.place(*new_bracket("too-early"))
    assert rig.states["too-early"] == "refused"
    rig.reconcile()
    assert [(o.client_id, o.quantity) for o in rig.resting()] == [("e-target-1", D(10))]
    rig.tick(A=("0.39", "0.41"))
    assert rig.venue.positions() == {}


def test_what_was_written_and_never_sent_is_settled_and_not_sent_again(rig: Any, new_bracket: Bracket) -> None:
    rig.told(rig.broker.place(new_bracket("e"), rig.venue.now))
    rig.start()  # killed between the disk and the wire
    rig.venue.now += 2_000_000_000
    rig.reconcile()
    rig.tick()
    assert rig.states["e"] == "refused"
    assert rig.venue.sent == []


# -- others on the account ---------------------------------------------------------------------------------------------


def foreign_order(rig: Any, side: Side = Side.BUY, quantity: int = 4, limit: str = "0.30") -> None:
    asyncio.run(rig.venue.send(WireOrder("by-hand", "A", side, D(quantity), D(limit))))
    rig.hear()


@pytest.mark.parametrize(("policy", "told", "taken"), [("adopt", 1, 1), ("ignore", 0, 0), ("alert", 1, 0)])
def test_a_foreign_order_is_treated_by_policy(make_rig: Any, policy: str, told: int, taken: int) -> None:
    rig = make_rig(policy=ForeignPolicy(policy)).ready(A=("0.49", "0.51"))
    foreign_order(rig)
    rig.reconcile()
    rig.reconcile()
    assert len([kind for kind, _ in rig.alerts if kind == "foreign_order"]) == told
    assert len(rig.broker.accounts.intents) == taken
    assert len(rig.resting()) == 1


def test_a_foreign_fill_belongs_to_nobody_here(rig: Any) -> None:
    foreign_order(rig, limit="0.51")
    rig.tick()
    rig.reconcile()
    assert rig.broker.accounts.held("foreign", "A") == 4
    assert rig.fills == []  # the rules know nothing of it
    assert rig.reconcile().agrees


def test_who_sells_by_hand_what_a_strategy_holds_takes_it_from_the_strategy(rig: Any, new_bracket: Bracket) -> None:
    rig.place(*new_bracket("e", limit=None))
    assert rig.held() == 10
    foreign_order(rig, Side.SELL, 4, "0.49")
    rig.reconcile()
    assert rig.held() == 6
    assert rig.fills[-1].quantity == 4
    assert sum(o.quantity for o in rig.resting(Side.SELL)) == 6  # the target never sells more than is left
    told = [text for kind, text in rig.alerts if kind == "foreign_fill"]
    assert len(told) == 1 and told[0].startswith("sell 4 A at 0.49 changed what "), told


def test_what_somebody_else_sold_is_booked_at_what_its_order_came_to(make_rig: Any, new_bracket: Bracket) -> None:
    rig = make_rig()
    rig.venue.totals = rig.venue.silent = True
    rig.ready(A=("0.49", "0.51"))
    rig.place(*new_bracket("e", limit=None))
    rig.reconcile()
    assert rig.held() == 10
    foreign_order(rig, Side.SELL, 10, "0.45")
    rig.reconcile()
    assert rig.held() == 0
    assert (rig.fills[-1].quantity, rig.fills[-1].price) == (10, D("0.49"))
    rig.start()
    assert rig.reconcile().agrees, "it is booked once, also by the next process"


def test_a_position_that_differs_is_followed_when_it_differs_twice(rig: Any, new_bracket: Bracket) -> None:
    rig.place(*new_bracket("e", limit=None))
    rig.venue.fills.pop()
    assert rig.reconcile().different
    assert rig.held() == 10
    rig.reconcile()
    assert rig.held() == 0
    assert rig.resting() == []
    assert any(kind == "position" for kind, _ in rig.alerts)


def test_a_settled_market_pays_out_and_ends_its_orders(rig: Any, new_bracket: Bracket) -> None:
    rig.place(*new_bracket("e", limit=None))
    for order in rig.resting():
        rig.venue.orders[order.venue_order_id] = order._replace(open=False)
    rig.venue.settlements.append(VenueSettlement("A", D(1), D(0), rig.venue.now))
    rig.reconcile()
    rig.tick()
    assert rig.held() == 0
    assert (rig.fills[-1].price, rig.fills[-1].side) == (D(1), Side.SELL)
    assert not rig.broker.accounts.intents
    assert rig.reconcile().agrees
