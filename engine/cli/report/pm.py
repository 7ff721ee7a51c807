"""``engine report pm``: the daily report, from what the store has."""

from __future__ import annotations

import json as json_text
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from engine.cli.assemble import now_ns
from engine.cli.console import out, print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.report.gathered import pack_day
from engine.cli.report.performance import StoreOption
from engine.cli.rules import load_rules
from engine.cli.stores import store_of
from engine.cli.whole import refuse_unwritable, write_whole
from engine.cli.zones import common_zone
from engine.market.events import NANOS
from engine.report.pm import pm_tables, render_pm, render_pm_markdown
from engine.report.tables import print_table
from engine.settings import Settings, load_settings
from state import Place, open_store


def command(
    pack: Annotated[
        list[str] | None, typer.Option("--pack", help="This pack only; may be repeated.  [default: all that trade]")
    ] = None,
    text: Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Write it as Markdown.")] = None,
    values: Annotated[Path | None, typer.Option("--json-output", metavar="FILE", help="Write it as JSON.")] = None,
    page: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write one page with charts.")] = None,
    store_file: StoreOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """The daily report: what signals were worth, what trading cost, how the gate went, GO or NO-GO with the reasons."""
    settings = load_settings(config)
    for file, option in ((text, "--output"), (values, "--json-output"), (page, "--html")):
        refuse_unwritable(file, option)
    report = _report(settings, store_file or store_of(settings), pack or settings.engine.packs)
    if text is not None:
        write_whole(text, render_pm_markdown(report))
    if values is not None:
        write_whole(values, json_text.dumps(report, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    if page is not None:
        write_whole(page, render_pm(report))
    if json:
        print_json(report)
        return ExitCode.GOOD
    for found in report["packs"]:
        out().print(f"{found['pack']}: {found['verdict']}", style="bold", markup=False)
        for table in pm_tables(found):
            print_table(table, out())
    for file in filter(None, (text, values, page)):
        out().print(f"written to {file}")
    return ExitCode.GOOD


def _report(settings: Settings, path: Place, wanted: list[str]) -> dict[str, Any]:
    rules = load_rules(settings.rules.paths, wanted)
    names = [name for name, pack in rules.ruleset.packs.items() if pack.strategies]
    if not names:
        raise UserError("no pack here has a strategy, so there is nothing to report on")
    store = open_store(path, create=False)
    try:
        days = [pack_day(store, rules, name, settings).to_json() for name in names]
    finally:
        store.close()
    zone = common_zone((found["timezone"] for found in days), settings.engine.timezone)
    day = datetime.fromtimestamp(now_ns() // NANOS, ZoneInfo(zone)).date().isoformat()
    # What was said of contracts and came true, for `engine calibrate --from`, which reads it at the top.
    outcomes = [row for found in days for row in found.pop("outcomes")]
    return {"day": day, "store": str(path), "packs": days, "outcomes": outcomes}
