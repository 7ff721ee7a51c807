"""What the verbs below ``engine tennis`` share: files of a tour, and the model that an archive gives."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from engine.cli.errors import UserError
from engine.market.tennis import Match, Tour

if TYPE_CHECKING:
    from connectors.tennis.database import Archive, SourceFile

TourName = Literal["atp", "wta"]
PlayersOption = Annotated[list[Path], typer.Option("--players", metavar="FILE", help="Players, CSV, may be gzipped.")]
MatchesOption = Annotated[
    list[str], typer.Option("--matches", metavar="GLOB", help="Files of singles matches; may be repeated.")
]


@dataclass(frozen=True, slots=True)
class Files:
    """What was read of one tour."""

    archive: Archive
    sources: Sequence[SourceFile]


def read_files(tour: Tour, players: Sequence[Path], matches: Sequence[Path]) -> Files:
    """All players and matches; TennisDataError names file and line of what is wrong."""
    from connectors.tennis.database import Archive, SourceFile
    from connectors.tennis.sackmann import TennisDataError, read_matches, read_players

    sources, people = [], {}
    for path in players:
        read = read_players(path)
        people.update({player.number: player for player in read})
        sources.append(SourceFile(path.name, _digest(path), len(read)))
    found: list[Match] = []
    seen: dict[tuple[object, ...], Path] = {}
    for path in matches:
        here = read_matches(path)
        for match in here:
            key = (match.tournament, match.number, match.round, match.winner, match.loser)
            if key in seen:
                raise TennisDataError(
                    f"{path}: match {match.number} of {match.tournament} is in {seen[key]} already; name each file once"
                )
            seen[key] = path
            for number in (match.winner, match.loser):
                if number not in people:
                    raise TennisDataError(
                        f"{path}: match {match.number} of {match.tournament} has player {number}, who is in none of "
                        f"{', '.join(str(one) for one in players)}; are they of the {tour.upper()} tour?"
                    )
        found += here
        sources.append(SourceFile(path.name, _digest(path), len(here)))
    found.sort(key=lambda match: (match.begins, match.tournament, match.number))
    return Files(Archive(tour, people, found), sources)


def files_of(patterns: Sequence[str]) -> list[Path]:
    """The files that the patterns name, each once; UserError where one names none."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        paths = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207  # a pattern may be absolute
        if not paths:
            raise UserError(f"--matches {pattern} names no file")
        found.update(dict.fromkeys(Path(path) for path in paths))
    return list(found)


def tour_of(path: Path) -> Tour:
    """By the name of a file: ``atp_matches_2023.csv``."""
    for tour in Tour:
        if path.name.lower().startswith(tour):
            return tour
    raise UserError(f"{path} does not say its tour: let its name begin with atp_ or wta_, or give --tour")


def a_day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError(f"{option} {text} is no date; write 2023-01-31") from None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return sha256(file.read()).hexdigest()
