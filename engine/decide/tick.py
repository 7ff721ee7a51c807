"""One tick: market events in, decisions out. A pure function of the rules, the state and the tick.

Order of work (language contract, section 4): inputs are applied; sessions open and close; exits run for each open
position; strategies whose trigger fired run for each symbol; guards judge each wanted order; sizes and prices go on
the instrument's grid. Nothing here reads a clock, draws a random number or does I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from engine.decide.actions import Decision
from engine.decide.clock import WEEKDAYS, Clock
from engine.decide.context import Context
from engine.decide.entries import enter
from engine.decide.exits import run_exits
from engine.decide.feeds import OrderFeed, PortfolioFeed, PositionFeed
from engine.decide.portfolio import Portfolio
from engine.decide.sessions import Windows
from engine.decide.symbol import SymbolState
from engine.market.calendar import TradingCalendar
from engine.market.events import Bar, Observation, Quote, Tick
from engine.market.instrument import Instrument
from engine.market.orders import BrokerReport
from engine.plan.kernel import run as interpreted
from engine.plan.ops import BASE_SECONDS, Group
from engine.plan.plan import Plan, SymbolPlan, execution_symbol, exit_segment, uses_position
from engine.plan.program import InputKey, Memory, Runner
from engine.ruleset.rules import Strategy, TriggerKind

MANY_ROOTS = 8  # above this a vector comparison finds the true ones faster than a loop


@dataclass(frozen=True, slots=True)
class VenueFacts:
    """What rules may know of trading costs: fee per unit and least fee (money), slippage as a share of price."""

    fee_per_unit: float = 0.0
    fee_minimum: float = 0.0
    slippage_ratio: float = 0.0


@dataclass(slots=True)
class _Watch:
    """One strategy on one symbol, ready to be looked at: where its conditions stand and what triggers it."""

    strategy: Strategy
    slots: tuple[int, ...]
    bit: int
    kind: TriggerKind
    position_feed: PositionFeed | None
    symbol: str
    universe_slot: int | None


@dataclass(slots=True)
class _SymbolWatches:
    """All strategies that one symbol triggers. ``first`` are the slots of their first conditions, as one array;
    ``feeding`` are those that read their own position.
    """

    watches: list[_Watch]
    first: np.ndarray
    feeding: list[_Watch]


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
        runner: Runner = interpreted,
        keep_values: bool = False,
    ) -> None:
        weekdays = tuple(plan.texts.code(day) for day in WEEKDAYS)
        clocks = {name: Clock(calendar, weekdays) for name, calendar in calendars.items()}
        states = {
            symbol: SymbolState(
                instruments[symbol], Memory(p.program, runner), plan.texts, calendars[instruments[symbol].calendar]
            )
            for symbol, p in plan.symbols.items()
        }
        portfolio = Portfolio(cash)
        self.context = Context(
            plan, states, portfolio, clocks, {name: Windows(pack) for name, pack in plan.ruleset.packs.items()},
            {s: PortfolioFeed(state) for s, state in states.items()}, {},
            {s: OrderFeed(state) for s, state in states.items()}, keep_values,
        )  # fmt: skip
        self.notes: list[DataNote] = []
        self._clock_list = list(clocks.values())
        self._window_list = [(w, clocks.get(w.pack.calendar)) for w in self.context.windows.values() if w.pack.sessions]
        self._rank = {symbol: number for number, symbol in enumerate(states)}
        self._watches = {symbol: self._watch(p) for symbol, p in plan.symbols.items()}
        for symbol, p in plan.symbols.items():
            self._feeds_of(p)
            _set_constants(states[symbol], instruments[symbol], venue or VenueFacts(), plan)

    # -- set-up ------------------------------------------------------------------------------------------------------

    def _feeds_of(self, plan: SymbolPlan) -> None:
        """Feeds of the positions that this symbol can hold, for their exits."""
        state = self.context.states[plan.symbol]
        for strategy in plan.held_by:
            feed = PositionFeed(state, strategy.key)
            if feed.used:
                self.context.position_feeds[strategy.key, plan.symbol] = feed
                feed.write(None, 0)

    def _watch(self, plan: SymbolPlan) -> _SymbolWatches:
        state = self.context.states[plan.symbol]
        watches = []
        for strategy in sorted(plan.strategies, key=lambda s: s.priority):
            pack = self.context.plan.packs[strategy.key]
            feed = PositionFeed(state, strategy.key) if any(uses_position(t) for t in strategy.when) else None
            slots = tuple(plan.program.slot(t, strategy.key) for t in strategy.when)
            condition = strategy.universe_when
            watch = _Watch(
                strategy, slots, _trigger_bit(strategy, plan), strategy.trigger.kind, feed,
                execution_symbol(pack, strategy, plan.symbol),
                None if condition is None else plan.program.slot(condition, strategy.key),
            )  # fmt: skip
            watches.append(watch)
            if feed is not None:
                feed.write(None, 0)
        first = np.array([w.slots[0] for w in watches], dtype=np.int64)
        return _SymbolWatches(watches, first, [w for w in watches if w.position_feed is not None])

    # -- one tick ----------------------------------------------------------------------------------------------------

    def book(self, report: BrokerReport) -> list[str]:
        """Take in what the broker did; returns orders to cancel, because the position they belong to is gone."""
        context = self.context
        leftover: list[str] = []
        for held in context.portfolio.apply(report):
            key = (held.position.strategy, held.position.symbol)
            leftover += [*held.legs, *context.portfolio.started_entries(key)]
            if key in context.position_feeds:
                context.position_feeds[key].write(None, context.now_ns)
            context.states[key[1]].memory.reset(exit_segment(key[0]))
        return leftover

    def tick(self, tick: Tick) -> list[Decision]:
        """Decide one instant; the decisions in the order in which they were taken."""
        context = self.context
        context.now_ns = tick.time_ns
        context.decisions = []
        touched = self._apply(tick)
        self._move_clocks(tick.time_ns)
        if context.portfolio.held:
            touched = self._with_held(touched)
        for state in touched:
            self._compute(state)
        if self._window_list:
            self._move_windows()
        if context.portfolio.held:
            for held in list(context.portfolio.held.values()):
                run_exits(context, held, context.states[held.position.symbol])
        for state in touched:
            self._enter(state, tick)
            state.event = 0
        return context.decisions

    def _apply(self, tick: Tick) -> list[SymbolState]:
        """Apply all events; the symbols that they concern, in the plan's order."""
        states, touched = self.context.states, []
        now_ns = tick.time_ns
        for event in tick.events:
            state = states.get(event.symbol)
            if state is None:
                continue
            if isinstance(event, Bar):
                refused = state.apply_bar(event, now_ns)
                if refused:
                    self.notes.append(DataNote(now_ns, state.symbol, refused))
                    continue
                self._mark(state, event)
            elif isinstance(event, Quote):
                state.apply_quote(event)
            else:
                state.apply_observation(event)
            if state not in touched:
                touched.append(state)
        if not tick.events:
            touched = list(states.values())
        elif len(touched) > 1:
            touched.sort(key=lambda s: self._rank[s.symbol])
        return touched

    def _mark(self, state: SymbolState, bar: Bar) -> None:
        portfolio = self.context.portfolio
        if portfolio.held:
            portfolio.mark(bar.symbol, bar.close, bar.high, bar.low, True)
            portfolio.peak_equity = max(portfolio.peak_equity, portfolio.equity())

    def _with_held(self, touched: list[SymbolState]) -> list[SymbolState]:
        """Symbols that are held are looked at on every tick, because time passes for them too."""
        states = self.context.states
        missing = {symbol for _, symbol in self.context.portfolio.held if states[symbol] not in touched}
        if not missing:
            return touched
        both = [*touched, *(states[s] for s in missing)]
        return sorted(both, key=lambda s: self._rank[s.symbol])

    def _move_clocks(self, now_ns: int) -> None:
        new_day = False
        for clock in self._clock_list:
            new_day |= clock.move(now_ns)
        if new_day:
            self.context.portfolio.new_day()

    def _compute(self, state: SymbolState) -> None:
        """Bring one symbol's program up to date."""
        context = self.context
        if state.has_frames:
            state.flush_frames(context.now_ns)
        if state.clock_slots:
            state.set_clock(context.clocks[state.instrument.calendar].values)
        context.portfolio_feeds[state.symbol].write(context.portfolio)
        for watch in self._watches[state.symbol].feeding:
            assert watch.position_feed is not None
            watch.position_feed.write(context.portfolio.held.get((watch.strategy.key, watch.symbol)), context.now_ns)
            state.event |= Group.POSITION
        state.memory.compute_main(state.event)

    def _move_windows(self) -> None:
        """Open and close sessions; a change resets their counts and sets their parameters."""
        context = self.context
        for windows, clock in self._window_list:
            if clock is None or not windows.update(clock, clock.values[4] == 1.0):
                continue
            for key in [k for k in context.entries_in_window if k[0] == windows.pack.name]:
                del context.entries_in_window[key]
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

    def _enter(self, state: SymbolState, tick: Tick) -> None:
        """Strategies that this symbol triggers now and whose conditions are all true."""
        found = self._watches[state.symbol]
        v, event = state.v, state.event
        watches = found.watches
        if len(watches) > MANY_ROOTS:
            true = (v[found.first] == 1.0).nonzero()[0]
            if not len(true):
                return
            watches = [watches[i] for i in true]
        for watch in watches:
            if v[watch.slots[0]] != 1.0 or not self._triggered(watch, state, event, tick):
                continue
            if all(v[slot] == 1.0 for slot in watch.slots) and self._in_universe(watch, state):
                enter(self.context, watch.strategy, state)

    def _in_universe(self, watch: _Watch, state: SymbolState) -> bool:
        return watch.universe_slot is None or state.v[watch.universe_slot] == 1.0

    def _triggered(self, watch: _Watch, state: SymbolState, event: int, tick: Tick) -> bool:
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

    def _interval_passed(self, watch: _Watch, state: SymbolState) -> bool:
        """Whether a new interval of an ``every(60s)`` trigger began since the strategy last looked."""
        number = self.context.now_ns // (watch.strategy.trigger.seconds * 1_000_000_000)
        key = (watch.strategy.key, state.symbol)
        if self.context.last_interval.get(key) == number:
            return False
        self.context.last_interval[key] = number
        return True


def _trigger_bit(strategy: Strategy, plan: SymbolPlan) -> int:
    seconds = strategy.trigger.seconds
    if strategy.trigger.kind is not TriggerKind.BAR:
        return 0
    return int(Group.BAR) if seconds == BASE_SECONDS else plan.program.frame_bit(seconds)


def _set_constants(state: SymbolState, instrument: Instrument, venue: VenueFacts, plan: Plan) -> None:
    """Facts that stay the same for the whole run, and the nodes that depend on nothing else."""
    state.set_constant("symbol", plan.texts.code(instrument.symbol))
    state.set_constant("instrument.tick_size", float(instrument.tick_size))
    state.set_constant("instrument.lot_size", float(instrument.lot_size))
    state.set_constant("venue.fee_per_unit", venue.fee_per_unit)
    state.set_constant("venue.fee_minimum", venue.fee_minimum)
    state.set_constant("venue.slippage_ratio", venue.slippage_ratio)
    state.memory.compute_main(Group.START)
