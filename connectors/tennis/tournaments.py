"""On what surface, and over how many sets, a tournament is played: as in its latest edition in the archive."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from connectors.tennis.names import normalised
from engine.market.tennis import QUALIFYING, Match, Surface


class Court(NamedTuple):
    """``best_of`` of the main draw; qualifying is always best of three. ``known``: from where."""

    surface: Surface
    best_of: int
    known: str


# What the venue calls a tournament, where the archive has another name for it.
_CALLED = {
    "french open": "roland garros",
    "toronto": "canada masters",
    "montreal": "canada masters",
    "canadian open": "canada masters",
    "national bank open": "canada masters",
    "london": "queens club",
    "den bosch": "s hertogenbosch",
    "hertogenbosch": "s hertogenbosch",
    "saint petersburg": "st petersburg",
}
_SKIPPED = frozenset(("masters", "ch", "open", "classic", "international"))


class Tournaments:
    """Courts by the name of the tournament. ``overrides`` go first."""

    def __init__(self, matches: Iterable[Match], overrides: Mapping[str, Court] | None = None) -> None:
        self._overrides = {normalised(name): court for name, court in (overrides or {}).items()}
        self._latest: dict[tuple[bool, str], tuple[date, Court]] = {}
        for match in matches:
            if match.surface is not None and match.round not in QUALIFYING:
                court = Court(match.surface, match.best_of, f"{match.name} {match.begins.year}")
                for key in {(match.main_tour, normalised(match.name)), (match.main_tour, _core(match.name))}:
                    if key[1] and (key not in self._latest or self._latest[key][0] <= match.begins):
                        self._latest[key] = match.begins, court

    def court(self, tournament: str, *, main_tour: bool = True, qualifying: bool = False) -> Court | None:
        """None where nobody knows. A place may have a tournament of the tour and a challenger: they are two."""
        found = self._find(tournament, main_tour)
        return found._replace(best_of=3) if found is not None and qualifying else found

    def _find(self, tournament: str, main_tour: bool) -> Court | None:
        name = normalised(tournament)
        if name in self._overrides:
            return self._overrides[name]
        for key in (name, normalised(_CALLED.get(name, "")), _core(tournament)):
            if key and (main_tour, key) in self._latest:
                return self._latest[main_tour, key][1]
        return None


def _core(name: str) -> str:
    """The place alone: without ``Masters``, ``CH`` and the like, and without the number of a second edition."""
    return " ".join(word for word in normalised(name).split() if word not in _SKIPPED and not word.isdigit())
