"""What goes to a venue that keeps brackets itself, and how fills are made of its totals."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.execute.brackets import bracket_steps
from engine.execute.steps import CancelIt, Desk, MoveIt, Send, SendTogether, trigger
from engine.execute.totals import Total, fill_of, read_id, totals_of
from engine.market.events import Quote
from engine.market.instrument import Instrument
from engine.market.intents import Acknowledged, Ending, Executed, advance
from engine.market.orders import Leg, Order, OrderState, OrderType, Side
from engine.market.venue import VenueOrder
from engine.market.wire import Attempt, Intent

NOW = 1_790_000_000 * 10**9
FULL = D(100)


def intent(name: str, leg: Leg, **more: Any) -> Intent:
    side = Side.BUY if leg is Leg.ENTRY else Side.SELL
    legs = {"parent": "e", "group": "e"} if leg in (Leg.STOP, Leg.TARGET) else {}
    kind = {Leg.STOP: OrderType.STOP, Leg.EXIT: OrderType.MARKET}.get(leg, OrderType.LIMIT)
    prices = {Leg.STOP: {"stop": D(95)}, Leg.EXIT: {}}.get(leg, {"limit": D(100 if leg is Leg.ENTRY else 105)})
    wanted = {**legs, **prices, **more}
    return Intent(
        Order(name, "SPY", side, wanted.pop("quantity", FULL), wanted.pop("type", kind), leg, "s", "r", NOW, **wanted),
        OrderState.SENT,
    )


class Bench:
    """One strategy in one symbol; what is sent is taken by a venue that answers at once."""

    def __init__(self, *intents: Intent) -> None:
        self.intents = list(intents)
        self.held, self.bid, self.ids = D(0), 99.0, 0
        self.filled: dict[str, D] = {}

    def desk(self) -> Desk:
        quote = Quote("SPY", NOW, self.bid, 100.0, self.bid + 1, 100.0)
        return Desk(self.intents, self.held, self.held, self.filled, quote, Instrument("SPY"), D("0.05"), NOW, True)

    def steps(self) -> list[Any]:
        trigger(self.desk())
        return bracket_steps(self.desk())

    def take(self, *steps: Any) -> None:
        for step in steps:
            sends = step.sends if isinstance(step, SendTogether) else [step]
            for send in sends:
                attempt = Attempt.of(send.wire, send.intent.order.client_id, NOW)
                self.ids += 1
                attempt.life = advance(attempt.life, Acknowledged(f"v{self.ids}")).life
                send.intent.attempts.append(attempt)

    def fill(self, name: str, quantity: int) -> None:
        owner = next(i for i in self.intents if i.order.client_id == name)
        attempt = owner.working[-1]
        attempt.life = advance(attempt.life, Executed(D(quantity))).life
        attempt.settle()
        owner.filled += quantity
        self.held += quantity * owner.order.side.sign
        key = f"group {owner.order.group}" if owner.order.group else name
        self.filled[key] = self.filled.get(key, D(0)) + quantity

    def end(self, *attempts: Attempt) -> None:
        for attempt in attempts:
            attempt.over = attempt.over or Ending.CANCELLED
            attempt.settle()


def entered() -> Bench:
    """A bracket that was sent, and whose entry has filled."""
    bench = Bench(intent("e", Leg.ENTRY), intent("s", Leg.STOP), intent("t", Leg.TARGET))
    bench.take(*bench.steps())
    bench.fill("e", 100)
    return bench


def test_an_entry_goes_out_with_its_legs_in_one_request() -> None:
    bench = Bench(intent("e", Leg.ENTRY), intent("s", Leg.STOP), intent("t", Leg.TARGET))
    (step,) = bench.steps()
    assert isinstance(step, SendTogether)
    assert [(s.wire.client_id, s.wire.type, s.wire.limit, s.wire.quantity) for s in step.sends] == [
        ("e-1", OrderType.LIMIT, D(100), FULL), ("e-1-stop", OrderType.STOP, D(95), FULL),
        ("e-1-target", OrderType.LIMIT, D(105), FULL),
    ]  # fmt: skip
    bench.take(step)
    assert bench.steps() == []  # the legs sleep there
    bench.fill("e", 100)
    assert bench.steps() == []  # and have woken


def test_many_brackets_are_looked_at_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    working: Any = Intent.working
    fget = working.fget

    def counted(self: Intent) -> list[Attempt]:
        nonlocal looks
        looks += 1
        return fget(self)

    monkeypatch.setattr(Intent, "working", property(counted))
    counts = []
    for number in (20, 40):
        bench = Bench(*(
            one
            for n in range(number)
            for one in (
                intent(f"e{n}", Leg.ENTRY), intent(f"s{n}", Leg.STOP, parent=f"e{n}", group=f"e{n}"),
                intent(f"t{n}", Leg.TARGET, parent=f"e{n}", group=f"e{n}"),
            )
        ))  # fmt: skip
        bench.take(*bench.steps())
        looks = 0
        assert bench.steps() == []
        counts.append(looks)
    assert counts[1] == 2 * counts[0], "twice the brackets, twice the work"


def test_a_stop_is_moved_in_place_and_sent_anew_where_that_is_refused() -> None:
    bench = entered()
    stop = bench.intents[1]
    stop.order = stop.order._replace(stop=D(97))
    (step,) = bench.steps()
    assert isinstance(step, MoveIt) and (step.attempt, step.price) == (stop.attempts[0], D(97))
    stop.attempts[0].refusals = 1
    assert {s.attempt.wire.client_id for s in bench.steps() if isinstance(s, CancelIt)} == {"e-1-stop", "e-1-target"}


def test_a_partial_exit_takes_the_pair_off_before_anything_is_sold() -> None:
    bench = entered()
    bench.intents.append(intent("x", Leg.EXIT, quantity=D(40)))
    first = bench.steps()
    assert {s.attempt.wire.client_id for s in first} == {"e-1-stop", "e-1-target"}
    bench.end(*(s.attempt for s in first))
    exit_, pair = bench.steps()
    assert isinstance(exit_, Send) and exit_.wire.quantity == 40 and exit_.wire.immediate and exit_.wire.reduce_only
    assert isinstance(pair, SendTogether) and {s.wire.quantity for s in pair.sends} == {D(60)}
    assert [s.wire.client_id for s in pair.sends] == ["s-2-stop", "s-2-target"]


def test_a_stop_rests_on_until_an_exit_that_is_over_is_off_the_market() -> None:
    bench = entered()
    bench.intents.append(intent("x", Leg.EXIT, quantity=D(40), type=OrderType.LIMIT, limit=D(110)))
    settled(bench)
    assert resting(bench) == {"x": 40, "e": 60}
    bench.intents[-1].withdraw(OrderState.EXPIRED, "its time is over")
    (cancel,) = bench.steps()
    assert isinstance(cancel, CancelIt) and cancel.attempt.intent == "x", "the venue may not answer for long"
    settled(bench)
    assert resting(bench) == {"e": 100}


def settled(bench: Bench) -> int:
    """Have the venue do what is asked for, until nothing more is; returns in how many rounds. What can be sold there is
    never more than what is held."""
    for rounds in range(20):
        steps = bench.steps()
        if not steps:
            return rounds
        bench.end(*(s.attempt for s in steps if isinstance(s, CancelIt)))
        bench.take(*(s for s in steps if not isinstance(s, CancelIt)))
        assert sum(resting(bench).values()) <= bench.held
    raise AssertionError("it never comes to rest")


def resting(bench: Bench) -> dict[str, D]:
    """Units that can be sold at the venue, by the leg's group, or by the name of an exit."""
    found: dict[str, D] = {}
    for one in bench.intents:
        if one.reduces:
            key = one.order.group or one.order.client_id
            found[key] = max(found.get(key, D(0)), sum((a.left for a in one.working), D(0)))
    return {key: quantity for key, quantity in found.items() if quantity}


