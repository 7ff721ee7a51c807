"""A value is written as the literal that is read as that very value."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.language import nodes
from engine.language.parser import parse
from engine.language.types import Kind
from engine.language.written import written

SIZES = st.one_of(
    st.floats(min_value=0, max_value=1e12, allow_nan=False),
    st.integers(0, 10**6).map(float), st.integers(0, 10**6).map(lambda n: n / 1000),
)  # fmt: skip
MEASURES = [Kind.NUMBER, Kind.QUANTITY, Kind.MONEY, Kind.PRICE, Kind.RATIO, Kind.PROBABILITY, Kind.DURATION]


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (Kind.RATIO, 0.02, "2%"), (Kind.RATIO, 0.00125, "0.125%"), (Kind.RATIO, 0.0005, "5bps"), (Kind.RATIO, 0, "0%"),
        (Kind.DURATION, 30, "30s"), (Kind.DURATION, 900, "15m"), (Kind.DURATION, 5400, "90m"),
        (Kind.DURATION, 172_800, "2d"), (Kind.DURATION, 0, "0s"), (Kind.DURATION, 0.25, "250ms"),
        (Kind.DURATION, 0.0625, "0.0625s"), (Kind.DURATION, 1e30, f"1{'0' * 30}s"),
        (Kind.MONEY, 5000, "$5000"), (Kind.MONEY, 1.5, "$1.50"), (Kind.PRICE, 0.125, "$0.125"), (Kind.MONEY, -2, "-$2"),
        (Kind.PROBABILITY, 0.62, "62c"), (Kind.NUMBER, 20, "20"), (Kind.NUMBER, 1234567.5, "1234567.5"),
        (Kind.NUMBER, -0.0, "0"), (Kind.CLOCK, 34_260, "09:31"), (Kind.CLOCK, 57_330, "15:55:30"),
        (Kind.DATE, 739_882, "2026-09-23"), (Kind.BOOL, 1, "true"), (Kind.BOOL, 0, "false"),
    ],
)  # fmt: skip
def test_values_are_in_the_notation_of_the_language(kind: Kind, value: float, text: str) -> None:
    assert written(kind, value) == text


@given(st.sampled_from(MEASURES), SIZES)
@example(Kind.RATIO, 5e-324)
@example(Kind.DURATION, 1e-7)
def test_what_is_written_is_read_as_the_same_number(kind: Kind, value: float) -> None:
    node = parse(written(kind, value))
    assert isinstance(node, nodes.Literal) and kind in node.kinds
    assert node.value == value


@given(st.integers(0, 86_399))
def test_so_is_a_time_of_day(seconds: int) -> None:
    node = parse(written(Kind.CLOCK, float(seconds)))
    assert isinstance(node, nodes.Literal) and node.value == seconds


@given(st.integers(1, 3_652_059))
def test_so_is_a_date(day: int) -> None:
    node = parse(written(Kind.DATE, float(day)))
    assert isinstance(node, nodes.Literal) and node.value == day
