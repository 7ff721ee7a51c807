"""What a pack expects of its rules is compared with how often they fired."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from engine.market.events import NANOS
from engine.research.budgets import outside_budget
from engine.ruleset.link import link
from engine.ruleset.linker import PackFiles
from engine.ruleset.load import load_text

ZONE = "America/New_York"
RULE = "kind: strategy\nname: cross\nwhen: close > 1\nthen: {buy: {size: 1}}\n"


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).timestamp()) * NANOS


def remarks(
    budget: str, fired: list[str], looked: list[str], rule: str = "cross", timezone: str = ZONE
) -> dict[str, int]:
    pack = f"kind: pack\nname: p\nvenue: paper\ntimezone: {timezone}\nuniverse: [SPY]\nexpect: {{{rule}: {budget}}}\n"
    ruleset = link([PackFiles("p", [load_text("pack.yaml", pack), load_text("rules.yaml", RULE)])])
    assert not ruleset.findings, ruleset.findings[0].message
    return outside_budget(ruleset, {"p.cross": [ns(t) for t in fired]}, [ns(t) for t in looked])


LOOKED = ["2024-03-04 10:00", "2024-03-05 10:00", "2024-03-05 23:30", "2024-03-06 10:00"]


@pytest.mark.parametrize(
    ("budget", "fired", "wanted"),
    [
        ("0..1/day", ["2024-03-04 10:00", "2024-03-05 23:30"], {}),
        (
            "0..1/day", ["2024-03-05 10:00", "2024-03-05 23:30"],
            {"p.cross is expected to fire 0..1/day; on 2024-03-05 it fired 2 times": 1},
        ),
        (
            "1..3/day", ["2024-03-05 10:00"],
            {"p.cross is expected to fire 1..3/day; on 2024-03-04 it fired 0 times": 2},
        ),
        (
            "1..1/week", ["2024-03-04 10:00", "2024-03-06 10:00"],
            {"p.cross is expected to fire 1..1/week; in the week of 2024-03-04 it fired 2 times": 1},
        ),
        (
            "0..0/hour", ["2024-03-05 23:30"],
            {"p.cross is expected to fire 0..0/hour; on 2024-03-05 from 23:00 it fired 1 times": 1},
        ),
    ],
)  # fmt: skip
def test_periods_outside_the_budget_are_counted_and_the_worst_is_named(
    budget: str, fired: list[str], wanted: dict[str, int]
) -> None:
    assert remarks(budget, fired, LOOKED) == wanted


def test_a_rule_that_does_not_exist_cannot_be_expected_to_fire() -> None:
    with pytest.raises(AssertionError, match="there is no rule `corss`"):
        remarks("0..1/day", [], [], rule="corss")


def test_days_are_those_of_the_pack() -> None:
    """Late in the evening of New York the next day has begun in London."""
    evenings = ["2024-03-05 10:00", "2024-03-05 23:30"]
    assert remarks("0..1/day", evenings, LOOKED, timezone="Europe/London") == {}
    assert remarks("0..1/day", evenings, LOOKED) != {}
