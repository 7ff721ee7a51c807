"""Simulated tennis matches between players whom nobody knows: markets, and what a model says of them, from a seed.

For trying the pack without a venue, an archive or a network. Prices are those of simulated contracts, so what a run on
them earns says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from connectors.simulated.contracts import ContractSource
from connectors.tennis import manifest
from engine.market.events import NANOS, Observation, Tick

START = datetime(2024, 3, 5, 14, 30, tzinfo=UTC)
_MAKER_RATE = 0.0175
_PLAYED_AFTER = timedelta(hours=7)  # from the first tick to the first ball


class _Match(NamedTuple):
    code: str
    players: tuple[str, str]
    surface: str
    fair: float


_MATCHES = (
    _Match("DELQUI", ("Arnaud Delval", "Mateo Quiroga"), "clay", 0.62),
    _Match("HALPET", ("Jonas Halvorsen", "Ivo Petrak"), "hard", 0.47),
    _Match("WINTAN", ("Clara Winterhalt", "Mei Tanaka"), "hard", 0.54),
    _Match("OKORIB", ("Ada Okonjo", "Lea Ribeira"), "grass", 0.35),
)


class ExampleMatch(NamedTuple):
    """One market. ``fair``: what the model gives YES, that is, ``player``."""

    ticker: str
    player: str
    opponent: str
    versus: str
    surface: str
    fair: float

    @property
    def title(self) -> str:
        return f"Will {self.player} win the {self.versus} match?"


def example_matches() -> dict[str, ExampleMatch]:
    """Two markets for each match, by ticker."""
    found = {}
    for code, (one, other), surface, fair in _MATCHES:
        versus = f"{one.split()[-1]} vs {other.split()[-1]}"
        for player, opponent, chance in ((one, other, fair), (other, one, 1 - fair)):
            ticker = f"KXSIMTENNIS-24MAR05{code}-{player.split()[-1][:3].upper()}"
            found[ticker] = ExampleMatch(ticker, player, opponent, versus, surface, round(chance, 10))
    return found


class MatchSource:
    """Minute ticks of ``matches`` by ticker, with the facts of the tennis source; the matches are not reached."""

    def __init__(self, matches: Mapping[str, ExampleMatch], *, days: int = 1, seed: int = 1) -> None:
        self._matches = dict(matches)
        fairs = {ticker: match.fair for ticker, match in self._matches.items()}
        self._contracts = ContractSource(fairs, START, days=days, seed=seed)
        self._starts = (START + timedelta(days=days - 1) + _PLAYED_AFTER).timestamp()

    def ticks(self) -> Iterator[Tick]:
        """Always the same ticks for the same arguments."""
        told = False
        for tick in self._contracts.ticks():
            first = [] if told else list(self._facts(tick.time_ns))
            told = True
            yield Tick(tick.time_ns, [*first, *tick.events])

    def _facts(self, time_ns: int) -> Iterator[Observation]:
        rated = time_ns / NANOS - 86_400
        for ticker, match in self._matches.items():
            told: dict[str, float | str | bool] = {
                manifest.LISTED: True, manifest.FAIR: match.fair, manifest.WHY_NOT: "", manifest.PLAYER: match.player,
                manifest.OPPONENT: match.opponent, manifest.TOURNAMENT: "Nowhere", manifest.ROUND: "round of 16",
                manifest.SURFACE: match.surface, manifest.BEST_OF: 3.0, manifest.LEVEL: "tour",
                manifest.STARTS: self._starts, manifest.ELO: 1800.0, manifest.OPPONENT_ELO: 1800.0,
                manifest.MATCHES: 100.0, manifest.RATED_UNTIL: rated, "market.maker_fee_rate": _MAKER_RATE,
            }  # fmt: skip
            for name, value in told.items():
                yield Observation(ticker, time_ns, name, value)
