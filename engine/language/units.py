"""Which arithmetic makes sense between which kinds, and what comes out. The only place that decides it."""

from __future__ import annotations

from enum import StrEnum

from engine.language.types import Kind, Type

N, R, P, PR, M, Q, D, T, C, DA = (
    Kind.NUMBER, Kind.RATIO, Kind.PROBABILITY, Kind.PRICE, Kind.MONEY, Kind.QUANTITY,
    Kind.DURATION, Kind.TIME, Kind.CLOCK, Kind.DATE,
)  # fmt: skip


class Meaning(StrEnum):
    """How an operator is carried out: as written, or as a change by a share of the left side."""

    PLAIN = "plain"
    SHARE = "share"  # a + r means a * (1 + r)


_ADDITIVE: dict[tuple[Kind, Kind], tuple[Kind, Meaning]] = {
    (N, N): (N, Meaning.PLAIN),
    (R, R): (R, Meaning.PLAIN),
    (PR, PR): (PR, Meaning.PLAIN),
    (M, M): (M, Meaning.PLAIN),
    (Q, Q): (Q, Meaning.PLAIN),
    (D, D): (D, Meaning.PLAIN),
    (T, D): (T, Meaning.PLAIN),
    (C, D): (C, Meaning.PLAIN),
    (P, R): (P, Meaning.PLAIN),
    (N, R): (N, Meaning.PLAIN),
    (R, N): (N, Meaning.PLAIN),
    (PR, R): (PR, Meaning.SHARE),
    (M, R): (M, Meaning.SHARE),
    (Q, R): (Q, Meaning.SHARE),
}
_SUBTRACT_ONLY: dict[tuple[Kind, Kind], tuple[Kind, Meaning]] = {
    (P, P): (R, Meaning.PLAIN),
    (T, T): (D, Meaning.PLAIN),
    (C, C): (D, Meaning.PLAIN),
}
_SCALED = (N, R, P, PR, M, Q, D)
_PRODUCTS: dict[tuple[Kind, Kind], Kind] = {
    (PR, Q): M, (Q, PR): M, (P, Q): M, (Q, P): M, (P, M): M, (M, P): M, (P, P): P, (R, R): R,
}  # fmt: skip
_QUOTIENTS: dict[tuple[Kind, Kind], Kind] = {(M, PR): Q, (M, Q): PR, (M, P): Q}


def candidates(type_: Type) -> tuple[Kind, ...]:
    """Kinds that a value may stand for, its own first."""
    if not type_.literals:
        return (type_.kind,)
    return (type_.kind, *sorted(type_.literals - {type_.kind}))


def arithmetic(operator: str, left: Kind, right: Kind) -> tuple[Kind, Meaning] | None:
    """Result of ``left operator right``; None when it makes no sense."""
    if operator in "+-":
        found = _ADDITIVE.get((left, right))
        return found or (_SUBTRACT_ONLY.get((left, right)) if operator == "-" else None)
    kind = {"*": _product, "/": _quotient, "^": _power}[operator](left, right)
    return None if kind is None else (kind, Meaning.PLAIN)


def _product(left: Kind, right: Kind) -> Kind | None:
    if (left, right) in _PRODUCTS:
        return _PRODUCTS[left, right]
    if left in (N, R) and right in _SCALED:
        return right
    if right in (N, R) and left in _SCALED:
        return left
    return None


def _quotient(left: Kind, right: Kind) -> Kind | None:
    if left is right and left in _SCALED:
        return N
    if right in (N, R) and left in _SCALED:
        return left
    return _QUOTIENTS.get((left, right))


def _power(left: Kind, right: Kind) -> Kind | None:
    return N if left in (N, R) and right in (N, R) else None


def resolve_arithmetic(operator: str, left: Type, right: Type) -> tuple[Kind, Meaning] | None:
    """As ``arithmetic``, trying each kind that a literal may stand for, the natural reading first."""
    for first in candidates(left):
        for second in candidates(right):
            found = arithmetic(operator, first, second)
            if found:
                return found
    return None


def comparable(left: Type, right: Type) -> Kind | None:
    """The kind in which two values can be compared; None when they cannot.

    A computed number and a ratio compare (``(high - low) / close > 2%``); a bare literal and a ratio do not,
    because ``gain > 2`` almost always means 2%.
    """
    for first in candidates(left):
        for second in candidates(right):
            if first is second:
                return first
    if {left.kind, right.kind} == {N, R} and not left.literals and not right.literals:
        return N
    if left.kind is N and not left.literals and right.kind is R:
        return N
    if right.kind is N and not right.literals and left.kind is R:
        return N
    return None


def conversion_hint(left: Type, right: Type) -> str:
    """How the author could make two kinds meet."""
    kinds = {left.kind, right.kind}
    if kinds == {R, N}:
        return "write the number as a ratio: 2% or 25bps"
    if kinds == {M, PR}:
        return "price × quantity is money: multiply the price by a quantity, or divide the money by one"
    if kinds == {M, P}:
        return "a probability is the price of a $1 contract: multiply it by a quantity to get money, or write 62c"
    if kinds == {PR, P}:
        return "a probability is a price between 0 and 1; write 62c for the price of a $1 contract"
    if kinds == {D, N}:
        return "give the number a unit of time: 30s, 15m, 2h"
    if kinds == {M, N}:
        return "write the number as money: $50"
    if kinds == {C, T}:
        return "compare a time of day such as 09:31 with `time_of_day`, and an instant with `now`"
    if kinds == {Q, M}:
        return "divide the money by a price to get a quantity"
    if kinds == {R, PR}:
        return "multiply the ratio by a price, or divide the price by one"
    return "both sides need the same unit"
