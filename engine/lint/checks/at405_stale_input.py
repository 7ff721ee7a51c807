"""AT405 stale-input: an entry on quotes or signals that nobody asks the age of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.language.diagnostics import Finding
from engine.language.terms import Op, Term, walk
from engine.lint.analysis import Analysis, analysis
from engine.lint.check import Check, LintContext, Page
from engine.market.facts import Scope
from engine.ruleset.rules import Ruleset, Strategy, TriggerKind


def run(context: LintContext) -> Iterable[Finding]:
    asked = analysis(context)
    ruleset = context.ruleset
    names = tuple(name for name, spec in ruleset.facts.items() if spec.live)
    for strategy in ruleset.strategies:
        if not strategy.document.sound or not asked.mentions(strategy, *names) or not asked.complete:
            continue
        live = next(_live(strategy, ruleset), None)
        if live is not None and not any(_asks_age(t) for t in _judged_by(strategy, asked)):
            yield Finding(
                "AT405", "stale-input", f"`{strategy.name}` enters on `{live.name}` and never asks how old it is",
                (live.span("may be old"),), help=f"add a condition or a guard such as `age({live.name}) < 30s`",
            )  # fmt: skip


def _live(strategy: Strategy, ruleset: Ruleset) -> Iterator[Term]:
    """Live data that the conditions read, and that need not have come just now."""
    for term in strategy.when:
        for node in walk(term):
            if node.op is Op.FACT and ruleset.facts[node.name].live and not _triggers(strategy, node, ruleset):
                yield node


def _triggers(strategy: Strategy, live: Term, ruleset: Ruleset) -> bool:
    """Whether the strategy looks only when this quote, or this signal, has come."""
    trigger = strategy.trigger
    if trigger.kind is TriggerKind.SIGNAL:
        return live.name.partition(".")[0] == trigger.signal
    return trigger.kind is TriggerKind.QUOTE and ruleset.facts[live.name].scope is Scope.QUOTE


def _judged_by(strategy: Strategy, asked: Analysis) -> Iterator[Term]:
    """Every condition that an entry has to pass."""
    yield from strategy.when
    for guard in asked.entry_guards(strategy):
        yield from guard.require


def _asks_age(term: Term) -> bool:
    return any(node.op is Op.AGE for node in walk(term))


CHECK = Check(
    "AT405",
    "stale-input",
    "an entry on live data whose age nothing checks",
    Page(
        avoid="""\
kind: strategy
name: tight_market
when:
  - spread_ratio < 2bps
  - close crosses above open
then:
  buy: {size: 10, bracket: {stop: close - $2}}
""",
        prefer="""\
kind: strategy
name: tight_market
when:
  - spread_ratio < 2bps
  - age(bid) < 30s
  - close crosses above open
then:
  buy: {size: 10, bracket: {stop: close - $2}}
""",
        why="""\
A feed that hangs leaves its last value standing, and the rule goes on trading on it. Asking for the age turns an old
value into a reason not to enter.
""",
        exceptions="""\
Strategies that are triggered by the quote or signal itself, and those that a guard on any age judges.
""",
    ),
    run,
)
