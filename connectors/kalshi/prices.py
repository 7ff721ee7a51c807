"""Prices and counts of a $1 contract. A YES price and a NO price are different types and never stand for one another.

Prices are dollars per contract with at most four decimals; counts are contracts with at most two.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

PRICE_STEP = Decimal("0.0001")
COUNT_STEP = Decimal("0.01")
ONE = Decimal(1)
ZERO = Decimal(0)

_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")


class PriceError(ValueError):
    """A price, a count or a price grid that the venue cannot mean. The text names the value and the mend."""


@dataclass(frozen=True, slots=True)
class _Price:
    """``dollars`` per contract, 0 to 1. Compared and ordered only with prices of the same side."""

    dollars: Decimal

    def __post_init__(self) -> None:
        dollars = self.dollars
        if not isinstance(dollars, Decimal):
            raise TypeError(f"{type(self).__name__} takes a Decimal of dollars, not {type(dollars).__name__}")
        if not dollars.is_finite() or not 0 <= dollars <= 1:
            raise PriceError(f"a price is from $0 to $1 per contract, and {dollars} is not")
        if dollars % PRICE_STEP:
            raise PriceError(f"a price has at most four decimals, and {dollars} has more")

    @classmethod
    def parse(cls, text: str) -> Self:
        """``text`` as dollars, such as "0.5600"; PriceError when it is anything else."""
        return cls(parse_decimal(text, "a price"))

    def _dollars_of(self, other: object) -> Decimal:
        if type(other) is not type(self):
            raise TypeError(
                f"{type(self).__name__} and {type(other).__name__} cannot be compared; take the complement of one"
            )
        dollars: Decimal = other.dollars
        return dollars

    def __lt__(self, other: Self) -> bool:
        return self.dollars < self._dollars_of(other)

    def __le__(self, other: Self) -> bool:
        return self.dollars <= self._dollars_of(other)

    def __gt__(self, other: Self) -> bool:
        return self.dollars > self._dollars_of(other)

    def __ge__(self, other: Self) -> bool:
        return self.dollars >= self._dollars_of(other)

    def __str__(self) -> str:
        return f"{self.dollars:.4f}"


@dataclass(frozen=True, slots=True)
class YesPrice(_Price):
    """What one YES contract costs. All orders of the venue are at YES prices."""

    def complement(self) -> NoPrice:
        """The NO price of the same trade."""
        return NoPrice(ONE - self.dollars)


@dataclass(frozen=True, slots=True)
class NoPrice(_Price):
    """What one NO contract costs."""

    def complement(self) -> YesPrice:
        """The YES price of the same trade."""
        return YesPrice(ONE - self.dollars)


def as_yes(price: YesPrice | NoPrice) -> YesPrice:
    """The YES price of a trade that is priced on either side."""
    return price if isinstance(price, YesPrice) else price.complement()


def require_yes(price: object) -> YesPrice:
    """``price`` if it is a YES price; TypeError otherwise, so that untyped callers cannot mix the sides up."""
    if not isinstance(price, YesPrice):
        raise TypeError(f"a YES price is needed here, not {type(price).__name__}")
    return price


def require_no(price: object) -> NoPrice:
    """``price`` if it is a NO price; TypeError otherwise."""
    if not isinstance(price, NoPrice):
        raise TypeError(f"a NO price is needed here, not {type(price).__name__}")
    return price


def parse_decimal(text: object, what: str) -> Decimal:
    """``text`` as an exact finite number. JSON numbers are refused: the venue sends all money and counts as text."""
    if not isinstance(text, str):
        raise PriceError(f"{what} must be text such as \"0.5600\", not {type(text).__name__}")
    if _DECIMAL.fullmatch(text) is None:
        raise PriceError(f"{what} must be a decimal number, and {text!r} is not")
    return Decimal(text)


def check_count(count: Decimal) -> Decimal:
    """``count`` if it is a number of contracts that can be ordered: above 0, in steps of 0.01."""
    if not isinstance(count, Decimal):
        raise TypeError(f"a count is a Decimal of contracts, not {type(count).__name__}")
    if not count.is_finite() or count <= 0:
        raise PriceError(f"a count is above 0 contracts, and {count} is not")
    if count % COUNT_STEP:
        raise PriceError(f"a count has at most two decimals, and {count} has more")
    return count


def count_text(count: Decimal) -> str:
    """``count`` as the venue writes it, with two decimals."""
    return f"{count:.2f}"
