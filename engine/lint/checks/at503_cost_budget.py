"""AT503 cost-budget: a rule that has to keep and read too much history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.language.catalogue import Flow
from engine.language.diagnostics import Finding, Severity
from engine.language.functions import CATALOGUE
from engine.language.terms import Op, Term, walk
from engine.lint.check import Check, LintContext, Page
from engine.lint.expressions import Same, constant, roots
from engine.ruleset.rules import Parameter, Rule

BUDGET = 25_000  # values kept for one symbol: two averages over 5,000 bars, and room


def run(context: LintContext) -> Iterable[Finding]:
    for rule in context.ruleset.rules:
        yield from _rule(rule, context.ruleset.parameters)


def _rule(rule: Rule, parameters: dict[str, Parameter]) -> Iterator[Finding]:
    found = [
        (_cost(term, parameters), term) for root in roots(rule) for term in walk(root)
        if term.op is Op.FUNCTION or term.op is Op.DELAY
    ]  # fmt: skip
    if sum(cost for cost, _ in found) <= BUDGET:
        return
    same, costs = Same(), dict[int, tuple[int, Term]]()
    for cost, term in found:
        costs.setdefault(same.number(term), (cost, term))
    total = sum(cost for cost, _ in costs.values())
    if total <= BUDGET:
        return
    cost, dearest = max(costs.values(), key=lambda item: item[0])
    yield Finding(
        "AT503", "cost-budget",
        f"`{rule.name}` keeps {total:,} values for each symbol, the budget is {BUDGET:,}; "
        f"`{dearest.text}` keeps {cost:,} of them",
        (dearest.span(f"{cost:,} values"),),
        help="shorten the window, or compute it on longer bars: on(15m, ...)",
    )  # fmt: skip


def _cost(term: Term, parameters: dict[str, Parameter]) -> int:
    """Values that a function or an offset keeps from bar to bar; parameters count at their largest value."""
    if term.op is Op.DELAY:
        return int(_largest(term.args[1], parameters))
    function = CATALOGUE[term.name]
    if function.flow is Flow.PURE:
        return 0
    windows = [
        _largest(argument, parameters)
        for argument, parameter in zip(term.args, function.parameters, strict=False)
        if parameter.constant
    ]
    return function.state_size(*windows)


def _largest(term: Term, parameters: dict[str, Parameter]) -> float:
    """The largest value of a constant argument."""
    value = constant(term)
    if value is not None:
        return value
    if term.op is Op.PARAMETER and term.name in parameters:
        found = parameters[term.name]
        return max(found.value, found.high or found.value, *found.search, found.value)
    return max((_largest(argument, parameters) for argument in term.args), default=1.0)


CHECK = Check(
    "AT503",
    "cost-budget",
    "a rule keeps more history than its budget",
    Page(
        avoid="""\
kind: strategy
name: far_from_everything
universe: [SPY]
when: close > sma(close, 5000) + 2 * stdev(close, 5000) and volume > sma(volume, 5000)
then:
  buy: {size: 10}
""",
        prefer="""\
kind: strategy
name: far_from_everything
universe: [SPY]
when: on(15m, close > sma(close, 340) + 2 * stdev(close, 340) and volume > sma(volume, 340))
then:
  buy: {size: 10}
""",
        why="""\
Windows are kept for every symbol and read on every bar. A window of thousands of minutes also warms up for days, and
says little that fifteen-minute bars do not say. The finding names the most expensive part.
""",
        exceptions="""\
Averages that need no window (ema, rma, atr) keep a few values whatever their length. Equal expressions count once.
""",
    ),
    run,
    Severity.WARNING,
)