def test_legs_of_two_entries_leave_a_part_exit_what_it_is_for_and_protect_what_it_leaves() -> None:
    legs = (("e", 100, 95), ("f", 50, 97))
    bench = Bench(*(
        one
        for name, quantity, stop in legs
        for one in (
            intent(name, Leg.ENTRY, quantity=D(quantity)),
            intent(f"{name}s", Leg.STOP, quantity=D(quantity), stop=D(stop), parent=name, group=name),
            intent(f"{name}t", Leg.TARGET, quantity=D(quantity), parent=name, group=name),
        )
    ))  # fmt: skip
    bench.take(*bench.steps())
    bench.fill("e", 100)
    bench.fill("f", 50)
    assert settled(bench) == 0 and resting(bench) == {"e": 100, "f": 50}
    bench.intents.append(intent("x", Leg.EXIT, quantity=D(80), type=OrderType.LIMIT, limit=D(110)))
    assert settled(bench) < 5
    assert resting(bench) == {"x": 80, "f": 50, "e": 20}, "the stop that is reached first stays whole"
    bench.fill("x", 80)
    assert settled(bench) < 5 and resting(bench) == {"f": 50, "e": 20}
    bench.fill("fs", 50)
    assert settled(bench) < 5 and resting(bench) == {"e": 20}


