"""Numba compiles every step, and what it makes of it computes the same bits as Python does."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from engine.language.catalogue import Flow
from engine.language.functions import CATALOGUE

np = pytest.importorskip("numpy", reason="numpy comes with the extra for analysis")
numba = pytest.importorskip("numba", reason="numba comes with the extra for column runs")

Run = Callable[..., list[float]]
Make = Callable[..., Any]


def bits(values: list[float]) -> list[str]:
    return ["unknown" if math.isnan(value) else value.hex() for value in values]


@pytest.mark.parametrize("name", CATALOGUE)
def test_compiled_and_interpreted_steps_agree_bit_for_bit(
    name: str, run: Run, market: Make, arguments: Make, constants: Make
) -> None:
    function = CATALOGUE[name]
    given = arguments(name, market(300, gaps=True, seed=3))
    kinds = (numba.float64,) * len(given)
    if function.flow is not Flow.PURE:
        kinds = (numba.float64[::1], numba.int64, *kinds)
    step = numba.njit([kinds])(function.step)
    rows = list(zip(*([a] * 300 if isinstance(a, float) else a for a in given), strict=True)) or [()] * 300
    state = np.zeros(function.state_size(*constants(name)) + 3)
    values = [step(*row) if function.flow is Flow.PURE else step(state, 3, *row) for row in rows]
    assert bits(values) == bits(run(name, *given))
    assert not all(math.isnan(value) for value in values), "the data must reach a known value"
