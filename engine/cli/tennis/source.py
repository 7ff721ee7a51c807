"""Tennis for a run: the archive, the model on it, and the source of signals that prices markets by it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from connectors.tennis.database import read_archive, read_competitors, read_sources
from connectors.tennis.matching import TourBook
from connectors.tennis.names import PlayerIndex
from connectors.tennis.overrides import Overrides, read_overrides
from connectors.tennis.source import TennisSource
from connectors.tennis.tournaments import Tournaments
from engine.cli.errors import UserError
from engine.market.events import NANOS
from engine.market.tennis import Match, Tour
from engine.research.tennis.model import fitted_model
from engine.research.tennis.order import day_of
from engine.settings.sources import TennisSettings


def tennis_source(settings: TennisSettings, now_ns: int) -> TennisSource:
    """The source that a run uses; TennisDataError or TooFewMatchesError where the archive cannot carry it.

    It reads the database and fits the model once, which takes a few seconds.
    """
    as_of = as_of_day(settings)
    day = as_of or datetime.fromtimestamp(now_ns // NANOS, UTC).date()
    return TennisSource(settings.series, tour_books(settings, day), as_of, settings.database)


def as_of_day(settings: TennisSettings) -> date | None:
    """The day that is pretended, None for today."""
    try:
        return date.fromisoformat(settings.as_of) if settings.as_of else None
    except ValueError:
        raise UserError(f"tennis.as_of {settings.as_of} is no date; write 2023-05-08") from None


def tour_books(settings: TennisSettings, day: date, tours: Sequence[Tour] = tuple(Tour)) -> dict[Tour, TourBook]:
    """What is known of each tour that the database has on the morning of ``day``."""
    overrides = read_overrides(settings.overrides)
    there = {tour for tour, _ in read_sources(settings.database)}
    return {tour: _book(settings.database, tour, overrides, day) for tour in tours if tour in there}


def _book(database: Path, tour: Tour, overrides: Overrides, day: date) -> TourBook:
    archive = read_archive(database, tour)
    before = [match for match in archive.matches if day_of(match) < day]
    return TourBook(
        PlayerIndex(archive.players.values(), _last_played(before), day),
        Tournaments(archive.matches, overrides.tournaments.get(tour)),
        fitted_model(before, archive.born),
        archive.players,
        overrides.players.get(tour, {}),
        read_competitors(database, tour),
    )


def _last_played(matches: list[Match]) -> dict[int, date]:
    found: dict[int, date] = {}
    for match in matches:
        day = day_of(match)
        for number in (match.winner, match.loser):
            if number not in found or found[number] < day:
                found[number] = day
    return found


