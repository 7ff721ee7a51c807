"""AT408 costless-edge: an edge over the market that forgets what trading costs."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.diagnostics import Finding
from engine.language.terms import COMPARISONS, Op, Term, walk
from engine.language.types import Kind
from engine.lint.analysis import analysis
from engine.lint.check import Check, LintContext, Page
from engine.lint.expressions import constant
from engine.market.facts import Scope
from engine.ruleset.rules import Ruleset

_COSTS = frozenset({"fee", "slippage", "venue.fee_per_unit", "venue.fee_minimum", "venue.slippage_ratio"})
_COST_WORDS = ("cost", "fee", "slippage", "spread")
_PRICES = (Kind.PRICE, Kind.PROBABILITY)


def run(context: LintContext) -> Iterable[Finding]:
    ruleset = context.ruleset
    asked = analysis(context)
    signals = tuple(name for name, spec in ruleset.facts.items() if spec.scope is Scope.SIGNAL)
    for strategy in ruleset.strategies:
        if not asked.mentions(strategy, *signals):
            continue
        for condition in strategy.when:
            for term in walk(condition):
                edge = _edge(term, ruleset)
                if edge is not None:
                    yield Finding(
                        "AT408", "costless-edge", "this edge is compared without what it costs to trade",
                        (edge.span("fair value less price, and nothing else"),),
                        help="subtract fee(…) and slippage(…), or the spread",
                    )  # fmt: skip


def _edge(term: Term, ruleset: Ruleset) -> Term | None:
    """The side of a comparison that is a signal's value less a market price; None when it is something else."""
    if term.op not in COMPARISONS:
        return None
    for side, other in (term.args, term.args[::-1]):
        named = other.op is Op.PARAMETER and not any(word in other.name for word in _COST_WORDS)
        if constant(other) is None and not named:
            continue
        if side.op is Op.SUBTRACT and side.args[0].type.kind in _PRICES and _is_edge(side, ruleset):
            return side
    return None


def _is_edge(side: Term, ruleset: Ruleset) -> bool:
    fair = {_scope(t, ruleset) for t in walk(side.args[0])}
    price = {_scope(t, ruleset) for t in walk(side.args[1])}
    names = {t.name for t in walk(side)}
    if names & _COSTS or any("spread" in name for name in names):
        return False
    return Scope.SIGNAL in fair and bool(price & {Scope.QUOTE, Scope.BAR})


def _scope(term: Term, ruleset: Ruleset) -> Scope | None:
    return ruleset.facts[term.name].scope if term.op is Op.FACT else None


CHECK = Check(
    "AT408",
    "costless-edge",
    "an edge that leaves out fees, slippage and spread",
    Page(
        avoid="""\
kind: strategy
name: value
when:
  - model.fair_price - ask > $0.50
  - age(ask) < 30s
  - not position.open
then:
  buy: {size: 10, bracket: {stop: close - $2}}
""",
        prefer="""\
kind: strategy
name: value
when:
  - model.fair_price - ask - slippage(ask) > $0.50
  - age(ask) < 30s
  - not position.open
then:
  buy: {size: 10, bracket: {stop: close - $2}}
""",
        why="""\
An edge smaller than its costs is a loss that looks like a gain. Fees, slippage and half the spread belong into the
comparison. (`model.fair_price` stands for whatever a signal connector publishes.)
""",
        exceptions="""\
Only differences of a signal's fact and a market price that are compared with a constant or a parameter. A parameter
whose name says that it is the cost is one.
""",
    ),
    run,
)
