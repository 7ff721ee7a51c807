"""The facts of the leaderboard that rules may read, for each contract that it decides."""

from __future__ import annotations

from engine.market.facts import FactSpec, Manifest, Scope

_LOOK = "at the last look that brought a sound table, so that age() is the age of that look"
_CHANGE = "when the change was seen, so that age() is how long ago"
_TABLE = "with each new table"

LISTED, WHY_NOT, CHECK = "arena.listed", "arena.why_not", "arena.check"
FAIR, FAIR_MODEL, FAIR_SEED, UNLISTED = "arena.fair", "arena.fair_model", "arena.fair_seed", "arena.unlisted"
LEADS, GAP, RANK_UB, SCORE, VOTES = "arena.leads", "arena.gap", "arena.rank_ub", "arena.score", "arena.votes"
PRELIMINARY, AMBIGUOUS, TABLE = "arena.preliminary", "arena.ambiguous", "arena.table"
FETCHED, SUCCESS, HELD = "arena.fetched", "arena.fetch_success", "arena.held"
NEW_LEADER, RANKING_CHANGE = "arena.new_leader", "arena.ranking_change"
SCORE_SHIFT, NEW_MODEL = "arena.score_shift", "arena.new_model"


def _fact(name: str, kind: str, about: str, known: str = _LOOK, unit: str = "", *, live: bool = False) -> FactSpec:
    return FactSpec(name, kind, Scope.SIGNAL, about, known, True, unit, live=live)


ARENA: Manifest = (
    _fact(LISTED, "bool", "Whether the leaderboard decides the market, and name and hour are understood.",
          "when the venue's markets are read"),
    _fact(WHY_NOT, "text", 'Why nothing is said of the market, in words; "" when something is.',
          "when the venue's markets are read, and with each look"),
    _fact(CHECK, "time", "When the contract looks at the leaderboard, by the text of its rules.",
          "when the venue's markets are read"),
    _fact(FAIR, "probability", "Fair probability of YES by the default estimator, which is the model.", live=True),
    _fact(FAIR_MODEL, "probability", "The same by gap, movement of scores, votes and newcomers.", live=True),
    _fact(FAIR_SEED, "probability", "The same by rank alone, as the earlier leaderboard trader had it.", live=True),
    _fact(UNLISTED, "probability", "Chance that a model leads at the check that is not on the leaderboard yet."),
    _fact(LEADS, "bool", "Whether YES would win if the contract looked now."),
    _fact(GAP, "number", "Score less the best of the others; below 0 for whoever does not lead.", unit="points"),
    _fact(RANK_UB, "number", "Rank (UB), of an organisation that of its best model."),
    _fact(SCORE, "number", "Score, of an organisation that of its best model.", unit="points"),
    _fact(VOTES, "number", "Votes, of an organisation those of its best model."),
    _fact(PRELIMINARY, "bool", "Whether that score is marked as preliminary."),
    _fact(AMBIGUOUS, "bool", "Whether the best print the same score, and YES hangs on whether the printed one counts."),
    _fact(TABLE, "time", "Up to when votes count in the table, or when it was first seen.", _TABLE),
    _fact(FETCHED, "time", "The last look that brought a sound table.", "with each look"),
    _fact(SUCCESS, "ratio", "Share of the last 60 looks that brought a sound table.", "with each look"),
    _fact(HELD, "bool", "Whether a table is held back until it is confirmed, as one of the best ten has vanished.",
          "with each look"),
    _fact(NEW_LEADER, "text", "Who took the lead last.", _CHANGE),
    _fact(RANKING_CHANGE, "number", "Ranks (UB) that YES's model gained last; below 0 lost.", _CHANGE),
    _fact(SCORE_SHIFT, "number", "Points that its score moved last.", _CHANGE, "points"),
    _fact(NEW_MODEL, "text", "Which model was added last.", _CHANGE),
)  # fmt: skip
