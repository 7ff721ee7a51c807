"""``engine tennis week``: matches of the past as markets for the practice exchange."""

from __future__ import annotations

import json as encoding
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.clock import TIMES, nanos_of
from engine.cli.console import print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.signals.shared import seconds
from engine.cli.tennis.shared import a_day
from engine.market.events import NANOS
from engine.market.tennis import Ending, Match, Tour
from engine.settings import load_settings

if TYPE_CHECKING:
    from connectors.tennis.matching import TourBook

DEFAULT_OUT = Path("data/tennis_week.json")


def week(
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="First day of the matches.")],
    last: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last one.  [default: six days on]")] = None,
    target: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="For `engine simulate kalshi --markets`.")
    ] = DEFAULT_OUT,
    begin: Annotated[str, typer.Option("--begin", metavar="TIME", help="From now to the first match.")] = "1h",
    over: Annotated[str, typer.Option("--over", metavar="TIME", help="From the first match to the last.")] = "24h",
    lasts: Annotated[str, typer.Option("--lasts", metavar="TIME", help="How long a match lasts.")] = "90m",
    at: Annotated[
        datetime | None,
        typer.Option("--at", formats=TIMES, help="Now for a practice exchange that begins then, UTC.  [default: now]"),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the opening prices.")] = 7,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Write the matches of a week with titles and rules in the venue's form, starts from now on, and the real results.
    Opening prices are made up: plain Elo as of the first day, with noise.
    """
    from connectors.tennis.listings import Listed, tennis_document
    from engine.cli.tennis.source import tour_books

    settings = load_settings(config).tennis
    start = a_day(first, "--from")
    end = a_day(last, "--to") if last else start + timedelta(days=6)
    now = time.time_ns() if at is None else nanos_of(at)
    listed: list[Listed] = []
    for tour, book in tour_books(settings, start).items():
        for match in _played(settings.database, tour, start, end):
            players = tuple(book.everyone[number] for number in sorted((match.winner, match.loser)))
            listed.append(Listed(tour, match, (players[0], players[1]), _chance(book, match)))
    if not listed:
        raise UserError(f"{settings.database} has no match of the main tour from {start} to {end}")
    listed.sort(key=lambda one: (_day(one.match), one.match.tournament, one.match.number))
    step = seconds(over, "--over") / max(1, len(listed) - 1)
    starts = [now + int((seconds(begin, "--begin") + number * step) * NANOS) for number in range(len(listed))]
    document = tennis_document(listed, starts, int(seconds(lasts, "--lasts") * NANOS), now, seed)
    _write(target, document)
    said = {"out": target, "matches": len(listed), "markets": len(document["markets"]), "as_of": start.isoformat()}
    if json:
        print_json(said)
        return ExitCode.GOOD
    print(f"{said['matches']} matches, {said['markets']} markets written to {target}; it holds data of your archive")
    print(f"next: engine simulate kalshi --markets {target}")
    print(f"and in another terminal: AUTOTRADER__TENNIS__AS_OF={start} engine run --venue kalshi --pack tennis_value")
    return ExitCode.GOOD


def _played(database: Path, tour: Tour, start: date, end: date) -> Iterator[Match]:
    from connectors.tennis.database import read_archive

    for match in read_archive(database, tour).matches:
        if match.main_tour and match.ending is not Ending.WALKOVER and start <= _day(match) <= end:
            yield match


def _day(match: Match) -> date:
    from engine.research.tennis.order import day_of

    return day_of(match)


def _chance(book: TourBook, match: Match) -> float:
    """What plain Elo on the surface gives the player with the lower number."""
    from engine.research.tennis.ratings import expected

    low, high = sorted((match.winner, match.loser))
    return expected(book.model.elo(low, match.surface) - book.model.elo(high, match.surface))


def _write(path: Path, document: Any) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(encoding.dumps(document, indent=1) + "\n", encoding="utf-8", newline="\n")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from None


