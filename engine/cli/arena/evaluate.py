"""``engine arena evaluate``: how good the estimates of who leads were, on kept leaderboards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from engine.cli.console import out, print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import ConfigOption, JsonOption
from engine.settings import load_settings

if TYPE_CHECKING:
    from connectors.arena.board import Board
    from engine.research.arena.evaluate import Forecaster, Part

HOUR = 10  # New York, when contracts look
HORIZONS = (1.0, 7.0, 14.0)
ESTIMATORS = ("model", "seed")  # facts arena.fair_model and arena.fair_seed
DEFAULT = "model"  # what arena.fair is


def command(
    boards: Annotated[
        Path | None,
        typer.Option("--boards", metavar="FILE", help="Kept tables (.jsonl, .jsonl.gz).  [default: in arena.folder]"),
    ] = None,
    start: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day asked, New York.")
    ] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day asked.")] = None,
    days: Annotated[
        list[int] | None, typer.Option("--days", min=1, max=90, help="A horizon; may be repeated.  [default: 1, 7, 14]")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Ask each day at 10:00 New York who will lead, and compare with who did. Nothing is used that came later."""
    from connectors.arena.keep import read_boards
    from connectors.arena.source import BOARDS
    from engine.research.arena.evaluate import best_of

    settings = load_settings(config)
    path = boards or settings.arena.folder / BOARDS
    if boards is None and not path.exists():
        raise UserError(f"there is no {path} yet: `engine run` keeps tables there; or name a file with --boards")
    read = read_boards(path)
    horizons = tuple(float(one) for one in dict.fromkeys(days or ())) or HORIZONS
    first, last = start.date() if start else None, end.date() if end else None
    parts = assess(read, settings.arena.seed, horizons, first, last)
    if not parts:
        raise UserError(f"{path} has no day with a table before it and one after the horizon; name other days")
    best = best_of(parts, ESTIMATORS)
    if json:
        print_json({"boards": str(path), "tables": len(read), "best": best, "default": DEFAULT,
                    "horizons": [asdict(part) for part in parts]})  # fmt: skip
    else:
        _print(parts, path, len(read), best)
    return ExitCode.GOOD


def assess(
    boards: list[Board], seed: int, horizons: Sequence[float], start: date | None = None, end: date | None = None
) -> list[Part]:
    """The scores of both estimators and the baselines on tables in order of time."""
    from engine.research.arena.evaluate import evaluate

    return evaluate(_tables(boards), _asked(boards, start, end), _estimators(boards, seed), horizons)


def _asked(boards: list[Board], start: date | None, end: date | None) -> list[int]:
    """Ten o'clock in New York of each day, in UTC nanoseconds."""
    from connectors.arena.markets import NEW_YORK
    from engine.market.events import NANOS

    first, last = (datetime.fromtimestamp(boards[k].seen_ns // NANOS, NEW_YORK).date() for k in (0, -1))
    day, until = max(first, start or first), min(last, end or last)
    found = []
    while day <= until:
        moment = datetime(day.year, day.month, day.day, HOUR, tzinfo=NEW_YORK)
        found.append(int(moment.timestamp()) * NANOS)
        day += timedelta(days=1)
    return found


def _tables(boards: list[Board]) -> list[Any]:
    from connectors.arena.settlement import in_order
    from engine.research.arena.evaluate import Table as Seen

    return [Seen(board.seen_ns, tuple(row.model for row in in_order(board.rows))) for board in boards]


def _estimators(boards: list[Board], seed: int) -> dict[str, Forecaster]:
    """What was known of each table is what it and those before it taught."""
    from connectors.arena.fair.history import Priors, learn, unlearned
    from connectors.arena.fair.model import forecast
    from connectors.arena.fair.seed import forecast_by_rank

    known, after = unlearned(Priors()), []
    for board in boards:
        known = learn(known, board, Priors())
        after.append(known)
    return {
        "model": lambda place, days: forecast(boards[place], days, after[place], seed).models,
        "seed": lambda place, days: forecast_by_rank(boards[place], days).models,
    }


def _print(parts: list[Part], path: Path, tables: int, best: str) -> None:
    out().print(f"{escape(str(path))}: {tables} tables; each day at 10:00 New York is one question")
    for part in parts:
        out().print(
            f"\nwho leads in {part.days:g} day{'s' if part.days != 1 else ''}: {part.questions} questions in "
            f"{part.months} months; the leader stayed in {part.stayed:.1%}, a model not yet listed led in "
            f"{part.unlisted:.1%}",
            style="bold",
        )
        table = Table("estimator", box=None, pad_edge=False)
        for name in ("log-loss", "against base rate", "90% interval", "leader stays: said", "log-loss", "Brier"):
            table.add_column(name, justify="right")
        for s in sorted(part.scores, key=lambda one: one.log_loss):
            interval = f"{s.low:+.3f} … {s.high:+.3f}" if s.low is not None and s.high is not None else ""
            table.add_row(
                s.estimator, f"{s.log_loss:.3f}", f"{s.better:+.3f}", interval, f"{s.said:.3f}",
                f"{s.stays_log_loss:.3f}", f"{s.stays_brier:.3f}",
            )  # fmt: skip
        out().print(table)
    out().print(f"\nbest of the two estimators: {best}; arena.fair is the {DEFAULT}'s")
