"""What the makers of tables share: the plan, the world it runs in, and the numbers that things have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from engine.decide.tick import VenueFacts
from engine.language.terms import Term
from engine.market.instrument import Instrument
from engine.plan.columns import CannotCompile, ColumnGraph, Node
from engine.plan.plan import Plan, SymbolPlan
from engine.plan.program import Program
from engine.research.columns.calendar_days import TickTimes
from engine.research.columns.machine.layout import NONE
from engine.research.columns.tables import Lists, Origins, Range
from engine.research.columns.terms import FillTerms
from engine.ruleset.rules import Exit, Guard, Pack, Rule

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


@dataclass(slots=True)
class Placed:
    """One symbol's program and where it stands in the common tables."""

    plan: SymbolPlan
    base: int  # of its slots
    nodes: list[Node]
    by_slot: dict[int, Node]
    late: Range = (0, 0)
    segments: dict[str, Range] = field(default_factory=dict)

    @property
    def program(self) -> Program:
        return self.plan.program

    def slot(self, term: Term | None, owner: str) -> int:
        return NONE if term is None else self.base + self.program.slot(term, owner)


@dataclass(slots=True)
class Common:
    """``graphs``: of each symbol's columns, which grow with what this plan needs; ``quoted``: symbols with quotes in
    the data. ``names``: of symbols, the plan's, then those that are ordered but have no data."""

    plan: Plan
    instruments: Mapping[str, Instrument]
    graphs: Mapping[str, ColumnGraph]
    times: TickTimes
    unit: int
    prefixes: Sequence[str]
    venue: VenueFacts
    quoted: frozenset[str]
    terms: FillTerms
    lists: Lists = field(default_factory=Lists)
    origins: Origins = field(default_factory=Origins)
    placed: dict[str, Placed] = field(default_factory=dict)
    names: list[str] = field(init=False)
    strategies: list[str] = field(init=False)
    exits: list[Exit] = field(init=False)
    guards: list[Guard] = field(init=False)
    rules: list[str] = field(init=False)
    packs: list[Pack] = field(init=False)

    def __post_init__(self) -> None:
        ruleset = self.plan.ruleset
        self.names = list(self.plan.symbols)
        self.strategies = [s.key for s in ruleset.strategies]
        self.exits = [r for r in ruleset.rules if isinstance(r, Exit)]
        self.guards = [r for r in ruleset.rules if isinstance(r, Guard)]
        self.rules = [*self.strategies, *(r.key for r in self.exits), *(g.key for g in self.guards)]
        self.packs = list(ruleset.packs.values())

    def position_slots(self, placed: Placed, owner: str) -> tuple[Range, Range]:
        """Where the facts of a strategy's position go, and the values kept from its entry."""
        inputs = placed.program.inputs
        facts = self.lists.add(
            (placed.base + slot, POSITION_FACTS.index(key.name))
            for key, slot in inputs.items()
            if key.what == "fact" and key.owner == owner and key.name in POSITION_FACTS
        )
        kept = [slot for key, slot in sorted(inputs.items()) if key.what == "entry" and key.owner == owner]
        return facts, self.lists.add((placed.base + slot, number) for number, slot in enumerate(kept))


def place_of(rule: Rule) -> str:
    """File and line of a rule."""
    return f"{rule.document.span.file}:{rule.document.span.line}"


def whole(value: Decimal) -> int:
    """A decimal that must be an integer in the machine's units. Raises CannotCompile."""
    if value != int(value):
        raise CannotCompile(f"{value} of the smallest units that the column engine counts in is no whole number")
    return int(value)
