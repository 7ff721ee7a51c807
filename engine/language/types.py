"""The types of the rule language. Units are types: they are checked at lint time and gone at run time.

At run time every value is a float: booleans are 0 and 1, times and durations seconds, ratios and probabilities
fractions, text an interned code, unknown a NaN.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum


class Kind(StrEnum):
    """What a value measures."""

    __hash__ = str.__hash__  # kinds are looked up all the time, and an enum's own hash is a call of Python

    NUMBER = "number"
    RATIO = "ratio"
    PROBABILITY = "probability"
    PRICE = "price"
    MONEY = "money"
    QUANTITY = "quantity"
    DURATION = "duration"
    TIME = "time"
    CLOCK = "clock"
    DATE = "date"
    BOOL = "bool"
    TEXT = "text"


class Varies(IntEnum):
    """How often a value can change. Where a constant is wanted, a series is an error (AT204)."""

    CONSTANT = 0
    PARAMETER = 1
    SERIES = 2


@dataclass(frozen=True, slots=True)
class Type:
    """A kind with its qualifiers.

    ``nullable``: may be unknown for another reason than warming up. ``literals``: the kinds that a literal may
    stand for (``62c`` is a price or a probability); empty for anything that is not a bare literal.
    """

    kind: Kind
    varies: Varies = Varies.SERIES
    nullable: bool = False
    literals: frozenset[Kind] = frozenset()

    def of(self, kind: Kind) -> Type:
        return replace(self, kind=kind, literals=frozenset())

    def fits(self, wanted: Kind) -> bool:
        """Whether a value of this type can stand where ``wanted`` is asked for."""
        return self.kind is wanted or wanted in self.literals


def join(*types: Type) -> tuple[Varies, bool]:
    """Qualifiers of a value computed from ``types``."""
    varies, nullable = Varies.CONSTANT, False
    for type_ in types:
        if type_.varies > varies:
            varies = type_.varies
        nullable = nullable or type_.nullable
    return varies, nullable
