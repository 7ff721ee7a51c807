"""Matches of an archive as markets in the venue's own form, for a practice exchange."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any, NamedTuple
from uuid import NAMESPACE_OID, uuid5

from connectors.tennis.names import normalised
from engine.market.events import NANOS
from engine.market.tennis import Match, Player, Tour

_ROUNDS = {
    "F": "Final", "SF": "Semifinal", "BR": "Semifinal", "QF": "Quarterfinal", "RR": "Round Robin",
    **{f"R{size}": f"Round Of {size}" for size in (16, 32, 64, 128, 256)},
}  # fmt: skip
_NOISE = 0.25  # standard deviation of the opening price in log-odds
_LEAST = 0.03
_SECONDARY = (
    "The following market refers to the {versus} professional tennis match in the {where} after a ball has been "
    "played. If the match does not occur (signaled by a ball being played) due to a player injury, walkover, "
    "forfeiture, or any other cancellation (all before the match starts), the market will resolve to a fair price in "
    "accordance with the rules."
)


class Listed(NamedTuple):
    """A match that was played. ``chance``: what the first of ``players`` is given at the opening."""

    tour: Tour
    match: Match
    players: tuple[Player, Player]
    chance: float


def tennis_document(
    listed: Sequence[Listed], starts_ns: Sequence[int], lasts_ns: int, now_ns: int, seed: int
) -> dict[str, Any]:
    """Series, events and markets as the venue answers them; every market comes to the match's real result."""
    source = Random(f"tennis {seed}")
    document: dict[str, Any] = {"series": [_series(tour) for tour in Tour], "events": [], "markets": []}
    taken: set[str] = set()
    for one, start in zip(listed, starts_ns, strict=True):
        _add(document, one, start, start + lasts_ns, now_ns, source.gauss(0, _NOISE), taken)
    return document


def _series(tour: Tour) -> dict[str, Any]:
    return {
        "ticker": f"KX{tour.upper()}MATCH", "title": f"{tour.upper()} tennis match", "category": "Sports",
        "categories": ["Sports"], "tags": ["Tennis"], "fee_type": "quadratic_with_maker_fees", "fee_multiplier": 1,
        "exchange_index": 3,
    }  # fmt: skip


def _add(
    document: dict[str, Any], one: Listed, start: int, end: int, now: int, noise: float, taken: set[str]
) -> None:
    codes = [_code(player) for player in one.players]
    if codes[0] == codes[1]:
        codes = [f"{code}{number}" for number, code in enumerate(codes, 1)]
    event = f"KX{one.tour.upper()}MATCH-{_time(start):%y%b%d}".upper() + "".join(codes)
    while event in taken:
        event += "X"
    taken.add(event)
    versus = " vs ".join(player.last for player in one.players)
    round_ = _ROUNDS[one.match.round]
    where = f"{one.match.begins.year} {one.tour.upper()} {one.match.name} {round_}"
    document["events"].append({
        "event_ticker": event, "series_ticker": event.partition("-")[0], "title": versus,
        "sub_title": f"{versus} ({_time(start):%b %d})", "collateral_return_type": "MECNET",
    })  # fmt: skip
    odds = math.log(one.chance / (1 - one.chance)) + noise
    price = min(max(round(1 / (1 + math.exp(-odds)), 2), _LEAST), 1 - _LEAST)
    for code, player, opening in zip(codes, one.players, (price, 1 - price), strict=True):
        document["markets"].append({
            "ticker": f"{event}-{code}", "event_ticker": event, "status": "initialized",
            "title": f"Will {player.name} win the {versus}: {round_} match?",
            "yes_sub_title": player.name, "no_sub_title": player.name, "strike_type": "structured",
            "custom_strike": {"tennis_competitor": str(uuid5(NAMESPACE_OID, f"{one.tour} {player.number}"))},
            "rules_primary": (
                f"If {player.name} wins the {versus} professional tennis match in the {where} after a ball has been "
                "played, then the market resolves to Yes."
            ),
            "rules_secondary": _SECONDARY.format(versus=versus, where=where),
            "open_time": _text(now), "close_time": _text(end), "occurrence_datetime": _text(start),
            "can_close_early": False, "last_price_dollars": f"{opening:.4f}",
            "practice_result": "yes" if player.number == one.match.winner else "no",
        })  # fmt: skip


def _code(player: Player) -> str:
    """The first three letters of the surname, as the venue takes them."""
    return normalised(player.last)[:3].strip().replace(" ", "").upper() or "XXX"


def _time(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns // NANOS, UTC)


def _text(time_ns: int) -> str:
    return f"{_time(time_ns):%Y-%m-%dT%H:%M:%SZ}"
