"""``engine gate`` as a user runs it: check without evidence, placebo, and wrong usage."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Cli = Callable[..., Any]
GATE = """\
kind: gate
name: go_live
about: x
for: example
require:
REQUIRE
"""


@pytest.fixture
def folder(engine_cli: Cli, tmp_path: Path) -> Path:
    assert engine_cli("init", "mine").code == 0
    return tmp_path / "mine"


def with_gate(folder: Path, *require: str) -> None:
    text = GATE.replace("REQUIRE", "\n".join(f"  - {one}" for one in require))
    (folder / "rules" / "example" / "gate.yaml").write_text(text, encoding="utf-8")


def test_check_judges_every_pack_that_trades_and_says_what_is_lacking(engine_cli: Cli, folder: Path) -> None:
    with_gate(folder, "stats.trades >= 300", "stats.expectancy_low > $0", "stats.deflated_sharpe >= 0.95")
    answer = engine_cli("gate", "check", "--json", cwd=folder)
    assert answer.code == 1
    said = json.loads(answer.out)
    assert said["passed"] is False
    (pack,) = said["packs"]
    (gate,) = pack["gates"]
    assert (pack["pack"], gate["gate"]) == ("example", "example.go_live")
    trades, low, deflated = gate["requirements"]
    assert (trades["have"], trades["need"], trades["distance"]) == (0, 300, 300)
    assert (low["holds"], low["have"], low["distance"]) == (None, None, None)
    assert low["reason"] == deflated["reason"] == "there are 0 events, and it takes 20"
    shown = engine_cli("gate", "check", cwd=folder)
    assert shown.code == 1
    assert "short by 300" in shown.out
    assert "stats.expectancy_low > $0 is unknown: there are 0 events, and it takes 20" in shown.out


def test_placebo_is_the_same_for_the_same_seed_and_says_no_to_a_gate_that_leaks(engine_cli: Cli, folder: Path) -> None:
    with_gate(folder, "stats.expectancy > -$100")
    command = ("gate", "placebo", "--strategies", "1", "--seed", "3", "--json")
    answer, again = engine_cli(*command, cwd=folder), engine_cli(*command, cwd=folder)
    assert answer.code == 1, answer.err
    assert answer.out == again.out
    said = json.loads(answer.out)
    assert said["command"] == "engine gate placebo --strategies 1 --seed 3"
    rows = said["packs"]["example"]["without_edge"]
    assert len(rows) >= 5
    assert all(row["all_gates"]["passed"] == row["all_gates"]["strategies"] == 1 for row in rows)
    with_gate(folder, "stats.expectancy > $100")
    shown = engine_cli("gate", "placebo", "--strategies", "1", cwd=folder)
    assert shown.code == 0, shown.err
    assert "without any edge" in shown.out and "with a real edge" in shown.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Missing argument"),
        (("example",), "'example' is not one of"),
        (("check", "--seed", "1"), "`engine gate check` takes no --seed"),
        (("check", "--strategies", "5"), "`engine gate check` takes no --strategies"),
        (("check", "--pack", "exampel"), "did you mean example?"),
        (("placebo", "--strategies", "0"), "--strategies"),
        (("placebo",), "example has no gate to try"),
    ],
)
def test_wrong_usage_is_one_line(engine_cli: Cli, folder: Path, arguments: tuple[str, ...], says: str) -> None:
    answer = engine_cli("gate", *arguments, cwd=folder)
    assert answer.code == 2
    assert says in answer.err
