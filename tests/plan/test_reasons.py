"""Why a value is unknown: the deepest causes, each once, in words that say what is missing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from engine.market.facts import FactSpec, Scope
from engine.market.manifest import CORE
from engine.plan.plan import make_plan
from engine.plan.reasons import Reasons
from engine.ruleset.link import link
from engine.ruleset.linker import PackFiles
from engine.ruleset.load import load_text

EVERYTHING = 0xFFFFFF
Why = Callable[..., list[str]]


@pytest.fixture
def why(watcher: Any) -> Why:
    """The causes of one unknown condition after some bars; ``facts`` stay as given, what is not given is unknown."""

    def run(
        condition: str,
        bars: int = 1,
        said: Mapping[str, str] | None = None,
        seen: Mapping[int, int] | None = None,
        **facts: float,
    ) -> list[str]:
        plan = watcher(f"kind: strategy\nname: s\nwhen: '{condition}'\nthen: {{buy: {{size: 1}}}}\n")
        given = {name.replace("__", "."): value for name, value in facts.items()}
        for _ in range(bars):
            for key, slot in plan.program.inputs.items():
                if key.what == "fact":
                    plan.memory.v[slot] = given.get(key.name, math.nan)
            plan.memory.compute("main", EVERYTHING)
        slot = plan.program.slot(plan.plan.ruleset.strategies[0].when[0], "p.s")
        assert math.isnan(plan.memory.v[slot]), "the condition is known"
        return Reasons(plan.program, plan.plan.ruleset.facts, said, seen).why(slot, plan.memory.v)

    return run


@pytest.mark.parametrize(
    ("condition", "facts", "causes"),
    [
        ("close > 5", {}, ["close: no bar yet"]),
        ("on(5m, close) > 5", {}, ["close of 5m: no complete bar yet"]),
        ("on(1h, close) > 5", {}, ["close of 1h: no complete bar yet"]),
        ("bid > 5", {}, ["bid: no quote yet"]),
        ("bid > 5 and ask < 9", {"bid": 6}, ["ask: the last quote has none"]),
        ("volume > 5 and close > 5", {"close": 6}, ["volume: the bar has none (an index trades nothing)"]),
        ("session.minutes > 5", {}, ["session.minutes: outside regular hours"]),
        ("position.gain > 1", {}, ["position.gain: there is no position"]),
        ("position.stop > 1 and position.open", {"position__open": 1}, ["position.stop: the position has none"]),
        ("age(bid) < 5s", {"now": 1e9}, ["age(bid): it has never been seen"]),
        ("close / spread > 2", {"close": 6, "spread": 0}, ["`close / spread`: divides by zero"]),
        ("log(close / bid) > 2", {"close": 0, "bid": 1}, ["`log(close / bid)`: has no value for these operands"]),
    ],
)
def test_each_kind_of_cause_has_its_words(
    why: Why, condition: str, facts: dict[str, float], causes: list[str]
) -> None:
    assert why(condition, **facts) == causes


def test_equal_causes_are_merged_and_come_in_the_order_of_the_expression(why: Why) -> None:
    assert why("mid > 3 and spread < 1 and ema(close, 4) > mid", close=5) == [
        "mid, spread: no quote yet",
        "`ema(close, 4)`: warming up, needs 4 bars",
    ]


def test_two_conditions_with_one_cause_blame_it_once_and_nothing_else(why: Why) -> None:
    assert why("close > 5 and close < 9") == ["close: no bar yet"]


def test_what_is_false_or_known_is_never_to_blame(why: Why) -> None:
    assert why("close > 5 and bid > 3", close=6) == ["bid: no quote yet"]
    assert why("close > 9 or bid > 3", close=6) == ["bid: no quote yet"]


def test_an_if_blames_only_the_branch_that_is_taken(why: Why) -> None:
    text = "if close > 5 then bid > 3 else volume > 9"
    assert why(text, close=6) == ["bid: no quote yet"]
    assert why(text, close=4) == ["volume: the bar has none (an index trades nothing)"]


def test_warm_ups_along_the_way_add_up_and_are_compared_with_the_bars_seen(why: Why) -> None:
    nested = "ema(ema(close, 3), 4) > 2"
    assert why(nested, bars=2, seen={60: 2}, close=5) == ["`ema(close, 3)`: warming up, needs 3 bars, has 2"]
    assert why(nested, bars=5, seen={60: 5}, close=5) == ["`ema(ema(close, 3), 4)`: warming up, needs 6 bars, has 5"]
    assert why(nested, bars=5, close=5) == ["`ema(ema(close, 3), 4)`: warming up, needs 6 bars"]


def test_an_average_is_known_after_exactly_the_bars_it_asked_for(watch: Callable[..., list[bool | None]]) -> None:
    values = watch("ema(ema(close, 3), 4) > 2", [5.0] * 7)
    assert values.index(True) + 1 == 6


def test_a_gap_in_the_data_is_not_called_warming_up(watcher: Any) -> None:
    plan = watcher("kind: strategy\nname: s\nwhen: sma(close, 3) > 1\nthen: {buy: {size: 1}}\n")
    for close in (5.0, 5.0, 5.0, None, 5.0):
        plan.feed(close)
    slot = plan.program.slot(plan.plan.ruleset.strategies[0].when[0], "p.s")
    reasons = Reasons(plan.program, plan.plan.ruleset.facts, {}, {60: 5})
    assert reasons.why(slot, plan.memory.v) == ["`sma(close, 3)`: needs 3 bars without a gap"]


def test_a_signal_that_says_why_it_does_not_know_is_quoted() -> None:
    rule = "kind: strategy\nname: s\nuniverse: [SPY]\nwhen: book.depth > 5\nthen: {buy: {size: 1}}\n"
    fact = FactSpec("book.depth", "number", Scope.SIGNAL, "Orders in the book.", "when observed", True)
    plan = make_plan(link([PackFiles("p", [load_text("rules.yaml", rule)])], (*CORE, fact)), ["SPY"])
    program = plan.symbols["SPY"].program
    slot = program.slot(plan.ruleset.strategies[0].when[0], "p.s")

    def causes(said: dict[str, str] | None) -> list[str]:
        return Reasons(program, plan.ruleset.facts, said).why(slot, program.initial)

    assert causes({"book.depth": "the book is 40 s old"}) == ["book.depth: the book is 40 s old"]
    assert causes({}) == ["book.depth: nothing has been observed"]
    assert causes(None) == ["book.depth: not known then"]
