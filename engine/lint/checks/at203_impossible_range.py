"""AT203 impossible-range: a constant that can never be meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.language.diagnostics import Finding, Span
from engine.language.terms import Term
from engine.language.types import Kind
from engine.lint.check import Check, LintContext, Page
from engine.lint.expressions import constant
from engine.ruleset import models
from engine.ruleset.rules import Entry, Exit, Guard, Parameter, Rule, Ruleset, Strategy


def run(context: LintContext) -> Iterable[Finding]:
    yield from context.found.get("AT203", ())
    for rule in context.ruleset.rules:
        yield from _rule(rule)
        yield from _parameters(rule, context.ruleset)


def _rule(rule: Rule) -> Iterator[Finding]:
    match rule:
        case Strategy():
            entries = [rule.entry, *(o.entry for o in rule.overrides.values() if o.entry is not None)]
            for entry in entries:
                yield from _entry(entry)
            yield from _above_zero(rule.cooldown, "a cooldown")
            for override in rule.overrides.values():
                yield from _above_zero(override.cooldown, "a cooldown")
        case Exit():
            action = rule.action
            yield from _share(action.close)
            for price in (action.limit, action.stop):
                yield from _above_zero(price, "a price")
            yield from _above_zero(action.trail_by, "the distance of a trail")
            yield from _above_zero(action.within, "`within`")
        case Guard():
            yield from _above_zero(rule.action.cap, "a cap")
            yield from _above_zero(rule.action.halt_for, "a halt")


def _entry(entry: Entry) -> Iterator[Finding]:
    yield from _above_zero(entry.size, "a size")
    for price in (entry.limit, entry.stop, entry.bracket_stop, entry.bracket_target):
        yield from _above_zero(price, "a price")
    yield from _above_zero(entry.within, "`within`")


def _above_zero(term: Term | None, what: str) -> Iterator[Finding]:
    value = constant(term) if term is not None else None
    if term is not None and value is not None and value <= 0:
        yield _finding(f"{what} is {_shown(value, term.type.kind)}, it must be more than zero", term.span())


def _share(close: Term | None) -> Iterator[Finding]:
    value = constant(close) if close is not None else None
    if close is None or value is None:
        return
    if value <= 0 or (close.type.kind is Kind.RATIO and value > 1):
        limit = "more than 0% and at most 100%" if close.type.kind is Kind.RATIO else "more than zero"
        yield _finding(f"`close` is {_shown(value, close.type.kind)}, it must be {limit}", close.span())


def _parameters(rule: Rule, ruleset: Ruleset) -> Iterator[Finding]:
    model = rule.document.model
    if not isinstance(model, models.Strategy | models.Exit | models.Guard | models.Gate | models.Definitions):
        return
    for name in model.params:
        parameter = ruleset.parameters.get(f"{rule.key}.{name}")
        if parameter is not None:
            yield from _parameter(rule, str(name), parameter)


def _parameter(rule: Rule, name: str, parameter: Parameter) -> Iterator[Finding]:
    def at(*steps: str | int, label: str = "") -> Span:
        return rule.document.where(("params", name, *steps), label)

    low, high, kind = parameter.low, parameter.high, parameter.kind
    if low is not None and high is not None and low > high:
        message = f"`{name}` can have no value: its min {_shown(low, kind)} is above its max {_shown(high, kind)}"
        yield _finding(message, at("min", label="the least"), at("max", label="the most"))
        return
    if parameter.step is not None and parameter.step <= 0:
        message = f"the step of `{name}` is {_shown(parameter.step, kind)}, it must be more than zero"
        yield _finding(message, at("step"))
    for number, value in enumerate(parameter.search):
        for bound, field, outside in ((low, "min", "below"), (high, "max", "above")):
            if bound is not None and (value < bound if field == "min" else value > bound):
                message = f"`{name}` is searched at {_shown(value, kind)}, {outside} its {field} {_shown(bound, kind)}"
                yield _finding(message, at("search", number), at(field, label=f"the {field}"))


def _finding(message: str, *spans: Span) -> Finding:
    return Finding("AT203", "impossible-range", message, spans)


def _shown(value: float, kind: Kind) -> str:
    """A number as an author would write it."""
    match kind:
        case Kind.RATIO:
            return f"{value * 100:g}%"
        case Kind.MONEY | Kind.PRICE:
            return f"-${-value:g}" if value < 0 else f"${value:g}"
        case Kind.DURATION:
            return f"{value:g}s"
        case _:
            return f"{value:g}"


CHECK = Check(
    "AT203",
    "impossible-range",
    "a constant outside everything it could mean: a probability of 55, a negative size, 150% of a position",
    Page(
        avoid="""\
kind: exit
name: take_profit
when: position.gain > 1.5
then: {close: 150%}
""",
        prefer="""\
kind: exit
name: take_profit
when: position.gain > 1.5
then: {close: 50%}
""",
        why="""\
A probability lies between 0 and 1, a size above zero, a share of a position between 0% and 100%, a parameter between
its `min` and its `max`. Outside of that the number has another unit than its author thought, or a key slipped.
""",
        exceptions="""\
Only constants are judged; what is computed from market data is not.
""",
    ),
    run,
)
