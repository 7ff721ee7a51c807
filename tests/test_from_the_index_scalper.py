"""What the page for users of the index scalper's service says is so: parameters, commands, overrides."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.cli.rules import load_rules
from engine.ruleset.parameters import read_settings

PROJECT = Path(__file__).parents[1]
PAGE = (PROJECT / "docs" / "from-the-index-scalper.md").read_text(encoding="utf-8")
VARIABLES = PAGE[PAGE.index("## Variables that are parameters") : PAGE.index("## Variables that are something")]


def test_every_parameter_of_the_page_exists_and_takes_that_value() -> None:
    rules = load_rules([PROJECT / "rules"], ["index_scalper"]).ruleset
    said = [
        word
        for row in VARIABLES.splitlines() if row.startswith("| `")
        for word in re.findall(r"`([a-z_]+\.[a-z_]+=[^`]+)`", row)
    ]  # fmt: skip
    assert len(said) >= 20
    for setting in said:
        assert read_settings(rules, [setting]), setting


def test_the_example_of_an_override_is_taken_and_shown_by_the_service(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "rules", tmp_path / "rules")
    example = re.search(r"```yaml\n(overrides:.*?)```", PAGE, re.DOTALL)
    assert example is not None
    with (tmp_path / "rules" / "index_scalper" / "vwap_reclaim.yaml").open("a") as file:
        file.write(example[1])
    ruleset = load_rules([tmp_path / "rules"], ["index_scalper"]).ruleset
    strategy = next(s for s in ruleset.strategies if s.name == "vwap_reclaim")
    assert strategy.overrides["AAPL"].parameters == {
        "index_scalper.risk.stop_percent": 0.0125, "index_scalper.risk.target_percent": 0.02,
        "index_scalper.risk.max_quantity": 2,
    }  # fmt: skip


def test_every_route_of_the_page_is_served() -> None:
    pytest.importorskip("fastapi")
    from fastapi import FastAPI

    from engine.service.routes import make_router

    app = FastAPI()
    app.include_router(make_router(None, open_reads=True))  # type: ignore[arg-type]  # no route is called
    served = {path.removeprefix("/api/v1/") for path in app.openapi()["paths"]}
    routes = PAGE[PAGE.index("## Routes") : PAGE.index("## Commands")]
    first = "diag|trade|orders|bracket|positions|risk|account|config"
    named = set(re.findall(rf"(?:api/v1/|…/|`)((?:{first})/[\w/]+)", routes))
    assert len(named) >= 12
    for path in named:
        assert path.replace("ORDER_ID", "{order_id}") in served, path


def test_the_commands_of_the_page_are_taken(engine_cli: Callable[..., Any]) -> None:
    assert "--limit" in engine_cli("replay", "--help").out and "--horizon" in engine_cli("replay", "--help").out
    assert engine_cli("signals", "summary", "--help").code == 0
