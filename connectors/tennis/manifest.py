"""The facts of tennis matches that rules may read. What is not known for sure is unknown, and says why."""

from __future__ import annotations

from engine.market.facts import FactSpec, Manifest, Scope

LISTED, FAIR, WHY_NOT, PLAYER, OPPONENT, TOURNAMENT, ROUND, SURFACE, BEST_OF, LEVEL, STARTS, ELO, OPPONENT_ELO, \
    MATCHES, RATED_UNTIL = (
        f"tennis.{name}" for name in (
            "listed", "fair", "why_not", "player", "opponent", "tournament", "round", "surface", "best_of", "level",
            "starts", "elo", "opponent_elo", "matches", "rated_until",
        )
    )  # fmt: skip
_SHOWN = "when the venue's markets are read"


def _spec(name: str, kind: str, about: str) -> FactSpec:
    return FactSpec(name, kind, Scope.SIGNAL, about, _SHOWN, True)


TENNIS: Manifest = (
    _spec(LISTED, "bool", "Whether the market is of a singles match in the series that are looked at."),
    _spec(FAIR, "probability", "What the model gives YES before the match; unknown where it is not sure who plays."),
    _spec(WHY_NOT, "text", 'Why there is no fair probability, in words; "" when there is one.'),
    _spec(PLAYER, "text", "The player whose win pays, as the archive writes the name."),
    _spec(OPPONENT, "text", "The other player."),
    _spec(TOURNAMENT, "text", "The tournament, as the venue writes it."),
    _spec(ROUND, "text", 'The round as the venue writes it, in lower case: "round of 64", "final".'),
    _spec(SURFACE, "text", '"hard", "clay", "grass" or "carpet".'),
    _spec(BEST_OF, "number", "Most sets that can be played: 3 or 5."),
    _spec(LEVEL, "text", '"tour", "challenger" or "itf".'),
    _spec(STARTS, "time", "When the match is to start, as the venue last said; it may start sooner or later."),
    _spec(ELO, "number", "The player's Elo rating, on the surface."),
    _spec(OPPONENT_ELO, "number", "The opponent's."),
    _spec(MATCHES, "number", "How many matches the ratings know of the player of whom they know fewer."),
    _spec(RATED_UNTIL, "time", "The day of the newest match in the ratings."),
)  # fmt: skip
