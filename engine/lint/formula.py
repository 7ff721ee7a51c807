"""Conditions as formulas over series: what has to hold of the series for a condition to be true, or to be false.

A *leaf* is a term that the solver does not look into: a fact, an indicator, a product of two series. Leaves that
compute the same thing have the same number. Comparisons become linear constraints over leaves, everything else that
is true or false becomes a choice. In three-valued logic "not true" is more than "false", so both are asked separately.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple

from engine.language.terms import COMPARISONS, CROSSINGS, Op, Term
from engine.language.types import Kind, Type, Varies
from engine.lint.intervals import Intervals
from engine.ruleset.rules import Ruleset

Number = int | Fraction
Value = float | str | bool


class Linear(NamedTuple):
    """``sum of coefficient * leaf + constant`` is below zero (``strict``), or at most zero."""

    coefficients: tuple[tuple[int, Number], ...]
    constant: Number
    strict: bool


class Choice(NamedTuple):
    """A leaf has this value (``same``), or has it not."""

    leaf: int
    value: Value
    same: bool = True


class All(NamedTuple):
    parts: tuple[Formula, ...]


class AnyOf(NamedTuple):
    parts: tuple[Formula, ...]


Formula = Linear | Choice | All | AnyOf
TRUE = All(())
FALSE = AnyOf(())


@dataclass(frozen=True, slots=True)
class Form:
    """A number as a sum over leaves. ``folded``: a parameter's default went into it."""

    coefficients: Mapping[int, Number]
    constant: Number
    folded: bool = False

    def plus(self, other: Form, times: Number = 1) -> Form:
        merged = dict(self.coefficients)
        for leaf, coefficient in other.coefficients.items():
            merged[leaf] = merged.get(leaf, 0) + coefficient * times
            if not merged[leaf]:
                del merged[leaf]
        return Form(merged, self.constant + other.constant * times, self.folded or other.folded)

    def reversed(self) -> Form:
        return Form({leaf: -c for leaf, c in self.coefficients.items()}, -self.constant, self.folded)

    def below(self, strict: bool) -> Linear:
        """The constraint that this is below zero, or at most zero."""
        return Linear(tuple(sorted(self.coefficients.items())), self.constant, strict)


