"""AT401 entry-without-exit: a position that nothing would ever close at a loss."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.language import nodes as n
from engine.language.diagnostics import Finding, Span
from engine.language.terms import Op, Term, walk
from engine.language.types import Kind
from engine.lint.analysis import Analysis, analysis
from engine.lint.check import Check, LintContext, Page
from engine.lint.formula import Choice, Form, Formula, fact
from engine.lint.solve import possible
from engine.market.facts import Scope
from engine.market.orders import Side
from engine.ruleset.rules import Exit, GuardEffect, Strategy

_GAINS = (("position.gain", Kind.PRICE), ("position.gain_ratio", Kind.RATIO), ("position.profit", Kind.MONEY))


def run(context: LintContext) -> Iterable[Finding]:
    asked = analysis(context)
    for strategy in context.ruleset.strategies:
        bare = _unprotected(strategy)
        if not bare or not asked.complete or not strategy.document.sound or _settles(strategy, asked):
            continue
        exits = asked.exits.get(strategy.key, [])
        lasting = [rule for rule in exits if not _once_in_part(rule, asked)]
        if any(_acts_at_a_loss(rule, strategy, asked) for rule in lasting) or _flattened(strategy, asked):
            continue
        others = tuple(
            rule.document.heading("acts only on a gain" if rule in lasting else "closes a part, once") for rule in exits
        )
        yield Finding(
            "AT401", "entry-without-exit", f"nothing closes a position of `{strategy.name}` that loses",
            (*bare, *others),
            help="add `bracket: {stop: …}`, or an exit for this strategy",
        )  # fmt: skip


def _unprotected(strategy: Strategy) -> tuple[Span, ...]:
    """Where a position is opened without a stop: the entry, and overrides of it."""
    document, found = strategy.document, []
    if strategy.entry.bracket_stop is None:
        found.append(document.key(("then", strategy.entry.side.value), "opens a position"))
    for symbol, override in strategy.overrides.items():
        if override.entry is not None and override.entry.bracket_stop is None and not found:
            found.append(document.key(("overrides", symbol), "opens a position without a stop"))
    return tuple(found)


def _settles(strategy: Strategy, asked: Analysis) -> bool:
    """Whether a contract is traded that pays out by itself: its quotes are probabilities."""
    terms = [below for term in (*strategy.when, *strategy.entry.terms) for below in walk(term)]
    facts = asked.ruleset.facts
    quoted = any(
        t.op is Op.FACT and t.type.kind is Kind.PROBABILITY and facts[t.name].scope is Scope.QUOTE for t in terms
    )
    return quoted or (strategy.entry.limit is not None and _is_probability(strategy.entry.limit))


def _is_probability(price: Term) -> bool:
    """A literal such as `55c` may stand for a price too, and was read as one."""
    written = price.node
    return price.type.kind is Kind.PROBABILITY or (
        isinstance(written, n.Literal) and written.kinds[0] is Kind.PROBABILITY
    )


def _once_in_part(rule: Exit, asked: Analysis) -> bool:
    """Whether an exit closes no more than a share of a position, and then leaves the rest alone."""
    action = rule.action
    if not rule.once or action.close is None or action.stop is not None or action.trail_by is not None:
        return False
    return action.close.type.kind is Kind.RATIO and asked.ranged.intervals.of(action.close).high < 1


def _acts_at_a_loss(rule: Exit, strategy: Strategy, asked: Analysis) -> bool:
    """Whether an exit can be true of a position whose gain is negative."""
    action, reading = rule.action, asked.ranged
    formulas = asked.formulas(rule, reading)
    if action.trail_after is not None:
        formulas.append(reading.truth(action.trail_after))
    like = rule.when[0]
    for name, kind in _GAINS:
        formulas.append(Form({reading.number(fact(name, like, kind)): 1}, 0).below(strict=True))
    formulas += _prices_at_a_loss(rule, strategy, asked)
    formulas.append(Choice(reading.number(fact("position.open", like, Kind.BOOL)), True))
    return possible(reading, formulas)


def _prices_at_a_loss(rule: Exit, strategy: Strategy, asked: Analysis) -> Iterator[Formula]:
    """The latest prices that an exit reads lie on the losing side of the entry: a gain is measured at them."""
    reading, timeframe = asked.ranged, asked.pack(strategy).timeframe
    for term in (below for root in (*rule.when, *rule.action.terms) for below in walk(root)):
        if term.op is Op.FACT and (term.name == "last" or (term.name == "close" and term.seconds <= timeframe)):
            gain = reading.form(term).plus(reading.form(fact("position.entry", term, Kind.PRICE)), -1)
            yield (gain if strategy.entry.side is Side.BUY else gain.reversed()).below(strict=True)


def _flattened(strategy: Strategy, asked: Analysis) -> bool:
    return any(guard.action.effect is GuardEffect.FLATTEN for guard in asked.guards(strategy))


CHECK = Check(
    "AT401",
    "entry-without-exit",
    "a strategy whose losing position nothing closes",
    Page(
        avoid="""\
kind: strategy
name: momentum
when: close crosses above open
then:
  buy: {size: 10, bracket: {target: close + $5}}
""",
        prefer="""\
kind: strategy
name: momentum
when: close crosses above open
then:
  buy: {size: 10, bracket: {stop: close - $2, target: close + $5}}
""",
        why="""\
A target alone closes only what wins, and so does an exit that asks for a gain. A position without a stop, and without
an exit that can act while it loses, is held until somebody notices. An override that replaces the bracket needs its own
stop.
""",
        exceptions="""\
Any exit that could act on a losing position counts (time, loss, trail, signal), and so does a guard that flattens.
Contracts that are priced as probabilities end by themselves.
""",
    ),
    run,
)
