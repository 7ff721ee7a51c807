"""What always holds between series that are known: bounds, and which is never above which."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from engine.language.terms import Op, Term
from engine.language.types import Kind
from engine.lint.formula import AnyOf, Choice, Form, Formula, Reading, exact, fact
from engine.lint.formula import leaves as leaves_of
from engine.lint.intervals import ALL
from engine.lint.wording import shown, words

_BAR_ORDER = (("low", "open"), ("low", "close"), ("low", "high"), ("open", "high"), ("close", "high"))
_BAR_PRICES = frozenset({"open", "high", "low", "close"})
_WORDS = {"weekday": ("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "order.side": ("buy", "sell")}
_ROUNDS = 3  # how often leaves that the axioms bring in may bring in others


class Axiom(NamedTuple):
    """A formula that always holds, and how to say so."""

    formula: Formula
    says: str


def axioms(reading: Reading, leaves: Iterable[int]) -> list[Axiom]:
    """What is known about these leaves, and about what connects them."""
    found: list[Axiom] = []
    seen: set[int] = set()
    fresh = set(leaves)
    for _ in range(_ROUNDS):
        for leaf in sorted(fresh):
            found += _of(reading, reading.term(leaf))
            found += _bounds(reading, leaf)
        seen |= fresh
        fresh = {leaf for axiom in found for leaf in leaves_of(axiom.formula)} - seen
        if not fresh:
            break
    else:
        for leaf in sorted(fresh):
            found += _bounds(reading, leaf)
        seen |= fresh
    return [*found, *_bar_order(reading, sorted(seen))]


def _bounds(reading: Reading, leaf: int) -> Iterator[Axiom]:
    term = reading.term(leaf)
    interval = reading.intervals.of(term)
    if interval is ALL or term.type.kind in (Kind.BOOL, Kind.TEXT):
        return
    form = Form({leaf: 1}, 0)
    if math.isfinite(interval.low):
        below = Form({}, exact(interval.low)).plus(form, -1).below(strict=False)
        yield Axiom(below, f"{words(term)} is never below {shown(interval.low, term.type.kind)}")
    if math.isfinite(interval.high):
        above = form.plus(Form({}, exact(interval.high)), -1).below(strict=False)
        yield Axiom(above, f"{words(term)} is never above {shown(interval.high, term.type.kind)}")


def _of(reading: Reading, term: Term) -> Iterator[Axiom]:
    """Relations of one leaf to what it is computed from, and the words that a text can be."""
    if term.op is Op.FACT and term.name in _WORDS:
        possible = tuple(Choice(reading.number(term), word) for word in _WORDS[term.name])
        yield Axiom(AnyOf(possible), f"{term.name} is one of {', '.join(_WORDS[term.name])}")
    if term.op is not Op.FUNCTION:
        return
    args = term.args
    match term.name:
        case "highest" | "max":
            for argument in args[: 2 if term.name == "max" else 1]:
                yield _at_most(reading, argument, term)
        case "lowest" | "min":
            for argument in args[: 2 if term.name == "min" else 1]:
                yield _at_most(reading, term, argument)
        case "abs":
            yield _at_most(reading, args[0], term)
        case "session_high":
            yield _at_most(reading, fact("high", term, Kind.PRICE, term.seconds), term)
        case "session_low":
            yield _at_most(reading, term, fact("low", term, Kind.PRICE, term.seconds))


def _at_most(reading: Reading, low: Term, high: Term) -> Axiom:
    formula = reading.form(low).plus(reading.form(high), -1).below(strict=False)
    return Axiom(formula, f"{words(low)} is never above {words(high)}")


def _bar_order(reading: Reading, leaves: Iterable[int]) -> Iterator[Axiom]:
    """Low, open, close and high of one bar among the leaves, in that order."""
    bars: dict[tuple[int, float], dict[str, Term]] = {}
    for leaf in leaves:
        term = reading.term(leaf)
        price, ago = term, 0.0
        if term.op is Op.DELAY and isinstance(term.args[1].value, float):
            price, ago = term.args[0], term.args[1].value
        if price.op is Op.FACT and price.name in _BAR_PRICES:
            bars.setdefault((price.seconds, ago), {})[price.name] = term
    for found in bars.values():
        for low, high in _BAR_ORDER:
            if low in found and high in found:
                yield _at_most(reading, found[low], found[high])
