"""AT304 duplicate-rule: two rules that are true together and do the same, however they are written."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import combinations

from engine.language.diagnostics import Finding
from engine.language.terms import Op, Term, walk
from engine.lint.analysis import Analysis, analysis
from engine.lint.check import Check, LintContext, Page
from engine.lint.formula import Reading, leaves
from engine.lint.witness import told, witness
from engine.ruleset.rules import Exit, Guard, Rule, Strategy


def run(context: LintContext) -> Iterable[Finding]:
    asked = analysis(context)
    for alike in _groups(context.ruleset.rules, _written):
        for same_action in _groups(alike, lambda rule: _action(rule, asked.fixed)):
            for same_series in _groups(same_action, lambda rule: _series(rule, asked)):
                yield from _duplicates(same_series, asked)


def _groups(rules: Iterable[Rule], key: object) -> Iterator[list[Rule]]:
    """Rules with equal keys, where there are several; those without a key are left out."""
    found: dict[Hashable, list[Rule]] = {}
    for rule in rules:
        value = key(rule)  # type: ignore[operator]
        if value is not None:
            found.setdefault(value, []).append(rule)
    return (group for group in found.values() if len(group) > 1)


def _written(rule: Rule) -> Hashable | None:
    """The action as its author wrote it: a quick first look."""
    if not rule.document.sound or rule.document.model is None:
        return None
    match rule:
        case Strategy(enabled=True):
            return (rule.pack, rule.entry.side, *("".join(term.text.split()) for term in rule.entry.terms))
        case Exit():
            return (rule.pack, rule.action.close_all, *("".join(term.text.split()) for term in rule.action.terms))
        case Guard():
            return (rule.pack, rule.judged, rule.action.effect)
    return None


def _action(rule: Rule, reading: Reading) -> Hashable | None:
    """Everything but the conditions: what is done, to what, and when it is looked at."""

    def numbers(*terms: Term | None) -> tuple[int | None, ...]:
        return tuple(None if term is None else reading.number(term) for term in terms)

    match rule:
        case Strategy():
            e = rule.entry
            return (
                rule.trigger, rule.universe, e.symbol, e.execution, e.fallback_market,
                numbers(rule.universe_when, e.size, e.limit, e.stop, e.within, e.bracket_stop, e.bracket_target),
            )  # fmt: skip
        case Exit():
            a = rule.action
            return (
                rule.strategies, rule.once, rule.unknown, a.fallback_market,
                numbers(a.close, a.limit, a.within, a.stop, a.trail_by, a.trail_after),
            )  # fmt: skip
        case Guard():
            g = rule.action
            return (rule.strategies, g.until, g.flatten_all, numbers(g.cap, g.halt_for))
    return None


def _series(rule: Rule, asked: Analysis) -> Hashable:
    return frozenset(leaf for part in asked.parts(rule) for leaf in leaves(asked.fixed.truth(part)))


def _duplicates(rules: Sequence[Rule], asked: Analysis) -> Iterator[Finding]:
    told_of: set[int] = set()
    for one, two in combinations(rules, 2):
        if id(two) in told_of or _apart(one, two, asked):
            continue
        if asked.implies(one, two, asked.fixed) and asked.implies(two, one, asked.fixed):
            told_of.add(id(two))
            parts = asked.parts(one)
            model = witness(asked.fixed, parts)
            yield Finding(
                "AT304", "duplicate-rule", f"`{two.name}` does the same as `{one.name}`",
                (two.document.heading("this one"), one.document.heading("and this one")),
                help="remove one of them, or make them differ",
                witness=f"{told(asked.fixed, parts, model)}: both are true" if model else "",
            )  # fmt: skip


def _apart(one: Rule, two: Rule, asked: Analysis) -> bool:
    """Whether something else than their own text makes two rules differ."""
    if isinstance(one, Strategy) and isinstance(two, Strategy) and asked.windows(one) != asked.windows(two):
        return True
    return any(_set_elsewhere(rule, asked) for rule in (one, two))


def _set_elsewhere(rule: Rule, asked: Analysis) -> bool:
    """Whether an override or a session gives other values to a rule's own parameters."""
    if isinstance(rule, Strategy | Exit) and rule.overrides:
        return True
    own = {t.name for part in asked.parts(rule) for t in walk(part) if t.op is Op.PARAMETER}
    return any(key in own for pack in asked.ruleset.packs.values() for s in pack.sessions for key in s.settings)


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
A narrower condition with the same action is no duplicate: buying more, or selling more, further out is a plan. Nor are
rules whose parameters a session or an override sets, and strategies that may enter in different windows.
""",
    ),
    run,
)
