"""Players and matches in one SQLite file of the user's own, made by ``engine tennis import``.

Each tour is replaced whole, in one transaction: whoever reads sees the old archive or the new one. The file also keeps
which of the venue's competitors was found to be which player.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from connectors.tennis.sackmann import CREDIT, LICENCE, TennisDataError
from engine.market.tennis import Ending, Match, Player, Surface, Tour

VERSION = 1
_TABLES: Mapping[str, tuple[Mapping[str, type], tuple[str, ...]]] = {
    "source": (
        {"tour": str, "file": str, "sha256": str, "rows": int, "licence": str, "credit": str}, ("tour", "file"),
    ),
    "player": (
        {"tour": str, "number": int, "first": str, "last": str, "born": str, "country": str}, ("tour", "number"),
    ),
    "match": ({
        "tour": str, "tournament": str, "name": str, "surface": str, "level": str, "begins": str, "draw": int,
        "round": str, "number": int, "best_of": int, "winner": int, "loser": int, "ending": str, "winner_sets": int,
        "loser_sets": int, "winner_games": int, "loser_games": int, "points_share": float, "winner_points": int,
        "loser_points": int,
    }, ()),
    "competitor": ({"tour": str, "id": str, "number": int, "name": str}, ("tour", "id")),
}  # fmt: skip
"""Columns and primary key of each table."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that was imported."""

    name: str
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class Archive:
    """All players of a tour, and its matches by the first day of their tournaments."""

    tour: Tour
    players: Mapping[int, Player]
    matches: Sequence[Match]

    @property
    def born(self) -> Mapping[int, date]:
        return {player.number: player.born for player in self.players.values() if player.born is not None}


def write_archive(path: Path, archive: Archive, sources: Sequence[SourceFile]) -> None:
    """Replace one tour of the file at ``path``, which is made where there is none; TennisDataError."""
    from sqlite_utils import Database  # a third of a second, and only an import writes

    tour = str(archive.tour)
    rows: dict[str, Iterator[tuple[object, ...]]] = {
        "source": ((tour, one.name, one.sha256, one.rows, LICENCE, CREDIT) for one in sources),
        "player": _player_rows(archive), "match": _match_rows(archive),
    }  # fmt: skip
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as connection:
            _check_version(connection, path, empty=True)
            base = Database(connection)
            with base.atomic():
                base.execute(f"PRAGMA user_version = {VERSION}")
                for name, (columns, key) in _TABLES.items():
                    base.table(name).create(dict(columns), pk=key or None, if_not_exists=True)
                base.table("match").create_index(["tour", "begins"], if_not_exists=True)
                for name, found in rows.items():
                    base.table(name).delete_where("tour = ?", [tour])
                    base.table(name).insert_all(dict(zip(_TABLES[name][0], row, strict=True)) for row in found)
    except (sqlite3.Error, OSError) as error:
        raise TennisDataError(f"{path} cannot be written: {error}") from None


def read_archive(path: Path, tour: Tour) -> Archive:
    """One tour of the file; TennisDataError when it is not there or is none."""
    with _opened(path) as base:
        rows = base.execute("SELECT number, first, last, born, country FROM player WHERE tour = ?", (str(tour),))
        players = {
            number: Player(number, first, last, date.fromisoformat(born) if born else None, country)
            for number, first, last, born, country in rows
        }
        told = base.execute("SELECT * FROM match WHERE tour = ? ORDER BY begins, tournament, number", (str(tour),))
        matches = [_match_of(row) for row in told]
    if not players or not matches:
        raise TennisDataError(f"{path} has no {tour.upper()} matches; import them with `engine tennis import`")
    return Archive(tour, players, matches)


def read_sources(path: Path) -> list[tuple[Tour, SourceFile]]:
    """What was imported."""
    with _opened(path) as base:
        rows = base.execute("SELECT tour, file, sha256, rows FROM source ORDER BY tour, file").fetchall()
    return [(Tour(tour), SourceFile(name, sha256, count)) for tour, name, sha256, count in rows]


def read_competitors(path: Path, tour: Tour) -> dict[str, int]:
    """The venue's ids of competitors that were found to be a player."""
    with _opened(path) as base:
        return dict(base.execute("SELECT id, number FROM competitor WHERE tour = ?", (str(tour),)).fetchall())


def keep_competitors(path: Path, tour: Tour, found: Mapping[str, Player]) -> None:
    """Remember who is who, so that a name that is written otherwise later is still known; TennisDataError."""
    if not found:
        return
    try:
        with _opened(path) as base, base:
            base.executemany(
                "INSERT OR IGNORE INTO competitor VALUES (?,?,?,?)",
                [(str(tour), key, player.number, player.name) for key, player in found.items()],
            )
    except sqlite3.Error as error:
        raise TennisDataError(f"{path} cannot be written: {error}") from None


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        raise TennisDataError(f"there is no tennis database {path}; `engine tennis import` makes one")
    try:
        with closing(sqlite3.connect(path)) as base:
            _check_version(base, path, empty=False)
            yield base
    except sqlite3.Error as error:
        raise TennisDataError(f"{path} is no tennis database, or is damaged ({error}); import it anew") from None


def _check_version(base: sqlite3.Connection, path: Path, *, empty: bool) -> None:
    found = base.execute("PRAGMA user_version").fetchone()[0]
    tables = base.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if found != VERSION and not (empty and tables == 0):
        raise TennisDataError(f"{path} is no tennis database of version {VERSION}; name another file, or import anew")


def _player_rows(archive: Archive) -> Iterator[tuple[object, ...]]:
    for player in archive.players.values():
        born = player.born.isoformat() if player.born else None
        yield str(archive.tour), player.number, player.first, player.last, born, player.country


def _match_rows(archive: Archive) -> Iterator[tuple[object, ...]]:
    for match in archive.matches:
        surface = None if match.surface is None else str(match.surface)
        row = match._replace(begins=match.begins.isoformat(), ending=str(match.ending), surface=surface)  # type: ignore[arg-type]
        yield str(archive.tour), *row


def _match_of(row: Sequence[object]) -> Match:
    match = Match(*row[1:])  # type: ignore[arg-type]
    return match._replace(
        begins=date.fromisoformat(str(match.begins)), ending=Ending(match.ending),
        surface=None if match.surface is None else Surface(match.surface),
    )  # fmt: skip
