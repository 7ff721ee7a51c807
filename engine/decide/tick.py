"""One tick: market events in, decisions out. A pure function of the rules, the state and the tick.

Order of work (language contract, section 4): inputs are applied; sessions open and close; exits run for each open
position; strategies whose trigger fired run for each symbol; guards judge each wanted order; sizes and prices go on
the instrument's grid. Nothing here reads a clock, draws a random number or does I/O.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from engine.decide import carryover
from engine.decide.actions import Decision
from engine.decide.clock import WEEKDAYS, Clock
from engine.decide.constants import VenueFacts as VenueFacts
from engine.decide.constants import set_constants
from engine.decide.context import Context, Halt
from engine.decide.desk import Desk, Watch
from engine.decide.entries import enter
from engine.decide.exits import run_exits
from engine.decide.feeds import OrderFeed, PortfolioFeed, PositionFeed
from engine.decide.past import PastClocks, miss, take_past
from engine.decide.portfolio import Portfolio, PositionKey
from engine.decide.quiet import Ahead
from engine.decide.requests import answer
from engine.decide.sessions import Windows, calendar_of
from engine.decide.symbol import SymbolState
from engine.market.calendar import TradingCalendar
from engine.market.events import Bar, Observation, Quote, Tick
from engine.market.inputs import MANUAL, OPERATOR, Aside, Halted, Past, Requested, Unseen, Waits
from engine.market.instrument import Instrument
from engine.market.orders import BrokerReport
from engine.plan.ops import BASE_SECONDS, Group
from engine.plan.plan import Plan, SymbolPlan, execution_symbol, exit_segment, uses_position
from engine.plan.program import INTERPRETED, InputKey, Kernel, Memory, Watches
from engine.ruleset.rules import Strategy, TriggerKind

MANY_ROOTS = 8  # above this a vector comparison finds the true ones faster than a loop


@dataclass(frozen=True, slots=True)
class DataNote:
    """Something about the data that the user should know: a late or repeated bar."""

    time_ns: int
    symbol: str
    text: str


class Decider:
    """Holds the state of a run between ticks. ``tick`` is the only way time moves on."""

    def __init__(
        self,
        plan: Plan,
        instruments: Mapping[str, Instrument],
        calendars: Mapping[str, TradingCalendar],
        cash: Decimal,
        venue: VenueFacts | None = None,
        kernel: Kernel = INTERPRETED,
        keep_values: bool = False,
    ) -> None:
        weekdays = tuple(plan.texts.code(day) for day in WEEKDAYS)
        clocks = {name: Clock(calendar, weekdays) for name, calendar in calendars.items()}
        windows = {
            name: Windows(pack, tuple(clocks[calendar_of(session, calendars)] for session in pack.sessions))
            for name, pack in plan.ruleset.packs.items()
        }
        states = {
            symbol: SymbolState(
                instruments[symbol], Memory(p.program, kernel), plan.texts, calendars[instruments[symbol].calendar]
            )
            for symbol, p in plan.symbols.items()
        }
        portfolio = Portfolio(cash, instruments)
        self.context = Context(
            plan, states, portfolio, clocks, windows,
            {s: PortfolioFeed(state) for s, state in states.items()}, {},
            {s: OrderFeed(state) for s, state in states.items()}, self._bring_up_to_date, keep_values,
        )  # fmt: skip
        self.notes: list[DataNote] = []
        holders = ((s.key, symbol) for symbol, p in plan.symbols.items() for s in p.held_by)
        self._holders = frozenset([*holders, *((MANUAL, symbol) for symbol in plan.symbols)])
        self._clock_list = list(clocks.values())
        # The account's day is that of the symbols; a window may go by other clocks.
        self._day_clocks = [clocks[name] for name in {i.calendar: None for s, i in instruments.items() if s in states}]
        self._window_list = [w for w in windows.values() if w.pack.sessions]
        self._desks = {symbol: self._desk(p, number) for number, (symbol, p) in enumerate(plan.symbols.items())}
        for desk in self._desks.values():
            desk.clock.watched |= bool(desk.state.clock_slots)
        for clock in (clock for found in self._window_list for clock in found.clocks):
            clock.watched = True
        self._waits_ns = 0
        self._past = PastClocks(self._clock_list, self._window_list)
        for symbol, p in plan.symbols.items():
            self._feeds_of(p)
            set_constants(states[symbol], instruments[symbol], venue or VenueFacts(), plan)

    # -- set-up ------------------------------------------------------------------------------------------------------

    def _feeds_of(self, plan: SymbolPlan) -> None:
        """Feeds of the positions that this symbol can hold, for their exits."""
        state = self.context.states[plan.symbol]
        for strategy in plan.held_by:
            feed = PositionFeed(state, strategy.key)
            if feed.used:
                self.context.position_feeds[strategy.key, plan.symbol] = feed
                feed.write(None, 0)

    def _desk(self, plan: SymbolPlan, rank: int) -> Desk:
        context = self.context
        state = context.states[plan.symbol]
        watches = [self._watch(plan, s) for s in sorted(plan.strategies, key=lambda s: s.priority)]
        feed = context.portfolio_feeds[plan.symbol]
        return Desk(
            state, rank, context.clocks[state.instrument.calendar], feed if feed.used else None, watches,
            np.array([w.slots[0] for w in watches], dtype=np.int64),
            [w for w in watches if w.position_feed is not None], bool(plan.program.frames),
            Watches.of((w.slots, False) for w in watches),
        )  # fmt: skip

    def _watch(self, plan: SymbolPlan, strategy: Strategy) -> Watch:
        feed = None
        if any(uses_position(t) for t in strategy.when):
            feed = PositionFeed(self.context.states[plan.symbol], strategy.key)
            feed.write(None, 0)
        pack, condition = self.context.plan.packs[strategy.key], strategy.universe_when
        return Watch(
            strategy, tuple(plan.program.slot(t, strategy.key) for t in strategy.when), _trigger_bit(strategy, plan),
            strategy.trigger.kind, feed, (strategy.key, execution_symbol(pack, strategy, plan.symbol)),
            None if condition is None else plan.program.slot(condition, strategy.key),
        )  # fmt: skip

    # -- one tick ----------------------------------------------------------------------------------------------------

    def begin_day(self, time_ns: int) -> None:
        """Before anything of a tick is booked: on the first one of a day its figures begin anew, at the prices and
        with the cash of the evening before. What the night and the first bar bring is of the new day."""
        begun = False
        for clock in self._day_clocks:
            begun |= not clock.has(time_ns) and clock.move(time_ns)
        if begun:
            self.context.portfolio.new_day()

    def book(self, report: BrokerReport) -> list[str]:
        """Take in what the broker did; returns orders to cancel, because the position they belong to is gone.

        Fills of strategies that are not loaded change nothing here.
        """
        context = self.context
        if any((fill.strategy, fill.symbol) not in self._holders for fill in report.fills):
            mine = [fill for fill in report.fills if (fill.strategy, fill.symbol) in self._holders]
            report = BrokerReport(mine, report.updates)
        leftover: list[str] = []
        for held in context.portfolio.apply(report):
            key = (held.position.strategy, held.position.symbol)
            leftover += [*held.legs, *context.portfolio.started_entries(key)]
            if key in context.position_feeds:
                context.position_feeds[key].write(None, context.now_ns)
            context.states[key[1]].memory.reset(exit_segment(key[0]))
        return leftover

    def looks_after(self) -> frozenset[PositionKey]:
        """Positions that these rules can hold, by (strategy, symbol). Others have only their protective orders."""
        return self._holders

    def told(self) -> dict[str, Any]:
        """What must not be forgotten when this process ends, as JSON values."""
        return carryover.told(self.context)

    def go_on_from(self, said: Mapping[str, Any]) -> None:
        """Before the first tick: time, sessions and what the rules remember are as they were; positions apart."""
        if not said["now_ns"]:
            return  # nothing had happened yet
        for clock in self._clock_list:
            clock.move(said["now_ns"])
        self._move_windows()
        self._past.lived_ns = said["now_ns"]
        carryover.take_memory(self.context, said)

    def tick(self, tick: Tick) -> list[Decision]:
        """Decide one instant; the decisions in the order in which they were taken."""
        touched = self._take_in(tick)
        context = self.context
        held = context.portfolio.held
        if held:
            for position in list(held.values()):
                run_exits(context, position, context.states[position.position.symbol])
        if context.requests:
            requests, context.requests = context.requests, []
            for request in requests:
                answer(context, request)
        wanted = [(watch.strategy, desk.state) for desk in touched for watch in self._wanted(desk, tick)]
        if len(wanted) > 1:
            wanted.sort(key=_urgency)  # among equals the plan's order stays
        for strategy, state in wanted:
            enter(context, strategy, state)
        for desk in touched:
            desk.state.event = 0
        return context.decisions

    def halt(self, halted: Halted) -> None:
        """Stop entries from the next tick on: a person's order, or a guard's that an earlier run left in force.

        Cancels, exits and everything else that reduces goes on.
        """
        halt = Halt(halted.until_ns, halted.by, halted.reason)
        if halted.by == OPERATOR:
            self.context.stopped = halt
        else:
            self.context.put_in_force(halt)

    def resume(self, by: str = "") -> None:
        """Lift a person's halt (``by`` OPERATOR), or every one; a guard that still does not hold stops entries again at
        the next order."""
        self.context.stopped = None
        if by != OPERATOR:
            self.context.halts.clear()

    def request(self, requested: Requested) -> None:
        """A person's wish; it is answered at the next tick, after exits and before strategies."""
        self.context.requests.append(requested)

    def ahead(self, ticks: Sequence[Tick]) -> Ahead:
        """Coming ticks, laid out to be taken in together as far as no rule can act at them."""
        return Ahead(self.context, self._desks, self._clock_list, self._window_list, ticks)

    def observe(self, tick: Tick) -> None:
        """Take in market history without deciding: what a strategy must have seen before it may be asked."""
        for desk in self._take_in(tick):
            desk.state.event = 0

    def aside(self, item: Aside) -> None:
        """What is told of the past, missed or late: see there."""
        if isinstance(item, Past):
            self.remember(item.tick)
        elif isinstance(item, Unseen):
            self.miss(item)
        else:
            self.wait(item)

    def remember(self, tick: Tick) -> None:
        """Take in bars of the past at their own time (see ``Past``): before the first tick, or after a break. Time, the
        account's day, what is counted today and open sessions stay as they are."""
        take_past(tick, self._past, self._desks, self.context, self._set_parameters)

    def miss(self, unseen: Unseen) -> None:
        """Bars were missed for good: see ``Unseen``."""
        desk = self._desks.get(unseen.symbol)
        if desk is not None:
            miss(desk, unseen)

    def wait(self, waits: Waits) -> None:
        """How long bars of higher timeframes wait for minutes that are late; at first they do not."""
        self._waits_ns = waits.nanos

    def _take_in(self, tick: Tick) -> list[Desk]:
        """Apply the events, move time on, bring the programs of the symbols concerned up to date."""
        context = self.context
        if self._past.set_parameters:
            self._past.set_parameters = False
            for windows in self._window_list:
                self._set_parameters(windows)
        context.now_ns = tick.time_ns
        context.decisions = []
        self.begin_day(tick.time_ns)
        touched = self._apply(tick)
        for clock in self._clock_list:
            clock.move(tick.time_ns)
        context.portfolio.note_peak()
        if context.portfolio.held:
            touched = self._with_held(touched)
        for desk in touched:
            self._compute(desk)
        if self._window_list:
            self._move_windows()
        return touched

    def _apply(self, tick: Tick) -> list[Desk]:
        """Apply all events; the symbols that they concern, in the plan's order."""
        desks, touched = self._desks, []
        portfolio, now_ns = self.context.portfolio, tick.time_ns
        held = portfolio.held
        for event in tick.events:
            desk = desks.get(event.symbol)
            if desk is None:
                continue
            if isinstance(event, Bar):
                refused = desk.state.apply_bar(event, now_ns)
                if refused:
                    self.notes.append(DataNote(now_ns, event.symbol, refused))
                    continue
                if held:
                    portfolio.mark_bar(event)
            elif isinstance(event, Quote):
                desk.state.apply_quote(event)
                if held and desk.state.bar is None and desk.state.last == desk.state.last:
                    portfolio.mark(event.symbol, desk.state.last)
            else:
                desk.state.apply_observation(event)
            if desk not in touched:
                touched.append(desk)
        if not tick.events:
            return list(desks.values())
        if len(touched) > 1:
            touched.sort(key=_by_rank)
        return touched

    def _with_held(self, touched: list[Desk]) -> list[Desk]:
        """Symbols that are held are looked at on every tick, because time passes for them too."""
        if len(touched) == len(self._desks):
            return touched
        missing = {symbol for _, symbol in self.context.portfolio.held} - {d.state.symbol for d in touched}
        if not missing:
            return touched
        return sorted([*touched, *(self._desks[s] for s in missing)], key=_by_rank)

    def _bring_up_to_date(self, symbol: str) -> None:
        """Before an order for a symbol that nothing happened to: time has passed for it all the same, and orders of
        other symbols at this tick have used up some of what the account may do."""
        desk = self._desks[symbol]
        if desk.computed_ns != self.context.now_ns:
            self._compute(desk)
            desk.state.event = 0
        elif desk.portfolio_feed is not None and desk.version != self.context.portfolio.version:
            desk.version = self.context.portfolio.version
            desk.portfolio_feed.write(self.context.portfolio)
            self._pin(desk.state)
            desk.state.memory.compute_main(Group.PORTFOLIO)

    def _compute(self, desk: Desk) -> None:
        """Bring one symbol's program up to date."""
        context, state = self.context, desk.state
        desk.computed_ns, desk.version = context.now_ns, context.portfolio.version
        if desk.has_frames:
            state.flush_frames(context.now_ns - self._waits_ns)
        late = False
        if state.clock_slots:
            late = self._is_late(desk)
            state.set_clock(desk.clock.at(state.bar.known_ns) if late and state.bar else desk.clock.values)
        if desk.portfolio_feed is not None:
            desk.portfolio_feed.write(context.portfolio)
        for watch in desk.feeding:
            assert watch.position_feed is not None
            if watch.position_feed.write(context.portfolio.held.get(watch.position_key), context.now_ns):
                state.event |= Group.POSITION
        if context.pinned:
            self._pin(state)
            state.event |= Group.PORTFOLIO | Group.QUOTE | Group.CLOCK | Group.POSITION
        state.memory.compute_main(state.event)
        if late:
            state.set_clock(desk.clock.values)
            self._pin(state)
            state.memory.compute_main(Group.CLOCK)

    def _is_late(self, desk: Desk) -> bool:
        """A live bar is told a moment after its end. It belongs to the session and the minute in which it ended: the
        last one of an opening range is part of it, and one that ends as the market opens is no part of the session."""
        bar = desk.state.bar
        if bar is None or not desk.state.event & Group.BAR:
            return False
        return bar.known_ns != self.context.now_ns and desk.clock.has(bar.known_ns)

    def _pin(self, state: SymbolState) -> None:
        """What a rule test holds fixed."""
        for slot, value in self.context.pinned.get(state.symbol, ()):
            state.v[slot] = value

    def _move_windows(self) -> None:
        """Open and close sessions; a window that begins counts from nothing, a change sets the parameters."""
        context = self.context
        for windows in self._window_list:
            moved = windows.update()
            begun = {session.key for session in windows.begun}
            for key in [k for k in context.entries_in_window if k[0] in begun]:
                del context.entries_in_window[key]
            if moved:
                self._set_parameters(windows)

    def _set_parameters(self, windows: Windows) -> None:
        settings = windows.settings()
        moving = {k for s in windows.pack.sessions for k in s.settings}
        for symbol, plan in self.context.plan.symbols.items():
            state = self.context.states[symbol]
            for key in sorted(moving):
                slot = plan.program.inputs.get(InputKey("parameter", key))
                if slot is not None:
                    state.v[slot] = settings.get(key, plan.program.initial[slot])
            state.memory.compute_main(Group.PARAMETER)

    def _wanted(self, desk: Desk, tick: Tick) -> list[Watch]:
        """Strategies that this symbol triggers now and whose conditions are all true."""
        state, watches = desk.state, desk.watches
        v = state.v
        if len(watches) > MANY_ROOTS:
            watches = [watches[i] for i in (v[desk.first] == 1.0).nonzero()[0]]
        return [
            watch for watch in watches
            if all(v[slot] == 1.0 for slot in watch.slots)
            and self._triggered(watch, state, state.event, tick) and self._in_universe(watch, state)
        ]  # fmt: skip

    def _in_universe(self, watch: Watch, state: SymbolState) -> bool:
        return watch.universe_slot is None or state.v[watch.universe_slot] == 1.0

    def _triggered(self, watch: Watch, state: SymbolState, event: int, tick: Tick) -> bool:
        if watch.kind is TriggerKind.BAR:
            return event & watch.bit != 0
        if watch.kind is TriggerKind.QUOTE:
            return any(e.__class__ is Quote and e.symbol == state.symbol for e in tick.events)
        if watch.kind is TriggerKind.SIGNAL:
            prefix = watch.strategy.trigger.signal
            return any(
                isinstance(e, Observation) and e.symbol == state.symbol and e.name.partition(".")[0] == prefix
                for e in tick.events
            )
        return self._interval_passed(watch, state)

    def _interval_passed(self, watch: Watch, state: SymbolState) -> bool:
        """Whether a new interval of an ``every(60s)`` trigger began since the strategy last looked."""
        number = self.context.now_ns // (watch.strategy.trigger.seconds * 1_000_000_000)
        key = (watch.strategy.key, state.symbol)
        if self.context.last_interval.get(key) == number:
            return False
        self.context.last_interval[key] = number
        return True


def _urgency(wanted: tuple[Strategy, SymbolState]) -> int:
    return wanted[0].priority


def _by_rank(desk: Desk) -> int:
    return desk.rank


def _trigger_bit(strategy: Strategy, plan: SymbolPlan) -> int:
    seconds = strategy.trigger.seconds
    if strategy.trigger.kind is not TriggerKind.BAR:
        return 0
    return Group.BAR if seconds == BASE_SECONDS else plan.program.frame_bit(seconds)
