"""Which prices a market takes: bands with a step each."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.simulators.kalshi.core.units import PRICE_ONE


@dataclass(frozen=True, slots=True)
class PriceRange:
    """Prices from ``start`` to ``end`` in steps of ``step``, all in 1/10000 dollar."""

    start: int
    end: int
    step: int


Grid = tuple[PriceRange, ...]

# The labels of the vendor's documents that these markets use; others come with their own ranges.
STRUCTURES: dict[str, Grid] = {
    "linear_cent": (PriceRange(0, 10_000, 100),),
    "deci_cent": (PriceRange(0, 10_000, 10),),
    "tapered_deci_cent": (PriceRange(0, 1_000, 10), PriceRange(1_000, 9_000, 100), PriceRange(9_000, 10_000, 10)),
    "center_deci_edge_centi_cent": (PriceRange(0, 100, 1), PriceRange(100, 9_900, 10), PriceRange(9_900, 10_000, 1)),
}


def on_grid(grid: Grid, price: int) -> bool:
    """Whether an order may have this price; 0 and 1 dollar never."""
    if not 0 < price < PRICE_ONE:
        return False
    return any(band.start <= price <= band.end and (price - band.start) % band.step == 0 for band in grid)


def nearest(grid: Grid, price: int) -> int:
    """The closest price that an order may have."""
    inside = min(max(price, 1), PRICE_ONE - 1)
    candidates = [
        candidate
        for band in grid
        for candidate in _around(band, inside)
        if 0 < candidate < PRICE_ONE and band.start <= candidate <= band.end
    ]
    return min(candidates, key=lambda candidate: (abs(candidate - inside), candidate))


def _around(band: PriceRange, price: int) -> tuple[int, int]:
    clipped = min(max(price, band.start), band.end)
    below = band.start + (clipped - band.start) // band.step * band.step
    low = max(below, band.start + band.step) if below == 0 else below
    high = below + band.step
    return low, high if high < PRICE_ONE else high - band.step
