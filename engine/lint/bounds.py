"""Conditions as bounds on series: what several checks need to say that something can never, or always, be true.

Only comparisons of one series with a constant are understood; everything else is left alone, so that whatever is said
is so. A condition that is true has all its atoms true, also under three values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import inf, isfinite, nextafter

from engine.language.terms import Op, Term
from engine.lint.expressions import Same, constant

MIRRORED = {
    Op.LESS: Op.GREATER, Op.LESS_EQUAL: Op.GREATER_EQUAL, Op.GREATER: Op.LESS, Op.GREATER_EQUAL: Op.LESS_EQUAL,
    Op.EQUAL: Op.EQUAL,
}  # fmt: skip
NEGATED = {
    Op.LESS: Op.GREATER_EQUAL, Op.LESS_EQUAL: Op.GREATER, Op.GREATER: Op.LESS_EQUAL, Op.GREATER_EQUAL: Op.LESS,
}  # fmt: skip
FUNCTION_RANGES = {
    "rsi": (0.0, 100.0), "adx": (0.0, 100.0), "correlation": (-1.0, 1.0), "rvol": (0.0, inf), "atr": (0.0, inf),
    "true_range": (0.0, inf), "stdev": (0.0, inf), "bars_since": (0.0, inf), "bar_index": (0.0, inf),
    "abs": (0.0, inf), "sqrt": (0.0, inf),
}  # fmt: skip
FACT_RANGES = {
    "volume": (0.0, inf), "positions.count": (0.0, inf), "positions.in_symbol": (0.0, inf),
    "orders.open": (0.0, inf), "position.quantity": (0.0, inf), "position.bars": (0.0, inf),
    "position.age": (0.0, inf), "time_of_day": (0.0, nextafter(86400.0, 0.0)),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Interval:
    """Values from ``low`` to ``high``; strict bounds are moved to the next float, so that ends always belong to it."""

    low: float = -inf
    high: float = inf

    @property
    def empty(self) -> bool:
        return self.low > self.high

    def meet(self, other: Interval) -> Interval:
        return Interval(max(self.low, other.low), min(self.high, other.high))

    def inside(self, other: Interval) -> bool:
        return other.low <= self.low and self.high <= other.high

    def some_value(self) -> float:
        """A plain number inside: the middle, or a step from the only bound."""
        if isfinite(self.low) and isfinite(self.high):
            middle = (self.low + self.high) / 2
            return next((v for v in (round(middle), round(middle, 2)) if self.low <= v <= self.high), middle)
        if isfinite(self.low):
            return self.low + max(1.0, abs(self.low) * 0.1)
        return self.high - max(1.0, abs(self.high) * 0.1) if isfinite(self.high) else 0.0


@dataclass(frozen=True, slots=True)
class Atom:
    """``series`` (a number of ``Same``) lies in ``interval`` when ``term`` is true."""

    series: int
    interval: Interval
    side: Term
    term: Term


def conjuncts(terms: Iterable[Term]) -> Iterator[Term]:
    """The parts of conditions that must all be true."""
    for term in terms:
        if term.op is Op.AND:
            yield from conjuncts(term.args)
        else:
            yield term


def atom(term: Term, same: Same) -> Atom | None:
    """A conjunct as a bound on one series; None when it is something else."""
    op = term.op
    inner = term
    if op is Op.NOT:
        inner = term.args[0]
        if inner.op not in NEGATED:
            return None
        op = NEGATED[inner.op]
    if op not in MIRRORED or len(inner.args) != 2:
        return None
    left, right = inner.args
    value = constant(right)
    if value is None:
        value, left, op = constant(left), right, MIRRORED[op]
    if value is None or constant(left) is not None:
        return None
    return Atom(same.number(left), _interval(op, value), left, term)


def _interval(op: Op, value: float) -> Interval:
    match op:
        case Op.LESS:
            return Interval(high=nextafter(value, -inf))
        case Op.LESS_EQUAL:
            return Interval(high=value)
        case Op.GREATER:
            return Interval(low=nextafter(value, inf))
        case Op.GREATER_EQUAL:
            return Interval(low=value)
    return Interval(value, value)


def natural_range(side: Term) -> Interval:
    """Values that a series can have at all."""
    if side.op is Op.FUNCTION and side.name in FUNCTION_RANGES:
        return Interval(*FUNCTION_RANGES[side.name])
    if side.op is Op.FACT and side.name in FACT_RANGES:
        return Interval(*FACT_RANGES[side.name])
    return Interval()


@dataclass(slots=True)
class Box:
    """What a conjunction says of each series. ``clash`` holds the terms that contradict one another, if any.

    ``others`` are conjuncts that are no bounds; ``complete`` is False when there are some.
    """

    same: Same
    bounds: dict[int, Interval] = field(default_factory=dict)
    sides: dict[int, Term] = field(default_factory=dict)
    said: dict[int, list[Term]] = field(default_factory=dict)
    others: list[Term] = field(default_factory=list)
    clash: tuple[Term, ...] = ()

    @classmethod
    def of(cls, terms: Iterable[Term], same: Same) -> Box:
        box = cls(same)
        for term in conjuncts(terms):
            box._add(term)
        return box

    @property
    def complete(self) -> bool:
        return not self.others

    def _add(self, term: Term) -> None:
        found = atom(term, self.same)
        if found is None:
            self.others.append(term)
            self._look_for_opposite(term)
            return
        before = self.bounds.get(found.series)
        start = natural_range(found.side) if before is None else before
        now = start.meet(found.interval)
        if now.empty and not self.clash:
            earlier = [t for t in self.said.get(found.series, []) if _clashes(t, found, self.same)]
            self.clash = (*earlier[:1], term)
        self.bounds[found.series] = now
        self.sides.setdefault(found.series, found.side)
        self.said.setdefault(found.series, []).append(term)

    def _look_for_opposite(self, term: Term) -> None:
        """``x and not x`` is never true, whatever x is."""
        for other in self.others[:-1]:
            for yes, no in ((term, other), (other, term)):
                if no.op is Op.NOT and self.same.number(no.args[0]) == self.same.number(yes) and not self.clash:
                    self.clash = (other, term)

    def meet(self, other: Box) -> dict[int, Interval]:
        """Bounds of both together."""
        series = self.bounds.keys() | other.bounds.keys()
        return {s: self.bounds.get(s, Interval()).meet(other.bounds.get(s, Interval())) for s in series}

    def implies(self, other: Box) -> bool:
        """Whether every situation that fits here fits ``other`` too."""
        numbers = {self.same.number(t) for t in self.others}
        if any(self.same.number(t) not in numbers for t in other.others):
            return False
        return all(s in self.bounds and self.bounds[s].inside(bound) for s, bound in other.bounds.items())


def _clashes(term: Term, found: Atom, same: Same) -> bool:
    other = atom(term, same)
    return other is not None and other.interval.meet(found.interval).empty


def shown(side: Term, value: float) -> str:
    """A series with a value, for a witness."""
    return f"{side.text} = {value:g}"
