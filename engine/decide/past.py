"""Bars of the past, taken in at their own time: what programs must have seen before a run begins, or after a break.

The rules are not asked. A program is brought to where it would be had the run been there, sessions and their parameters
included; the account's day, cooldowns and counts are not of the past, and stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from engine.decide.clock import Clock
from engine.decide.context import Context
from engine.decide.desk import Desk
from engine.decide.sessions import Windows
from engine.market.events import Bar, Tick
from engine.market.inputs import Unseen


class PastClocks:
    """The clocks and session windows of a run once more, which may stand in the past.

    ``lived_ns``: up to then an earlier process was there, and has marked what it held. ``set_parameters``: those of the
    past are in force, and the run's own must be set before its next tick.
    """

    def __init__(self, clocks: Sequence[Clock], windows: Sequence[Windows]) -> None:
        self._clocks = {id(clock): clock.another() for clock in clocks}
        self._windows = [Windows(w.pack, tuple(self._clocks[id(clock)] for clock in w.clocks)) for w in windows]
        self.lived_ns = 0
        self.set_parameters = False

    def of(self, clock: Clock) -> Clock:
        """Its counterpart here."""
        return self._clocks[id(clock)]

    def move(self, time_ns: int) -> None:
        for clock in self._clocks.values():
            clock.move(time_ns)

    def windows(self) -> list[Windows]:
        """Those that have opened or closed by the last move."""
        return [windows for windows in self._windows if windows.update()]


def take_past(
    tick: Tick, past: PastClocks, desks: Mapping[str, Desk], context: Context, set_parameters: Callable[[Windows], None]
) -> None:
    """Bring the programs of the bars' symbols up to date; older ones than they know are passed over."""
    past.move(tick.time_ns)
    for event in tick.events:
        desk = desks.get(event.symbol)
        if desk is None or not isinstance(event, Bar) or desk.state.apply_bar(event, tick.time_ns):
            continue
        _mark(context, event, past.lived_ns)
        _compute(desk, past.of(desk.clock), context, tick.time_ns)
    for windows in past.windows():
        set_parameters(windows)
        past.set_parameters = True


def miss(desk: Desk, unseen: Unseen) -> None:
    """From now on what the symbol counts from the session's open is unknown; a day without a session has no such."""
    clock = desk.clock.another()
    clock.move(unseen.time_ns)
    if clock.session is not None:
        desk.state.miss(float(clock.session.ordinal), unseen.reason)


def _compute(desk: Desk, clock: Clock, context: Context, time_ns: int) -> None:
    state = desk.state
    if desk.has_frames:
        state.flush_frames(time_ns)
    if state.clock_slots:
        state.set_clock(clock.values)
    if desk.portfolio_feed is not None:
        desk.portfolio_feed.write(context.portfolio)
    state.memory.compute_main(state.event)
    state.event = 0


def _mark(context: Context, bar: Bar, lived_ns: int) -> None:
    """What is held notes how far the price has gone, unless it was not held then or somebody has marked it."""
    held = [h for (_, symbol), h in context.portfolio.held.items() if symbol == bar.symbol]
    if held and bar.known_ns > lived_ns and all(h.position.opened_ns < bar.known_ns for h in held):
        context.portfolio.mark_bar(bar)
