"""The prices at which a market can be ordered, from its ``price_ranges``. The grid of a live market can change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from connectors.kalshi.prices import ONE, PRICE_STEP, ZERO, PriceError, YesPrice, require_yes


@dataclass(frozen=True, slots=True)
class PriceRange:
    """Prices ``start``, ``start + step``, … up to ``end``, in dollars."""

    start: Decimal
    end: Decimal
    step: Decimal

    def __post_init__(self) -> None:
        if not (ZERO <= self.start < self.end <= ONE):
            raise PriceError(f"a price range must rise between $0 and $1, not {self.start} to {self.end}")
        if self.step <= 0 or self.step % PRICE_STEP or (self.end - self.start) % self.step:
            raise PriceError(f"the step {self.step} does not divide the price range {self.start} to {self.end}")

    def snap(self, dollars: Decimal, rounding: str) -> Decimal:
        """The price of this range next to ``dollars``, which lies in it, in the direction of ``rounding``."""
        steps = ((dollars - self.start) / self.step).quantize(ONE, rounding=rounding)
        return self.start + steps * self.step


@dataclass(frozen=True, slots=True)
class PriceGrid:
    """Adjoining ranges in rising order. $0 and $1 are never prices of an order."""

    ranges: tuple[PriceRange, ...]

    def __post_init__(self) -> None:
        if not self.ranges:
            raise PriceError("a price grid needs at least one price range")
        for low, high in zip(self.ranges, self.ranges[1:], strict=False):
            if low.end != high.start:
                raise PriceError(f"price ranges must adjoin, and {low.end} is followed by {high.start}")

    @classmethod
    def of(cls, ranges: Iterable[PriceRange]) -> PriceGrid:
        """The grid of ``ranges`` in any order."""
        return cls(tuple(sorted(ranges, key=lambda r: r.start)))

    def valid(self, price: YesPrice) -> bool:
        """Whether an order may have this price."""
        return self.floor(price) == price

    def floor(self, price: YesPrice) -> YesPrice | None:
        """The highest valid price at or below ``price``; None below the lowest."""
        dollars = require_yes(price).dollars
        if dollars >= self._last:
            return YesPrice(self._last)
        found = self._snap(dollars, ROUND_FLOOR)
        return None if found is None or found < self._first else YesPrice(found)

    def ceil(self, price: YesPrice) -> YesPrice | None:
        """The lowest valid price at or above ``price``; None above the highest."""
        dollars = require_yes(price).dollars
        if dollars <= self._first:
            return YesPrice(self._first)
        found = self._snap(dollars, ROUND_CEILING)
        return None if found is None or found > self._last else YesPrice(found)

    def up(self, price: YesPrice) -> YesPrice | None:
        """The lowest valid price above ``price``; None at the top."""
        above = require_yes(price).dollars + PRICE_STEP
        return None if above > ONE else self.ceil(YesPrice(above))

    def down(self, price: YesPrice) -> YesPrice | None:
        """The highest valid price below ``price``; None at the bottom."""
        below = require_yes(price).dollars - PRICE_STEP
        return None if below < ZERO else self.floor(YesPrice(below))

    @property
    def _first(self) -> Decimal:
        low = self.ranges[0]
        return low.start if low.start > 0 else low.start + low.step

    @property
    def _last(self) -> Decimal:
        high = self.ranges[-1]
        return high.end if high.end < 1 else high.end - high.step

    def _snap(self, dollars: Decimal, rounding: str) -> Decimal | None:
        for part in self.ranges:
            if part.start <= dollars <= part.end:
                return part.snap(dollars, rounding)
        return None
