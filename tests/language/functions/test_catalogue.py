"""What the documentation, completion and checker rely on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from engine.language.catalogue import Flow, Function
from engine.language.functions import CATALOGUE, averages, merge
from engine.language.types import Kind
from engine.market.manifest import CORE

PROMISED = [
    "abs", "min", "max", "round", "floor", "ceil", "clamp", "sqrt", "log", "exp", "sma", "ema", "rma", "wma",
    "stdev", "atr", "rsi", "macd", "macd_signal", "macd_histogram", "highest", "lowest", "change", "rising",
    "falling", "bars_since", "value_when", "correlation", "zscore", "percentile", "vwap", "sigma_band",
    "session_high", "session_low", "opening_range_high", "opening_range_low", "rvol", "bar_index", "risk_size",
    "kelly", "fixed_fractional", "notional", "fee", "slippage", "round_to_tick", "minutes_to_close",
    "minutes_since_open",
]  # fmt: skip
FUNCTIONS = pytest.mark.parametrize("function", CATALOGUE.values(), ids=lambda f: f.name)


@pytest.mark.parametrize("name", PROMISED)
def test_every_promised_function_is_there(name: str) -> None:
    assert CATALOGUE[name].name == name


def test_two_functions_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two functions are named sma"):
        merge(averages.FUNCTIONS, averages.FUNCTIONS[:1])


@FUNCTIONS
def test_entry_is_documented(function: Function) -> None:
    assert function.about.endswith(".") and ("nknown" in function.about or "outside regular hours" in function.about)
    assert function.formula and function.source and function.family
    assert all(p.about for p in function.parameters)
    assert function.signature.startswith(f"{function.name}(")


@FUNCTIONS
def test_defaults_come_last_and_lie_within_their_bounds(function: Function) -> None:
    required = [p.default is None for p in function.parameters]
    assert required == sorted(required, reverse=True)
    for p in function.parameters:
        if p.default is not None:
            assert p.constant and p.low is not None and p.high is not None and p.low <= p.default <= p.high


@FUNCTIONS
def test_window_lengths_are_bounded_whole_constants(function: Function) -> None:
    for p in function.parameters:
        if p.name in ("length", "fast", "slow", "signal"):
            assert p.constant and p.whole and p.low is not None and p.low >= 1 and p.high == 5000


@FUNCTIONS
def test_result_is_a_kind_or_that_of_a_parameter(function: Function) -> None:
    if not isinstance(function.result, Kind):
        tied = [set(p.kinds) for p in function.parameters if p.same == function.result]
        assert tied and all(kinds == tied[0] for kinds in tied)


@FUNCTIONS
def test_implicit_facts_are_in_the_manifest(function: Function) -> None:
    assert set(function.implicit) <= {spec.name for spec in CORE}


@FUNCTIONS
def test_only_pure_functions_are_without_state(function: Function, constants: Callable[[str], list[float]]) -> None:
    size = function.state_size(*constants(function.name))
    assert (size == 0) == (function.flow is Flow.PURE)


def test_importing_the_catalogue_does_not_import_the_compiler() -> None:
    code = "import sys, engine.language.functions; print({'numba', 'numpy', 'llvmlite'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
