"""Strategies as the machine watches them: their conditions, when they may be true, and their entries."""

from __future__ import annotations

import numpy as np

from engine.plan.columns import CannotCompile, is_live
from engine.plan.ops import BASE_SECONDS, Code, Group
from engine.plan.plan import execution_symbol, uses_position
from engine.plan.program import InputKey, Program
from engine.research.columns.common import Common, Placed, conjuncts, place_of
from engine.research.columns.machine.layout import NONE
from engine.research.columns.tables import Candidate
from engine.ruleset.rules import Entry, Strategy, TriggerKind

SIGNAL_BIT = 2
LAST_MARK = 60  # strategies of one symbol beyond that many share a bit
_KINDS = {TriggerKind.BAR: 0, TriggerKind.QUOTE: 1, TriggerKind.SIGNAL: 2, TriggerKind.EVERY: 3}


class Strategies:
    """Records of watches by symbol, most urgent first, and of entries; candidates. Raises CannotCompile."""

    def __init__(self, common: Common) -> None:
        self._c = common
        self.candidates: list[Candidate] = []
        self.entries: list[dict[str, float]] = []
        self.watches: dict[str, list[dict[str, float]]] = {}
        for symbol, placed in common.placed.items():
            ordered = sorted(placed.plan.strategies, key=lambda s: s.priority)
            self.watches[symbol] = [self._watch(s, symbol, placed) for s in ordered]

    def _watch(self, strategy: Strategy, symbol: str, placed: Placed) -> dict[str, float]:
        pack, key = self._c.plan.packs[strategy.key], strategy.key
        target = execution_symbol(pack, strategy, symbol)
        if target not in self._c.names:
            self._c.names.append(target)
        there = target in self._c.placed
        conditions = self._c.lists.slots(placed.slot(t, key) for t in strategy.when)
        feeding = any(uses_position(t) for t in strategy.when)
        facts, kept = self._c.position_slots(placed, key) if feeding else ((0, 0), (0, 0))
        k, t = self._c.strategies.index(key), self._c.names.index(target) if there else NONE
        bits = self._bits(strategy, placed.program)
        self._candidate(strategy, symbol, placed, bits)
        row: dict[str, float] = {
            "strategy": k, "kind": _KINDS[strategy.trigger.kind], "bits": bits, "seconds": strategy.trigger.seconds,
            "conditions_begin": conditions[0], "conditions_end": conditions[1],
            "universe": placed.slot(strategy.universe_when, key), "facts_begin": facts[0], "facts_end": facts[1],
            "entries_begin": kept[0], "entries_end": kept[1], "entry": len(self.entries),
            "held": k * len(self._c.placed) + t if there else NONE, "target": t, "ordered": self._c.names.index(target),
            "cooldown": placed.slot(strategy.cooldown_for(symbol), key),
            "pack": next(n for n, p in enumerate(self._c.packs) if p.name == strategy.pack), "feeding": int(feeding),
            "flat_only": int(there and self._flat_only(strategy, placed)), "mark": self._mark(strategy, placed),
            "symbol": self._c.names.index(symbol), "priority": strategy.priority,
        }  # fmt: skip
        self.entries.append(self._entry(strategy, strategy.entry_for(symbol), self._c.placed[target]) if there else {})
        return row

    def _bits(self, strategy: Strategy, program: Program) -> int:
        trigger = strategy.trigger
        if trigger.kind is TriggerKind.BAR:
            return Group.BAR if trigger.seconds == BASE_SECONDS else program.frame_bit(trigger.seconds)
        if trigger.kind is TriggerKind.SIGNAL:
            return SIGNAL_BIT << self._c.prefixes.index(trigger.signal)
        return 1 if trigger.kind is TriggerKind.QUOTE else 0

    def _candidate(self, strategy: Strategy, symbol: str, placed: Placed, bits: int) -> None:
        """The part of a strategy's conditions that can be told beforehand."""
        live = {slot for key, slot in placed.program.inputs.items() if is_live(key, self._c.plan.ruleset.facts)}
        slots = [placed.program.slot(t, strategy.key) for t in strategy.when]
        if strategy.universe_when is not None and strategy.trigger.kind is not TriggerKind.EVERY:
            slots.append(placed.program.slot(strategy.universe_when, strategy.key))
        parts = [part for slot in slots for part in conjuncts(slot, placed)]
        fixed = [s for s in parts if s not in live and (s not in placed.by_slot or placed.by_slot[s].fixed)]
        columns = self._c.graphs[symbol].column_of(placed.program, placed.nodes, fixed)
        on_bar = strategy.trigger.kind is TriggerKind.BAR
        self.candidates.append(Candidate(
            self._c.names.index(symbol), fixed, np.array([columns[s] for s in fixed], dtype=np.int64),
            bits if on_bar else 0, 0 if on_bar else bits, self._mark(strategy, placed),
        ))  # fmt: skip

    def _mark(self, strategy: Strategy, placed: Placed) -> int:
        return 1 << min(placed.plan.strategies.index(strategy), LAST_MARK)

    def _flat_only(self, strategy: Strategy, placed: Placed) -> bool:
        """Whether ``not position.open`` is one of a strategy's conditions."""
        opened = placed.program.inputs.get(InputKey("fact", "position.open", 0, strategy.key))
        parts = [p for t in strategy.when for p in conjuncts(placed.program.slot(t, strategy.key), placed)]
        nodes = [placed.by_slot[part] for part in parts if part in placed.by_slot]
        return any(node.op == Code.NOT and node.args == (opened,) for node in nodes)

    def _entry(self, strategy: Strategy, entry: Entry, target: Placed) -> dict[str, float]:
        key = strategy.key
        if any(uses_position(t) for t in entry.terms) and not self._is_fed(strategy, target):
            raise CannotCompile(
                f"{place_of(strategy)}: the entry of {strategy.key} reads a position that its conditions do not read"
            )
        captured = self._c.lists.slots(target.base + read for read, _ in target.program.captures.get(key, ()))
        return {
            "side": entry.side.sign, "amount": target.slot(entry.size, key), "limit": target.slot(entry.limit, key),
            "stop": target.slot(entry.stop, key), "within": target.slot(entry.within, key),
            "fallback": int(entry.fallback_market), "bracket_stop": target.slot(entry.bracket_stop, key),
            "bracket_target": target.slot(entry.bracket_target, key), "captures_begin": captured[0],
            "captures_end": captured[1],
        }  # fmt: skip

    def _is_fed(self, strategy: Strategy, target: Placed) -> bool:
        return strategy in target.plan.strategies and any(uses_position(t) for t in strategy.when)
