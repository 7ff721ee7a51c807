"""From two markets to a price, or to the words why there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from connectors.tennis.matching import Priced, TourBook, Unpriced, price_event
from connectors.tennis.tournaments import Court
from engine.market.signals import MarketListing
from engine.market.tennis import Surface, Tour

Leg = Callable[..., MarketListing]
DAY = date(2026, 4, 25)


def pair(leg: Leg, **more: Any) -> tuple[MarketListing, MarketListing]:
    return leg(**more), leg("Juan Manuel Cerundolo", code="CER", **more)


def priced(book: TourBook, legs: tuple[MarketListing, ...]) -> list[Priced]:
    found = price_event(legs, {Tour.ATP: book}, DAY)
    assert all(isinstance(one, Priced) for one in found.values()), found
    return [one for one in found.values() if isinstance(one, Priced)]


def why(book: TourBook, legs: tuple[MarketListing, ...]) -> str:
    found = price_event(legs, {Tour.ATP: book}, DAY)
    reasons = {one.why for one in found.values() if isinstance(one, Unpriced)}
    assert len(found) == len(legs), "each market has an answer"
    assert len(reasons) == 1, "either both have a price or neither"
    return reasons.pop()


def test_both_sides_of_a_match_are_priced(book: TourBook, leg: Leg) -> None:
    darderi, cerundolo = priced(book, pair(leg))
    assert (darderi.player.number, darderi.opponent.number) == (1, 2), "of two brothers it is the one with that name"
    assert darderi.fair == 0.7
    assert darderi.fair + cerundolo.fair == 1
    assert darderi.court.surface is Surface.CLAY
    assert (darderi.elo, darderi.opponent_elo) == (cerundolo.opponent_elo, cerundolo.elo) == (1501.0, 1502.0)
    assert darderi.matches == cerundolo.matches == 10
    assert darderi.level == "tour"


def test_the_order_of_the_markets_changes_nothing(book: TourBook, leg: Leg) -> None:
    one, other = pair(leg)
    there = price_event((one, other), {Tour.ATP: book}, DAY)
    back = price_event((other, one), {Tour.ATP: book}, DAY)
    assert {t: p.fair for t, p in there.items() if isinstance(p, Priced)} == pytest.approx(
        {t: p.fair for t, p in back.items() if isinstance(p, Priced)}
    )


def test_slams_are_best_of_five_and_their_qualifying_is_not(book: TourBook, leg: Leg) -> None:
    assert priced(book, pair(leg, where="2026 US Open Men Singles Quarterfinal"))[0].court.best_of == 5
    assert priced(book, pair(leg, where="2026 French Open Men Singles Quarterfinal"))[0].court == Court(
        Surface.CLAY, 5, "Roland Garros 2025"
    )
    assert priced(book, pair(leg, where="2026 US Open Men Singles Qualification Final"))[0].court.best_of == 3


def test_a_place_may_have_two_tournaments(book: TourBook, leg: Leg) -> None:
    tour = priced(book, pair(leg, where="2026 ATP Umag Final"))[0]
    challenger = priced(book, pair(leg, where="2026 ATP Challenger Umag Final",
                                   event="KXATPCHALLENGERMATCH-26JAN07CERDAR"))[0]  # fmt: skip
    assert (tour.court.surface, tour.level) == (Surface.CLAY, "tour")
    assert (challenger.court.surface, challenger.level) == (Surface.HARD, "challenger")


def test_a_match_with_one_market_has_no_price(book: TourBook, leg: Leg) -> None:
    assert "of this one 1 can be seen" in why(book, (leg(),))


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ({"name": "Francisco Cerundolo", "versus": "Cerundolo vs Nadal"}, "name different matches"),
        ({"name": "Flavio Cobolli"}, "are not the players of Cerundolo vs Darderi"),
        ({"name": "Luciano Darderi"}, "are not the players of Cerundolo vs Darderi"),
        ({"name": "Toto Cerundolo"}, "no active player is called Toto Cerundolo"),
        ({"where": "2026 ATP Rome Round Of 64"}, "different tournaments"),
    ],
)
def test_markets_that_do_not_fit_together_have_no_price(
    book: TourBook, leg: Leg, second: dict[str, str], words: str
) -> None:
    assert words in why(book, (leg(), leg(**{"name": "Juan Manuel Cerundolo", "code": "CER", **second})))


def test_a_tournament_that_nobody_knows_has_no_price(book: TourBook, leg: Leg) -> None:
    assert "the surface of Timbuktu is not known" in why(book, pair(leg, where="2026 ATP Timbuktu Final"))
    assert "no text names the tournament" in why(book, pair(leg, rules=""))


def test_a_tour_without_an_archive_has_no_price(book: TourBook, leg: Leg) -> None:
    assert "no WTA matches" in why(book, pair(leg, event="KXWTAMATCH-26APR25CERDAR"))
    assert "nobody has said which players" in why(book, pair(leg, event="KXTENNIS-26APR25CERDAR"))


def test_overrides_say_who_and_where(book: TourBook, leg: Leg) -> None:
    mended = replace(book, overrides={"toto cerundolo": 3})
    first, second = priced(mended, (leg(), leg("Toto Cerundolo", code="CER")))
    assert (first.player.number, second.player.number) == (1, 3)
    wrong = replace(book, overrides={"toto cerundolo": 999})
    assert "nobody has that number" in why(wrong, (leg(), leg("Toto Cerundolo", code="CER")))


def test_the_venues_id_remembers_a_player_whose_name_is_written_anew(book: TourBook, leg: Leg) -> None:
    ids = {"Luciano Darderi": "id-1", "Juan Manuel Cerundolo": "id-2"}
    priced(book, tuple(one._replace(yes_id=ids[one.yes]) for one in pair(leg)))
    assert {key: player.number for key, player in book.found.items()} == {"id-1": 1, "id-2": 2}
    anew = leg("Juanma Cerundolo", code="CER", yes_id="id-2")
    _, second = priced(book, (leg(yes_id="id-1"), anew))
    assert (second.player.number, second.by[0]) == (2, "the venue's id")
    swapped = leg("Francisco Cerundolo", code="CER", yes_id="id-2")
    assert "the venue's id of this player was 2 before" in why(book, (leg(yes_id="id-1"), swapped))
