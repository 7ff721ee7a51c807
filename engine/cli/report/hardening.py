"""``engine report hardening``: what the leaderboard pack must have shown before real money, item by item."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from engine.cli.console import out, print_json
from engine.cli.errors import ExitCode
from engine.cli.gate.hardening import DAYS, items
from engine.cli.gate.verb import verdict_of_rules
from engine.cli.options import ConfigOption, JsonOption
from engine.settings import load_settings

PACK = "arena_leaderboard"
MARKS = {True: "yes", False: "no", None: "unknown"}


def command(
    days: Annotated[
        int, typer.Option("--days", min=1, max=365, help="How many of the last days of looks count.")
    ] = DAYS,
    pack: Annotated[str, typer.Option("--pack", help="The pack whose limits and runs are judged.")] = PACK,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Judge data, signals, limits and drift by what runs have kept: each item with its value, its need and where that
    is from. What is not known does not hold. The exit code is 1 unless all hold."""
    settings = load_settings(config)
    found = list(items(settings, verdict_of_rules(settings, pack), days))
    passed = all(item.holds is True for item in found)
    if json:
        print_json({"pack": pack, "days": days, "passed": passed, "items": [item._asdict() for item in found]})
        return ExitCode.GOOD if passed else ExitCode.NO
    table = Table("", "item", "value", "need", "holds", "evidence", box=None, pad_edge=False)
    for item in found:
        table.add_row(*(escape(text) for text in (*item[:4], MARKS[item.holds], item.evidence)))
    out().print(table)
    holding = sum(item.holds is True for item in found)
    out().print(f"{holding} of {len(found)} items hold", style="bold")
    return ExitCode.GOOD if passed else ExitCode.NO
