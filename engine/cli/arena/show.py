"""``engine arena show``: the leaderboard as it is read, and how a contract would settle on it now."""

from __future__ import annotations

import asyncio
import gzip
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from engine.cli.console import err, out, print_json
from engine.cli.errors import ExitCode
from engine.cli.options import ConfigOption, JsonOption
from engine.settings import load_settings

if TYPE_CHECKING:
    from connectors.arena.board import Board
    from engine.settings import Settings


def command(
    page: Annotated[
        Path | None,
        typer.Option("--page", metavar="FILE", help="A saved page (.html, .html.gz), instead of asking for it."),
    ] = None,
    rows: Annotated[int, typer.Option("--rows", min=1, help="How many models to show.")] = 10,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Read the leaderboard once, refuse what is not to be believed, and say who would win."""
    settings = load_settings(config)
    board = _from_file(page, settings) if page is not None else asyncio.run(_from_site(settings))
    if json:
        print_json(_json(board, rows))
    else:
        _print(board, rows)
    return ExitCode.GOOD


def _from_file(path: Path, settings: Settings) -> Board:
    from connectors.arena.board import BoardError
    from connectors.arena.checks import check_sound
    from connectors.arena.page import read_page

    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as page:
            text = page.read()
    except (OSError, EOFError) as error:
        raise BoardError(f"{path} cannot be read: {error}") from None
    except UnicodeDecodeError:
        raise BoardError(f"{path} is not UTF-8 text") from None
    board = read_page(text, time.time_ns(), str(path))
    check_sound(board, settings.arena.least_rows)
    return board


async def _from_site(settings: Settings) -> Board:
    from connectors.arena.board import BoardError
    from connectors.arena.checks import check_sound
    from connectors.arena.fetch import Fetcher
    from connectors.arena.page import read_page

    wishes = settings.arena
    fetcher = Fetcher([wishes.primary_url, wishes.fallback_url], float(wishes.timeout_seconds))
    asked = ""
    try:
        while True:
            fetched = await fetcher.fetch(after=asked)
            try:
                board = read_page(fetched.page or "", time.time_ns(), fetched.url)
                check_sound(board, wishes.least_rows)
                return board
            except BoardError as error:
                if fetched.fallback:
                    raise
                err().print(f"{error}; the fallback is asked")
                asked = fetched.url
    finally:
        await fetcher.close()


def _json(board: Board, rows: int) -> dict[str, Any]:
    from connectors.arena.keep import as_json
    from connectors.arena.settlement import settle

    settled, told = settle(board), as_json(board)
    told["models"], told["rows"] = len(board.rows), told["rows"][:rows]
    told["settlement"] = {
        "winner": settled.winner.model, "organization": settled.winner.organization, "decided_by": settled.decided_by,
        "ambiguous": settled.ambiguous, "winner_by_printed_score": settled.printed.model,
        "tied": [row.model for row in settled.tied],
    }  # fmt: skip
    return told


def _print(board: Board, rows: int) -> None:
    from connectors.arena.keep import iso
    from connectors.arena.settlement import settle

    settled = settle(board)
    cutoff = f", votes up to {iso(board.cutoff_ns)}" if board.cutoff_ns is not None else ""
    out().print(f"{escape(board.source)}: {len(board.rows)} models from its {board.parsed}{cutoff}")
    table = Table("rank", "rank (UB)", "model", "organization", "score", "votes", box=None, pad_edge=False)
    for row in board.rows[:rows]:
        mark = " preliminary" if row.preliminary else ""
        table.add_row(
            str(row.rank), str(row.rank_ub), escape(row.model), escape(row.organization), f"{row.score:g}{mark}",
            f"{row.votes:,}" if row.votes is not None else "",
        )  # fmt: skip
    out().print(table)
    out().print(f"would win now: {escape(settled.winner.model)}, decided by {settled.decided_by}", style="bold")
    if settled.ambiguous:
        tied = ", ".join(row.model for row in settled.tied)
        out().print(
            f"ambiguous: {escape(tied)} print the same score; by printed scores {escape(settled.printed.model)} wins"
        )
