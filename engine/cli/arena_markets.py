"""``engine arena markets``: contracts on a kept leaderboard as markets for the practice exchange."""

from __future__ import annotations

import json as encoding
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import ConfigOption, JsonOption
from engine.settings import load_settings

DEFAULT_OUT = Path("data/arena_markets.json")


def command(
    boards: Annotated[
        Path | None,
        typer.Option("--boards", metavar="FILE", help="Kept tables (.jsonl, .jsonl.gz).  [default: in arena.folder]"),
    ] = None,
    day: Annotated[
        datetime | None, typer.Option("--day", formats=["%Y-%m-%d"], help="Whose table, UTC.  [default: the last]")
    ] = None,
    in_days: Annotated[int, typer.Option("--in-days", min=1, max=60, help="Days from now to the check.")] = 3,
    target: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="For `engine simulate kalshi --markets`.")
    ] = DEFAULT_OUT,
    seed: Annotated[int, typer.Option("--seed", help="Of the opening prices.")] = 7,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Write contracts on the best models and brands of a table, in the venue's words and checked from now on. Opening
    prices are made up: the model's chances, with noise."""
    from connectors.arena.fair.history import Priors, learned_from
    from connectors.arena.fair.model import forecast
    from connectors.arena.keep import iso, read_boards
    from connectors.arena.source import BOARDS
    from connectors.simulators.arena.markets import arena_document, next_check, now_of

    settings = load_settings(config)
    path = boards or settings.arena.folder / BOARDS
    until = None if day is None else (day + timedelta(days=1)).strftime("%Y-%m-%dT00:00:00Z")
    known = [board for board in read_boards(path) if until is None or iso(board.seen_ns) < until]
    if not known:
        raise UserError(f"{path} has no table as early as that day")
    now = now_of(time.time_ns())
    check = next_check(now, in_days)
    learned = learned_from(known, Priors())
    chances = forecast(known[-1], float(in_days), learned, settings.arena.seed).models
    document = arena_document(known[-1], chances, check, now, seed)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(encoding.dumps(document, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"--out {target}: {error.strerror}") from None
    count = len(document["markets"])
    if json:
        print_json({"out": str(target), "markets": count, "table": iso(known[-1].seen_ns), "check": check.isoformat()})
    else:
        print(f"{target}: {count} markets on the table of {iso(known[-1].seen_ns)}, checked {check:%Y-%m-%d %H:%M %Z}")
    return ExitCode.GOOD
