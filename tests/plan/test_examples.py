"""Every example of the catalogue, through the whole language: parsed, checked, planned, run over bars."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.calendars import calendar
from engine.decide.clock import WEEKDAYS, Clock
from engine.decide.symbol import SymbolState
from engine.language.catalogue import Example
from engine.language.check import Checker, Names
from engine.language.diagnostics import Span
from engine.language.functions import CATALOGUE
from engine.market.events import NANOS, Bar
from engine.market.facts import Scope
from engine.market.instrument import Instrument
from engine.market.manifest import CORE
from engine.plan.build import Builder, Texts
from engine.plan.ops import Group
from engine.plan.program import InputKey, Memory

FACTS = {spec.name: spec for spec in CORE}
FIELDS = ("open", "high", "low", "close", "volume")
EXAMPLES = [
    pytest.param(example, id=f"{function.name} {number}")
    for function in CATALOGUE.values()
    for number, example in enumerate(function.examples)
]


class Text:
    cut = False

    def __init__(self, text: str) -> None:
        self.text = text

    def span(self, start: int, end: int, label: str = "") -> Span:
        return Span("example", 1, start + 1, 1, end + 1, label)


def values(example: Example) -> list[float]:
    """The example's expression, bar by bar; NaN is unknown."""
    names = Names(FACTS, CATALOGUE, 60, frozenset(Scope) - {Scope.STATS, Scope.ORDER})
    checker = Checker(names)
    term = checker.expression(Text(example.expression))
    assert term is not None and not checker.findings, checker.findings
    texts = Texts()
    builder = Builder(FACTS, {}, frozenset(), texts, ())
    builder.add(term)
    memory = Memory(builder.build())
    day = calendar("XNYS")
    state = SymbolState(Instrument("X"), memory, texts, day)
    clock = Clock(day, tuple(texts.code(name) for name in WEEKDAYS))
    clock.watched = True
    start = datetime.fromisoformat(example.start).replace(tzinfo=ZoneInfo("America/New_York"))
    start_ns = int(start.timestamp()) * NANOS
    found = []
    for number in range(len(example.values)):
        _feed(example, number, start_ns + number * 60 * NANOS, state, clock)
        memory.compute("main", state.event | Group.PORTFOLIO | Group.START)
        state.event = 0
        found.append(float(memory.v[memory.program.slot(term)]))
    return found


def _feed(example: Example, number: int, start_ns: int, state: SymbolState, clock: Clock) -> None:
    row: dict[str, Any] = {name: _cell(example, name, number) for name in example.columns}
    close = row.get("close", 100.0)
    clock.move(start_ns + 60 * NANOS)
    state.set_clock(clock.values)
    prices = [math.nan if row.get(name, close) is None else row.get(name, close) for name in FIELDS[:4]]
    state.apply_bar(Bar("X", start_ns, 60, *prices, row.get("volume")), start_ns + 60 * NANOS)
    for key, slot in state.memory.program.inputs.items():
        if key.name in row and key.name not in FIELDS:
            state.v[slot] = math.nan if row[key.name] is None else row[key.name]
        elif key == InputKey("fact", "volume", 60) and row.get("volume") is None:
            state.v[slot] = math.nan


def _cell(example: Example, name: str, number: int) -> float | None:
    column = example.columns[name]
    return column[number] if number < len(column) else None


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_gives_what_it_says(example: Example) -> None:
    for number, (got, wanted) in enumerate(zip(values(example), example.values, strict=True)):
        if wanted is None:
            assert math.isnan(got), (number, got)
        else:
            assert got == pytest.approx(float(wanted), abs=example.tolerance, rel=example.tolerance), number
