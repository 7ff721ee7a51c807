"""Taking in many ticks at once, as far as no rule can act at them.

While no order is on its way, a tick of bars moves the programs on and marks what is held, no more. Such ticks are laid
out as rows of inputs, and the kernel goes over them until all conditions of some strategy or exit are true, or a bar
reaches an order that rests. That tick, and whatever is out of the ordinary, is left to ``Decider.tick``. The kernel
is the same and so are the inputs; therefore values and decisions are those of going tick by tick.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter, lt

import numpy as np

from engine.decide.clock import Clock
from engine.decide.context import Context
from engine.decide.desk import Desk
from engine.decide.portfolio import Held
from engine.decide.sessions import Windows
from engine.market.events import Bar, MarketEvent, Tick
from engine.plan.ops import Group
from engine.plan.plan import exit_segment
from engine.plan.program import Rows, Watches
from engine.ruleset.rules import UnknownPolicy

_SYMBOL, _START = itemgetter(0), itemgetter(1)  # of a bar
_TIME, _EVENTS = itemgetter(0), itemgetter(1)  # of a tick

Untouched = Callable[[Sequence[Bar]], int]


@dataclass(slots=True)
class _Lane:
    """One symbol's bars among the ticks: ``at`` is the number of each one's tick."""

    desk: Desk
    bars: list[Bar] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    rows: Rows | None = None
    until_ns: int = -1  # how long the clock holds that stands in the rows

    def span(self, first_tick: int, end_tick: int) -> tuple[int, int]:
        """The rows of some ticks."""
        return bisect_left(self.at, first_tick), bisect_left(self.at, end_tick)


class Ahead:
    """Successive ticks, of which some from the front on may be passed without a decision.

    ``newest``: the last bar of each symbol among the ticks that were passed last; ``equity`` the account's worth
    (money) after each of them.
    """

    def __init__(
        self,
        context: Context,
        desks: Mapping[str, Desk],
        clocks: Sequence[Clock],
        windows: Sequence[Windows],
        ticks: Sequence[Tick],
    ) -> None:
        self._context, self._desks, self._clocks, self._windows = context, desks, clocks, windows
        self._times = list(map(_TIME, ticks))
        self._lanes: dict[str, _Lane] = {}
        self._stops = self._lay_out(ticks)
        self.newest: list[MarketEvent] = []
        self.equity: list[float] = []

    # -- laying out ------------------------------------------------------------------------------------------------

    def _lay_out(self, ticks: Sequence[Tick]) -> list[int]:
        """Sort the bars into lanes; the numbers of the ticks that cannot be passed."""
        if self._one_lane(ticks):
            return []
        stops: list[int] = []
        newest: dict[str, int] = {}
        for number, tick in enumerate(ticks):
            plain = bool(tick.events)
            for event in tick.events:
                if event.__class__ is not Bar:
                    plain = False
                elif event.symbol in self._desks:
                    plain &= self._append(event, number, newest)
            if not plain:
                stops.append(number)
        return stops

    def _one_lane(self, ticks: Sequence[Tick]) -> bool:
        """The most common case, all at once: one bar a tick, all of one symbol and in order."""
        events = list(map(_EVENTS, ticks))
        if set(map(len, events)) != {1}:
            return False
        bars = [event for (event,) in events if event.__class__ is Bar]
        desk = self._desks.get(bars[0].symbol) if len(bars) == len(ticks) else None
        if desk is None or desk.has_frames or len(set(map(_SYMBOL, bars))) > 1:
            return False
        starts = [desk.state.bar_start_ns, *map(_START, bars)]
        if not all(map(lt, starts, islice(starts, 1, None))):
            return False
        self._lanes[desk.state.symbol] = _Lane(desk, bars, list(range(len(bars))))
        return True

    def _append(self, bar: Bar, number: int, newest: dict[str, int]) -> bool:
        """Put a bar into its lane; False when it is not the next of its symbol or feeds higher timeframes."""
        symbol, start_ns = bar.symbol, bar.start_ns
        lane = self._lanes.get(symbol)
        if lane is None:
            desk = self._desks[symbol]
            lane = self._lanes[symbol] = _Lane(desk)
            newest[symbol] = desk.state.bar_start_ns
        lane.bars.append(bar)
        lane.at.append(number)
        in_order = start_ns > newest[symbol]
        newest[symbol] = max(start_ns, newest[symbol])
        return in_order and not lane.desk.has_frames

    def _rows(self, lane: _Lane) -> Rows:
        clock = lane.desk.clock
        if lane.rows is None or (lane.until_ns != clock.until_ns and lane.desk.state.clock_slots):
            lane.rows, lane.until_ns = self._inputs(lane), clock.until_ns
        if lane.desk.feeding and self._context.portfolio.held:
            return lane.rows._replace(event=lane.rows.event | Group.POSITION)
        return lane.rows

    def _inputs(self, lane: _Lane) -> Rows:
        state, clock = lane.desk.state, lane.desk.clock
        columns, event = state.rows(lane.bars)
        if state.clock_slots:
            event |= Group.CLOCK
            instants = [clock.at(self._times[number]) for number in lane.at]
            columns |= {slot: [values[index] for values in instants] for slot, index in state.clock_slots}
        values = np.array(list(columns.values()), dtype=np.float64).reshape(len(columns), len(lane.bars))
        return Rows(event, values.T.copy(), np.array(list(columns), dtype=np.int64))

    # -- passing ---------------------------------------------------------------------------------------------------

    def ready(self) -> bool:
        """Whether the next tick may be passed at all, as things stand: no order but those that rest, all facts of
        the account and of positions in their places, and none of them moving with the price.
        """
        context, portfolio = self._context, self._context.portfolio
        if portfolio.pending or context.pinned:
            return False
        for lane in self._lanes.values():
            if lane.desk.state.event or lane.desk.version != portfolio.version:
                return False
        return not portfolio.held or self._steady()

    def _steady(self) -> bool:
        """Whether rules can judge what is held without a look at what it is worth; for one symbol at every tick."""
        lane = next(iter(self._lanes.values()), None)
        if lane is None or len(lane.bars) != len(self._times) or len(self._lanes) > 1:
            return False
        desk = lane.desk
        if desk.portfolio_feed is not None and desk.portfolio_feed.moves_with_price:
            return False
        if not all(w.position_feed.is_steady for w in desk.feeding if w.position_feed is not None):
            return False
        return all(self._is_steady(held, desk) for held in self._context.portfolio.held.values())

    def _is_steady(self, held: Held, desk: Desk) -> bool:
        key = (held.position.strategy, held.position.symbol)
        segment = desk.state.memory.program.segments.get(exit_segment(key[0]))
        feed = self._context.position_feeds.get(key)
        return (
            key[1] == desk.state.symbol
            and not held.exiting
            and (feed is None or feed.is_steady)
            and (segment is None or segment.begin == segment.end)
            and all(rule.action.trail_by is None for rule in self._context.plan.exits[key[0]])
        )

    def go(self, number: int, untouched: Untouched) -> int:
        """Pass ticks from ``number`` on, if ``ready``; the number of the first that is left.

        ``untouched``: how many bars of one symbol, from the front, leave all orders that rest as they are.
        """
        end = self._end(number)
        for lane in self._lanes.values():
            first, last = lane.span(number, end)
            reached = first + untouched(lane.bars[first:last]) if first < last else last
            if reached < last:
                last, end = reached, lane.at[reached]
            if first < last:
                watches = self._exit_watches(lane.desk) if self._context.portfolio.held else lane.desk.entry_watches
                found = lane.desk.state.memory.look_ahead(self._rows(lane), watches, first, last)
                end = lane.at[found] if found < last else end
        if end > number:
            self._pass(number, end)
        return end

    def _end(self, number: int) -> int:
        """How far the ticks go on without a new day, a session that opens or closes, or anything unusual."""
        limits = [clock.until_ns for clock in self._clocks] + [windows.next_change_ns() for windows in self._windows]
        stop = bisect_left(self._stops, number)
        end = self._stops[stop] if stop < len(self._stops) else len(self._times)
        return max(number, min(end, bisect_left(self._times, min(limits, default=0))))

    def _exit_watches(self, desk: Desk) -> Watches:
        """What makes a tick one at which a rule may act, when something is held."""
        conditions = [(watch.slots, False) for watch in desk.watches]
        for held in self._context.portfolio.held.values():
            strategy = held.position.strategy
            for rule in self._context.plan.exits[strategy]:
                if not (rule.once and rule.key in held.fired):
                    slots = tuple(desk.state.memory.program.slot(term, strategy) for term in rule.when)
                    conditions.append((slots, rule.unknown is UnknownPolicy.CLOSE))
        return Watches.of(conditions)

    def _pass(self, number: int, end: int) -> None:
        context = self._context
        context.now_ns, context.decisions = self._times[end - 1], []
        self.newest, self.equity = [], [context.portfolio.equity()] * (end - number)
        for lane in self._lanes.values():
            first, last = lane.span(number, end)
            if first < last:
                lane.desk.state.memory.take_rows(self._rows(lane), first, last)
                lane.desk.state.took(lane.bars[first:last])
                self.newest.append(lane.bars[last - 1])
                if context.portfolio.held:
                    self.equity = context.portfolio.mark_bars(lane.bars[first:last])
        for clock in self._clocks:
            clock.move(context.now_ns)
