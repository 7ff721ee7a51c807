"""Running a function's step over columns, as the plan does, and market data to run it on."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

import pytest

from engine.language.catalogue import Flow, Function, Parameter
from engine.language.functions import CATALOGUE
from engine.language.types import Kind

GUARD = -7.25
CONSTANTS = {"length": 5.0, "fast": 3.0, "slow": 6.0, "signal": 4.0, "duration": 300.0, "rank": 37.0}
Column = Sequence[float]


def _constants(function: Function, arguments: Sequence[float | Column]) -> list[float]:
    return [a for p, a in zip(function.parameters, arguments, strict=False) if p.constant and isinstance(a, float)]


def _rows(arguments: Sequence[float | Column]) -> list[tuple[float, ...]]:
    count = max((len(a) for a in arguments if not isinstance(a, float)), default=1)
    columns = [[a] * count if isinstance(a, float) else list(a) for a in arguments]
    return list(zip(*columns, strict=True))


def _run(name: str, *arguments: float | Column) -> list[float]:
    """Values of a function bar by bar. Arguments in the step's order: parameters, then implicit facts."""
    function = CATALOGUE[name]
    rows = _rows(arguments)
    if function.flow is Flow.PURE:
        return [function.step(*row) for row in rows]
    size = function.state_size(*_constants(function, arguments))
    state = [GUARD] * 2 + [0.0] * size + [GUARD] * 2
    values = [function.step(state, 2, *row) for row in rows]
    assert state[:2] == state[-2:] == [GUARD] * 2, f"{name} wrote outside its {size} floats of state"
    return values


def _market(bars: int, gaps: bool, seed: int = 7) -> dict[str, list[float]]:
    """One-minute bars: five before the open, then sessions of 60 bars. With ``gaps`` every tenth value is unknown."""
    rng = random.Random(seed)
    columns: dict[str, list[float]] = {}

    def put(name: str, value: float, may_miss: bool = True) -> None:
        missing = gaps and may_miss and rng.random() < 0.1
        columns.setdefault(name, []).append(math.nan if missing else value)

    last = 100.0
    for i in range(bars):
        day, minute = divmod(i - 5, 60)
        regular = i >= 5
        start, last = last, last * math.exp(rng.gauss(0.0, 0.01))
        put("open", start)
        put("high", max(start, last) * (1.0 + rng.random() * 0.01))
        put("low", min(start, last) * (1.0 - rng.random() * 0.01))
        put("close", last)
        put("volume", float(rng.randrange(0, 5000)))
        put("condition", float(rng.random() < 0.2))
        put("session.ordinal", 738950.0 + day if regular else math.nan, may_miss=False)
        put("session.minutes", minute + 1.0 if regular else math.nan, may_miss=False)
        put("session.minutes_left", 59.0 - minute if regular else math.nan, may_miss=False)
        put("instrument.tick_size", 0.01)
        put("venue.fee_per_unit", 0.005)
        put("venue.fee_minimum", 1.0)
        put("venue.fee_rate", 0.07 * (i % 2))
        put("venue.slippage_ratio", 0.0002)
        put("account.equity", 25000.0 + i)
    return columns


def _argument(parameter: Parameter, position: int, market: dict[str, list[float]]) -> float | list[float]:
    if parameter.constant:
        return CONSTANTS[parameter.name]
    if Kind.BOOL in parameter.kinds:
        return market["condition"]
    if Kind.PRICE in parameter.kinds or Kind.QUANTITY in parameter.kinds or Kind.MONEY in parameter.kinds:
        return market[("close", "low", "high")[position]]
    # A ratio, a probability or a plain number.
    return [value / 150.0 for value in market[("close", "open", "low")[position]]]


def _arguments(name: str, market: dict[str, list[float]]) -> list[float | list[float]]:
    function = CATALOGUE[name]
    given = [_argument(p, i, market) for i, p in enumerate(function.parameters)]
    return [*given, *(market[fact] for fact in function.implicit)]


@pytest.fixture(scope="session")
def run() -> Callable[..., list[float]]:
    return _run


@pytest.fixture(scope="session")
def market() -> Callable[..., dict[str, list[float]]]:
    return _market


@pytest.fixture(scope="session")
def arguments() -> Callable[[str, dict[str, list[float]]], list[float | list[float]]]:
    """Arguments of a function in the step's order, drawn from market columns and a few constants."""
    return _arguments


@pytest.fixture(scope="session")
def constants() -> Callable[[str], list[float]]:
    """The constants that ``arguments`` gives to a function."""
    return lambda name: [CONSTANTS[p.name] for p in CATALOGUE[name].parameters if p.constant]
