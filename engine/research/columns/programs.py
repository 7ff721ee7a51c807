"""The programs of all symbols in common tables: what is read at an instant, exits, guards."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from engine.decide.tick import VenueFacts
from engine.market.instrument import Instrument, InstrumentKind
from engine.plan.arrays import Codes, Floats, Ints
from engine.plan.build import ORDER_OWNER, Texts
from engine.plan.columns import Node, nodes_of, without_memory
from engine.plan.ops import Group
from engine.plan.plan import SymbolPlan, rule_terms
from engine.plan.program import Program
from engine.research.columns.common import Common, Placed
from engine.research.columns.machine.layout import NONE
from engine.research.columns.machine.nodes import EVERYTHING
from engine.research.columns.tables import Range


class Programs:
    """Puts programs one after the other. ``leaves``: of each symbol, the slots that what is read starts from.

    ``state_base``: where each symbol's memory begins. Raises CannotCompile.
    """

    def __init__(self, common: Common) -> None:
        self._c = common
        self._rows: list[list[int]] = []
        self._code: list[list[int]] = []
        self._pool: list[int] = []
        self._v: list[Floats] = []
        self.state_size = 0
        self.state_base: dict[str, int] = {}
        self.leaves: dict[str, set[int]] = {}
        for symbol, plan in common.plan.symbols.items():
            self._place(symbol, plan)

    @property
    def stretches(self) -> Codes:
        return np.array(self._rows, dtype=np.int64).reshape(-1, 4)

    @property
    def code(self) -> Codes:
        return np.array(self._code, dtype=np.int64).reshape(-1, 6)

    @property
    def pool(self) -> Ints:
        return np.array(self._pool or [0], dtype=np.int64)

    @property
    def v(self) -> Floats:
        """The values that a run starts with."""
        found = np.concatenate([np.empty(0), *self._v])  # rules that look at no market are rules, too
        for place, value in self._c.origins.constants:
            found[place] = value
        return found

    def _place(self, symbol: str, plan: SymbolPlan) -> None:
        """Put one symbol's nodes into the common tables: what is read at an instant, exits, guards."""
        program, facts = plan.program, self._c.plan.ruleset.facts
        nodes = nodes_of(program, facts)
        base = sum(len(v) for v in self._v)
        placed = Placed(plan, base, nodes, {node.slot: node for node in nodes})
        self._c.placed[symbol] = placed
        self.state_base[symbol] = self.state_size
        self._v.append(program.initial.copy())
        self._set_constants(symbol, program, base)
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
        self.leaves[symbol] = (leaves | further) - {node.slot for node in local}
        self.state_size += program.state_size

    def _asked(self, plan: SymbolPlan) -> set[int]:
        """Slots of all terms that anything asks for."""
        program, asked = plan.program, set()
        rules: list[tuple[object, str]] = [(s, s.key) for s in (*plan.strategies, *plan.held_by)]
        for strategy in plan.held_by:
            rules += [(rule, strategy.key) for rule in self._c.plan.exits[strategy.key]]
            rules += [(guard, ORDER_OWNER) for guard in self._c.plan.guards[strategy.key]]
        for rule, owner in rules:
            for term in rule_terms(rule):
                slot = program.slots.get((id(term), owner))
                if slot is not None:
                    asked.add(slot)
        asked.update(read for pairs in program.captures.values() for read, _ in pairs)
        return asked

    def _set_constants(self, symbol: str, program: Program, base: int) -> None:
        constants = constants_of(self._c.instruments[symbol], self._c.venue, self._c.plan.texts)
        for key, slot in program.inputs.items():
            if key.what == "fact" and key.seconds == 0 and key.name in constants:
                self._c.origins.constants.append((base + slot, constants[key.name]))
            if key.what == "fact" and key.name in ("position.open", "position.quantity"):
                self._c.origins.constants.append((base + slot, 0.0))

    def _append(self, program: Program, rows: Iterable[int], base: int) -> None:
        """Copy stretches as they are, with their slots and memory moved to where they now stand."""
        for row in rows:
            op, first, last, depends = program.stretches[row].tolist()
            begin = len(self._code)
            for at in range(first, last):
                self._append_code(program, at, base)
            # Told apart is only what has memory: see `nodes.compute_again`.
            moves = (EVERYTHING if depends & Group.START else EVERYTHING & ~Group.START) if depends else 0
            self._rows.append([op, begin, len(self._code), moves])

    def _append_code(self, program: Program, at: int, base: int) -> None:
        slot, a, b, begin, count, state = program.code[at].tolist()
        self._code.append([base + slot, base + a, base + b, len(self._pool), count, self.state_size + state])
        self._c.origins.code.append((len(self.state_base) - 1, at))
        self._pool.extend(base + arg for arg in program.pool[begin : begin + count].tolist())

    def _append_nodes(self, program: Program, nodes: list[Node], base: int) -> Range:
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
