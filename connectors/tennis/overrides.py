"""A file of the user's own that says who a name means and where a tournament is played, where nothing else does."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.tennis.names import normalised
from connectors.tennis.sackmann import TennisDataError
from connectors.tennis.tournaments import Court
from engine.market.tennis import Surface, Tour


@dataclass(frozen=True, slots=True)
class Overrides:
    """``players``: the archive's number by tour and by normalised name or by the venue's id of a competitor."""

    players: Mapping[Tour, Mapping[str, int]] = field(default_factory=dict)
    tournaments: Mapping[Tour, Mapping[str, Court]] = field(default_factory=dict)


def read_overrides(path: Path) -> Overrides:
    """What the file says, nothing where there is none; TennisDataError names the key that is wrong.

    [players.atp]        "Some Name" = 123456
    [tournaments.wta]    "Some Place" = {surface = "clay", best_of = 3}
    """
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Overrides()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TennisDataError(f"{path} cannot be read: {error}") from None
    players: dict[Tour, Mapping[str, int]] = {}
    tournaments: dict[Tour, Mapping[str, Court]] = {}
    for kind, by_tour in told.items():
        if kind not in ("players", "tournaments") or not isinstance(by_tour, dict):
            raise TennisDataError(f"{path}: [{kind}] is no table here; write [players.atp] or [tournaments.wta]")
        for name, told_of in by_tour.items():
            if name not in tuple(Tour) or not isinstance(told_of, dict):
                raise TennisDataError(f"{path}: [{kind}.{name}]: {name} is no tour; write atp or wta")
            where, tour = f"{path}: [{kind}.{name}]", Tour(name)
            if kind == "players":
                players[tour] = {normalised(key): _number(value, f"{where} {key}") for key, value in told_of.items()}
            else:
                tournaments[tour] = {key: _court(value, f"{where} {key}") for key, value in told_of.items()}
    return Overrides(players, tournaments)


def _number(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TennisDataError(f"{where}: write the archive's number of the player, such as 206173")
    return value


def _court(value: Any, where: str) -> Court:
    if not isinstance(value, dict) or set(value) - {"surface", "best_of"} or value.get("surface") not in tuple(Surface):
        raise TennisDataError(f'{where}: write {{surface = "clay", best_of = 3}}')
    best_of = value.get("best_of", 3)
    if best_of not in (3, 5):
        raise TennisDataError(f"{where}: best_of is {best_of}; write 3 or 5")
    return Court(Surface(value["surface"]), best_of, "the override file")
