"""From the two markets of a match to what the model says of it, or to the words why nothing can be said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple, Protocol

from connectors.tennis.names import PlayerIndex, Resolved, Unmatched, carries, normalised
from connectors.tennis.texts import SERIES, MatchText, TextError, read_texts
from connectors.tennis.tournaments import Court, Tournaments
from engine.market.signals import MarketListing
from engine.market.tennis import Player, Surface, Tour

_SURE = ("full name", "words of the name")  # ways of finding a player that are worth remembering
_OVERRIDE = "the override file"


class Model(Protocol):
    """What prices a match between two players, by their numbers in the archive."""

    @property
    def until(self) -> date:
        """The day of the newest match that it knows."""
        ...

    def probability(self, one: int, other: int, surface: Surface | None, best_of: int, day: date) -> float:
        """That ``one`` beats ``other``; of both ways round the sum is 1."""
        ...

    def elo(self, number: int, surface: Surface | None) -> float: ...

    def matches(self, number: int) -> int:
        """How many matches of the player it knows."""
        ...


class Priced(NamedTuple):
    """One side of a match. ``by``: how each name was found."""

    player: Player
    opponent: Player
    fair: float
    text: MatchText
    court: Court
    level: str
    elo: float
    opponent_elo: float
    matches: int
    by: tuple[str, str]


class Unpriced(NamedTuple):
    """A market without a price, and why in words."""

    why: str


@dataclass
class TourBook:
    """Everything known of one tour. ``competitors``: the venue's ids and whom they were found to be; ``found`` are new
    ones that are not kept yet."""

    players: PlayerIndex
    tournaments: Tournaments
    model: Model
    everyone: Mapping[int, Player]
    overrides: Mapping[str, int] = field(default_factory=dict)
    competitors: dict[str, int] = field(default_factory=dict)
    found: dict[str, Player] = field(default_factory=dict)

    def who(self, name: str, venue_id: str) -> Resolved | Unmatched:
        """The player of a name, with the venue's id as a second witness."""
        for key in (venue_id, name):
            number = self.overrides.get(normalised(key)) if key else None
            if number is not None:
                return self._known(number, name)
        resolved = self.players.of(name)
        cached = self.competitors.get(venue_id) if venue_id else None
        if cached is None:
            if isinstance(resolved, Resolved) and venue_id and resolved.by in _SURE:
                self.competitors[venue_id] = resolved.player.number
                self.found[venue_id] = resolved.player
            return resolved
        if isinstance(resolved, Unmatched):
            player = self.players.players.get(cached)
            return resolved if player is None else Resolved(player, "the venue's id")
        if resolved.player.number != cached:
            return Unmatched(
                f"{name} is now {resolved.player.name} ({resolved.player.number}), but the venue's id of this player "
                f"was {cached} before; say who it is in the override file"
            )
        return resolved

    def _known(self, number: int, name: str) -> Resolved | Unmatched:
        player = self.everyone.get(number)
        if player is None:
            return Unmatched(f"the override file says that {name} is {number}, and nobody has that number")
        return Resolved(player, _OVERRIDE)


def price_event(
    legs: tuple[MarketListing, ...], books: Mapping[Tour, TourBook], day: date
) -> dict[str, Priced | Unpriced]:
    """Both markets of a match that is to be played on ``day``, by ticker. Either both have a price or neither has."""
    try:
        return _priced(legs, books, day)
    except (TextError, _NoPriceError) as problem:
        return {leg.ticker: Unpriced(str(problem)) for leg in legs}


class _NoPriceError(Exception):
    pass


def _priced(
    legs: tuple[MarketListing, ...], books: Mapping[Tour, TourBook], day: date
) -> dict[str, Priced | Unpriced]:
    series = SERIES.get(legs[0].series)
    if series is None:
        raise _NoPriceError(f"nobody has said which players the series {legs[0].series} is about")
    texts = [read_texts(leg) for leg in legs]
    if len(legs) != 2:
        raise _NoPriceError(f"a match has two markets, and of this one {len(legs)} can be seen: who plays is not sure")
    book = books.get(series.tour)
    if book is None:
        raise _NoPriceError(f"the database has no {series.tour.upper()} matches; `engine tennis import` reads them")
    one, other = texts
    _check_pair(one, other)
    found = [_player(book, text.yes, leg) for text, leg in zip(texts, legs, strict=True)]
    first, second = found
    if first.player.number == second.player.number:
        raise _NoPriceError(f"{one.yes} and {other.yes} both seem to be {first.player.name}")
    _check_surnames(one, first, second)
    court = book.tournaments.court(one.tournament, main_tour=series.level == "tour", qualifying=one.qualifying)
    if court is None:
        place = f"of {one.tournament} is not known" if one.tournament else "is not known: no text names the tournament"
        raise _NoPriceError(f"the surface {place}; the override file may say it")
    model = book.model
    fair = model.probability(first.player.number, second.player.number, court.surface, court.best_of, day)
    elo, its_elo = (model.elo(each.player.number, court.surface) for each in found)
    fewest = min(model.matches(each.player.number) for each in found)
    ways = first.by, second.by
    return {
        legs[0].ticker: Priced(
            first.player, second.player, fair, one, court, series.level, elo, its_elo, fewest, ways
        ),
        legs[1].ticker: Priced(
            second.player, first.player, 1 - fair, other, court, series.level, its_elo, elo, fewest, ways[::-1]
        ),
    }


def _check_pair(one: MatchText, other: MatchText) -> None:
    """Both markets speak of the same match, and each side of it is the YES of one of them."""
    if {normalised(name) for name in one.surnames} != {normalised(name) for name in other.surnames}:
        raise _NoPriceError(f"its markets name different matches: {_versus(one)} and {_versus(other)}")
    if (one.tournament, one.round) != (other.tournament, other.round):
        raise _NoPriceError("its markets name different tournaments or rounds")
    left, right = (set(normalised(name).split()) for name in one.surnames)
    here, there = (set(normalised(text.yes).split()) for text in (one, other))
    if not ((left <= here and right <= there) or (left <= there and right <= here)):
        raise _NoPriceError(f"{one.yes} and {other.yes} are not the players of {_versus(one)}")


def _check_surnames(text: MatchText, first: Resolved, second: Resolved) -> None:
    """The players of the archive carry the surnames of the title, each one."""
    if _OVERRIDE in (first.by, second.by):
        return
    left, right = text.surnames
    a, b = first.player, second.player
    if not ((carries(a, left) and carries(b, right)) or (carries(a, right) and carries(b, left))):
        raise _NoPriceError(f"{a.name} and {b.name} are not the players of {_versus(text)}")


def _player(book: TourBook, name: str, leg: MarketListing) -> Resolved:
    resolved = book.who(name, leg.yes_id)
    if isinstance(resolved, Unmatched):
        raise _NoPriceError(resolved.why)
    return resolved


def _versus(text: MatchText) -> str:
    return " vs ".join(text.surnames)
