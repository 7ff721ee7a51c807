"""The plan computes what the language says, shares what is equal, and says why something is unknown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.plan.compiled import compiled_kernel
from engine.plan.program import Memory

Watch = Callable[..., list[bool | None]]


def strategy(name: str, *when: str) -> str:
    conditions = "".join(f"  - '{text}'\n" for text in when)
    return f"kind: strategy\nname: {name}\nwhen:\n{conditions}then: {{buy: {{size: 1}}}}\n"


@pytest.mark.parametrize(
    ("condition", "closes", "values"),
    [
        ("close > 2", [1, 3, None], [False, True, None]),
        ("close between 2 and 3", [1, 2, 3, 4], [False, True, True, False]),
        ("not close > 2", [1, 3, None], [True, False, None]),
        ("close > 2 and close < 1", [None], [None]),
        ("close > 2 or true", [None], [True]),
        ("close > 2 and false", [None], [False]),
        ("known(close)", [1, None], [True, False]),
        ("or_else(close > 2, true)", [1, None], [False, True]),
        ("close[1] < close", [1, 2, 2], [None, True, False]),
        ("close[0] == close", [1], [True]),
        ("close crosses above 2", [1, 3, 4, 2, 3], [None, True, False, False, True]),
        ("close crosses below 2", [3, 1, 1, 2, 1], [None, True, False, False, True]),
        ("close crosses above 2", [1, None, 3, 1, 3], [None, None, None, False, True]),
        ("if close > 2 then close > 5 else close > 1", [1.5, 3, 6, None], [True, False, True, None]),
        ("sma(close, 2) > 2", [1, 4, 1], [None, True, True]),
        ("1 / (close - close) > 1", [1], [None]),
    ],
)
def test_conditions_over_closes(watch: Watch, condition: str, closes: list[float], values: list[bool | None]) -> None:
    assert watch(condition, closes) == values


def test_equal_expressions_of_different_rules_are_one_node(watcher: Any) -> None:
    one = watcher(strategy("a", "ema(close, 5) > 1"))
    many = watcher(*(strategy(f"s{i}", f"ema(close, 5) > {i + 1}") for i in range(50)))
    averages = [i for i in many.program.instructions.values() if i.name == "ema"]
    assert len(averages) == 1
    assert len(many.program.instructions) == len(one.program.instructions) + 49


def test_a_node_whose_inputs_did_not_move_is_not_computed(watcher: Any) -> None:
    plan = watcher(strategy("s", "close crosses above 4"))
    plan.feed(3)
    assert plan.feed(5) == [True]
    before = plan.memory.v.copy()
    plan.memory.compute("main", 2)  # a quote, on which nothing depends: the cross is not judged again
    assert np.array_equal(before, plan.memory.v, equal_nan=True)


RULES = (
    strategy("a", "ema(close, 3) crosses above sma(close, 5)", "rsi(close, 4) < 70"),
    strategy("b", "close > highest(close, 4)[1] or zscore(close, 5) > 1.5"),
    strategy("c", "if rising(close, 2) then atr(3) > 0.1 else falling(close)",
             "(close / close[1]) ^ 2 > 4 and not close == 3"),
)


@settings(max_examples=15)
@given(closes=st.lists(st.none() | st.floats(0.01, 1000) | st.sampled_from([1.0, 2.0, 3.0]), min_size=1, max_size=60))
def test_interpreted_and_compiled_values_are_the_same_bits(watcher: Any, closes: list[float | None]) -> None:
    plan = watcher(*RULES)
    compiled = Memory(plan.program, compiled_kernel())
    for close in closes:
        plan.feed(close)
        for slot in plan.program.inputs.values():
            compiled.v[slot] = plan.memory.v[slot]
        compiled.compute("main", 1)
        assert compiled.v.tobytes() == plan.memory.v.tobytes()
