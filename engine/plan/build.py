"""Terms in, one hash-consed program out: equal subexpressions become one node, whichever rule wrote them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from engine.language.catalogue import Flow, Function, Parameter
from engine.language.functions import CATALOGUE
from engine.language.terms import Op, Term, walk
from engine.language.types import Kind
from engine.market.facts import FactSpec, Scope
from engine.plan.arrays import Codes
from engine.plan.kernel import elementary
from engine.plan.ops import BASE_SECONDS, CODE_COLUMNS, FRAME_SHIFT, FUNCTION_BASE, STRETCH_COLUMNS, Code, Group
from engine.plan.program import InputKey, Instruction, Program, Segment

ORDER_OWNER = "#order"
MAIN, GUARD = "main", "guard"
FUNCTION_CODES = {name: FUNCTION_BASE + number for number, name in enumerate(CATALOGUE)}
_CODES = {
    Op.ADD: Code.ADD, Op.SUBTRACT: Code.SUBTRACT, Op.MULTIPLY: Code.MULTIPLY, Op.DIVIDE: Code.DIVIDE,
    Op.POWER: Code.POWER, Op.NEGATE: Code.NEGATE, Op.NOT: Code.NOT, Op.AND: Code.AND, Op.OR: Code.OR,
    Op.LESS: Code.LESS, Op.LESS_EQUAL: Code.LESS_EQUAL, Op.GREATER: Code.GREATER,
    Op.GREATER_EQUAL: Code.GREATER_EQUAL, Op.EQUAL: Code.EQUAL, Op.UNEQUAL: Code.UNEQUAL, Op.IF: Code.IF,
    Op.KNOWN: Code.KNOWN, Op.OR_ELSE: Code.OR_ELSE, Op.CROSSES_ABOVE: Code.CROSSES_ABOVE,
    Op.CROSSES_BELOW: Code.CROSSES_BELOW,
}  # fmt: skip
_GROUPS = {
    Scope.QUOTE: Group.QUOTE, Scope.CLOCK: Group.CLOCK, Scope.SIGNAL: Group.SIGNAL, Scope.POSITION: Group.POSITION,
    Scope.PORTFOLIO: Group.PORTFOLIO, Scope.ORDER: Group.ORDER, Scope.STATS: Group.STATS,
}  # fmt: skip

_OFFSET = Parameter("offset", (Kind.NUMBER,), "bars back", constant=True, low=0, whole=True)


class PlanError(Exception):
    """A constant that has no meaning where it stands. The text names file, line, value and what is wanted."""

    @classmethod
    def at(cls, term: Term, what: str, problem: str) -> PlanError:
        span = term.span()
        return cls(f"{span.file}:{span.line}: {what}, `{term.text}`, {problem}")


class Texts:
    """Codes of text values. One table serves all programs of a run, so that equal texts have equal codes."""

    def __init__(self) -> None:
        self._codes: dict[str, float] = {}

    def code(self, text: str) -> float:
        return self._codes.setdefault(text, float(len(self._codes) + 1))

    def text(self, code: float) -> str:
        for text, number in self._codes.items():
            if number == code:
                return text
        return "?"


@dataclass(slots=True)
class _Draft:
    """An instruction before slots are laid out."""

    code: int
    args: tuple[int, ...]
    depends: int
    state: int
    size: int
    segment: str
    level: int
    term: Term
    name: str
    warm_up: int = 0


@dataclass(slots=True)
class Builder:
    """Builds the program of one symbol.

    ``values``: the value of every parameter for this symbol (numbers). ``moving``: parameters that a session may
    set while it runs; they get a slot, the others are constants and fold into the keys of what uses them.
    """

    facts: Mapping[str, FactSpec]
    values: Mapping[str, float]
    moving: frozenset[str]
    texts: Texts
    frames: tuple[int, ...]
    _inputs: dict[InputKey, int] = field(default_factory=dict)
    _constants: dict[float, int] = field(default_factory=dict)
    _drafts: dict[int, _Draft] = field(default_factory=dict)
    _keys: dict[tuple[object, ...], int] = field(default_factory=dict)
    _seen: dict[tuple[int, str], int] = field(default_factory=dict)
    _groups: dict[int, int] = field(default_factory=dict)
    _captures: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    _terms: list[Term] = field(default_factory=list)
    _next: int = 0
    _state: int = 0
    _segment: str = MAIN

    def add(self, term: Term, owner: str = "", segment: str = MAIN) -> int:
        """Make ``term`` part of the program; returns a number to be turned into its slot by ``build``.

        ``segment``: where nodes that depend on a position or an order go; all others run in the main segment.
        """
        self._segment = segment
        return self._lower(term, owner)

    def input(self, key: InputKey) -> int:
        """A slot fed from outside."""
        if key not in self._inputs:
            self._inputs[key] = self._new(self._group_of(key))
        return self._inputs[key]

    def constant_value(self, term: Term) -> float:
        """The number a constant term stands for, parameters included."""
        if term.op is Op.CONSTANT:
            return self._number(term.value)
        if term.op is Op.PARAMETER:
            return self.values[term.name]
        args = np.array([self.constant_value(a) for a in term.args])
        if term.op in _CODES and len(args) <= 2:
            return float(elementary(_CODES[term.op], 0, np.arange(len(args)), args))
        if term.op is Op.FUNCTION and CATALOGUE[term.name].flow is Flow.PURE:
            return float(CATALOGUE[term.name].step(*args))
        return math.nan

    def _window(self, term: Term, parameter: Parameter, function: str) -> float:
        """A constant argument of a function; raises PlanError when it has no value or one that is out of range."""
        value, what = self.constant_value(term), f"the {parameter.name} of {function}"
        moved = next((t.name for t in walk(term) if t.op is Op.PARAMETER and t.name in self.moving), None)
        if moved is not None:
            raise PlanError.at(term, what, f"is changed by a session (`set: {moved}`); it must stay as it is")
        if math.isnan(value):
            raise PlanError.at(term, what, "cannot be known before the run; it must be a number")
        if parameter.excludes(value) or (parameter.whole and value != int(value)):
            least = "" if parameter.low is None else f", {parameter.low:g} at least"
            most = "" if parameter.high is None else f", {parameter.high:g} at most"
            kind = "a whole number" if parameter.whole else "a number"
            raise PlanError.at(term, what, f"is {value:g}; it must be {kind}{least}{most}")
        return value

    def _number(self, value: float | str | bool | None) -> float:
        if value is None:
            return math.nan
        return self.texts.code(value) if isinstance(value, str) else float(value)

    def _new(self, groups: int) -> int:
        number = self._next
        self._next += 1
        self._groups[number] = groups
        return number

    def _group_of(self, key: InputKey) -> int:
        if key.what == "parameter":
            return Group.PARAMETER
        if key.what == "statistic":
            return Group.STATS
        if key.what == "entry":
            return Group.POSITION
        scope = self.facts[key.name].scope
        if scope is Scope.BAR:
            return self.bar_bit(key.seconds)
        if scope is Scope.POSITION and key.owner == ORDER_OWNER:
            return Group.ORDER
        if scope is Scope.INSTRUMENT and key.name.startswith("venue."):
            return Group.SIGNAL  # a venue may change what it charges while a run goes on
        return _GROUPS.get(scope, 0)

    def bar_bit(self, seconds: int) -> int:
        """Event bit of a timeframe."""
        if seconds == BASE_SECONDS:
            return Group.BAR
        return 1 << (FRAME_SHIFT + self.frames.index(seconds))

    # -- lowering ------------------------------------------------------------------------------------------------

    def _lower(self, term: Term, owner: str) -> int:
        seen = self._seen.get((id(term), owner))
        if seen is None:
            seen = self._lower_new(term, owner)
            self._seen[id(term), owner] = seen
            self._terms.append(term)
        return seen

    def _lower_new(self, term: Term, owner: str) -> int:
        op = term.op
        if op is Op.CONSTANT:
            return self._constant(self._number(term.value))
        if op is Op.PARAMETER:
            if term.name in self.moving:
                return self.input(InputKey("parameter", term.name))
            return self._constant(self.values[term.name])
        if op is Op.FACT:
            return self.input(InputKey("fact", term.name, term.seconds, self._owner_of(term.name, owner)))
        if op is Op.AGE:
            now = self.input(InputKey("fact", "now"))
            since = self.input(InputKey("time", term.name, term.seconds))
            return self._node(Code.SUBTRACT, (now, since), term, "age", self._depends((now, since)))
        if op is Op.STATISTIC:
            return self.input(InputKey("statistic", term.name, int(self._window(term.args[0], _OFFSET, "statistics"))))
        if op is Op.AT_ENTRY:
            return self._at_entry(term, owner)
        return self._operator(term, owner)

    def _owner_of(self, name: str, owner: str) -> str:
        return owner if self.facts[name].scope is Scope.POSITION else ""

    def _constant(self, value: float) -> int:
        if value not in self._constants:
            self._constants[value] = self._new(0)
        return self._constants[value]

    def _at_entry(self, term: Term, owner: str) -> int:
        """The value is copied into an input slot when the entry is decided, strategy by strategy."""
        outer, self._segment = self._segment, MAIN
        value = self._lower(term.args[0], "")
        self._segment = outer
        captures = self._captures.setdefault(owner, [])
        for read, write in captures:
            if read == value:
                return write
        slot = self.input(InputKey("entry", "", len(captures), owner))
        captures.append((value, slot))
        return slot

    def _operator(self, term: Term, owner: str) -> int:
        args = tuple(self._lower(a, owner) for a in term.args)
        op = term.op
        if op is Op.FUNCTION:
            return self._function(term, args, CATALOGUE[term.name])
        if op is Op.DELAY:
            bars = int(self._window(term.args[1], _OFFSET, "a past value"))
            if bars == 0:
                return args[0]
            return self._node(Code.DELAY, args, term, "delay", self.bar_bit(term.seconds), bars + 1, bars)
        if op is Op.HELD:
            now = self.input(InputKey("fact", "now"))
            depends = self._depends(args) | Group.CLOCK
            return self._node(Code.HELD, (*args, now), term, "for", depends, 2)
        if op in (Op.CROSSES_ABOVE, Op.CROSSES_BELOW):
            return self._node(_CODES[op], args, term, op.value, self._depends(args), 1, 1)
        return self._node(_CODES[op], args, term, op.value, self._depends(args))

    def _function(self, term: Term, args: tuple[int, ...], function: Function) -> int:
        given = zip(term.args, function.parameters, strict=False)
        constants = [
            self._window(argument, parameter, function.name) for argument, parameter in given if parameter.constant
        ]
        code = FUNCTION_CODES[function.name]
        if function.flow is Flow.PURE:
            return self._node(code, args, term, function.name, self._depends(args))
        depends = self._depends(args) if function.flow is Flow.TICK else self.bar_bit(term.seconds)
        size = function.state_size(*constants)
        return self._node(code, args, term, function.name, depends, size, function.warm_up(*constants))

    def _depends(self, args: tuple[int, ...]) -> int:
        groups = 0
        for arg in args:
            groups |= self._groups[arg]
        return groups

    def _node(
        self, code: int, args: tuple[int, ...], term: Term, name: str, depends: int, state: int = 0, warm_up: int = 0
    ) -> int:
        key = (code, args, depends)
        found = self._keys.get(key)
        if found is not None:
            return found
        number = self._new(depends)
        segment = self._segment if self._is_local(args, depends) else MAIN
        offset = self._state
        self._state += state
        # What has no memory is computed once at the start: `false or unknown` needs no event to be known.
        runs_on = depends if state else depends | Group.START
        self._drafts[number] = _Draft(
            code, args, runs_on, offset, state, segment, self._level(args), term, name, warm_up
        )
        self._keys[key] = number
        return number

    def _level(self, args: tuple[int, ...]) -> int:
        """How many instructions lie below; what has the same level can run in any order."""
        return 1 + max((self._drafts[a].level for a in args if a in self._drafts), default=0)

    def _is_local(self, args: tuple[int, ...], depends: int) -> bool:
        """Nodes on a position or an order run only when there is one; what they feed must wait with them."""
        if depends & (Group.POSITION | Group.ORDER):
            return True
        return any(self._drafts[a].segment != MAIN for a in args if a in self._drafts)

    # -- layout --------------------------------------------------------------------------------------------------

    def build(self) -> Program:
        """Lay out the instructions, segment by segment, level by level, equal operations side by side."""
        names = list(dict.fromkeys([MAIN, *(d.segment for d in self._drafts.values()), GUARD]))
        rank = {name: number for number, name in enumerate(names)}

        def order(item: tuple[int, _Draft]) -> tuple[int, ...]:
            number, draft = item
            return (rank[draft.segment], draft.level, draft.depends, draft.code, number)

        ordered = sorted(self._drafts.items(), key=order)
        code = np.zeros((len(ordered), CODE_COLUMNS), dtype=np.int64)
        pool: list[int] = []
        instructions: dict[int, Instruction] = {}
        for row, (number, draft) in enumerate(ordered):
            a, b = (*draft.args, 0, 0)[:2]
            code[row] = (number, a, b, len(pool), len(draft.args), draft.state)
            pool.extend(draft.args)
            instructions[number] = Instruction(number, draft.name, draft.args, draft.term, draft.warm_up)
        stretches, segments = _stretches([draft for _, draft in ordered], names)
        initial = np.full(max(self._next, 1), math.nan)
        for value, slot in self._constants.items():
            initial[slot] = value
        for key, slot in self._inputs.items():
            if key.what == "parameter":
                initial[slot] = self.values[key.name]
        return Program(
            stretches, code, np.array(pool or [0], dtype=np.int64), initial, self._state, dict(self._inputs),
            dict(self._seen),
            instructions, segments, self.frames,
            {owner: tuple(pairs) for owner, pairs in self._captures.items()}, self._memories(), self._terms,
        )  # fmt: skip

    def _memories(self) -> dict[str, tuple[tuple[int, int], ...]]:
        """State of the segments that live and die with a position."""
        found: dict[str, list[tuple[int, int]]] = {}
        for draft in self._drafts.values():
            if draft.size and draft.segment != MAIN:
                found.setdefault(draft.segment, []).append((draft.state, draft.size))
        return {segment: tuple(stretches) for segment, stretches in found.items()}


def _stretches(drafts: list[_Draft], names: list[str]) -> tuple[Codes, dict[str, Segment]]:
    """Rows of one operation and dependence become one stretch; segments are ranges of stretches."""
    rows: list[list[int]] = []
    bounds = {name: [0, 0] for name in names}
    previous: tuple[object, ...] = ()
    for row, draft in enumerate(drafts):
        kind = (draft.segment, draft.level, draft.depends, draft.code)
        if kind == previous:
            rows[-1][2] = row + 1
            continue
        previous = kind
        if bounds[draft.segment][1] == 0:
            bounds[draft.segment][0] = len(rows)
        rows.append([draft.code, row, row + 1, draft.depends])
        bounds[draft.segment][1] = len(rows)
    table = np.array(rows, dtype=np.int64).reshape(len(rows), STRETCH_COLUMNS)
    return table, {name: Segment(*b) for name, b in bounds.items()}