def test_what_filled_of_a_cancelled_entry_gets_a_pair_of_its_own() -> None:
    bench = Bench(intent("e", Leg.ENTRY), intent("s", Leg.STOP), intent("t", Leg.TARGET))
    bench.take(*bench.steps())
    bench.fill("e", 30)
    assert bench.steps() == []  # what has filled is for the legs that sleep
    bench.intents[0].withdraw(OrderState.CANCELLED, "time is over")
    (cancel,) = bench.steps()
    assert isinstance(cancel, CancelIt) and cancel.attempt.wire.client_id == "e-1"
    for one in bench.intents:
        bench.end(*one.working)
    (pair,) = bench.steps()
    assert isinstance(pair, SendTogether) and {s.wire.quantity for s in pair.sends} == {D(30)}


def test_a_stop_that_the_venue_does_not_keep_is_reached_here() -> None:
    bench = Bench(intent("e", Leg.ENTRY), intent("s", Leg.STOP), intent("t", Leg.TARGET))
    bench.take(*bench.steps())
    bench.fill("e", 30)
    bench.bid = 94.0
    sale, cancel = bench.steps()
    assert bench.intents[1].triggered and bench.intents[0].withdrawn is OrderState.CANCELLED
    assert isinstance(cancel, CancelIt) and cancel.attempt.wire.client_id == "e-1"
    assert isinstance(sale, Send) and (sale.wire.quantity, sale.wire.immediate) == (D(30), True)


def test_a_stop_that_is_reached_waits_for_no_exit_that_waits_for_a_better_price() -> None:
    bench = entered()
    bench.intents.append(intent("x", Leg.EXIT, type=OrderType.LIMIT, limit=D(110)))
    settled(bench)
    assert resting(bench) == {"x": 100}, "its pair has given way"
    bench.bid = 94.0
    (cancel,) = bench.steps()
    assert isinstance(cancel, CancelIt) and cancel.attempt.intent == "x"
    bench.end(cancel.attempt)
    (sale,) = bench.steps()
    assert isinstance(sale, Send) and sale.intent.order.client_id == "s"
    assert (sale.wire.quantity, sale.wire.immediate) == (FULL, True)


def test_a_stop_that_the_venue_keeps_is_left_to_it() -> None:
    bench = entered()
    bench.bid = 94.0
    assert bench.steps() == [] and not bench.intents[1].triggered


def test_a_position_that_is_gone_has_no_orders() -> None:
    bench = entered()
    bench.fill("s", 100)
    (step,) = bench.steps()
    assert isinstance(step, CancelIt) and step.attempt.wire.client_id == "e-1-target"


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 10_000)), min_size=1, max_size=8), st.data())
def test_fills_made_of_totals_add_up_however_often_one_looks(parts: list[tuple[int, int]], data: Any) -> None:
    """Whatever is missed between two looks, units and money are the venue's; a look that comes again books nothing."""
    looks = data.draw(st.lists(st.booleans(), min_size=len(parts), max_size=len(parts)))
    booked, ids, units, money = Total(), [], D(0), D(0)
    filled, cost = D(0), D(0)
    for (quantity, cents), look in zip(parts, [*looks[:-1], True], strict=True):
        filled, cost = filled + quantity, cost + D(quantity) * D(cents) / 100
        if not look:
            continue
        told = VenueOrder("o", "c", "SPY", Side.BUY, D(1000), filled, D(1), True, NOW, average=cost / filled)
        fill = fill_of(told, booked, NOW)
        assert fill is not None
        ids.append(fill.fill_id)
        units, money = units + fill.quantity, money + fill.quantity * fill.price
        booked = totals_of(ids)["o"]
        assert fill_of(told, booked, NOW) is None
    assert units == filled and abs(money - cost) < D("1e-15")
    assert read_id("another") is None and totals_of(["t1", "settlement/A/s"]) == {}


def test_a_fill_without_a_price_is_waited_for() -> None:
    told = VenueOrder("o", "c", "SPY", Side.BUY, FULL, D(10), D(1), True, NOW)
    assert fill_of(told, Total(), NOW) is None
