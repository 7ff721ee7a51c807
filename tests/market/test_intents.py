"""The life of an order: any news in any order, twice and late, and the account of it stays right."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.market.intents import (
    Acknowledged,
    Ended,
    Ending,
    Executed,
    IntentState,
    Life,
    Lost,
    News,
    Refused,
    Sent,
    advance,
    news_of,
)
from engine.market.orders import OrderState, OrderUpdate

TEN = Decimal(10)
NEWS = st.one_of(
    st.just(Sent()),
    st.sampled_from([Acknowledged(), Acknowledged("v1")]),
    st.integers(1, 12).map(lambda n: Executed(Decimal(n))),
    st.sampled_from([Ended(e) for e in Ending]),
    st.just(Refused()),
    st.just(Lost()),
)


def live(*news: News) -> Life:
    life = Life(TEN)
    for item in news:
        life = advance(life, item).life
    return life


def fill(quantity: int) -> Executed:
    return Executed(Decimal(quantity))


@given(st.lists(NEWS, max_size=12))
def test_nothing_that_is_told_can_break_the_account(told: list[News]) -> None:
    life = Life(TEN)
    for news in told:
        step = advance(life, news)
        after = step.life
        assert after.filled == life.filled + (news.quantity if isinstance(news, Executed) else 0)
        assert (after != life) == step.changed
        assert (after.state is IntentState.DONE) == (after.ending is not None)
        assert after.state is not IntentState.REFUSED or after.filled == 0
        assert after.filled <= TEN or step.alarm or life.filled > TEN
        if after.filled >= TEN:
            assert (after.state, after.ending) == (IntentState.DONE, Ending.FILLED)
        if life.state is IntentState.DONE:
            assert after.state is IntentState.DONE
        assert after.venue_order_id == life.venue_order_id or not life.venue_order_id
        life = after


@given(st.lists(NEWS, max_size=8), NEWS.filter(lambda news: not isinstance(news, Executed)))
def test_duplicate_answers_are_harmless(told: list[News], twice: News) -> None:
    once = advance(live(*told), twice).life
    again = advance(once, twice)
    assert (again.life, again.changed) == (once, False)


@pytest.mark.parametrize("order", list(permutations([Sent(), Acknowledged("v1"), fill(4), fill(6)])))
def test_fills_may_come_before_everything_else(order: tuple[News, ...]) -> None:
    assert live(*order) == Life(TEN, IntentState.DONE, TEN, Ending.FILLED, "v1")


def test_a_late_fill_of_a_cancelled_order_counts() -> None:
    cancelled = live(Acknowledged(), fill(3), Ended(Ending.CANCELLED))
    late = advance(cancelled, fill(2))
    assert (late.life.state, late.life.ending, late.life.filled) == (IntentState.DONE, Ending.CANCELLED, Decimal(5))
    assert not late.alarm
    assert live(Ended(Ending.CANCELLED), fill(10)).ending is Ending.FILLED


def test_a_time_out_is_no_refusal_and_the_venue_settles_it() -> None:
    unknown = live(Sent(), Lost())
    assert unknown.state is IntentState.UNKNOWN and unknown.state.open
    assert advance(unknown, Acknowledged("v")).life.state is IntentState.ACKNOWLEDGED
    assert advance(unknown, fill(1)).life.state is IntentState.PARTLY_FILLED
    assert advance(unknown, Refused()).life.state is IntentState.REFUSED
    assert advance(live(Sent(), Acknowledged()), Lost()).life.state is IntentState.ACKNOWLEDGED


@pytest.mark.parametrize(
    ("told", "news", "alarm", "state"),
    [
        ([Refused()], fill(2), "filled although it had been refused", IntentState.PARTLY_FILLED),
        ([Refused()], Acknowledged("v"), "has it although", IntentState.ACKNOWLEDGED),
        ([Refused()], Ended(Ending.EXPIRED), "had it although", IntentState.DONE),
        ([fill(2)], Refused(), "said to be refused, but 2 filled", IntentState.PARTLY_FILLED),
        ([fill(9)], fill(2), "11 filled of 10 ordered", IntentState.DONE),
        ([Acknowledged("a")], Acknowledged("b"), "twice: as a and as b", IntentState.ACKNOWLEDGED),
    ],
)
def test_contradictions_raise_an_alarm_and_the_venue_wins(
    told: list[News], news: News, alarm: str, state: IntentState
) -> None:
    step = advance(live(*told), news)
    assert alarm in step.alarm
    assert step.life.state is state


def test_a_brokers_updates_are_news() -> None:
    told = {state: news_of(OrderUpdate("a", state, 1, venue_order_id="v")) for state in OrderState}
    assert told[OrderState.WANTED] is None
    assert told[OrderState.WORKING] == told[OrderState.PARTLY_FILLED] == Acknowledged("v")
    assert told[OrderState.UNKNOWN] == Lost()
    for state in (OrderState.FILLED, OrderState.CANCELLED, OrderState.EXPIRED):
        assert told[state] == Ended(Ending(state.value))
