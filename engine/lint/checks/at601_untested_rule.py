"""AT601 untested-rule: no test makes it fire, or none makes it hold back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from engine.language.diagnostics import Finding, Severity
from engine.lint.check import Check, LintContext, Page
from engine.ruleset import models
from engine.ruleset.linker import matching
from engine.ruleset.models_of_tests import Expectation
from engine.ruleset.rules import Exit, Guard, Pack, Rule, Strategy


@dataclass(frozen=True, slots=True)
class _Case:
    """One expectation, and the patterns of the rules that its test loads."""

    expectation: Expectation
    rules: tuple[str, ...]


def run(context: LintContext) -> Iterable[Finding]:
    unsound = {
        files.name for files in context.packs for file in files.files for d in file.documents
        if d.kind == "test" and d.model is None
    }  # fmt: skip
    for pack in context.ruleset.packs.values():
        if pack.name not in unsound:
            yield from _pack(pack)


def _pack(pack: Pack) -> Iterator[Finding]:
    cases = [
        _Case(expectation, tuple(str(rule) for rule in document.model.rules))
        for document in pack.tests
        if isinstance(document.model, models.Test)
        for expectation in document.model.expect
    ]
    rules: list[Strategy | Exit | Guard] = [*pack.strategies, *pack.exits, *pack.guards]
    for rule in rules:
        missing = [word for word, shown in zip(_words(rule), _shown(rule, pack, cases), strict=True) if not shown]
        if missing:
            yield Finding(
                "AT601", "untested-rule", f"no test makes `{rule.name}` {' or '.join(missing)}",
                (rule.document.heading(),), help=_advice(rule, missing),
            )  # fmt: skip


def _words(rule: Rule) -> tuple[str, str]:
    return ("block", "let an order through") if isinstance(rule, Guard) else ("fire", "hold back")


def _shown(rule: Strategy | Exit | Guard, pack: Pack, cases: list[_Case]) -> tuple[bool, bool]:
    """Whether a test shows the rule acting, and whether one shows it letting things be."""
    named = [c.expectation.verdict for c in cases if matching([str(c.expectation.rule)], [rule.key], pack.name)]
    if not isinstance(rule, Guard):
        return "fired" in named, any(verdict != "fired" for verdict in named)
    blocks = any(verdict in ("fired", "blocked") for verdict in named) or any(
        c.expectation.verdict == "blocked" and str(c.expectation.because or "") in (rule.name, rule.action.reason)
        for c in cases
    )
    passes = "silent" in named or any(
        c.expectation.verdict == "fired" and matching(c.rules, [rule.key], pack.name) for c in cases
    )
    return blocks, passes


def _advice(rule: Rule, missing: list[str]) -> str:
    if not isinstance(rule, Guard):
        return f"add a `kind: test` that expects `rule: {rule.name}` to be fired at one moment and silent at another"
    blocks, passes = f"to be blocked `because: {rule.name}`", "to be fired"
    wanted = f"{blocks}, and one {passes}" if len(missing) > 1 else blocks if "block" in missing else passes
    return f"in a test with this guard among its `rules`, expect a strategy {wanted}"


CHECK = Check(
    "AT601",
    "untested-rule",
    "no test makes the rule fire and hold back",
    Page(
        avoid="""\
kind: strategy
name: up_bar
universe: [SPY]
when: close > close[1]
then:
  buy: {size: 10}
""",
        prefer="""\
kind: strategy
name: up_bar
universe: [SPY]
when: close > close[1]
then:
  buy: {size: 10}
---
kind: test
name: up_bar buys when the close rises and not before
rules: [up_bar]
given:
  symbol: SPY
  bars(1m): {close: "500x2, 501"}
expect:
  - {at: 2m, rule: up_bar, is: silent}
  - {at: 3m, rule: up_bar, is: fired, buy: {quantity: 10}}
""",
        why="""\
A rule that was never seen to fire may never fire, and one that was never seen to hold back may always fire. Both tests
together take ten lines. For a guard they are: one order blocked because of it, one order let through with it in force.
""",
        exceptions="""\
Sessions, gates and definitions are tested through the rules that they concern.
""",
    ),
    run,
    Severity.WARNING,
)
