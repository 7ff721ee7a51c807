"""A small archive: who plays, and two markets of a match between them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from connectors.tennis.matching import TourBook
from connectors.tennis.names import PlayerIndex
from connectors.tennis.tournaments import Tournaments
from engine.market.signals import MarketListing
from engine.market.tennis import Ending, Match, Player, Surface

TODAY = date(2026, 4, 24)
NAMES = (
    (1, "Luciano", "Darderi"), (2, "Juan Manuel", "Cerundolo"), (3, "Francisco", "Cerundolo"), (4, "Jannik", "Sinner"),
    (5, "J J", "Wolf"), (6, "Botic", "Van De Zandschulp"), (7, "Felix", "Auger Aliassime"), (8, "Zhizhen", "Zhang"),
    (9, "Ola", "Jonsson"), (10, "Alexandre", "Muller"), (11, "Alexandra", "Muller"), (12, "Ethan", "Quinn"),
    (13, "Tallon", "Griekspoor"), (14, "Ethan", "Quinnipiac"), (15, "Jan", "Choinski"), (16, "Jan", "Choinski"),
    (17, "Roger", "Federer"), (18, "Christopher", "Oconnell"), (19, "Hubert", "Hurkacz"), (20, "Alex", "De Minaur"),
    (21, "Flavio", "Cobolli"), (22, "Mikael", "Ymer"), (23, "Elias", "Ymer"),
)  # fmt: skip


class FixedModel:
    """Gives the player with the lower number 60 in a hundred, on clay 70."""

    until = date(2026, 4, 20)

    def probability(self, one: int, other: int, surface: Surface | None, best_of: int, day: date) -> float:
        chance = 0.7 if surface is Surface.CLAY else 0.6
        return chance if one < other else 1 - chance

    def elo(self, number: int, surface: Surface | None) -> float:
        return 1500.0 + number

    def matches(self, number: int) -> int:
        return 10 * number


def match_of(name: str, surface: Surface | None, **more: Any) -> Match:
    told: dict[str, Any] = {
        "tournament": f"2025-{name}", "level": "A", "begins": date(2025, 4, 21), "draw": 32, "round": "R32",
        "number": 1, "best_of": 3, "winner": 1, "loser": 2, "ending": Ending.COMPLETED, **more,
    }  # fmt: skip
    return Match(name=name, surface=surface, **told)


@pytest.fixture
def players() -> list[Player]:
    return [Player(number, first, last) for number, first, last in NAMES]


@pytest.fixture
def index(players: list[Player]) -> PlayerIndex:
    last = dict.fromkeys((player.number for player in players), date(2026, 4, 1))
    return PlayerIndex(players, {**last, 17: date(2021, 7, 7)}, TODAY)


@pytest.fixture
def tournaments() -> Tournaments:
    return Tournaments([
        match_of("Madrid Masters", Surface.CLAY, level="M"),
        match_of("Us Open", Surface.HARD, level="G", best_of=5),
        match_of("Roland Garros", Surface.CLAY, level="G", best_of=5),
        match_of("Umag", Surface.CLAY),
        match_of("Umag CH", Surface.HARD, level="C", begins=date(2026, 1, 5)),
    ])  # fmt: skip


@pytest.fixture
def book(players: list[Player], index: PlayerIndex, tournaments: Tournaments) -> TourBook:
    return TourBook(index, tournaments, FixedModel(), {player.number: player for player in players})


@pytest.fixture
def leg() -> Callable[..., MarketListing]:
    """One market of a match in the venue's words."""

    def make(
        name: str = "Luciano Darderi", versus: str = "Cerundolo vs Darderi", code: str = "DAR", **more: Any
    ) -> MarketListing:
        where = more.pop("where", "2026 ATP Madrid Round Of 64")
        event = more.pop("event", "KXATPMATCH-26APR25CERDAR")
        told: dict[str, Any] = {
            "ticker": f"{event}-{code}", "event": event, "series": event.partition("-")[0],
            "title": f"Will {name} win the {versus}: Round Of 64 match?", "yes": name,
            "rules": f"If {name} wins the {versus} professional tennis match in the {where} after a ball has been "
            "played, then the market resolves to Yes.",
            "open_ns": 0, "close_ns": 10**18, "starts_ns": 1_777_125_600 * 10**9, **more,
        }  # fmt: skip
        return MarketListing(**told)

    return make
