"""The checker: a syntax tree and the names around it in, a typed term out. It never stops at the first mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from engine.language import messages
from engine.language import nodes as n
from engine.language.calls import check_call, is_form
from engine.language.catalogue import Function
from engine.language.diagnostics import Finding, Span, TextSource
from engine.language.parser import ExpressionSyntaxError, parse
from engine.language.terms import Op, Term
from engine.language.types import Kind, Type, Varies, join
from engine.language.units import Meaning, comparable, resolve_arithmetic
from engine.market.facts import FactSpec, Scope

BOOL = Type(Kind.BOOL, Varies.CONSTANT)
_COMPARE = {
    "<": Op.LESS,
    "<=": Op.LESS_EQUAL,
    ">": Op.GREATER,
    ">=": Op.GREATER_EQUAL,
    "==": Op.EQUAL,
    "!=": Op.UNEQUAL,
}
_ARITHMETIC = {"+": Op.ADD, "-": Op.SUBTRACT, "*": Op.MULTIPLY, "/": Op.DIVIDE, "^": Op.POWER}
_MISSING_WORDS = {"na", "nan", "null", "none", "unknown"}
_WHY_NOT_HERE = {
    Scope.ORDER: "`order.*` exists only where a guard judges an order",
    Scope.STATS: "`stats.*` is for gates, which judge closed trades",
    Scope.POSITION: "`position.*` needs a strategy's position: use it in strategies, exits and guards",
}


@dataclass(frozen=True, slots=True)
class ParameterName:
    """A parameter in scope: ``key`` is ``rule.parameter``; ``source`` holds its default as the author wrote it, and
    ``values`` are the default, the bounds and what is searched.
    """

    key: str
    type: Type
    source: TextSource
    values: tuple[float, ...] = ()


@dataclass(slots=True)
class Names:
    """What an expression may refer to. ``lets`` are expressions by name, checked when first used.

    ``scopes``: the fact scopes that exist in this place. ``seconds``: the rule's timeframe.
    """

    facts: Mapping[str, FactSpec]
    functions: Mapping[str, Function]
    seconds: int
    scopes: frozenset[Scope]
    parameters: Mapping[str, ParameterName] = field(default_factory=dict)
    lets: Mapping[str, TextSource] = field(default_factory=dict)
    zoned: bool = True
    texts: Mapping[str, str] = field(default_factory=dict)

    def all(self) -> list[str]:
        allowed = [name for name, spec in self.facts.items() if spec.scope in self.scopes]
        return [*self.lets, *self.parameters, *allowed, *self.texts]


@cache
def _literal_type(kinds: tuple[Kind, ...]) -> Type:
    return Type(kinds[0], Varies.CONSTANT, literals=frozenset(kinds) if len(kinds) > 1 else frozenset())


class Checker:
    """Checks the expressions of one rule; collects findings and the terms of its lets."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self.findings: list[Finding] = []
        self.used: set[str] = set()  # lets and parameters that something refers to
        self._lets: dict[tuple[str, int], Term | None] = {}
        self._pending: list[str] = []
        self.source: TextSource
        self.seconds = names.seconds

    def expression(self, source: TextSource, wanted: Iterable[Kind] = (), where: str = "this") -> Term | None:
        """The typed term of ``source``; None when it has mistakes, which are then in ``findings``."""
        try:
            tree = parse(source.text)
        except ExpressionSyntaxError as problem:
            span = source.span(problem.start, min(problem.end, max(len(source.text), 1)))
            help = messages.CUT if problem.unclosed and source.cut else problem.help
            self.findings.append(messages.syntax(problem.message, span, help, problem.replacement))
            return None
        outer = getattr(self, "source", None)
        self.source = source
        try:
            term = self.visit(tree)
        finally:
            if outer is not None:
                self.source = outer
        kinds = tuple(wanted)
        return self.as_kind(term, kinds, where) if term and kinds else term

    def as_kind(self, term: Term, kinds: tuple[Kind, ...], where: str) -> Term | None:
        """``term`` read as one of ``kinds``; a finding and None when it cannot be."""
        for kind in kinds:
            if term.type.fits(kind):
                if term.type.kind is not kind:
                    term.type = term.type.of(kind)
                self.check_probability(term, where)
                return term
        self.findings.append(messages.wanted_kind(term, kinds, where))
        return None

    def check_probability(self, term: Term, where: str) -> None:
        value = term.value
        if term.type.kind is Kind.PROBABILITY and isinstance(value, float) and not 0 <= value <= 1:
            self.findings.append(messages.out_of_range(value, term.span(), 0, 1, f"{where} is a probability, which"))

    # -- one method per node -------------------------------------------------------------------------------------

    def visit(self, node: n.Node) -> Term | None:
        return _VISITORS[type(node)](self, node)

    def visit_all(self, nodes: Iterable[n.Node]) -> list[Term] | None:
        """Terms of all ``nodes``, or None if any is wrong; all are checked either way."""
        terms = [self.visit(node) for node in nodes]
        known = [t for t in terms if t is not None]
        return known if len(known) == len(terms) else None

    def term(self, op: Op, type_: Type, node: n.Node, *args: Term, **rest: object) -> Term:
        return Term(op, type_, node, self.source, args, **rest)  # type: ignore[arg-type]

    def span(self, node: n.Node, label: str = "") -> Span:
        return self.source.span(node.start, node.end, label)

    def literal(self, node: n.Literal) -> Term:
        value = node.value if isinstance(node.value, str | bool) else float(node.value)
        type_ = _literal_type(node.kinds)
        term = self.term(Op.CONSTANT, type_, node, value=value)
        if type_.kind is Kind.CLOCK and not self.names.zoned:
            self.findings.append(messages.naive_time(term))
        return term

    def name(self, node: n.Name) -> Term | None:
        path, names = node.path, self.names
        if path in names.lets:
            return self._let(path, node)
        if path in names.parameters:
            parameter = names.parameters[path]
            self.used.add(path)
            return self.term(Op.PARAMETER, parameter.type, node, name=parameter.key)
        if path in names.facts:
            return self.fact(path, node)
        if path in names.texts:
            return self.term(Op.CONSTANT, Type(Kind.TEXT, Varies.CONSTANT), node, value=names.texts[path])
        self._unknown_name(path, node)
        return None

    def _unknown_name(self, path: str, node: n.Node) -> None:
        if path.lower() in _MISSING_WORDS:
            self.findings.append(messages.unknown_literal(self.span(node)))
        elif path in self.names.functions or is_form(path):
            finding = messages.wrong_place(path, self.span(node), f"{path} is a function: write {path}(...)")
            self.findings.append(finding)
        else:
            self.findings.append(messages.unknown_name(path, self.span(node), self.names.all()))

    def fact(self, path: str, node: n.Node) -> Term | None:
        spec = self.names.facts[path]
        if spec.settlement and Scope.STATS not in self.names.scopes:
            self.findings.append(messages.settlement(path, self.span(node)))
            return None
        if spec.scope not in self.names.scopes:
            why = _WHY_NOT_HERE.get(spec.scope, "it has no meaning in this kind of rule")
            self.findings.append(messages.wrong_place(path, self.span(node), why))
            return None
        constant = spec.scope is Scope.INSTRUMENT
        type_ = Type(Kind(spec.kind), Varies.PARAMETER if constant else Varies.SERIES, spec.nullable)
        if type_.kind is Kind.CLOCK and not self.names.zoned:
            self.findings.append(messages.naive_time(self.term(Op.FACT, type_, node)))
        seconds = self.seconds if spec.scope is Scope.BAR else 0
        return self.term(Op.FACT, type_, node, name=path, seconds=seconds)

    def let(self, name: str) -> Term | None:
        """The term of a let on the current timeframe, checked when first asked for; None when it has mistakes."""
        key = (name, self.seconds)
        if key not in self._lets:
            self._pending.append(name)
            self._lets[key] = self.expression(self.names.lets[name])
            self._pending.pop()
        return self._lets[key]

    def _let(self, path: str, node: n.Node) -> Term | None:
        self.used.add(path)
        if path in self._pending:
            names = [*self._pending[self._pending.index(path) :], path]
            self.findings.append(messages.cycle(names, self.span(node)))
            return None
        found = self.let(path)
        if found is None:
            return None
        # The same computation, seen from where it is used: carets and traces show the name there.
        return Term(found.op, found.type, node, self.source, found.args, found.value, found.name, found.seconds)

    def arithmetic(self, node: n.Arithmetic) -> Term | None:
        sides = self.visit_all((node.left, node.right))
        if sides is None:
            return None
        left, right = sides
        found = resolve_arithmetic(node.operator, left.type, right.type)
        if found is None and node.operator == "-" and left.value == 1.0 and right.type.kind is Kind.PROBABILITY:
            found = (Kind.PROBABILITY, Meaning.PLAIN)
        if found is None:
            self.findings.append(messages.units(node.operator, left, right))
            return None
        kind, meaning = found
        if node.operator == "-" and left.value == 1.0 and right.type.kind is Kind.PROBABILITY:
            kind = Kind.PROBABILITY  # the other side of a binary contract, not a difference of two
        varies, nullable = join(left.type, right.type)
        both_plain = left.type.literals and right.type.literals and kind is Kind.NUMBER
        literals = left.type.literals & right.type.literals if both_plain else frozenset()
        type_ = Type(kind, varies, nullable, literals)
        if meaning is Meaning.SHARE:
            one = self.term(Op.CONSTANT, Type(Kind.NUMBER, Varies.CONSTANT), node.right, value=1.0)
            factor = self.term(_ARITHMETIC[node.operator], right.type.of(Kind.NUMBER), node.right, one, right)
            return self.term(Op.MULTIPLY, type_, node, left, factor)
        return self.term(_ARITHMETIC[node.operator], type_, node, left, right)

    def negative(self, node: n.Negative) -> Term | None:
        operand = self.visit(node.operand)
        if operand is None:
            return None
        if operand.type.kind in (Kind.BOOL, Kind.TEXT, Kind.TIME, Kind.CLOCK, Kind.DATE):
            self.findings.append(messages.wanted_kind(operand, (Kind.NUMBER,), "`-`"))
            return None
        return self.term(Op.NEGATE, operand.type, node, operand)

    def condition(self, node: n.Node, where: str) -> Term | None:
        term = self.visit(node)
        return self.as_kind(term, (Kind.BOOL,), where) if term else None

    def negation(self, node: n.Not) -> Term | None:
        operand = self.condition(node.operand, "`not`")
        return self.term(Op.NOT, operand.type, node, operand) if operand else None

    def logic(self, node: n.Logic) -> Term | None:
        operands = [self.condition(o, f"`{node.operator}`") for o in node.operands]
        if any(o is None for o in operands):
            return None
        return self.combine(Op.AND if node.operator == "and" else Op.OR, node, [o for o in operands if o])

    def combine(self, op: Op, node: n.Node, operands: list[Term]) -> Term:
        varies, nullable = join(*(o.type for o in operands))
        return self.term(op, Type(Kind.BOOL, varies, nullable), node, *operands)

    def compare(self, node: n.Compare) -> Term | None:
        operands = self.visit_all(node.operands)
        if operands is None:
            return None
        parts = [
            self.comparison(node, operator, left, right)
            for operator, left, right in zip(node.operators, operands, operands[1:], strict=False)
        ]
        known = [p for p in parts if p]
        if len(known) < len(parts):
            return None
        return known[0] if len(known) == 1 else self.combine(Op.AND, node, known)

    def comparison(self, node: n.Node, operator: str, left: Term, right: Term) -> Term | None:
        kind = comparable(left.type, right.type)
        ordered = operator in ("==", "!=") or kind not in (Kind.BOOL, Kind.TEXT)
        if kind is None or not ordered:
            self.findings.append(messages.units(operator, left, right))
            return None
        self._check_against_probability(kind, left, right)
        varies, nullable = join(left.type, right.type)
        return self.term(_COMPARE[operator], Type(Kind.BOOL, varies, nullable), node, left, right)

    def _check_against_probability(self, kind: Kind, *sides: Term) -> None:
        for side in sides:
            if kind is Kind.PROBABILITY and isinstance(side.value, float) and not 0 <= side.value <= 1:
                self.findings.append(
                    messages.out_of_range(side.value, side.span(), 0, 1, "a probability is compared with what")
                )

    def between(self, node: n.Between) -> Term | None:
        terms = self.visit_all(node.children)
        if terms is None:
            return None
        value, low, high = terms
        above = self.comparison(node, ">=", value, low)
        below = self.comparison(node, "<=", value, high)
        return self.combine(Op.AND, node, [above, below]) if above and below else None

    def member(self, node: n.Member) -> Term | None:
        terms = self.visit_all(node.children)
        if terms is None:
            return None
        equal = [self.comparison(node, "==", terms[0], option) for option in terms[1:]]
        known = [e for e in equal if e]
        if len(known) < len(equal):
            return None
        return known[0] if len(known) == 1 else self.combine(Op.OR, node, known)

    def crosses(self, node: n.Crosses) -> Term | None:
        sides = self.visit_all((node.left, node.right))
        if sides is None:
            return None
        left, right = sides
        kind = comparable(left.type, right.type)
        if kind is None or kind in (Kind.BOOL, Kind.TEXT):
            self.findings.append(messages.units(f"crosses {node.direction}", left, right))
            return None
        op = Op.CROSSES_ABOVE if node.direction == "above" else Op.CROSSES_BELOW
        _, nullable = join(left.type, right.type)
        return self.term(op, Type(Kind.BOOL, Varies.SERIES, nullable), node, left, right, seconds=self.seconds)

    def held(self, node: n.Held) -> Term | None:
        condition = self.condition(node.condition, "`for`")
        duration = self.visit(node.duration)
        if condition is None or duration is None:
            return None
        duration = self.as_kind(duration, (Kind.DURATION,), "`for`")
        if duration is None:
            return None
        if duration.type.varies is Varies.SERIES:
            self.findings.append(messages.not_constant(duration, "the time after `for`"))
            return None
        return self.term(Op.HELD, condition.type, node, condition, duration)

    def conditional(self, node: n.Conditional) -> Term | None:
        condition = self.condition(node.condition, "`if`")
        branches = self.visit_all((node.yes, node.no))
        if condition is None or branches is None:
            return None
        kind = comparable(branches[0].type, branches[1].type)
        if kind is None:
            self.findings.append(messages.units("if … else", *branches))
            return None
        varies, nullable = join(condition.type, *(b.type for b in branches))
        literals = branches[0].type.literals & branches[1].type.literals
        return self.term(Op.IF, Type(kind, varies, nullable, literals), node, condition, *branches)

    def index(self, node: n.Index) -> Term | None:
        series, offset = self.visit(node.series), self.visit(node.offset)
        if series is None or offset is None:
            return None
        if isinstance(offset.value, float) and offset.value < 0:
            self.findings.append(messages.look_ahead(self.span(node.offset, "this is in the future")))
            return None
        offset = self.as_kind(offset, (Kind.NUMBER,), "an offset")
        if offset is None:
            return None
        if offset.type.varies is Varies.SERIES:
            self.findings.append(messages.not_constant(offset, "the offset in brackets"))
            return None
        return self.term(Op.DELAY, series.type, node, series, offset, seconds=self.seconds)

    def call(self, node: n.Call) -> Term | None:
        return check_call(self, node)


_VISITORS: dict[type[n.Node], Callable[..., Term | None]] = {
    n.Literal: Checker.literal,
    n.Name: Checker.name,
    n.Call: Checker.call,
    n.Index: Checker.index,
    n.Negative: Checker.negative,
    n.Arithmetic: Checker.arithmetic,
    n.Not: Checker.negation,
    n.Logic: Checker.logic,
    n.Compare: Checker.compare,
    n.Between: Checker.between,
    n.Member: Checker.member,
    n.Crosses: Checker.crosses,
    n.Held: Checker.held,
    n.Conditional: Checker.conditional,
}
