"""Windows and offsets must be numbers that mean something, whoever sets them."""

from __future__ import annotations

import pytest

from engine.plan.build import PlanError
from engine.plan.plan import make_plan
from engine.ruleset.link import link
from engine.ruleset.linker import PackFiles
from engine.ruleset.load import load_text

RULE = """\
kind: strategy
name: s
universe: [SPY]
params: {back: {default: 1}, n: {default: 3}}
when: WHEN
then: {buy: {size: 1}}
"""
SESSION = """\
---
kind: session
name: midday
timezone: America/New_York
hours: 10:30-15:00
set: {s.n: 5}
"""


def problem(when: str, more: str = "", **parameters: float) -> str:
    ruleset = link([PackFiles("p", [load_text("rules.yaml", RULE.replace("WHEN", when) + more)])])
    assert not ruleset.findings, ruleset.findings
    with pytest.raises(PlanError) as caught:
        make_plan(ruleset, ["SPY"], {f"p.s.{name}": value for name, value in parameters.items()})
    return str(caught.value)


@pytest.mark.parametrize(
    ("when", "parameters", "words"),
    [
        (
            "close[back] > open",
            {"back": -1},
            "the offset of a past value, `back`, is -1; it must be a whole number, 0 at",
        ),
        ("close[back] > open", {"back": 1.5}, "`back`, is 1.5; it must be a whole number"),
        ("close[1 - 2] > open", {}, "`1 - 2`, is -1; it must be a whole number"),
        ("ema(close, n) > open", {"n": 0}, "the length of ema, `n`, is 0; it must be a whole number, 1 at least, 5000"),
        ("sma(close, n * 4000) > open", {}, "the length of sma, `n * 4000`, is 12000"),
    ],
)
def test_what_makes_no_sense_is_refused_by_file_line_and_value(
    when: str, parameters: dict[str, float], words: str
) -> None:
    said = problem(when, **parameters)
    assert said.startswith("rules.yaml:5: ")
    assert words in said


def test_a_session_cannot_change_a_window_while_the_run_goes_on() -> None:
    assert "is changed by a session (`set: p.s.n`)" in problem("ema(close, n) > open", SESSION)


def test_a_window_may_be_computed_from_functions_of_constants() -> None:
    rule = RULE.replace("WHEN", "ema(close, max(n, 7)) > close[min(back, 2)]")
    ruleset = link([PackFiles("p", [load_text("rules.yaml", rule)])])
    program = make_plan(ruleset, ["SPY"]).symbols["SPY"].program
    assert {i.name: i.warm_up for i in program.instructions.values() if i.warm_up} == {"ema": 6, "delay": 1}
