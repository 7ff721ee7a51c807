"""Whether formulas can all hold at once: choices by cases, linear constraints by Fourier-Motzkin elimination.

Both are exact, with fractions instead of floats. A problem that grows too large is given up: then nothing is known,
and no check says anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from engine.lint.axioms import Axiom, axioms
from engine.lint.formula import All, AnyOf, Choice, Formula, Linear, Number, Reading, Value, leaves

MAX_ROWS = 200
MAX_CASES = 200
Model = Mapping[int, Number | str | bool]
Prefer = Callable[[int], Number]


class TooLarge(Exception):
    """The problem is given up."""


class _Row(NamedTuple):
    """``sum of coefficient * leaf + constant`` below zero (``strict``) or at most zero."""

    coefficients: dict[int, Number]
    constant: Number
    strict: bool

    @property
    def impossible(self) -> bool:
        return not self.coefficients and (self.constant > 0 or (self.strict and self.constant == 0))


class _Step(NamedTuple):
    """One eliminated leaf, with the rows that bound it from above and from below."""

    leaf: int
    above: Sequence[_Row]
    below: Sequence[_Row]


def satisfy(reading: Reading, formulas: Sequence[Formula], prefer: Prefer | None = None) -> Model | None:
    """Values of the leaves under which all formulas hold, what is always true included; None when there are none.

    Raises TooLarge. ``prefer``: the value that a leaf should have where nothing decides it.
    """
    return solve([*formulas, *(axiom.formula for axiom in _known(reading, formulas))], prefer)


def possible(reading: Reading, formulas: Sequence[Formula]) -> bool:
    """Whether all formulas can hold at once, as far as can be told: never False by mistake."""
    try:
        return satisfy(reading, formulas) is not None
    except TooLarge:
        return True


def reasons(reading: Reading, formulas: Sequence[Formula]) -> tuple[list[int], list[Axiom]] | None:
    """For formulas that cannot all hold: indices of some that already cannot, and what is known that they contradict.

    None when they can, or when that cannot be told.
    """
    try:
        if satisfy(reading, formulas) is not None:
            return None
        needed = _fewest(len(formulas), lambda kept: satisfy(reading, [formulas[i] for i in kept]) is None)
        chosen = [formulas[i] for i in needed]
        known = _known(reading, chosen)
        facts = _fewest(len(known), lambda kept: solve([*chosen, *(known[i].formula for i in kept)]) is None)
    except TooLarge:
        return None
    return needed, [known[i] for i in facts]


def _known(reading: Reading, formulas: Iterable[Formula]) -> list[Axiom]:
    return axioms(reading, {leaf for formula in formulas for leaf in leaves(formula)})


def _fewest(count: int, impossible: Callable[[list[int]], bool]) -> list[int]:
    """Of ``count`` formulas that cannot all hold, the indices of some that cannot either, and none to spare."""
    kept = list(range(count))
    for index in range(count):
        fewer = [i for i in kept if i != index]
        if impossible(fewer):
            kept = fewer
    return kept


def solve(formulas: Sequence[Formula], prefer: Prefer | None = None) -> Model | None:
    """Values under which all formulas hold, or None. Raises TooLarge."""
    return _Cases(prefer or _zero).search(list(formulas), [], {})


def _zero(leaf: int) -> Number:
    return 0


@dataclass(slots=True)
class _Cases:
    """A search through the cases of all alternatives."""

    prefer: Prefer
    tried: int = field(default=0)

    def search(self, pending: list[Formula], rows: list[_Row], chosen: dict[int, set[Value] | Value]) -> Model | None:
        """``chosen``: the value of a leaf, or the set of values that it may not have. Takes its arguments over."""
        alternatives: list[AnyOf] = []
        while pending:
            formula = pending.pop()
            if isinstance(formula, Linear):
                rows.append(_Row(dict(formula.coefficients), formula.constant, formula.strict))
            elif isinstance(formula, All):
                pending.extend(formula.parts)
            elif isinstance(formula, AnyOf):
                alternatives.append(formula)
            elif not _choose(chosen, formula):
                return None
        self.tried += 1
        if self.tried > MAX_CASES:
            raise TooLarge
        numbers = _feasible(rows, self.prefer)
        if numbers is None or not alternatives:
            return None if numbers is None else numbers | _values(chosen)
        first, *others = sorted(alternatives, key=lambda a: len(a.parts))
        for part in first.parts:
            copy = {leaf: set(v) if isinstance(v, set) else v for leaf, v in chosen.items()}
            found = self.search([*others, part], list(rows), copy)
            if found is not None:
                return found
        return None


def _choose(chosen: dict[int, set[Value] | Value], choice: Choice) -> bool:
    """Take in a choice; False when it contradicts an earlier one."""
    leaf, value, same = choice
    if isinstance(value, bool) and not same:
        value, same = not value, True
    before = chosen.get(leaf)
    if same:
        if before is not None and (value in before if isinstance(before, set) else value != before):
            return False
        chosen[leaf] = value
    elif isinstance(before, set):
        before.add(value)
    elif before is None:
        chosen[leaf] = {value}
    else:
        return before != value
    return True


def _values(chosen: Mapping[int, set[Value] | Value]) -> dict[int, Number | str | bool]:
    found: dict[int, Number | str | bool] = {}
    for leaf, value in chosen.items():
        if isinstance(value, set):
            found[leaf] = "other than " + ", ".join(sorted(map(str, value)))
        elif not isinstance(value, float):
            found[leaf] = value
    return found


# -- linear constraints ----------------------------------------------------------------------------------------------


def _feasible(rows: Sequence[_Row], prefer: Prefer) -> dict[int, Number | str | bool] | None:
    """Values that satisfy all rows, or None."""
    steps = _eliminate(rows)
    if steps is None:
        return None
    values: dict[int, Number] = {}
    for step in reversed(steps):
        for row in (*step.above, *step.below):
            for leaf in row.coefficients.keys() - values.keys() - {step.leaf}:
                values[leaf] = prefer(leaf)  # it fell out on the way: nothing bounds it any more
        highest = min((_bound(row, step.leaf, values) for row in step.above), key=_upper, default=None)
        lowest = max((_bound(row, step.leaf, values) for row in step.below), key=_lower, default=None)
        values[step.leaf] = pick(lowest, highest, prefer(step.leaf))
    return dict(values)


def _eliminate(rows: Sequence[_Row]) -> list[_Step] | None:
    """One leaf after the other is expressed through the others; None when a row turns out to be impossible."""
    left = list(rows)
    steps: list[_Step] = []
    while True:
        if any(row.impossible for row in left):
            return None
        left = [row for row in left if row.coefficients]
        if not left:
            return steps
        step = _cheapest(left)
        steps.append(step)
        left = [row for row in left if step.leaf not in row.coefficients]
        left += [_combined(step.leaf, above, below) for above in step.above for below in step.below]
        if len(left) > MAX_ROWS:
            raise TooLarge


def _cheapest(rows: Sequence[_Row]) -> _Step:
    """The leaf whose elimination leaves the fewest rows."""
    above: dict[int, list[_Row]] = {}
    below: dict[int, list[_Row]] = {}
    for row in rows:
        for leaf, coefficient in row.coefficients.items():
            (above if coefficient > 0 else below).setdefault(leaf, []).append(row)
    leaf = min(above.keys() | below.keys(), key=lambda n: (len(above.get(n, ())) * len(below.get(n, ())), n))
    return _Step(leaf, above.get(leaf, ()), below.get(leaf, ()))


def _combined(leaf: int, above: _Row, below: _Row) -> _Row:
    up, down = -below.coefficients[leaf], above.coefficients[leaf]
    merged = {n: coefficient * up for n, coefficient in above.coefficients.items()}
    for n, coefficient in below.coefficients.items():
        merged[n] = merged.get(n, 0) + coefficient * down
    coefficients = {n: coefficient for n, coefficient in merged.items() if coefficient}
    return _Row(coefficients, above.constant * up + below.constant * down, above.strict or below.strict)


class Bound(NamedTuple):
    """Where the values of a leaf end; ``open``: the end is not among them."""

    value: Number
    open: bool


def _bound(row: _Row, leaf: int, values: Mapping[int, Number]) -> Bound:
    rest = row.constant + sum(c * values[n] for n, c in row.coefficients.items() if n != leaf)
    return Bound(Fraction(-rest) / row.coefficients[leaf], row.strict)


def _upper(bound: Bound) -> tuple[Number, bool]:
    return bound.value, not bound.open


def _lower(bound: Bound) -> tuple[Number, bool]:
    return bound.value, bound.open


def pick(low: Bound | None, high: Bound | None, preferred: Number) -> Number:
    """A plain number between the bounds, the preferred one if it is; the bounds must leave room."""
    if _inside(preferred, low, high):
        return preferred
    if low is None or high is None:
        assert low is not None or high is not None  # without bounds the preferred value fits
        return _beyond(low) if low is not None else -_beyond(Bound(-high.value, high.open))  # type: ignore[union-attr]
    middle = Fraction(low.value + high.value) / 2
    for digits in range(13):
        value = Fraction(round(middle * 10**digits), 10**digits)
        if _inside(value, low, high):
            return value
    return middle


def _beyond(low: Bound) -> Number:
    """The next plain number above, a step of the bound's own size away."""
    step = _magnitude(low.value)
    return (low.value // step + 1) * step


def _magnitude(value: Number) -> Fraction:
    """The power of ten at or just below a number's size; one for nothing."""
    step, size = Fraction(1), abs(Fraction(value))
    while step * 10 <= size:
        step *= 10
    while 0 < size < step:
        step /= 10
    return step


def _inside(value: Number, low: Bound | None, high: Bound | None) -> bool:
    above = low is None or value > low.value or (value == low.value and not low.open)
    return above and (high is None or value < high.value or (value == high.value and not high.open))
