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

_COST_WORDS = ("cost", "fee", "slippage", "spread")
_PRICES = (Kind.PRICE, Kind.PROBABILITY)
_MARKET = {Scope.QUOTE, Scope.BAR}


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
                        (edge.span("fair value against price, and nothing else"),), help=_help(edge),
                    )  # fmt: skip


def _edge(term: Term, ruleset: Ruleset) -> Term | None:
    """What stands for the edge in a comparison of fair value, price and a threshold; None when it is something else.

    `fair - price > least` says the same as `fair > price + least` and `price < fair - least`.
    """
    if term.op not in COMPARISONS:
        return None
    for side, other in (term.args, term.args[::-1]):
        share = side.args[0] if side.op is Op.DIVIDE else side  # of the price
        if share.op is Op.SUBTRACT and _is_threshold(other):
            found, one, another = side, share.args[0], share.args[1]
        elif other.op in (Op.ADD, Op.SUBTRACT) and _is_threshold(other.args[1]):
            found, one, another = term, side, other.args[0]
        else:
            continue
        if _is_edge(one, another, ruleset):
            return None if _has_costs(found) else found
    return None


def _is_threshold(term: Term) -> bool:
    """A number, or a parameter that is not the cost itself."""
    return constant(term) is not None or (term.op is Op.PARAMETER and not _names_costs(term))


def _is_edge(one: Term, other: Term, ruleset: Ruleset) -> bool:
    """Whether one is a price that the market has, and the other one that a signal gives."""
    if one.type.kind not in _PRICES or other.type.kind not in _PRICES:
        return False
    scopes = [{_scope(t, ruleset) for t in walk(side)} for side in (one, other)]
    return any(Scope.SIGNAL in fair and price & _MARKET for fair, price in (scopes, scopes[::-1]))


def _has_costs(term: Term) -> bool:
    """Whether fees, slippage or the spread are part of it; the spread may be written as ask less bid."""
    names = {below.name for below in walk(term)}
    sides = ({name.removesuffix(side) for name in names if name.endswith(side)} for side in ("bid", "ask"))
    return any(_names_costs(below) for below in walk(term)) or bool(set.intersection(*sides))


def _names_costs(term: Term) -> bool:
    return any(word in term.name.rpartition(".")[2] for word in _COST_WORDS)


def _help(edge: Term) -> str:
    contract = any(below.type.kind is Kind.PROBABILITY for below in walk(edge))
    return f"subtract venue.fee_per_unit{' / $1' if contract else ' and slippage(…)'}, or the spread"


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
Only differences of a signal's fact and a market price that are compared with a constant or a parameter. What a name
says is a cost, a fee, slippage or a spread is taken for one.
""",
    ),
    run,
)
