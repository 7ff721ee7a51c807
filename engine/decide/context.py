"""What entries and exits share during a tick: the plan, the symbols, the account, and the memory of the rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from engine.decide.actions import Decision, client_id
from engine.decide.clock import Clock
from engine.decide.feeds import OrderFeed, PortfolioFeed, PositionFeed
from engine.decide.portfolio import Held, Portfolio, PositionKey, pack_of
from engine.decide.sessions import Windows
from engine.decide.symbol import SymbolState
from engine.language.terms import Term
from engine.market.events import NANOS
from engine.market.inputs import FOREVER_NS, MANUAL, Requested
from engine.plan.plan import Plan
from engine.ruleset.linker import SHARED
from engine.ruleset.rules import Guard, GuardEffect


@dataclass(slots=True)
class Halt:
    """No entries until then, and why."""

    until_ns: int
    guard: str
    reason: str


@dataclass(slots=True)
class Context:
    """State of the rules between ticks, and the instant of this one."""

    plan: Plan
    states: Mapping[str, SymbolState]
    portfolio: Portfolio
    clocks: Mapping[str, Clock]
    windows: Mapping[str, Windows]
    portfolio_feeds: dict[str, PortfolioFeed]
    position_feeds: dict[PositionKey, PositionFeed]
    order_feeds: dict[str, OrderFeed]
    bring_up_to_date: Callable[[str], None]  # a symbol that nothing happened to at this tick
    keep_values: bool = False
    now_ns: int = 0
    cooling: dict[PositionKey, int] = field(default_factory=dict)  # (strategy, trigger symbol) -> until
    last_interval: dict[PositionKey, int] = field(default_factory=dict)
    entries_in_window: dict[tuple[str, str], int] = field(default_factory=dict)  # (session, symbol)
    exit_slots: dict[tuple[str, str, str], tuple[int, ...]] = field(default_factory=dict)
    pinned: dict[str, list[tuple[int, float]]] = field(default_factory=dict)  # slots that a rule test holds fixed
    halts: dict[str, Halt] = field(default_factory=dict)  # by guards, by the pack whose entries they stop
    stopped: Halt | None = None  # by a person
    decisions: list[Decision] = field(default_factory=list)
    requests: list[Requested] = field(default_factory=list)  # what people ask for, to be answered at the next tick

    def value(self, state: SymbolState, term: Term, owner: str) -> float:
        """The value of a term as of this tick; NaN when unknown."""
        return float(state.v[state.memory.program.slot(term, owner)])

    def count_entry(self, pack: str, symbol: str) -> None:
        """An entry counts in every window of its pack that is open."""
        for session in self.windows[pack].open:
            key = (session.key, symbol)
            self.entries_in_window[key] = self.entries_in_window.get(key, 0) + 1

    def counts_for(self, pack: str, strategy: str, symbol: str) -> bool:
        """Whether a position or an order of a strategy is a pack's. What a person orders of a symbol is that of every
        pack that can hold it, as it counts as an entry of each."""
        if strategy == MANUAL:
            return any(s.pack == pack for s in self.plan.symbols[symbol].held_by)
        return pack_of(strategy) == pack

    def order_id(self, rule: str, symbol: str, leg: str) -> str:
        """A client order id that the same decision will always get."""
        return client_id(self.plan.ruleset.sha256, rule, symbol, self.now_ns, leg)

    def note(self, decision: Decision, state: SymbolState) -> None:
        """Record a decision of this tick."""
        if self.keep_values:
            decision.values = state.v.copy()
        self.decisions.append(decision)

    def carry_out(self, guard: Guard, state: SymbolState) -> list[Held]:
        """Start the halt that a guard asks for; returns the positions that it wants closed.

        Both reach as far as the guard does: one of a pack concerns that pack, one of the shared pack all.
        """
        action = guard.action
        if action.effect is GuardEffect.HALT:
            self.put_in_force(Halt(self._until(guard, state), guard.key, action.reason))
            return []
        reach = self._reach(guard.key)
        return [
            held for (strategy, symbol), held in self.portfolio.held.items()
            if (SHARED in reach or pack_of(strategy) in reach) and (action.flatten_all or symbol == state.symbol)
        ]  # fmt: skip

    def put_in_force(self, halt: Halt) -> None:
        """A guard's halt begins, or goes on after a restart."""
        for pack in self._reach(halt.guard):
            self.halts[pack] = halt

    def _reach(self, key: str) -> set[str]:
        """The packs whose entries and positions a guard answers for. One that is there no more answers for all."""
        guards = self.plan.ruleset.packs.get(pack_of(key))
        guard = next((g for g in guards.guards if g.key == key), None) if guards is not None else None
        return {SHARED} if guard is None else {guard.pack, *map(pack_of, guard.strategies)}

    def _until(self, guard: Guard, state: SymbolState) -> int:
        action = guard.action
        clock = self.clocks[state.instrument.calendar]
        if action.halt_for is not None:
            seconds = self.value(state, action.halt_for, "#order")
            return self.now_ns + int(seconds * NANOS)
        if action.until == "tomorrow":
            return clock.day_end_ns
        if action.until == "session end":
            return clock.session_end_ns(self.now_ns)
        return FOREVER_NS

    def halted(self, pack: str | None = None) -> Halt | None:
        """The halt in force for entries of a pack, if any: a person's first, then the pack's own, then a shared one.

        Without a pack, one that is in force for any.
        """
        if pack is None:
            return next(iter(self.all_halts()), None)
        return self.stopped or self._in_force(pack) or self._in_force(SHARED)

    def all_halts(self) -> list[Halt]:
        """Every halt in force, a person's first."""
        found = (self.stopped, *(self._in_force(pack) for pack in sorted(self.halts)))
        return list({id(halt): halt for halt in found if halt is not None}.values())

    def _in_force(self, pack: str) -> Halt | None:
        halt = self.halts.get(pack)
        if halt is not None and self.now_ns >= halt.until_ns:
            del self.halts[pack]
            return None
        return halt

