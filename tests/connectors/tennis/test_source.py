"""Tennis as a source of signals in a run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from connectors.tennis.database import Archive, SourceFile, read_competitors, write_archive
from connectors.tennis.manifest import TENNIS
from connectors.tennis.matching import TourBook
from connectors.tennis.source import TennisSource
from engine.market.events import Observation
from engine.market.signals import MarketListing, SignalSource
from engine.market.tennis import Ending, Match, Player, Surface, Tour

Leg = Callable[..., MarketListing]
NOW = int(datetime(2026, 4, 24, 12, tzinfo=UTC).timestamp()) * 10**9
HOUR = 3600 * 10**9
ONE, OTHER = "KXATPMATCH-26APR25CERDAR-DAR", "KXATPMATCH-26APR25CERDAR-CER"


def made(book: TourBook, **more: Any) -> TennisSource:
    return TennisSource(["KXATPMATCH"], {Tour.ATP: book}, **more)


def facts(events: list[Observation], symbol: str = ONE) -> dict[str, Any]:
    return {event.name: event.value for event in events if event.symbol == symbol}


def running(source: TennisSource, legs: list[MarketListing]) -> tuple[dict[str, Any], list[str]]:
    said: list[str] = []
    source.show(legs, NOW)
    source.follow(source.tickers, said.append)
    return facts(source.pulse(NOW)), said


def pair(leg: Leg, **more: Any) -> list[MarketListing]:
    return [leg(**more), leg("Juan Manuel Cerundolo", code="CER", **more)]


def test_a_match_is_told_with_everything_that_rules_may_read(book: TourBook, leg: Leg) -> None:
    source: SignalSource = made(book)
    assert isinstance(source, TennisSource)
    told, said = running(source, pair(leg))
    assert set(told) == {fact.name for fact in TENNIS}
    assert told["tennis.fair"] == 0.7
    assert (told["tennis.player"], told["tennis.opponent"]) == ("Luciano Darderi", "Juan Manuel Cerundolo")
    assert (told["tennis.surface"], told["tennis.level"], told["tennis.why_not"]) == ("clay", "tour", "")
    assert told["tennis.starts"] == 1_777_125_600
    assert datetime.fromtimestamp(told["tennis.rated_until"], UTC).date() == date(2026, 4, 20)
    assert said == ["2 of 2 tennis markets have a price"]


def test_nothing_is_told_twice(book: TourBook, leg: Leg) -> None:
    source = made(book)
    running(source, pair(leg))
    assert source.pulse(NOW + HOUR) == []
    source.show(pair(leg), NOW + HOUR)
    assert source.pulse(NOW + HOUR) == []
    later = 1_777_129_200
    source.show(pair(leg, starts_ns=later * 10**9), NOW + HOUR)
    assert facts(source.pulse(NOW + HOUR)) == {"tennis.starts": later}


def test_what_has_no_price_says_why(book: TourBook, leg: Leg) -> None:
    source = made(book)
    told, said = running(source, [leg(), leg("Toto Cerundolo", code="CER")])
    assert told["tennis.listed"] is True
    assert told["tennis.fair"] is None
    assert "Toto Cerundolo" in told["tennis.why_not"]
    (seen,) = [e for e in made_again(source) if e.name == "tennis.fair" and e.symbol == ONE]
    assert "Toto Cerundolo" in seen.reason, "traces show it"
    assert "0 of 2 tennis markets have a price" in said[0]


def made_again(source: TennisSource) -> list[Observation]:
    source.follow(source.tickers, lambda words: None)
    return source.pulse(NOW)


def test_a_market_that_is_shown_no_more_becomes_unknown(book: TourBook, leg: Leg) -> None:
    source = made(book)
    running(source, pair(leg))
    source.show([], NOW + HOUR)
    told = facts(source.pulse(NOW + HOUR))
    assert told["tennis.listed"] is False
    assert told["tennis.fair"] is None


def test_only_what_newly_has_no_price_is_said_again(book: TourBook, leg: Leg) -> None:
    source = made(book)
    _, said = running(source, pair(leg))
    source.show([], NOW + HOUR)
    source.show(pair(leg), NOW + HOUR)
    assert len(said) == 1, "markets that close are nothing to tell"
    for _ in range(2):
        source.show([*pair(leg), leg("Q", "Q vs Griekspoor", "Q", event="KXATPMATCH-26APR25QGRI")], NOW + HOUR)
    assert len(said) == 2
    assert "of this one 1 can be seen" in said[1]


def test_other_series_are_nobodys_business(book: TourBook, leg: Leg) -> None:
    source = made(book)
    source.show(pair(leg, event="KXWTAMATCH-26APR25CERDAR"), NOW)
    assert list(source.tickers) == []


def test_new_matches_with_a_price_are_unseen_until_they_are_followed(book: TourBook, leg: Leg) -> None:
    source = made(book)
    running(source, [])
    source.show([*pair(leg), leg("Quinn", "Quinn vs Griekspoor", "QUI", event="KXATPMATCH-26APR25QUIGRI")], NOW)
    assert sorted(source.unseen) == sorted([ONE, OTHER]), "what has no price is not worth beginning anew"
    source.follow(source.tickers, lambda words: None)
    assert list(source.unseen) == []


def test_after_a_restart_the_same_is_told(book: TourBook, leg: Leg) -> None:
    assert running(made(book), pair(leg)) == running(made(book), pair(leg))


def test_the_past_can_be_practised(book: TourBook, leg: Leg) -> None:
    """The ratings end four days before the day that is pretended; so they do before today."""
    told, _ = running(made(book, as_of=date(2026, 4, 24)), pair(leg, starts_ns=NOW + HOUR))
    assert datetime.fromtimestamp(told["tennis.rated_until"], UTC).date() == date(2026, 4, 20)
    told, _ = running(made(book, as_of=date(2026, 4, 22)), pair(leg, starts_ns=NOW + HOUR))
    assert datetime.fromtimestamp(told["tennis.rated_until"], UTC).date() == date(2026, 4, 22)


def test_who_is_who_is_remembered(book: TourBook, leg: Leg, tmp_path: Path, players: list[Player]) -> None:
    path = tmp_path / "tennis.db"
    match = Match(
        "2025-1", "Umag", Surface.CLAY, "A", date(2025, 7, 21), 32, "F", 1, 3, 1, 2, Ending.COMPLETED, 2, 0, 12, 6
    )
    archive = Archive(Tour.ATP, {player.number: player for player in players}, [match])
    write_archive(path, archive, [SourceFile("matches.csv", "0" * 64, 1)])
    source = made(book, database=path)
    legs = [one._replace(yes_id=f"id of {one.yes}") for one in pair(leg)]
    running(source, legs)
    assert read_competitors(path, Tour.ATP) == {"id of Luciano Darderi": 1, "id of Juan Manuel Cerundolo": 2}
    write_archive(path, archive, [SourceFile("matches.csv", "0" * 64, 1)])
    assert len(read_competitors(path, Tour.ATP)) == 2, "a new import keeps who is who"
