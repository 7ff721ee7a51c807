"""What several checks ask about typed expressions: which a rule has, which are constant, which are the same."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from engine.language.terms import Op, Term
from engine.ruleset.rules import Exit, Gate, Guard, Rule, Strategy


def roots(rule: Rule) -> Iterator[Term]:
    """Every expression of a rule, its lets last."""
    match rule:
        case Strategy():
            yield from rule.when
            yield from rule.entry.terms
            for override in rule.overrides.values():
                if override.entry is not None:
                    yield from override.entry.terms
                if override.cooldown is not None:
                    yield override.cooldown
            yield from (term for term in (rule.universe_when, rule.cooldown) if term is not None)
        case Exit():
            yield from rule.when
            yield from rule.action.terms
        case Guard():
            yield from rule.require
            yield from (term for term in (rule.action.cap, rule.action.halt_for) if term is not None)
        case Gate():
            yield from rule.require
    yield from rule.lets.values()


def mentions(rule: Rule, *words: str) -> bool:
    """Whether the file of a rule has any of ``words``: a quick no, before its expressions are looked at one by one."""
    text = rule.document.file.text
    return any(word in text for word in words)


def constant(term: Term) -> float | None:
    """The finite number that a term always is, or None when it can change (parameters can)."""
    value = _constant(term)
    return value if value is not None and isfinite(value) else None


def _constant(term: Term) -> float | None:
    if term.op is Op.CONSTANT:
        return float(term.value) if isinstance(term.value, float) else None
    values = [constant(argument) for argument in term.args]
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    match term.op, known:
        case Op.NEGATE, [x]:
            return -x
        case Op.ADD, [x, y]:
            return x + y
        case Op.SUBTRACT, [x, y]:
            return x - y
        case Op.MULTIPLY, [x, y]:
            return x * y
        case Op.DIVIDE, [x, y] if y != 0:
            return x / y
    return None


class Same:
    """Numbers terms so that two compute the same thing exactly when their numbers are equal."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[object, ...], int] = {}
        self._known: dict[int, int] = {}
        self._kept: list[Term] = []  # so that no id is used again

    def number(self, term: Term) -> int:
        known = self._known.get(id(term))
        if known is not None:
            return known
        arguments = tuple(self.number(argument) for argument in term.args)
        key = (term.op, term.name, term.seconds, term.value, type(term.value), arguments)
        found = self._numbers.setdefault(key, len(self._numbers))
        self._known[id(term)] = found
        self._kept.append(term)
        return found
