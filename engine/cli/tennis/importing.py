"""``engine tennis import``: players and matches into the database of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.tennis.shared import MatchesOption, PlayersOption, TourName, files_of, read_files, tour_of
from engine.market.tennis import Ending, Tour
from engine.settings import load_settings


def import_(
    players: PlayersOption,
    matches: MatchesOption,
    tour: Annotated[TourName | None, typer.Option("--tour", help="Where names of files do not say.")] = None,
    target: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The database.  [default: tennis.database]")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Read players and matches in the layout of Jeff Sackmann's archives. A tour that is there already is replaced."""
    from connectors.tennis.database import write_archive
    from connectors.tennis.sackmann import CREDIT, LICENCE

    path = target or load_settings(config).tennis.database
    found = files_of(matches)
    tours = {Tour(tour)} if tour else {tour_of(one) for one in (*players, *found)}
    told = []
    for each in sorted(tours):
        mine = [one for one in players if tour or tour_of(one) is each]
        theirs = [one for one in found if tour or tour_of(one) is each]
        if not mine or not theirs:
            missing = "players" if not mine else "matches"
            raise UserError(f"there is no file of {each.upper()} {missing}: name one with --{missing}")
        read = read_files(each, mine, theirs)
        write_archive(path, read.archive, read.sources)
        days = [match.begins for match in read.archive.matches]
        walkovers = sum(match.ending is Ending.WALKOVER for match in read.archive.matches)
        told.append({
            "tour": each, "players": len(read.archive.players), "matches": len(days), "walkovers": walkovers,
            "first": min(days).isoformat(), "last": max(days).isoformat(), "files": len(read.sources),
        })  # fmt: skip
    if json:
        print_json({"database": path, "licence": LICENCE, "credit": CREDIT, "tours": told})
        return ExitCode.GOOD
    for one in told:
        print(
            f"{str(one['tour']).upper()}: {one['players']:,} players, {one['matches']:,} matches "
            f"({one['walkovers']} walkovers) of tournaments from {one['first']} to {one['last']}"
        )
    print(f"written to {path}")
    print(f"source: {CREDIT}")
    print(f"licence of files from there: {LICENCE}; name the source, share alike, no commercial use.")
    print("Whether you may trade on them is for you to settle with the owner; the project ships none of it.")
    return ExitCode.GOOD
