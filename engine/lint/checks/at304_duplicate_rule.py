"""AT304 duplicate-rule: two rules with the same conditions and the same action."""

from __future__ import annotations

from collections.abc import Iterable

from engine.language.diagnostics import Finding
from engine.language.terms import Term
from engine.lint.bounds import conjuncts
from engine.lint.check import Check, LintContext, Page
from engine.lint.expressions import Same
from engine.ruleset.rules import Exit, Guard, Rule, Strategy


def run(context: LintContext) -> Iterable[Finding]:
    same = Same()
    for alike in _alike(context).values():
        first: dict[tuple[object, ...], Rule] = {}
        for rule in alike if len(alike) > 1 else []:
            key = _key(rule, same)
            before = first.setdefault(key, rule) if key is not None else rule
            if before is not rule:
                yield Finding(
                    "AT304", "duplicate-rule", f"`{rule.name}` does the same as `{before.name}`",
                    (rule.document.heading("this one"), before.document.heading("and this one")),
                    help="remove one of them, or make them differ",
                )  # fmt: skip


def _alike(context: LintContext) -> dict[object, list[Rule]]:
    """Rules by kind and by the text of their conditions: only those within one group are compared."""
    groups: dict[object, list[Rule]] = {}
    for rule in context.ruleset.rules:
        if isinstance(rule, Strategy | Exit | Guard) and rule.document.sound:
            terms = rule.require if isinstance(rule, Guard) else rule.when
            texts = sorted("".join(t.text.split()) for t in conjuncts(terms))
            groups.setdefault((type(rule), rule.pack, tuple(texts)), []).append(rule)
    return groups


def _key(rule: Rule, same: Same) -> tuple[object, ...] | None:
    """What makes two rules the same; None for rules that may be alike."""

    def numbers(terms: Iterable[Term | None]) -> tuple[int | None, ...]:
        return tuple(None if t is None else same.number(t) for t in terms)

    def condition(terms: Iterable[Term]) -> frozenset[int]:
        return frozenset(same.number(t) for t in conjuncts(terms))

    match rule:
        case Strategy():
            e = rule.entry
            return (
                "strategy", rule.pack, rule.trigger, rule.universe, numbers([rule.universe_when]), condition(rule.when),
                e.side, e.symbol, e.execution, e.fallback_market,
                numbers([e.size, e.limit, e.stop, e.within, e.bracket_stop, e.bracket_target, rule.cooldown]),
            )  # fmt: skip
        case Exit():
            a = rule.action
            return (
                "exit", rule.pack, rule.strategies, rule.once, condition(rule.when), a.close_all,
                numbers([a.close, a.limit, a.stop, a.trail_by, a.trail_after]),
            )  # fmt: skip
        case Guard():
            g = rule.action
            return (
                "guard", rule.pack, rule.judged, rule.strategies, condition(rule.require), g.effect,
                numbers([g.cap, g.halt_for]), g.until, g.flatten_all,
            )  # fmt: skip
    return None


CHECK = Check(
    "AT304",
    "duplicate-rule",
    "two rules with the same conditions and the same action",
    Page(
        avoid="""\
kind: strategy
name: dip
when: close crosses above open
then:
  buy: {size: 10}
---
kind: strategy
name: dip_again
when: close crosses above open
then:
  buy: {size: 10}
""",
        prefer="""\
kind: strategy
name: dip
when: close crosses above open
then:
  buy: {size: 20}
""",
        why="""\
Two equal strategies buy twice, because each has a position of its own. Mostly one is a copy that somebody meant to
change.
""",
        exceptions="""\
Conditions that mean the same but are written differently are not recognised, except for their order.
""",
    ),
    run,
)
