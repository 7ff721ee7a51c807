"""Positions as the machine holds them: the exits and guards of each strategy in each symbol."""

from __future__ import annotations

from collections.abc import Mapping

from engine.language.terms import Term
from engine.language.types import Kind
from engine.plan.build import ORDER_OWNER
from engine.plan.columns import CannotCompile
from engine.plan.plan import exit_segment
from engine.research.columns.common import Common, Placed, place_of
from engine.research.columns.tables import Range
from engine.ruleset.rules import Exit, Guard, GuardEffect, Judged, TriggerKind, UnknownPolicy

MOST_EXITS = 62
_JUDGED = {Judged.ENTRIES: 0, Judged.EXITS: 1, Judged.ALL: 2}
_EFFECTS = {GuardEffect.BLOCK: 0, GuardEffect.CAP: 1, GuardEffect.HALT: 2, GuardEffect.FLATTEN: 3}
_UNTIL = {"tomorrow": 0, "session end": 1}


class Positions:
    """Records of exits, guards and positions, one of these for each strategy and symbol. ``state_base``: where each
    symbol's memory begins. Raises CannotCompile."""

    def __init__(self, common: Common, state_base: Mapping[str, int]) -> None:
        self._c, self._state_base = common, state_base
        self.guards, ranges = self._guard_rules()
        self.exits, self.held = self._holds(ranges)

    def _guard_rules(self) -> tuple[list[dict[str, float]], dict[tuple[str, str], Range]]:
        """Guards of each strategy and symbol that it may hold, in the order in which they judge."""
        rows: list[dict[str, float]] = []
        ranges: dict[tuple[str, str], Range] = {}
        for symbol, placed in self._c.placed.items():
            for strategy in placed.plan.held_by:
                begin = len(rows)
                rows += [self._guard(guard, placed) for guard in self._c.plan.guards[strategy.key]]
                ranges[strategy.key, symbol] = (begin, len(rows))
        return rows, ranges

    def _guard(self, guard: Guard, placed: Placed) -> dict[str, float]:
        action = guard.action
        require = self._c.lists.slots(placed.slot(t, ORDER_OWNER) for t in guard.require)
        until = 3 if action.halt_for is not None else _UNTIL.get(action.until, 2)
        return {
            "rule": self._c.rules.index(guard.key), "judged": _JUDGED[guard.judged], "effect": _EFFECTS[action.effect],
            "require_begin": require[0], "require_end": require[1], "cap": placed.slot(action.cap, ORDER_OWNER),
            "cap_is_money": int(action.cap is not None and action.cap.type.kind == Kind.MONEY),
            "halt_for": placed.slot(action.halt_for, ORDER_OWNER), "until": until,
            "flatten_all": int(action.flatten_all),
        }  # fmt: skip

    def _holds(
        self, guard_ranges: Mapping[tuple[str, str], Range]
    ) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
        """One record for each strategy and symbol, by strategy."""
        exits: list[dict[str, float]] = []
        held: list[dict[str, float]] = []
        every = {symbol: has_every(placed) for symbol, placed in self._c.placed.items()}
        for k, strategy in enumerate(self._c.plan.ruleset.strategies):
            for s, (symbol, placed) in enumerate(self._c.placed.items()):
                row: dict[str, float] = {"strategy": k, "symbol": s, "steady": int(not every[symbol])}
                held.append(row)
                if strategy not in placed.plan.held_by:
                    continue
                rules = self._c.plan.exits[strategy.key]
                if len(rules) > MOST_EXITS:
                    raise CannotCompile(f"{place_of(strategy)}: {strategy.key} has more than {MOST_EXITS} exits")
                begin = len(exits)
                exits += [self._exit(rule, strategy.key, placed) for rule in rules]
                facts, kept = self._c.position_slots(placed, strategy.key)
                segment = placed.segments.get(exit_segment(strategy.key), (0, 0))
                memory = self._memory(placed, exit_segment(strategy.key))
                guards = guard_ranges[strategy.key, symbol]
                row.update({
                    "exits_begin": begin, "exits_end": len(exits), "segment_begin": segment[0],
                    "segment_end": segment[1], "facts_begin": facts[0], "facts_end": facts[1],
                    "entries_begin": kept[0], "entries_end": kept[1], "memory_begin": memory[0],
                    "memory_end": memory[1], "guards_begin": guards[0], "guards_end": guards[1],
                    "steady": int(not rules and not every[symbol]),
                })  # fmt: skip
        return exits, held

    def _memory(self, placed: Placed, segment: str) -> Range:
        """Where the memory of a segment is, which a new position finds empty."""
        symbol, memories = placed.plan.symbol, placed.program.memories.get(segment, ())
        base = self._state_base[symbol]
        found = self._c.lists.add((base + offset, size) for offset, size in memories)
        number = self._c.names.index(symbol)
        self._c.origins.memory += [(found[0] + k, number, segment, k) for k in range(len(memories))]
        return found

    def _exit(self, rule: Exit, owner: str, placed: Placed) -> dict[str, float]:
        action = rule.action
        when = self._c.lists.slots(placed.slot(t, owner) for t in rule.when)

        def is_share(term: Term | None) -> int:
            return int(term is not None and term.type.kind is Kind.RATIO)

        return {
            "rule": self._c.rules.index(rule.key), "once": int(rule.once),
            "closes_unknown": int(rule.unknown is UnknownPolicy.CLOSE), "when_begin": when[0], "when_end": when[1],
            "close_all": int(action.close_all), "close": placed.slot(action.close, owner),
            "close_is_share": is_share(action.close), "limit": placed.slot(action.limit, owner),
            "within": placed.slot(action.within, owner), "fallback": int(action.fallback_market),
            "stop": placed.slot(action.stop, owner), "trail_by": placed.slot(action.trail_by, owner),
            "trail_is_share": is_share(action.trail_by), "trail_after": placed.slot(action.trail_after, owner),
        }  # fmt: skip


def has_every(placed: Placed) -> bool:
    """Whether a strategy looks at a symbol every so often."""
    return any(s.trigger.kind is TriggerKind.EVERY for s in placed.plan.strategies)
