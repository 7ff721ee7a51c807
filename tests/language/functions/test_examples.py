"""Every example of the catalogue, run through the function's own step."""

from __future__ import annotations

import datetime
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from engine.language import nodes as n
from engine.language.catalogue import Example, Function
from engine.language.functions import CATALOGUE
from engine.language.parser import parse

EXAMPLES = [(f, e) for f in CATALOGUE.values() for e in f.examples]
OPERATORS: dict[str, Callable[[float, float], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
MINUTE = datetime.timedelta(minutes=1)


def session_facts(start: str, count: int) -> dict[str, list[float]]:
    """Session facts of one-minute bars at New York wall-clock times of an ordinary day."""
    facts: dict[str, list[float]] = {"session.ordinal": [], "session.minutes": [], "session.minutes_left": []}
    first = datetime.datetime.strptime(start, "%Y-%m-%d %H:%M")
    opens, closes = first.replace(hour=9, minute=30), first.replace(hour=16, minute=0)
    for end in (first + MINUTE * (i + 1) for i in range(count)):
        regular = opens < end <= closes
        facts["session.ordinal"].append(float(end.toordinal()) if regular else math.nan)
        facts["session.minutes"].append((end - opens) / MINUTE if regular else math.nan)
        facts["session.minutes_left"].append((closes - end) / MINUTE if regular else math.nan)
    return facts


def evaluate(node: n.Node, row: Mapping[str, float]) -> float:
    """The little of the language that arguments of examples use."""
    match node:
        case n.Literal():
            return float(node.value)
        case n.Name():
            return row[node.path]
        case n.Arithmetic():
            return float(OPERATORS[node.operator](evaluate(node.left, row), evaluate(node.right, row)))
        case n.Compare():
            left, right = (evaluate(operand, row) for operand in node.operands)
            unknown = math.isnan(left) or math.isnan(right)
            return math.nan if unknown else float(OPERATORS[node.operators[0]](left, right))
    raise AssertionError(f"an example uses {type(node).__name__}, which this harness does not know")


def bind(function: Function, call: n.Call) -> list[n.Node | float]:
    given = {p.name: a for p, a in zip(function.parameters, call.arguments, strict=False)} | dict(call.named)
    assert given.keys() <= {p.name for p in function.parameters}
    bound = [given.get(p.name, p.default) for p in function.parameters]
    assert None not in bound, f"{function.name} lacks an argument"
    return [b for b in bound if b is not None]


def columns_of(example: Example) -> dict[str, list[float]]:
    given = {k: [math.nan if v is None else v for v in column] for k, column in example.columns.items()}
    count = len(example.values)
    assert all(len(column) == count for column in given.values()), "columns and values differ in length"
    return session_facts(example.start, count) | given


@pytest.mark.parametrize(("function", "example"), EXAMPLES, ids=[e.expression for _, e in EXAMPLES])
def test_example_gives_its_values(run: Callable[..., list[float]], function: Function, example: Example) -> None:
    call = parse(example.expression)
    assert isinstance(call, n.Call) and call.function == function.name
    columns = columns_of(example)
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    arguments: list[Any] = [
        float(bound) if isinstance(bound, float | int)
        else evaluate(bound, {}) if isinstance(bound, n.Literal)
        else [evaluate(bound, row) for row in rows]
        for bound in bind(function, call)
    ]  # fmt: skip
    if not any(isinstance(a, list) for a in arguments) and not function.implicit:
        arguments = [[a] * len(rows) for a in arguments]
    values = run(function.name, *arguments, *(columns[fact] for fact in function.implicit))
    expected = [math.nan if v is None else float(v) for v in example.values]
    assert values == pytest.approx(expected, rel=0, abs=example.tolerance, nan_ok=True)


@pytest.mark.parametrize("function", CATALOGUE.values(), ids=lambda f: f.name)
def test_examples_show_a_known_value(function: Function) -> None:
    assert function.examples
    assert any(value is not None for example in function.examples for value in example.values)
