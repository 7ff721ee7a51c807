"""The database, and the file of overrides."""

from __future__ import annotations

import sqlite3
from datetime import date
from pathlib import Path

import pytest

from connectors.tennis.database import Archive, SourceFile, read_archive, read_sources, write_archive
from connectors.tennis.overrides import Overrides, read_overrides
from connectors.tennis.sackmann import TennisDataError
from connectors.tennis.tournaments import Court
from engine.market.tennis import Ending, Match, Player, Surface, Tour

MATCH = Match(
    "2023-1", "Somewhere", None, "A", date(2023, 1, 2), 32, "F", 1, 3, 1, 2, Ending.RETIRED, 1, 0, 6, 2, 0.55, None, 40
)
ONES = {1: Player(1, "A", "B", date(2000, 2, 3), "ESP"), 2: Player(2, "C", "D")}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "data" / "tennis.db"
    men = Archive(Tour.ATP, ONES, [MATCH])
    write_archive(path, men, [SourceFile("atp.csv", "a" * 64, 1)])
    women = Archive(Tour.WTA, ONES, [MATCH._replace(surface=Surface.CLAY), MATCH._replace(number=2)])
    write_archive(path, women, [SourceFile("wta.csv", "b" * 64, 2)])
    assert read_archive(path, Tour.ATP) == men
    assert read_archive(path, Tour.WTA) == women
    write_archive(path, women, [SourceFile("wta.csv", "b" * 64, 2)])
    assert read_archive(path, Tour.WTA) == women, "a tour is replaced, not added to"
    assert [(tour, one.name, one.rows) for tour, one in read_sources(path)] == [
        (Tour.ATP, "atp.csv", 1), (Tour.WTA, "wta.csv", 2),
    ]  # fmt: skip
    assert men.born == {1: date(2000, 2, 3)}


def test_other_files_are_no_database(tmp_path: Path) -> None:
    with pytest.raises(TennisDataError, match="`engine tennis import` makes one"):
        read_archive(tmp_path / "none.db", Tour.ATP)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as base:
        base.execute("CREATE TABLE precious (x)")
    archive = Archive(Tour.ATP, ONES, [MATCH])
    for act in (lambda: read_archive(other, Tour.ATP), lambda: write_archive(other, archive, [])):
        with pytest.raises(TennisDataError, match="is no tennis database of version 1"):
            act()
    text = tmp_path / "text.db"
    text.write_text("no database at all, but a text that is long enough to be one" * 20)
    with pytest.raises(TennisDataError, match="is no tennis database, or is damaged"):
        read_archive(text, Tour.ATP)


def test_overrides_are_read(tmp_path: Path) -> None:
    path = tmp_path / "overrides.toml"
    path.write_text('[players.atp]\n"Juanma Cerúndolo" = 207678\n[tournaments.wta]\n"Timbuktu" = {surface = "clay"}\n')
    assert read_overrides(path) == Overrides(
        {Tour.ATP: {"juanma cerundolo": 207678}},
        {Tour.WTA: {"Timbuktu": Court(Surface.CLAY, 3, "the override file")}},
    )
    assert read_overrides(tmp_path / "none.toml") == Overrides()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[player.atp]\n", r"\[player\] is no table"),
        ("[players.itf]\n", "itf is no tour"),
        ('[players.atp]\n"A B" = "1"\n', "write the archive's number"),
        ('[tournaments.atp]\n"A" = {surface = "mud"}\n', "write {surface"),
        ('[tournaments.atp]\n"A" = {surface = "clay", best_of = 4}\n', "best_of is 4"),
        ("[players", "cannot be read"),
    ],
)
def test_wrong_overrides_name_the_key(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "overrides.toml"
    path.write_text(text)
    with pytest.raises(TennisDataError, match=words):
        read_overrides(path)