class Reading:
    """Reads the terms of one ruleset as formulas.

    ``at_defaults``: every parameter is its default. Otherwise parameters with a range are leaves of their own, and
    a comparison of parameters alone holds and fails as one likes: it is a switch, and somebody may turn it.
    """

    def __init__(self, ruleset: Ruleset, at_defaults: bool = False) -> None:
        self.intervals = Intervals(ruleset, at_defaults)
        self.facts = ruleset.facts
        self.at_defaults = at_defaults
        self._numbers: dict[tuple[object, ...], int] = {}
        self._terms: list[Term] = []  # the first term of each number
        self._known: dict[int, int] = {}
        self._kept: list[Term] = []  # so that no id is used again

    def term(self, leaf: int) -> Term:
        return self._terms[leaf]

    def number(self, term: Term) -> int:
        """Two terms have one number exactly when they compute the same thing."""
        known = self._known.get(id(term))
        if known is not None:
            return known
        key: tuple[object, ...]
        if self.at_defaults and term.op is Op.PARAMETER:
            value = self.intervals.default(term.name)
            key = (Op.CONSTANT, "", 0, bool(value) if term.type.kind is Kind.BOOL else value)
        else:
            key = (term.op, term.name, term.seconds, term.value, *[self.number(argument) for argument in term.args])
        found = self._numbers.setdefault((*key, type(key[3])), len(self._terms))
        if found == len(self._terms):
            self._terms.append(term)
        self._known[id(term)] = found
        self._kept.append(term)
        return found

    # -- numbers -----------------------------------------------------------------------------------------------------

    def form(self, term: Term) -> Form:
        """``term`` as a sum over leaves; exact, decimals as written."""
        return self._difference(term, None)

    def _difference(self, left: Term, right: Term | None) -> Form:
        coefficients: dict[int, Number] = {}
        constant, folded = self._add(left, 1, coefficients)
        if right is not None:
            less, folded_too = self._add(right, -1, coefficients)
            constant, folded = constant + less, folded or folded_too
        return Form({leaf: c for leaf, c in coefficients.items() if c}, constant, folded)

    def _add(self, term: Term, times: Number, into: dict[int, Number]) -> tuple[Number, bool]:
        """Add ``times * term`` to the coefficients; what is constant in it, and whether a default went into that."""
        op = term.op
        if op in (Op.ADD, Op.SUBTRACT):
            left, folded = self._add(term.args[0], times, into)
            right, folded_too = self._add(term.args[1], times if op is Op.ADD else -times, into)
            return left + right, folded or folded_too
        if op is Op.NEGATE:
            return self._add(term.args[0], -times, into)
        fixed = self._fixed(term)
        if fixed is not None:
            return fixed[0] * times, fixed[1]
        if op in (Op.MULTIPLY, Op.DIVIDE):
            for factor, other in ((term.args[1], term.args[0]), (term.args[0], term.args[1])):
                fixed = self._fixed(factor)
                if fixed is None or (op is Op.DIVIDE and (factor is term.args[0] or not fixed[0])):
                    continue
                value, folded = fixed
                scaled = times * value if op is Op.MULTIPLY else times / Fraction(value)
                constant, folded_too = self._add(other, scaled, into)
                return constant, folded or folded_too
        leaf = self.number(term)
        into[leaf] = into.get(leaf, 0) + times
        return 0, False

    def _fixed(self, term: Term) -> tuple[Number, bool] | None:
        """The number that a term always is, and whether a parameter's default is part of it."""
        op = term.op
        if op is Op.CONSTANT:
            return (exact(term.value), False) if isinstance(term.value, float) and math.isfinite(term.value) else None
        if op is Op.PARAMETER:
            moves = self.intervals.parameter(term.name) is not None
            return None if moves else (exact(self.intervals.default(term.name)), True)
        if op not in _ARITHMETIC:
            return None
        values = [self._fixed(argument) for argument in term.args]
        known = [value for value in values if value is not None]
        if len(known) < len(values) or (op is Op.DIVIDE and not known[1][0]):
            return None
        return _ARITHMETIC[op](*(Fraction(value) for value, _ in known)), any(folded for _, folded in known)

    # -- conditions --------------------------------------------------------------------------------------------------

    def truth(self, term: Term, wanted: bool = True) -> Formula:
        """What has to hold for a condition to be true (or false); never less than that, sometimes more is allowed."""
        op, args = term.op, term.args
        if op in COMPARISONS:
            return self._comparison(term, wanted)
        match op:
            case Op.CONSTANT:
                return TRUE if bool(term.value) is wanted else FALSE
            case Op.PARAMETER if self.at_defaults:
                return TRUE if bool(self.intervals.default(term.name)) is wanted else FALSE
            case Op.NOT:
                return self.truth(args[0], not wanted)
            case Op.AND | Op.OR:
                parts = tuple(self.truth(argument, wanted) for argument in args)
                return All(parts) if (op is Op.AND) is wanted else AnyOf(parts)
            case Op.IF:
                chosen = All((self.truth(args[0], True), self.truth(args[1], wanted)))
                return AnyOf((chosen, All((self.truth(args[0], False), self.truth(args[2], wanted)))))
            case Op.OR_ELSE:
                return AnyOf((self.truth(args[0], wanted), self.truth(args[1], wanted)))
            case Op.HELD if wanted:
                return All((self.truth(args[0], True), self._choice(term, True)))
        if op in CROSSINGS and wanted:
            return All((self._crossed(term), self._choice(term, True)))
        if op is Op.FUNCTION and term.name in ("rising", "falling") and wanted:
            return All((self._moved(term), self._choice(term, True)))
        return self._choice(term, wanted)

    def _choice(self, term: Term, value: Value, same: bool = True) -> Choice:
        return Choice(self.number(term), value, same)

    def _crossed(self, term: Term) -> Linear:
        left, right = term.args if term.op is Op.CROSSES_ABOVE else reversed(term.args)
        return self._difference(right, left).below(strict=True)

    def _moved(self, term: Term) -> Linear:
        earlier = delayed(term.args[0], 1, term.seconds)
        one, other = (earlier, term.args[0]) if term.name == "rising" else (term.args[0], earlier)
        return self._difference(one, other).below(strict=True)

    def _comparison(self, term: Term, wanted: bool) -> Formula:
        left, right = term.args
        kinds = {left.type.kind, right.type.kind}
        if Kind.BOOL in kinds:
            return self._same_truth(term, wanted)
        if Kind.TEXT in kinds:
            return self._same_text(term, wanted)
        difference = self._difference(left, right)
        if not difference.coefficients and difference.folded and not self.at_defaults:
            return TRUE
        related = _related(difference, term.op if wanted else _OPPOSITE[term.op])
        return self._known_only_open(related, difference.coefficients)

    def _known_only_open(self, formula: Formula, known: Iterable[int]) -> Formula:
        """Most facts of a position are unknown without one, and what compares them is then neither true nor false."""
        for leaf in known:
            term = self.term(leaf)
            if term.op is Op.FACT and term.name.startswith("position.") and self.facts[term.name].nullable:
                return All((formula, self._choice(fact("position.open", term, Kind.BOOL), True)))
        return formula

    def _same_truth(self, term: Term, wanted: bool) -> Formula:
        left, right = term.args
        equal = wanted is (term.op is Op.EQUAL)
        both = All((self.truth(left, True), self.truth(right, equal)))
        return AnyOf((both, All((self.truth(left, False), self.truth(right, not equal)))))

    def _same_text(self, term: Term, wanted: bool) -> Formula:
        left, right = term.args
        equal = wanted is (term.op is Op.EQUAL)
        if isinstance(left.value, str) and isinstance(right.value, str):
            return TRUE if (left.value == right.value) is equal else FALSE
        if isinstance(left.value, str):
            left, right = right, left
        if isinstance(right.value, str):
            return self._choice(left, right.value, equal)
        return self._choice(term, wanted)


