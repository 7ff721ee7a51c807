"""Checking of calls: functions of the catalogue, and the few forms that are no ordinary functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.language import messages
from engine.language import nodes as n
from engine.language.catalogue import Flow, Function, Parameter
from engine.language.terms import Op, Term
from engine.language.types import Kind, Type, Varies, join
from engine.language.units import candidates, comparable
from engine.market.facts import Scope

if TYPE_CHECKING:
    from engine.language.check import Checker

TIMEFRAME_LIMITS = (60, 86400)


@dataclass(frozen=True, slots=True)
class Form:
    """A special form: its signature and one plain sentence, printed beside the catalogue."""

    signature: str
    about: str
    check: Callable[[Checker, n.Call], Term | None]


def is_form(name: str) -> bool:
    return name in FORMS


def check_call(checker: Checker, node: n.Call) -> Term | None:
    """The term of a call; unknown functions and wrong arguments become findings."""
    form = FORMS.get(node.function)
    if form is not None:
        return form.check(checker, node)
    function = checker.names.functions.get(node.function)
    if function is None:
        known = [*checker.names.functions, *FORMS]
        checker.findings.append(messages.unknown_name(node.function, _name_span(checker, node), known, "function"))
        for child in node.children:
            checker.visit(child)
        return None
    return _check_function(checker, node, function)


def _name_span(checker: Checker, node: n.Call):  # type: ignore[no-untyped-def]
    return checker.source.span(node.start, node.start + len(node.function))


def _check_function(checker: Checker, node: n.Call, function: Function) -> Term | None:
    given = _bind(checker, node, function)
    if given is None:
        return None
    arguments: list[Term] = []
    bound: dict[str, list[Term]] = {}
    for parameter, argument in zip(function.parameters, given, strict=True):
        term = _argument(checker, function, parameter, argument)
        if term is None:
            continue
        arguments.append(term)
        if parameter.same:
            bound.setdefault(parameter.same, []).append(term)
    if len(arguments) < len(function.parameters):
        return None
    result = _result_kind(checker, function, bound)
    if result is None:
        return None
    implicit = [checker.fact(name, n.Name(node.start, node.end, name)) for name in function.implicit]
    facts = [f for f in implicit if f is not None]
    if len(facts) < len(implicit):
        return None
    varies, nullable = join(*(t.type for t in (*arguments, *facts)))
    if function.flow is not Flow.PURE:
        varies = Varies.SERIES
    return checker.term(
        Op.FUNCTION, Type(result, varies, nullable), node, *arguments, *facts,
        name=function.name, seconds=0 if function.flow is Flow.PURE else checker.seconds,
    )  # fmt: skip


def _bind(checker: Checker, node: n.Call, function: Function) -> list[n.Node | float] | None:
    """Arguments in parameter order; defaults as plain numbers."""
    parameters = function.parameters
    if not node.named and len(node.arguments) == len(parameters):
        return list(node.arguments)
    if len(node.arguments) > len(parameters):
        problem = f"{len(node.arguments)} arguments given, {len(parameters)} wanted"
        checker.findings.append(messages.argument_count(function.name, checker.span(node), function.signature, problem))
        return None
    given: dict[str, n.Node] = {p.name: a for p, a in zip(parameters, node.arguments, strict=False)}
    names = {p.name for p in parameters}
    for name, value in node.named:
        problem = f"`{name}` is given twice" if name in given else "" if name in names else f"no argument `{name}`"
        if problem:
            at = checker.span(value)
            checker.findings.append(messages.argument_count(function.name, at, function.signature, problem))
            return None
        given[name] = value
    bound: list[n.Node | float] = []
    for parameter in parameters:
        if parameter.name in given:
            bound.append(given[parameter.name])
        elif parameter.default is not None:
            bound.append(parameter.default)
        else:
            problem = f"`{parameter.name}` is missing"
            at = checker.span(node)
            checker.findings.append(messages.argument_count(function.name, at, function.signature, problem))
            return None
    return bound


def _argument(checker: Checker, function: Function, parameter: Parameter, given: n.Node | float) -> Term | None:
    if isinstance(given, float | int):
        node = n.Literal(0, 0, float(given), parameter.kinds)
        type_ = Type(parameter.kinds[0], Varies.CONSTANT, literals=frozenset(parameter.kinds))
        return checker.term(Op.CONSTANT, type_, node, value=float(given))
    term = checker.visit(given)
    if term is None:
        return None
    if not any(kind in parameter.kinds for kind in candidates(term.type)):
        checker.findings.append(messages.wrong_argument(term, function, parameter))
        return None
    if not parameter.same:
        kind = next(k for k in candidates(term.type) if k in parameter.kinds)
        if term.type.kind is not kind:
            term.type = term.type.of(kind)
        checker.check_probability(term, f"`{parameter.name}` of {function.name}")
    if parameter.constant and term.type.varies is Varies.SERIES:
        checker.findings.append(messages.not_constant(term, f"`{parameter.name}` of {function.name}"))
        return None
    return term if _in_range(checker, term, parameter, function) else None


def _values(checker: Checker, term: Term) -> tuple[float, ...]:
    """What a constant argument can be, as far as it is written: itself, or what a parameter says of its values."""
    if isinstance(term.value, float) and not isinstance(term.value, bool):
        return (term.value,)
    if term.op is Op.PARAMETER:
        return next((p.values for p in checker.names.parameters.values() if p.key == term.name), ())
    return ()


def _in_range(checker: Checker, term: Term, parameter: Parameter, function: Function) -> bool:
    what = f"`{parameter.name}` of {function.name}"
    for value in _values(checker, term):
        if parameter.whole and value != int(value):
            checker.findings.append(messages.not_whole(value, term.span(), what))
            return False
        if parameter.excludes(value):
            checker.findings.append(messages.out_of_range(value, term.span(), parameter.low, parameter.high, what))
            return False
    return True


def _result_kind(checker: Checker, function: Function, bound: dict[str, list[Term]]) -> Kind | None:
    kinds: dict[str, Kind] = {}
    for letter, terms in bound.items():
        allowed = next(p.kinds for p in function.parameters if p.same == letter)
        # A bare literal adapts to what the others are, so fixed kinds choose first.
        ordered = sorted(terms, key=lambda t: len(t.type.literals))
        common = [
            k for k in candidates(ordered[0].type) if k in allowed and all(k in candidates(t.type) for t in terms)
        ]
        if not common:
            checker.findings.append(messages.different_kinds(terms, function))
            return None
        kinds[letter] = common[0]
    return function.result if isinstance(function.result, Kind) else kinds[function.result]


# -- special forms ---------------------------------------------------------------------------------------------------


def _arity(checker: Checker, node: n.Call, count: int) -> bool:
    if len(node.arguments) == count and not node.named:
        return True
    form = FORMS[node.function]
    given = len(node.arguments) + len(node.named)
    problem = f"{given} arguments given, {count} wanted"
    checker.findings.append(messages.argument_count(node.function, checker.span(node), form.signature, problem))
    return False


def _on(checker: Checker, node: n.Call) -> Term | None:
    if not _arity(checker, node, 2):
        return None
    frame, inner = node.arguments
    term = checker.visit(frame)
    if term is None or checker.as_kind(term, (Kind.DURATION,), "a timeframe") is None:
        return None
    if not isinstance(term.value, float):
        checker.findings.append(messages.not_constant(term, "a timeframe"))
        return None
    seconds = int(term.value)
    low, high = TIMEFRAME_LIMITS
    if not low <= seconds <= high or seconds % low:
        checker.findings.append(messages.out_of_range(seconds, term.span(), low, high, "a timeframe in seconds"))
        return None
    if seconds < checker.seconds:
        finding = messages.out_of_range(seconds, term.span(), checker.seconds, high, "a higher timeframe in seconds")
        checker.findings.append(finding)
        return None
    outer, checker.seconds = checker.seconds, seconds
    try:
        return checker.visit(inner)
    finally:
        checker.seconds = outer


def _now(checker: Checker, node: n.Call) -> Term | None:
    return checker.fact("now", node) if _arity(checker, node, 0) else None


def _age(checker: Checker, node: n.Call) -> Term | None:
    if not _arity(checker, node, 1):
        return None
    fact = node.arguments[0]
    if not isinstance(fact, n.Name) or fact.path not in checker.names.facts:
        problem = "it takes the name of a fact, such as bid or close"
        checker.findings.append(messages.argument_count("age", checker.span(fact), FORMS["age"].signature, problem))
        return None
    term = checker.fact(fact.path, fact)
    if term is None:
        return None
    type_ = Type(Kind.DURATION, Varies.SERIES, True)
    return checker.term(Op.AGE, type_, node, name=fact.path, seconds=term.seconds)


def _at_entry(checker: Checker, node: n.Call) -> Term | None:
    if not _arity(checker, node, 1):
        return None
    if Scope.POSITION not in checker.names.scopes:
        why = "a position's entry exists only in strategies, exits and guards"
        checker.findings.append(messages.wrong_place(node.function, _name_span(checker, node), why))
        return None
    inner = checker.visit(node.arguments[0])
    if inner is None:
        return None
    return checker.term(Op.AT_ENTRY, Type(inner.type.kind, Varies.SERIES, True), node, inner)


def _known(checker: Checker, node: n.Call) -> Term | None:
    if not _arity(checker, node, 1):
        return None
    inner = checker.visit(node.arguments[0])
    return checker.term(Op.KNOWN, Type(Kind.BOOL, Varies.SERIES), node, inner) if inner else None


def _or_else(checker: Checker, node: n.Call) -> Term | None:
    if not _arity(checker, node, 2):
        return None
    terms = checker.visit_all(node.arguments)
    if terms is None:
        return None
    kind = comparable(terms[0].type, terms[1].type)
    if kind is None:
        checker.findings.append(messages.units("or_else", *terms))
        return None
    varies, _ = join(*(t.type for t in terms))
    return checker.term(Op.OR_ELSE, Type(kind, varies, terms[1].type.nullable), node, *terms)


def _holdout(checker: Checker, node: n.Call) -> Term | None:
    if not _arity(checker, node, 1):
        return None
    if Scope.STATS not in checker.names.scopes:
        why = "`stats.*` is for gates, which judge closed trades"
        checker.findings.append(messages.wrong_place(node.function, _name_span(checker, node), why))
        return None
    count = checker.visit(node.arguments[0])
    count = checker.as_kind(count, (Kind.NUMBER,), "the number of trades") if count else None
    if count is None:
        return None
    if count.type.varies is Varies.SERIES:
        checker.findings.append(messages.not_constant(count, "the number of trades"))
        return None
    return checker.term(
        Op.STATISTIC, Type(Kind.MONEY, Varies.SERIES, True), node, count, name="stats.holdout_expectancy"
    )


FORMS: dict[str, Form] = {
    "on": Form("on(timeframe: const duration, x) -> same as x", "x computed on bars of a higher timeframe.", _on),
    "now": Form("now() -> time", "The instant of this tick.", _now),
    "age": Form("age(fact) -> duration", "How long ago the fact was last told, changed or not; unknown before.", _age),
    "position.at_entry": Form(
        "position.at_entry(x) -> same as x",
        "The value x had when the position's entry was decided, the newest where there are several.", _at_entry,
    ),
    "known": Form("known(x) -> bool", "Whether x is known; itself never unknown.", _known),
    "or_else": Form("or_else(x, y) -> same as x", "x, or y where x is unknown.", _or_else),
    "stats.holdout_expectancy": Form(
        "stats.holdout_expectancy(trades: const number) -> money",
        "Mean net result of the last that many trades; unknown with fewer.",
        _holdout,
    ),
}
