"""``engine arena markets``: contracts on a kept leaderboard as markets for the practice exchange."""

from __future__ import annotations

import json as encoding
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.clock import TIMES, nanos_of
from engine.cli.console import print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import ConfigOption, JsonOption
from engine.settings import load_settings

if TYPE_CHECKING:
    from connectors.arena.board import Board, Row

DEFAULT_OUT = Path("data/arena_markets.json")


def command(
    boards: Annotated[
        Path | None,
        typer.Option("--boards", metavar="FILE", help="Kept tables (.jsonl, .jsonl.gz).  [default: in arena.folder]"),
    ] = None,
    day: Annotated[
        datetime | None, typer.Option("--day", formats=["%Y-%m-%d"], help="Whose table, UTC.  [default: the last]")
    ] = None,
    at: Annotated[
        datetime | None,
        typer.Option("--at", formats=TIMES, help="Now for a practice exchange that begins then, UTC.  [default: now]"),
    ] = None,
    in_days: Annotated[int, typer.Option("--in-days", min=1, max=60, help="Days from then to the check.")] = 3,
    target: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="For `engine simulate kalshi --markets`.")
    ] = DEFAULT_OUT,
    seed: Annotated[int, typer.Option("--seed", help="Of the opening prices.")] = 7,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Write contracts on the best models and brands of a table, in the venue's words and checked from now on. Opening
    prices are made up: the model's chances, with noise. Where tables of the time of the check are kept, the contracts
    come to who led then."""
    from connectors.arena.fair.history import Priors, learned_from
    from connectors.arena.fair.model import forecast
    from connectors.arena.keep import iso, read_boards
    from connectors.arena.source import BOARDS
    from connectors.simulators.arena.markets import arena_document, next_check, now_of

    settings = load_settings(config)
    path = boards or settings.arena.folder / BOARDS
    boards_kept = read_boards(path)
    now_ns = time.time_ns() if at is None else nanos_of(at)
    until_ns = now_ns if day is None else nanos_of(day + timedelta(days=1))
    known = [board for board in boards_kept if board.seen_ns < until_ns]
    if not known:
        raise UserError(f"{path} has no table as early as that")
    now = now_of(now_ns)
    check = next_check(now, in_days)
    leader = _leader_at(boards_kept, nanos_of(check.astimezone(UTC).replace(tzinfo=None)))
    learned = learned_from(known, Priors())
    chances = forecast(known[-1], float(in_days), learned, settings.arena.seed).models
    document = arena_document(known[-1], chances, check, now, seed, leader)
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


def _leader_at(boards: Sequence[Board], check_ns: int) -> Row | None:
    """Who led at the check by the kept tables; None where they end before it."""
    from connectors.arena.settlement import resolve_top_model

    before = [board for board in boards if board.seen_ns <= check_ns]
    return resolve_top_model(before[-1].rows) if 0 < len(before) < len(boards) else None
