"""``engine tennis match``: who two names are, and what the model says of their match."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated, Literal

import typer

from engine.cli.console import print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.tennis.shared import TourName, a_day
from engine.market.tennis import Surface, Tour
from engine.settings import load_settings


def match(
    player: Annotated[str, typer.Argument(help="A name, as a market writes it.")],
    opponent: Annotated[str, typer.Argument(help="The other one.")],
    tour: Annotated[TourName, typer.Option("--tour", help="Men or women.")],
    surface: Annotated[Literal["hard", "clay", "grass", "carpet"], typer.Option("--surface")] = "hard",
    best_of: Annotated[int, typer.Option("--best-of", metavar="N", help="3 or 5.")] = 3,
    on: Annotated[
        str | None, typer.Option("--on", metavar="DATE", help="As known that morning.  [default: tennis.as_of, today]")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Say who is meant and who is likelier to win. Exit code 1 where a name is not sure."""
    from connectors.tennis.names import Unmatched
    from engine.cli.tennis.source import as_of_day, tour_books

    settings = load_settings(config).tennis
    if best_of not in (3, 5):
        raise UserError(f"--best-of {best_of}: write 3 or 5")
    today = as_of_day(settings) or datetime.fromtimestamp(time.time(), UTC).date()
    day = a_day(on, "--on") if on else today
    book = tour_books(settings, day, [Tour(tour)]).get(Tour(tour))
    if book is None:
        raise UserError(f"{settings.database} has no {tour.upper()} matches; import them with `engine tennis import`")
    found = [book.who(name, "") for name in (player, opponent)]
    for one in found:
        if isinstance(one, Unmatched):
            raise UserError(one.why, ExitCode.NO)
    first, second = (one for one in found if not isinstance(one, Unmatched))
    court, numbers = Surface(surface), (first.player.number, second.player.number)
    if numbers[0] == numbers[1]:
        raise UserError(f"{player} and {opponent} are both {first.player.name}", ExitCode.NO)
    fair = book.model.probability(*numbers, court, best_of, day)
    sides = [
        {
            "name": one.player.name, "number": one.player.number, "found_by": one.by, "probability": chance,
            "elo": round(book.model.elo(one.player.number, court), 1), "matches": book.model.matches(one.player.number),
        }
        for one, chance in ((first, fair), (second, 1 - fair))
    ]  # fmt: skip
    told = {"tour": tour, "surface": surface, "best_of": best_of, "on": day.isoformat(),
            "rated_until": book.model.until.isoformat(), "players": sides}  # fmt: skip
    if json:
        print_json(told)
        return ExitCode.GOOD
    for side in sides:
        print(f"{side['probability']:6.1%}  {side['name']} ({side['number']}, by {side['found_by']}): "
              f"Elo {side['elo']:.0f} on {surface}, {side['matches']} matches")  # fmt: skip
    print(f"{tour.upper()}, {surface}, best of {best_of}, on {day}; the newest match is of {told['rated_until']}")
    return ExitCode.GOOD
