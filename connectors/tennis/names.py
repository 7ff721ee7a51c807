"""Names of players as texts write them, brought to one form, and the player of an archive that such a name means.

What is not sure is not matched: a wrong player is a wrong price.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from engine.market.tennis import Player

ACTIVE = timedelta(days=730)  # who has not played for longer is not looked for
LEAST_LIKENESS, LEAST_MARGIN = 92.0, 6.0  # of 100, for names that are only alike
_LETTERS = str.maketrans({
    "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE",
    "ı": "i", "ð": "d", "þ": "th", "’": "'", "‘": "'", "`": "'", "´": "'",
})  # fmt: skip
_APART = re.compile(r"[^a-z0-9]+")
_INITIAL = re.compile(r"^[a-z]$")


class Resolved(NamedTuple):
    """The player that a name means, and by which rule it was found."""

    player: Player
    by: str


class Unmatched(NamedTuple):
    """No player, or more than one, and why in words."""

    why: str


def normalised(name: str) -> str:
    """Plain lower-case words: accents, apostrophes, full stops and hyphens are gone."""
    plain = unicodedata.normalize("NFKD", name.translate(_LETTERS))
    letters = "".join(sign for sign in plain if not unicodedata.combining(sign)).casefold().replace("'", "")
    return _APART.sub(" ", letters).strip()


def is_pair(name: str) -> bool:
    """Whether a name is of two people, as in doubles."""
    return "/" in name or " & " in name or " + " in name or " and " in f" {name.casefold()} "


def carries(player: Player, surname: str) -> bool:
    """Whether all words of ``surname``, as a title writes it, stand in the player's name."""
    words = set(normalised(surname).split())
    return bool(words) and (words <= set(normalised(player.name).split()) or _joined(surname) == _joined(player.last))


class PlayerIndex:
    """The players of one tour who are active on a day. ``last_played`` has the day of each player's last match."""

    def __init__(self, players: Iterable[Player], last_played: Mapping[int, date], on: date) -> None:
        self._on, self._last_played = on, last_played
        self.players: dict[int, Player] = {}
        self._joined: dict[str, list[Player]] = {}
        self._words: dict[tuple[str, ...], list[Player]] = {}
        self._short: dict[tuple[str, str], list[Player]] = {}
        self._sorted: dict[str, list[Player]] = {}
        self._retired: dict[str, Player] = {}
        for player in players:
            self._add(player)

    def _add(self, player: Player) -> None:
        if player.number not in self._last_played:
            return
        if not self._active(player.number):
            self._retired.setdefault(_joined(player.name), player)
            return
        words = tuple(sorted(normalised(player.name).split()))
        self.players[player.number] = player
        self._joined.setdefault(_joined(player.name), []).append(player)
        self._words.setdefault(words, []).append(player)
        self._sorted.setdefault(" ".join(words), []).append(player)
        initial = normalised(player.first)[:1]
        if initial:
            self._short.setdefault((_joined(player.last), initial), []).append(player)

    def _active(self, number: int) -> bool:
        return self._last_played[number] > self._on - ACTIVE

    def of(self, name: str) -> Resolved | Unmatched:
        """The one active player whom ``name`` means."""
        words = tuple(sorted(normalised(name).split()))
        if not words:
            return Unmatched("there is no name")
        if is_pair(name):
            return Unmatched(f"{name} are two players; doubles are not priced")
        steps: Sequence[tuple[str, Callable[[], list[Player]]]] = (
            ("full name", lambda: self._joined.get(_joined(name), [])),
            ("words of the name", lambda: self._words.get(words, [])),
            ("surname and initial", lambda: self._by_initial(normalised(name).split())),
        )
        for by, find in steps:
            found = find()
            if len(found) == 1:
                return Resolved(found[0], by)
            if found:
                return Unmatched(f"{name} could be {_listed(found)}")
        return self._alike(name, words)

    def _by_initial(self, words: list[str]) -> list[Player]:
        """``j sinner`` or ``sinner j``: of everyone with that surname, the one with that initial."""
        found: list[Player] = []
        if len(words) >= 2 and _INITIAL.match(words[0]):
            found = self._short.get(("".join(words[1:]), words[0]), [])
        if not found and len(words) >= 2 and _INITIAL.match(words[-1]):
            found = self._short.get(("".join(words[:-1]), words[-1]), [])
        return found

    def _alike(self, name: str, words: tuple[str, ...]) -> Resolved | Unmatched:
        if _joined(name) in self._retired:
            gone = self._retired[_joined(name)]
            return Unmatched(
                f"{name} last played on {self._last_played[gone.number]}, more than two years before {self._on}"
            )
        if any(_INITIAL.match(word) for word in words):
            return Unmatched(f"no active player has the surname and the initial of {name}")
        best = self._nearest(words)
        if not best or best[0][1] < LEAST_LIKENESS:
            near = f"; the nearest is {best[0][0].name} ({best[0][1]:.0f} of 100)" if best else ""
            return Unmatched(f"no active player is called {name}{near}")
        player, likeness = best[0]
        if len(best) > 1 and likeness - best[1][1] < LEAST_MARGIN:
            return Unmatched(f"{name} could be {player.name} or {best[1][0].name}")
        if not set(normalised(player.last).split()) & set(words):
            return Unmatched(f"{name} is like {player.name}, but the surname is another")
        return Resolved(player, f"likeness {likeness:.0f}")

    def _nearest(self, words: tuple[str, ...]) -> list[tuple[Player, float]]:
        """Players in order of likeness of the sorted words of their names, the best two."""
        from rapidfuzz import fuzz, process  # late: most names need nothing of it

        keys = list(self._sorted)
        found = process.extract(" ".join(words), keys, scorer=fuzz.ratio, limit=2)
        return [(player, score) for key, score, _ in found for player in self._sorted[key]]


def _joined(name: str) -> str:
    """Without spaces, since hyphens, full stops and spaces are used alike: ``J.J. Wolf`` and ``J J Wolf``."""
    return normalised(name).replace(" ", "")


def _listed(players: Sequence[Player]) -> str:
    return " or ".join(f"{player.name} ({player.number})" for player in players[:4])
