"""One parameter set's rules as the tables that the compiled machine works on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from engine.decide.clock import NAMES as CLOCK_FACTS
from engine.decide.sessions import Windows
from engine.decide.tick import VenueFacts
from engine.language.terms import Op, Term, walk
from engine.language.types import Kind
from engine.market.instrument import Instrument, InstrumentKind
from engine.market.orders import Side
from engine.plan.arrays import Codes, Floats, Ints
from engine.plan.build import GUARD, ORDER_OWNER, Texts
from engine.plan.columns import LIVE_SCOPES, CannotCompile, ColumnGraph, Node, is_live, nodes_of, without_memory
from engine.plan.ops import BASE_SECONDS, Code, Group
from engine.plan.plan import Plan, SymbolPlan, execution_symbol, exit_segment, rule_terms, uses_position
from engine.plan.program import InputKey, Program
from engine.research.columns.calendar_days import TickTimes
from engine.research.columns.machine import layout
from engine.research.columns.machine.layout import NONE
from engine.research.columns.terms import FillTerms
from engine.ruleset.linker import SHARED
from engine.ruleset.rules import Entry, Exit, Guard, GuardEffect, Judged, Rule, Strategy, TriggerKind, UnknownPolicy

POSITION_FACTS = tuple(
    f"position.{name}"
    for name in ("open", "quantity", "is_long", "entry", "gain", "gain_ratio", "profit", "age", "bars", "high", "low",
                 "stop", "target")
)  # fmt: skip
ACCOUNT_FACTS = (
    "positions.count", "positions.in_symbol", "orders.open", "orders.open_in_symbol", "entries.today",
    "entries.in_symbol_today", "account.cash", "account.equity", "pnl.today", "pnl.realized_today", "pnl.total",
    "pnl.drawdown", "entries.cost_today", "exposure.total", "exposure.in_symbol", "exposure.in_event",
)  # fmt: skip
ORDER_FACTS = ("order.symbol", "order.strategy", "order.side", "order.quantity", "order.price", "order.notional",
               "order.cost", "order.risk")  # fmt: skip
SIGNAL_BIT = 2
MOST_EXITS = 62
LARGEST_RATE = 1_000_000
LAST_MARK = 60  # strategies of one symbol beyond that many share a bit
NANO = Decimal("1e-9")
_KINDS = {TriggerKind.BAR: 0, TriggerKind.QUOTE: 1, TriggerKind.SIGNAL: 2, TriggerKind.EVERY: 3}
_JUDGED = {Judged.ENTRIES: 0, Judged.EXITS: 1, Judged.ALL: 2}
_EFFECTS = {GuardEffect.BLOCK: 0, GuardEffect.CAP: 1, GuardEffect.HALT: 2, GuardEffect.FLATTEN: 3}
_UNTIL = {"tomorrow": 0, "session end": 1}
Range = tuple[int, int]  # of rows in `lists`
Records = np.ndarray[tuple[int, ...], np.dtype[np.void]]


@dataclass(slots=True)
class Candidate:
    """When a strategy may want to enter: all ``columns`` true, and one of the groups or signals moved.
    ``mark``: its bit among those of its symbol."""

    symbol: int
    columns: Ints
    groups: int
    signals: int
    mark: int


@dataclass(slots=True)
class Tables:
    """What the machine reads and does not change, and the values that it starts with."""

    symbols: Records
    watches: Records
    entries: Records
    exits: Records
    guards: Records
    held: Records
    bands: Records
    packs: Records
    lists: Ints
    v: Floats
    state_size: int
    stretches: Codes
    code: Codes
    pool: Ints
    settings: Floats
    candidates: list[Candidate]
    names: list[str]  # of symbols: the plan's, then those that are ordered but have no data
    rules: list[str]  # keys, by number: strategies, exits, guards
    strategies: list[str]
    captures: int
    offsets: dict[str, int]  # where in `lists`: setting_packs, strategy_codes, side_codes
    reads_realised: bool


def rows_of(dtype: np.dtype[np.void], rows: Sequence[Mapping[str, float]]) -> Records:
    """Records from mappings; a field that is not named is 0. There is always one record, so that none is empty."""
    found: Records = np.zeros(max(len(rows), 1), dtype=dtype)
    for number, row in enumerate(rows):
        for name, value in row.items():
            found[number][name] = value
    return found


class _Lists:
    """Pairs of numbers; records say from where to where theirs stand."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int]] = []

    def add(self, pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
        begin = len(self.rows)
        self.rows.extend(pairs)
        return begin, len(self.rows)

    def slots(self, slots: Iterable[int]) -> tuple[int, int]:
        return self.add((slot, 0) for slot in slots)


@dataclass(slots=True)
class _Placed:
    """One symbol's program and where it stands in the common tables."""

    plan: SymbolPlan
    base: int  # of its slots
    nodes: list[Node]
    by_slot: dict[int, Node]
    late: tuple[int, int] = (0, 0)
    guard: tuple[int, int] = (0, 0)
    segments: dict[str, tuple[int, int]] = None  # type: ignore[assignment]

    @property
    def program(self) -> Program:
        return self.plan.program

    def slot(self, term: Term | None, owner: str) -> int:
        return NONE if term is None else self.base + self.program.slot(term, owner)


class Tabulate:
    """Makes the tables of one plan. ``graphs``: of each symbol's columns, which grow with what this plan needs;
    ``quoted``: symbols with quotes in the data. Raises CannotCompile.
    """

    def __init__(
        self, plan: Plan, instruments: Mapping[str, Instrument],
        graphs: Mapping[str, ColumnGraph], times: TickTimes, unit: int, prefixes: Sequence[str], venue: VenueFacts,
        quoted: frozenset[str], terms: FillTerms,
    ) -> None:  # fmt: skip
        self._plan, self._instruments, self._graphs, self._times, self._unit = plan, instruments, graphs, times, unit
        self._prefixes, self._venue, self._quoted = prefixes, venue, quoted
        self._terms = terms
        self._lists = _Lists()
        self._names = list(plan.symbols)
        self._strategies = [s.key for s in plan.ruleset.strategies]
        rules = plan.ruleset.rules
        self._exits = [r for r in rules if isinstance(r, Exit)]
        self._guards = [r for r in rules if isinstance(r, Guard)]
        self._rules = [*self._strategies, *(r.key for r in self._exits), *(g.key for g in self._guards)]
        self._packs = list(plan.ruleset.packs.values())
        self._rows: list[list[int]] = []
        self._code: list[list[int]] = []
        self._pool: list[int] = []
        self._state = 0
        self._state_base: dict[str, int] = {}
        self._v: list[Floats] = []
        self._placed: dict[str, _Placed] = {}
        self._candidates: list[Candidate] = []
        self._loads: dict[str, set[int]] = {}
        self._settings: dict[tuple[str, str, float], int] = {}

    def make(self) -> Tables:
        self._known_facts()
        self._one_side_each()
        self._one_account()
        for symbol, plan in self._plan.symbols.items():
            self._place(symbol, plan)
        watches, entries = self._watches()
        guards, guard_ranges = self._guard_rules()
        exits, held = self._holds(guard_ranges)
        symbols = self._symbols(watches)
        offsets = {
            "setting_packs": self._lists.add(self._setting_packs())[0],
            "strategy_codes": self._lists.add((int(self._plan.texts.code(k)), 0) for k in self._strategies)[0],
            "by_name": self._lists.add((k, 0) for k in sorted(range(len(self._strategies)), key=self._by_name))[0],
            "side_codes": self._lists.add((int(self._plan.texts.code(s.value)), 0) for s in (Side.BUY, Side.SELL))[0],
        }
        flat = [w for of_symbol in watches.values() for w in of_symbol]
        bands = self._bands(symbols)
        return Tables(
            rows_of(layout.SYMBOL, symbols), rows_of(layout.WATCH, flat), rows_of(layout.ENTRY_RULE, entries),
            rows_of(layout.EXIT_RULE, exits), rows_of(layout.GUARD_RULE, guards), rows_of(layout.HELD, held),
            rows_of(layout.BAND, bands), rows_of(layout.PACK, self._pack_rows()),
            np.array(self._lists.rows or [(0, 0)], dtype=np.int64), np.concatenate(self._v), max(self._state, 1),
            np.array(self._rows, dtype=np.int64).reshape(-1, 4), np.array(self._code, dtype=np.int64).reshape(-1, 6),
            np.array(self._pool or [0], dtype=np.int64), self._setting_values(), self._candidates, self._names,
            self._rules, self._strategies, self._most_captures(), offsets,
            any(k.name == "pnl.realized_today" for p in self._placed.values() for k in p.program.inputs),
        )  # fmt: skip

    def _one_account(self) -> None:
        """The machine counts for the account as a whole: no pack has a sum or a halt of its own in it."""
        for pack in self._packs:
            if pack.budget is not None:
                where = "" if pack.document is None else f"{pack.document.span.file}:{pack.document.span.line}: "
                raise CannotCompile(f"{where}the pack {pack.name} has a budget for all its positions together")
        if sum(bool(pack.strategies) for pack in self._packs) < 2:
            return
        for guard in self._guards:
            if guard.pack != SHARED and guard.action.effect in (GuardEffect.HALT, GuardEffect.FLATTEN):
                raise CannotCompile(f"{place_of(guard)}: {guard.key} stops one of several packs")

    def _by_name(self, number: int) -> str:
        return self._strategies[number]

    def _known_facts(self) -> None:
        """Facts that the machine publishes; any other that moves with the run would stay unknown for ever."""
        known = {*POSITION_FACTS, *ACCOUNT_FACTS, *ORDER_FACTS}
        for rule in self._plan.ruleset.rules:
            for term in rule_terms(rule):
                for part in walk(term):
                    spec = self._plan.ruleset.facts.get(part.name) if part.op is Op.FACT else None
                    if spec is not None and spec.scope in LIVE_SCOPES and part.name not in known:
                        span = part.span()
                        raise CannotCompile(f"{span.file}:{span.line}: {rule.key} reads `{part.name}`")

    def _one_side_each(self) -> None:
        for strategy in self._plan.ruleset.strategies:
            entries = [strategy.entry, *(o.entry for o in strategy.overrides.values() if o.entry is not None)]
            if len({entry.side for entry in entries}) > 1:
                raise CannotCompile(f"{place_of(strategy)}: {strategy.key} buys one symbol and sells another")

    # -- programs --------------------------------------------------------------------------------------------------

    def _place(self, symbol: str, plan: SymbolPlan) -> None:
        """Put one symbol's nodes into the common tables: what is read at an instant, exits, guards."""
        program, facts = plan.program, self._plan.ruleset.facts
        nodes = nodes_of(program, facts)
        base = sum(len(v) for v in self._v)
        placed = _Placed(plan, base, nodes, {node.slot: node for node in nodes}, segments={})
        self._placed[symbol] = placed
        self._state_base[symbol] = self._state
        self._v.append(self._initial(symbol, program))
        late, leaves = without_memory(nodes, self._asked(plan))
        local: list[Node] = []
        for name, segment in program.segments.items():
            if name != "main":
                begin = len(self._rows)
                self._append(program, range(segment.begin, segment.end), base)
                placed.segments[name] = (begin, len(self._rows))
                local += nodes_of(program, facts, name)
        outer = {arg for node in local for arg in node.args}
        more, further = without_memory(nodes, outer - {node.slot for node in local})
        known = {node.slot for node in late}
        late = [node for node in nodes if node.slot in known or node in more]
        placed.late = self._append_nodes(program, late, base)
        self._loads[symbol] = (leaves | further) - {node.slot for node in local}
        self._state += program.state_size

    def _asked(self, plan: SymbolPlan) -> set[int]:
        """Slots of all terms that anything asks for."""
        program, asked = plan.program, set()
        rules: list[tuple[object, str]] = [(s, s.key) for s in (*plan.strategies, *plan.held_by)]
        for strategy in plan.held_by:
            rules += [(rule, strategy.key) for rule in self._plan.exits[strategy.key]]
            rules += [(guard, ORDER_OWNER) for guard in self._plan.guards[strategy.key]]
        for rule, owner in rules:
            for term in rule_terms(rule):
                slot = program.slots.get((id(term), owner))
                if slot is not None:
                    asked.add(slot)
        asked.update(read for pairs in program.captures.values() for read, _ in pairs)
        return asked

    def _initial(self, symbol: str, program: Program) -> Floats:
        v = program.initial.copy()
        constants = constants_of(self._instruments[symbol], self._venue, self._plan.texts)
        for key, slot in program.inputs.items():
            if key.what == "fact" and key.seconds == 0 and key.name in constants:
                v[slot] = constants[key.name]
            if key.what == "fact" and key.name in ("position.open", "position.quantity"):
                v[slot] = 0.0
        return v

    def _append(self, program: Program, rows: Iterable[int], base: int) -> None:
        """Copy stretches as they are, with their slots and memory moved to where they now stand."""
        for row in rows:
            op, first, last, depends = program.stretches[row].tolist()
            begin = len(self._code)
            for at in range(first, last):
                self._append_code(program, at, base)
            self._rows.append([op, begin, len(self._code), -1 if depends else 0])

    def _append_code(self, program: Program, at: int, base: int) -> None:
        slot, a, b, begin, count, state = program.code[at].tolist()
        self._code.append([base + slot, base + a, base + b, len(self._pool), count, self._state + state])
        self._pool.extend(base + arg for arg in program.pool[begin : begin + count].tolist())

    def _append_nodes(self, program: Program, nodes: list[Node], base: int) -> tuple[int, int]:
        """Stretches of some nodes of the main segment, in their order."""
        at = {slot: row for row, slot in enumerate(program.code[:, 0].tolist())}
        begin, previous = len(self._rows), NONE
        for node in nodes:
            if node.op != previous:
                self._rows.append([node.op, len(self._code), len(self._code), -1])
                previous = node.op
            self._append_code(program, at[node.slot], base)
            self._rows[-1][2] = len(self._code)
        return begin, len(self._rows)

    # -- strategies ------------------------------------------------------------------------------------------------

    def _watches(self) -> tuple[dict[str, list[dict[str, float]]], list[dict[str, float]]]:
        entries: list[dict[str, float]] = []
        found: dict[str, list[dict[str, float]]] = {}
        for symbol, placed in self._placed.items():
            ordered = sorted(placed.plan.strategies, key=lambda s: s.priority)
            found[symbol] = [self._watch(s, symbol, placed, entries) for s in ordered]
        return found, entries

    def _watch(
        self, strategy: Strategy, symbol: str, placed: _Placed, entries: list[dict[str, float]]
    ) -> dict[str, float]:
        pack, key = self._plan.packs[strategy.key], strategy.key
        target = execution_symbol(pack, strategy, symbol)
        if target not in self._names:
            self._names.append(target)
        there = target in self._placed
        conditions = self._lists.slots(placed.slot(t, key) for t in strategy.when)
        feeding = any(uses_position(t) for t in strategy.when)
        facts, kept = self._position_slots(placed, key) if feeding else ((0, 0), (0, 0))
        k, t = self._strategies.index(key), self._names.index(target) if there else NONE
        bits = self._bits(strategy, placed.program)
        self._candidate(strategy, symbol, placed, bits)
        row: dict[str, float] = {
            "strategy": k, "kind": _KINDS[strategy.trigger.kind], "bits": bits, "seconds": strategy.trigger.seconds,
            "conditions_begin": conditions[0], "conditions_end": conditions[1],
            "universe": placed.slot(strategy.universe_when, key), "facts_begin": facts[0], "facts_end": facts[1],
            "entries_begin": kept[0], "entries_end": kept[1], "entry": len(entries),
            "held": k * len(self._placed) + t if there else NONE, "target": t, "ordered": self._names.index(target),
            "cooldown": placed.slot(strategy.cooldown_for(symbol), key),
            "pack": next(n for n, p in enumerate(self._packs) if p.name == strategy.pack), "feeding": int(feeding),
            "flat_only": int(there and self._flat_only(strategy, placed)), "mark": self._mark(strategy, placed),
        }  # fmt: skip
        entries.append(self._entry(strategy, strategy.entry_for(symbol), self._placed[target]) if there else {})
        return row

    def _position_slots(self, placed: _Placed, owner: str) -> tuple[tuple[int, int], tuple[int, int]]:
        """Where the facts of a strategy's position go, and the values kept from its entry."""
        inputs = placed.program.inputs
        facts = self._lists.add(
            (placed.base + slot, POSITION_FACTS.index(key.name))
            for key, slot in inputs.items()
            if key.what == "fact" and key.owner == owner and key.name in POSITION_FACTS
        )
        kept = [slot for key, slot in sorted(inputs.items()) if key.what == "entry" and key.owner == owner]
        return facts, self._lists.add((placed.base + slot, number) for number, slot in enumerate(kept))

    def _bits(self, strategy: Strategy, program: Program) -> int:
        trigger = strategy.trigger
        if trigger.kind is TriggerKind.BAR:
            return Group.BAR if trigger.seconds == BASE_SECONDS else program.frame_bit(trigger.seconds)
        if trigger.kind is TriggerKind.SIGNAL:
            return SIGNAL_BIT << self._prefixes.index(trigger.signal)
        return 1 if trigger.kind is TriggerKind.QUOTE else 0

    def _candidate(self, strategy: Strategy, symbol: str, placed: _Placed, bits: int) -> None:
        """The part of a strategy's conditions that can be told beforehand."""
        live = {slot for key, slot in placed.program.inputs.items() if is_live(key, self._plan.ruleset.facts)}
        slots = [placed.program.slot(t, strategy.key) for t in strategy.when]
        if strategy.universe_when is not None and strategy.trigger.kind is not TriggerKind.EVERY:
            slots.append(placed.program.slot(strategy.universe_when, strategy.key))
        parts = [part for slot in slots for part in self._conjuncts(slot, placed)]
        fixed = [s for s in parts if s not in live and (s not in placed.by_slot or placed.by_slot[s].fixed)]
        columns = self._graphs[symbol].column_of(placed.program, placed.nodes, fixed)
        on_bar = strategy.trigger.kind is TriggerKind.BAR
        self._candidates.append(Candidate(
            self._names.index(symbol), np.array([columns[s] for s in fixed], dtype=np.int64), bits if on_bar else 0,
            0 if on_bar else bits, self._mark(strategy, placed),
        ))  # fmt: skip

    def _mark(self, strategy: Strategy, placed: _Placed) -> int:
        return 1 << min(placed.plan.strategies.index(strategy), LAST_MARK)

    def _flat_only(self, strategy: Strategy, placed: _Placed) -> bool:
        """Whether ``not position.open`` is one of a strategy's conditions."""
        opened = placed.program.inputs.get(InputKey("fact", "position.open", 0, strategy.key))
        parts = [p for t in strategy.when for p in self._conjuncts(placed.program.slot(t, strategy.key), placed)]
        nodes = [placed.by_slot[part] for part in parts if part in placed.by_slot]
        return any(node.op == Code.NOT and node.args == (opened,) for node in nodes)

    def _conjuncts(self, slot: int, placed: _Placed) -> list[int]:
        """The parts of a condition that must each be true."""
        node = placed.by_slot.get(slot)
        if node is None or node.op != Code.AND:
            return [slot]
        return [part for arg in node.args for part in self._conjuncts(arg, placed)]

    def _entry(self, strategy: Strategy, entry: Entry, target: _Placed) -> dict[str, float]:
        key = strategy.key
        if any(uses_position(t) for t in entry.terms) and not self._is_fed(strategy, target):
            raise CannotCompile(
                f"{place_of(strategy)}: the entry of {strategy.key} reads a position that its conditions do not read"
            )
        captured = self._lists.slots(target.base + read for read, _ in target.program.captures.get(key, ()))
        return {
            "side": entry.side.sign, "amount": target.slot(entry.size, key), "limit": target.slot(entry.limit, key),
            "stop": target.slot(entry.stop, key), "within": target.slot(entry.within, key),
            "fallback": int(entry.fallback_market), "bracket_stop": target.slot(entry.bracket_stop, key),
            "bracket_target": target.slot(entry.bracket_target, key), "captures_begin": captured[0],
            "captures_end": captured[1],
        }  # fmt: skip

    def _is_fed(self, strategy: Strategy, target: _Placed) -> bool:
        return strategy in target.plan.strategies and any(uses_position(t) for t in strategy.when)

    def _most_captures(self) -> int:
        return max((len(c) for p in self._placed.values() for c in p.program.captures.values()), default=1) or 1

    # -- guards, exits, positions ----------------------------------------------------------------------------------

    def _guard_rules(self) -> tuple[list[dict[str, float]], dict[tuple[str, str], tuple[int, int]]]:
        """Guards of each strategy and symbol that it may hold, in the order in which they judge."""
        rows: list[dict[str, float]] = []
        ranges: dict[tuple[str, str], tuple[int, int]] = {}
        for symbol, placed in self._placed.items():
            for strategy in placed.plan.held_by:
                begin = len(rows)
                rows += [self._guard(guard, placed) for guard in self._plan.guards[strategy.key]]
                ranges[strategy.key, symbol] = (begin, len(rows))
        return rows, ranges

    def _guard(self, guard: Guard, placed: _Placed) -> dict[str, float]:
        action = guard.action
        require = self._lists.slots(placed.slot(t, ORDER_OWNER) for t in guard.require)
        until = 3 if action.halt_for is not None else _UNTIL.get(action.until, 2)
        return {
            "rule": self._rules.index(guard.key), "judged": _JUDGED[guard.judged], "effect": _EFFECTS[action.effect],
            "require_begin": require[0], "require_end": require[1], "cap": placed.slot(action.cap, ORDER_OWNER),
            "cap_is_money": int(action.cap is not None and action.cap.type.kind == Kind.MONEY),
            "halt_for": placed.slot(action.halt_for, ORDER_OWNER), "until": until,
            "flatten_all": int(action.flatten_all),
        }  # fmt: skip

    def _holds(
        self, guard_ranges: Mapping[tuple[str, str], tuple[int, int]]
    ) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
        """One record for each strategy and symbol, by strategy."""
        exits: list[dict[str, float]] = []
        held: list[dict[str, float]] = []
        every = {symbol: self._has_every(placed) for symbol, placed in self._placed.items()}
        for k, strategy in enumerate(self._plan.ruleset.strategies):
            for s, (symbol, placed) in enumerate(self._placed.items()):
                row: dict[str, float] = {"strategy": k, "symbol": s, "steady": int(not every[symbol])}
                held.append(row)
                if strategy not in placed.plan.held_by:
                    continue
                rules = self._plan.exits[strategy.key]
                if len(rules) > MOST_EXITS:
                    raise CannotCompile(f"{place_of(strategy)}: {strategy.key} has more than {MOST_EXITS} exits")
                begin = len(exits)
                exits += [self._exit(rule, strategy.key, placed) for rule in rules]
                facts, kept = self._position_slots(placed, strategy.key)
                segment = placed.segments.get(exit_segment(strategy.key), (0, 0))
                memory = self._lists.add(self._memory(placed, exit_segment(strategy.key)))
                guards = guard_ranges[strategy.key, symbol]
                row.update({
                    "exits_begin": begin, "exits_end": len(exits), "segment_begin": segment[0],
                    "segment_end": segment[1], "facts_begin": facts[0], "facts_end": facts[1],
                    "entries_begin": kept[0], "entries_end": kept[1], "memory_begin": memory[0],
                    "memory_end": memory[1], "guards_begin": guards[0], "guards_end": guards[1],
                    "steady": int(not rules and not every[symbol]),
                })  # fmt: skip
        return exits, held

    def _memory(self, placed: _Placed, segment: str) -> list[tuple[int, int]]:
        base = self._state_base[placed.plan.symbol]
        return [(base + offset, size) for offset, size in placed.program.memories.get(segment, ())]

    def _has_every(self, placed: _Placed) -> bool:
        return any(s.trigger.kind is TriggerKind.EVERY for s in placed.plan.strategies)

    def _exit(self, rule: Exit, owner: str, placed: _Placed) -> dict[str, float]:
        action = rule.action
        when = self._lists.slots(placed.slot(t, owner) for t in rule.when)

        def is_share(term: Term | None) -> int:
            return int(term is not None and term.type.kind is Kind.RATIO)

        return {
            "rule": self._rules.index(rule.key), "once": int(rule.once),
            "closes_unknown": int(rule.unknown is UnknownPolicy.CLOSE), "when_begin": when[0], "when_end": when[1],
            "close_all": int(action.close_all), "close": placed.slot(action.close, owner),
            "close_is_share": is_share(action.close), "limit": placed.slot(action.limit, owner),
            "within": placed.slot(action.within, owner), "fallback": int(action.fallback_market),
            "stop": placed.slot(action.stop, owner), "trail_by": placed.slot(action.trail_by, owner),
            "trail_is_share": is_share(action.trail_by), "trail_after": placed.slot(action.trail_after, owner),
        }  # fmt: skip

    # -- symbols ---------------------------------------------------------------------------------------------------

    def _symbols(self, watches: Mapping[str, list[dict[str, float]]]) -> list[dict[str, float]]:
        rows, at = [], 0
        for symbol, placed in self._placed.items():
            instrument, watched = self._instruments[symbol], len(watches[symbol])
            loads, clock, moved, account, remembers = self._inputs(symbol, placed)
            order = self._order_slots(placed, symbol)
            facts, _ = self._position_slots(placed, ORDER_OWNER)
            guard = placed.segments.get(GUARD, (0, 0))
            rows.append({
                "tradable": int(instrument.tradable), "calendar": self._times.calendars.index(instrument.calendar),
                "lot": whole(instrument.lot_size * self._unit), "tick": whole(instrument.tick_size / NANO),
                **self._contract(instrument), "tick_size": float(instrument.tick_size),
                "late_begin": placed.late[0], "late_end": placed.late[1],
                "guard_begin": guard[0], "guard_end": guard[1], "loads_begin": loads[0], "loads_end": loads[1],
                "clock_begin": clock[0], "clock_end": clock[1], "moved_begin": moved[0], "moved_end": moved[1],
                "account_begin": account[0], "account_end": account[1], "facts_begin": facts[0],
                "facts_end": facts[1], "watches_begin": at, "watches_end": at + watched, "order_begin": order,
                "head": NONE, "tail": NONE, "computed": NONE, "synced": NONE, "barred": NONE, "remembers": remembers,
                "every": int(self._has_every(placed)),
                **dict.fromkeys(("last", "bid", "ask", "close", "quote_bid", "quote_ask"), math.nan),
                **self._market_columns(symbol),
            })  # fmt: skip
            at += watched
        return rows

    def _contract(self, instrument: Instrument) -> dict[str, float]:
        """Its kind, its event, what takers pay, and the bounds of its prices."""
        events = [i.event or symbol for symbol, i in self._instruments.items()]
        binary = instrument.kind is InstrumentKind.BINARY
        rate, scale = self._terms.rate(instrument.symbol).as_integer_ratio() if binary else (0, 1)
        if max(abs(rate), scale) > LARGEST_RATE:
            raise CannotCompile(f"the fee rate {rate / scale} of {instrument.symbol} has too many decimals")
        bounds = {"lowest": instrument.lowest, "highest": instrument.highest}
        return {
            "binary": int(binary), "event": events.index(instrument.event or instrument.symbol), "rate": rate,
            "rate_scale": scale,
            **{name: NONE if price is None else whole(price * 10_000) for name, price in bounds.items()},
        }  # fmt: skip

    def _market_columns(self, symbol: str) -> dict[str, float]:
        """Columns that say where the market stood, whether a rule reads them or not."""
        graph = self._graphs[symbol]
        names = ("last", "close", *(("bid", "ask") if symbol in self._quoted else ()))
        found: dict[str, float] = {f"{name}_column": NONE for name in ("bid", "ask")}
        return found | {f"{name}_column": graph.input("market", name) for name in names}

    def _inputs(self, symbol: str, placed: _Placed) -> tuple[Range, Range, Range, Range, int]:
        """Where each input of what is read at an instant comes from."""
        program, facts = placed.program, self._plan.ruleset.facts
        keys = {slot: key for key, slot in program.inputs.items()}
        loads, clock, moved, account = [], [], [], []
        remembers = 0
        stored = []
        for slot in sorted(self._loads[symbol]):
            key = keys.get(slot)
            node = placed.by_slot.get(slot)
            if node is not None:
                stored.append(slot)
                remembers |= int(bool(node.depends & Group.CLOCK))
            elif key is None or (is_live(key, facts) and key.name not in ACCOUNT_FACTS):
                continue
            elif key.name in CLOCK_FACTS and key.what == "fact":
                clock.append((placed.base + slot, CLOCK_FACTS.index(key.name)))
            elif key.what == "parameter":
                moved.append((placed.base + slot, self._setting(key.name, float(program.initial[slot]))))
            elif key.name in ACCOUNT_FACTS:
                account.append((placed.base + slot, ACCOUNT_FACTS.index(key.name)))
            elif key.what in ("fact", "time"):
                stored.append(slot)
        columns = self._graphs[symbol].column_of(program, placed.nodes, stored)
        loads = [(placed.base + slot, columns[slot]) for slot in stored]
        add = self._lists.add
        return add(loads), add(clock), add(moved), add(account), remembers

    def _setting(self, name: str, initial: float) -> int:
        pack = next(n for n, p in enumerate(self._packs) if any(name in s.settings for s in p.sessions))
        return self._settings.setdefault((str(pack), name, initial), len(self._settings))

    def _setting_packs(self) -> list[tuple[int, int]]:
        return [(int(pack), 0) for pack, _, _ in self._settings]

    def _setting_values(self) -> Floats:
        combos = self._times.combos
        values = np.zeros((max(len(combos), 1), max(len(self._settings), 1)))
        for row, (pack, sessions) in enumerate(combos):
            merged = Windows(pack, sessions).settings()
            for (_, name, initial), column in self._settings.items():
                values[row, column] = merged.get(name, initial)
        return values

    def _order_slots(self, placed: _Placed, symbol: str) -> int:
        slots = {k.name: s for k, s in placed.program.inputs.items() if k.what == "fact" and k.name in ORDER_FACTS}
        code = int(self._plan.texts.code(symbol))
        pairs = [(placed.base + slots[name] if name in slots else NONE, code) for name in ORDER_FACTS]
        return self._lists.add(pairs)[0]

    def _bands(self, symbols: list[dict[str, float]]) -> list[dict[str, float]]:
        rows: list[dict[str, float]] = []
        for row, symbol in zip(symbols, self._placed, strict=True):
            row["bands_begin"] = len(rows)
            for band in self._instruments[symbol].bands:
                rows.append({name: whole(getattr(band, name) / NANO) for name in ("start", "end", "step")})
            row["bands_end"] = len(rows)
        return rows

    def _pack_rows(self) -> list[dict[str, float]]:
        return [
            {
                "limited_quantity": int(p.max_quantity is not None), "quantity": p.max_quantity or 0.0,
                "limited_notional": int(p.max_notional is not None), "notional": p.max_notional or 0.0,
                "closed": self._times.closed[n],
            }
            for n, p in enumerate(self._packs)
        ]


def place_of(rule: Rule) -> str:
    """File and line of a rule."""
    return f"{rule.document.span.file}:{rule.document.span.line}"


def whole(value: Decimal) -> int:
    """A decimal that must be an integer in the machine's units. Raises CannotCompile."""
    if value != int(value):
        raise CannotCompile(f"{value} of the smallest units that the column engine counts in is no whole number")
    return int(value)


def constants_of(instrument: Instrument, venue: VenueFacts, texts: Texts) -> dict[str, float]:
    """Facts that stay the same for a whole run, unless a venue tells of them."""
    contract = instrument.kind is InstrumentKind.BINARY
    return {
        "symbol": texts.code(instrument.symbol), "instrument.tick_size": float(instrument.tick_size),
        "instrument.lot_size": float(instrument.lot_size),
        "venue.fee_per_unit": 0.0 if contract else venue.fee_per_unit,
        "venue.fee_minimum": 0.0 if contract else venue.fee_minimum,
        "venue.fee_rate": venue.fee_rate if contract else 0.0,
        "venue.slippage_ratio": venue.slippage_ratio,
    }  # fmt: skip
