"""Bars of the past, bars that are told late, and what is missed for good."""

from __future__ import annotations

import math
from typing import Any

from engine.decide import carryover
from engine.market.events import NANOS, Bar, Tick
from engine.market.inputs import FOREVER_NS, Unseen, Waits

MINUTE = 60 * NANOS
WATCH = """\
kind: strategy
name: watch
when: opening_range_high(2m) > $0 and session_high() > $0 and on(2m, close) > $0 and position.high > $0
then: {buy: {size: 1}}
"""
BUY = "kind: strategy\nname: buy\nwhen: close > 100 and not position.open\nthen: {buy: {size: 10}}\n"
OPEN = "2024-03-05 09:30"


def bar(e: Any, minute: int, high: float) -> Bar:
    """That begins so many minutes after the engine's start."""
    return Bar("SPY", e.start_ns + minute * MINUTE, 60, high - 1, high, high - 2, high - 1, 100.0)


def value(e: Any, text: str) -> float | None:
    program, state = e.decider.context.plan.symbols["SPY"].program, e.decider.context.states["SPY"]
    slots = {i.term.text: slot for slot, i in program.instructions.items()} | {
        f"{key.name} of {key.seconds}": slot for key, slot in program.inputs.items()
    }
    found = float(state.memory.v[slots[text]])
    return None if math.isnan(found) else found


def test_a_bar_told_late_belongs_to_the_minute_in_which_it_ended(engine: Any) -> None:
    """One that ends as the market opens is no part of the session, one that ends with the range is part of it."""
    exact, late = engine(WATCH, start=OPEN), engine(WATCH, start=OPEN)
    for minute, high in ((-1, 90.0), (0, 11.0), (1, 12.0), (2, 15.0)):
        for e, delay in ((exact, 0), (late, 2 * NANOS)):
            one = bar(e, minute, high)
            e.tick(one.known_ns + delay, [one])
    for e in (exact, late):
        assert (value(e, "opening_range_high(2m)"), value(e, "session_high()")) == (12.0, 15.0)


def test_the_past_is_taken_in_at_its_own_time_and_nothing_is_decided_on_it(engine: Any) -> None:
    there, later = engine(WATCH + "---\n" + BUY, start=OPEN), engine(WATCH + "---\n" + BUY, start=OPEN)
    there.tick(there.start_ns - 60 * MINUTE, [])
    for minute in range(5):
        one = bar(there, minute, 110.0 - minute)
        there.tick(one.known_ns, [one])
        later.decider.remember(Tick(one.known_ns, [bar(later, minute, 110.0 - minute)]))
    assert there.seen.decisions and not later.seen.decisions and not later.decider.context.decisions
    for text in ("opening_range_high(2m)", "session_high()", "close of 120"):
        assert value(later, text) == value(there, text) is not None
    assert later.decider.context.now_ns == 0, "the account's day has not begun"


def test_what_is_held_notes_the_bars_of_a_break_and_none_from_before(engine: Any) -> None:
    e = engine(BUY)
    e.bars(99, 101, 103)
    held = e.held["p.buy", "SPY"]
    before = (held.high, held.bars)
    e.decider.remember(Tick(e.start_ns - MINUTE, [bar(e, -2, 500.0)]))
    assert (held.high, held.bars) == before
    e.tick(e.start_ns + 20 * MINUTE, [])
    e.decider.remember(Tick(e.start_ns + 5 * MINUTE, [bar(e, 4, 120.0)]))
    assert (held.high, held.bars) == (120.0, before[1] + 1)
    assert e.decider.context.now_ns == e.start_ns + 20 * MINUTE


def test_after_a_restart_only_the_bars_since_the_crash_are_noted(engine: Any) -> None:
    before, after = engine(BUY), engine(BUY)
    before.bars(99, 101, 103)
    told = before.decider.told()
    carryover.take_positions(after.decider.context.portfolio, told, after.decider.looks_after())
    after.decider.go_on_from(told)
    held = after.held["p.buy", "SPY"]
    bars_then = held.bars
    for minute in range(-5, 5):  # three of these minutes the process of before has seen
        one = bar(after, minute, 100.0 + 10 * (minute == 1) + 5 * (minute == 4))
        after.decider.remember(Tick(one.known_ns, [one]))
    assert (held.high, held.bars) == (105.0, bars_then + 2)


def test_a_bar_of_a_higher_timeframe_waits_for_a_minute_that_is_late(engine: Any) -> None:
    hasty, patient = engine(WATCH, start=OPEN), engine(WATCH, start=OPEN)
    patient.decider.wait(Waits(15 * NANOS))
    for e in (hasty, patient):
        first, second = bar(e, 0, 11.0), bar(e, 1, 12.0)
        e.tick(first.known_ns, [first])
        e.tick(second.known_ns + NANOS, [])  # time passes, and the minute is told a moment later
        e.tick(second.known_ns + 2 * NANOS, [second])
    assert (value(hasty, "close of 120"), value(patient, "close of 120")) == (10.0, 11.0)
    third = bar(patient, 2, 13.0)
    patient.tick(third.known_ns, [third])
    patient.tick(third.known_ns + MINUTE + 16 * NANOS, [])
    assert value(patient, "close of 120") == 12.0, "a minute without trades is not waited for any longer"
    patient.decider.wait(Waits(FOREVER_NS))
    fifth = bar(patient, 4, 14.0)
    patient.decider.remember(Tick(fifth.known_ns, [fifth]))
    patient.tick(third.known_ns + 200 * MINUTE, [])
    assert value(patient, "close of 120") == 12.0, "over a break it waits as long as that lasts"


def test_what_was_missed_for_good_is_unknown_until_the_next_session(engine: Any) -> None:
    e = engine(WATCH, start=OPEN)
    e.tick(e.start_ns + MINUTE, [bar(e, 0, 11.0)])
    assert value(e, "session_high()") == 11.0
    e.decider.miss(Unseen("SPY", e.start_ns + 3 * MINUTE, "it could not be read"))
    e.tick(e.start_ns + 6 * MINUTE, [bar(e, 5, 12.0)])
    assert value(e, "session_high()") is None
    assert e.decider.context.states["SPY"].reasons["session.ordinal"] == "it could not be read"
    tomorrow = 24 * 60
    e.tick(e.start_ns + (tomorrow + 1) * MINUTE, [bar(e, tomorrow, 10.0)])
    assert value(e, "session_high()") == 10.0
    assert "session.ordinal" not in e.decider.context.states["SPY"].reasons
