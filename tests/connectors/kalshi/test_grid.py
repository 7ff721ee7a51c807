"""The grid of valid prices, against the plain list of all of them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.kalshi.grid import PriceGrid, PriceRange
from connectors.kalshi.prices import NoPrice, PriceError, YesPrice


def grid(*ranges: tuple[str, str, str]) -> PriceGrid:
    return PriceGrid.of(PriceRange(*map(Decimal, r)) for r in ranges)


LINEAR = grid(("0.0000", "1.0000", "0.0100"))
DECI = grid(("0", "1", "0.001"))
TAPERED = grid(("0.9", "1", "0.001"), ("0", "0.1", "0.001"), ("0.1", "0.9", "0.01"))
COMBO = grid(("0", "0.01", "0.0001"), ("0.01", "0.99", "0.001"), ("0.99", "1", "0.0001"))
INNER = grid(("0.02", "0.98", "0.03"))


def all_prices(of: PriceGrid) -> list[Decimal]:
    found: set[Decimal] = set()
    for part in of.ranges:
        steps = int((part.end - part.start) / part.step)
        found |= {part.start + n * part.step for n in range(steps + 1)}
    return sorted(p for p in found if 0 < p < 1)


ALL = {id(g): all_prices(g) for g in (LINEAR, DECI, TAPERED, COMBO, INNER)}


@given(
    st.sampled_from([LINEAR, DECI, TAPERED, COMBO, INNER]),
    st.integers(min_value=0, max_value=10_000).map(lambda n: Decimal(n) / 10_000),
)
def test_the_grid_agrees_with_the_list_of_its_prices(of: PriceGrid, dollars: Decimal) -> None:
    prices, price = ALL[id(of)], YesPrice(dollars)

    def dollars_of(found: YesPrice | None) -> Decimal | None:
        return found.dollars if found else None

    assert of.valid(price) == (dollars in prices)
    assert dollars_of(of.floor(price)) == max((p for p in prices if p <= dollars), default=None)
    assert dollars_of(of.ceil(price)) == min((p for p in prices if p >= dollars), default=None)
    assert dollars_of(of.up(price)) == min((p for p in prices if p > dollars), default=None)
    assert dollars_of(of.down(price)) == max((p for p in prices if p < dollars), default=None)


def test_a_no_price_has_no_place_on_the_grid() -> None:
    with pytest.raises(TypeError):
        LINEAR.valid(NoPrice(Decimal("0.5")))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ranges", "why"),
    [
        ([], "at least one"),
        ([("0", "0.5", "0.01"), ("0.6", "1", "0.01")], "adjoin"),
        ([("0", "1", "0.03")], "does not divide"),
        ([("0", "1", "0")], "does not divide"),
        ([("0", "0.1", "0.00005")], "does not divide"),
        ([("0.5", "0.5", "0.01")], "must rise"),
        ([("0", "1.5", "0.5")], "must rise"),
    ],
)
def test_ranges_that_make_no_grid_are_refused(ranges: list[tuple[str, str, str]], why: str) -> None:
    with pytest.raises(PriceError, match=why):
        grid(*ranges)
