"""On which day a match was played, as well as an archive lets one say.

Archives give the first day of the tournament and the round. Rounds are laid out evenly over the days that a draw of
its size takes, so that rounds of one tournament come in order, and matches of others in the same weeks in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter

from engine.market.tennis import Match

_LAST_ROUNDS = ("F", "SF", "QF", "R16", "R32", "R64", "R128", "R256")
_QUALIFYING = {"Q1": -3, "Q2": -2, "Q3": -1, "Q4": -1}  # played before the first day of the main draw, or on it
_LONG = {"G": 13, "M": 8, "PM": 8}  # days from the first day to the final
_LONG_DRAW, _LONG_DAYS = 96, 12  # masters with two free days and nearly two weeks
_SHORT_DAYS = 6
_ROUNDS_OF_A_WEEK = 5  # R32 to F


def day_of(match: Match) -> date:
    """The day on which the match was played, or would have been."""
    return match.begins + timedelta(days=_offset(match))


def by_day(matches: Iterable[Match]) -> Iterator[tuple[date, list[Match]]]:
    """Matches of each day, days in order. What one day brought is known on the next."""
    dated = [(day_of(match), match.tournament, match.number, match.winner, match) for match in matches]
    dated.sort(key=itemgetter(0, 1, 2, 3))
    for day, group in groupby(dated, key=itemgetter(0)):
        yield day, [match for *_, match in group]


def _offset(match: Match) -> int:
    """Days from the first day of the tournament."""
    if match.round in _QUALIFYING:
        return _QUALIFYING[match.round]
    if match.level == "D" or match.round in ("RR", "ER"):
        return 0
    length = _days_to_final(match)
    before_final = 0 if match.round == "BR" else _LAST_ROUNDS.index(match.round)
    rounds = max((match.draw - 1).bit_length() if match.draw > 1 else _ROUNDS_OF_A_WEEK, before_final + 1)
    if rounds == 1:
        return length
    return max(0, length - round(before_final * length / (rounds - 1)))


def _days_to_final(match: Match) -> int:
    if match.level in ("M", "PM") and match.draw >= _LONG_DRAW:
        return _LONG_DAYS
    return _LONG.get(match.level, _SHORT_DAYS)