_ARITHMETIC: dict[Op, Callable[..., Fraction]] = {
    Op.ADD: operator.add, Op.SUBTRACT: operator.sub, Op.MULTIPLY: operator.mul, Op.DIVIDE: operator.truediv,
    Op.NEGATE: operator.neg,
}  # fmt: skip
_OPPOSITE = {
    Op.LESS: Op.GREATER_EQUAL, Op.LESS_EQUAL: Op.GREATER, Op.GREATER: Op.LESS_EQUAL, Op.GREATER_EQUAL: Op.LESS,
    Op.EQUAL: Op.UNEQUAL, Op.UNEQUAL: Op.EQUAL,
}  # fmt: skip


def _related(difference: Form, op: Op) -> Formula:
    """``difference op 0``."""
    reverse = difference.reversed()
    match op:
        case Op.LESS | Op.LESS_EQUAL:
            return difference.below(op is Op.LESS)
        case Op.GREATER | Op.GREATER_EQUAL:
            return reverse.below(op is Op.GREATER)
        case Op.EQUAL:
            return All((difference.below(False), reverse.below(False)))
        case _:
            return AnyOf((difference.below(True), reverse.below(True)))


def exact(value: float) -> Number:
    """A float as the decimal that its author wrote."""
    if value == int(value):
        return int(value)
    whole, dot, digits = repr(value).partition(".")
    return Fraction(repr(value)) if "e" in digits or not dot else Fraction(int(whole + digits), 10 ** len(digits))


def delayed(term: Term, bars: int, seconds: int) -> Term:
    """``term`` as it was some bars ago; made up, so it stands where ``term`` stands."""
    constant = Term(Op.CONSTANT, Type(Kind.NUMBER, Varies.CONSTANT), term.node, term.source, value=float(bars))
    return Term(Op.DELAY, replace(term.type), term.node, term.source, (term, constant), seconds=seconds)


def fact(name: str, like: Term, kind: Kind, seconds: int = 0) -> Term:
    """A fact that nobody wrote, standing where ``like`` stands."""
    return Term(Op.FACT, Type(kind, Varies.SERIES, True), like.node, like.source, name=name, seconds=seconds)


def leaves(formula: Formula) -> Iterator[int]:
    """Numbers of all leaves, some more than once."""
    match formula:
        case Linear(coefficients=coefficients):
            yield from (leaf for leaf, _ in coefficients)
        case Choice(leaf=leaf):
            yield leaf
        case All(parts=parts) | AnyOf(parts=parts):
            for part in parts:
                yield from leaves(part)


def conjuncts(terms: tuple[Term, ...]) -> Iterator[Term]:
    """Conditions of which all must be true, ``and`` taken apart."""
    for term in terms:
        if term.op is Op.AND:
            yield from conjuncts(term.args)
        else:
            yield term
