"""Players and matches from CSV files in the layout of Jeff Sackmann's archives, plain or gzipped.

Layout: https://github.com/JeffSackmann/tennis_atp (matches_data_dictionary.txt). Every row is read; all that are wrong
are named together by file and line.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from io import TextIOWrapper
from pathlib import Path
from typing import NamedTuple, TextIO, TypeVar

from engine.market.tennis import Ending, Match, Player, Surface

LICENCE = "Creative Commons Attribution-NonCommercial-ShareAlike 4.0"
CREDIT = "Tennis databases, files and algorithms by Jeff Sackmann / Tennis Abstract"
PLAYER_COLUMNS = ("player_id", "name_first", "name_last")
MATCH_COLUMNS = (
    "tourney_id", "tourney_name", "surface", "tourney_level", "tourney_date", "match_num", "winner_id", "loser_id",
    "score", "best_of", "round",
)  # fmt: skip
MOST_SHOWN = 20
# Names of rounds in the order in which they are played; BR is the match for third place.
ROUNDS = (
    "Q1", "Q2", "Q3", "Q4", "ER", "RR", "R256", "R128", "R64", "R32", "R16", "QF", "SF", "BR", "F",
)  # fmt: skip
_SET = re.compile(r"\[?(\d{1,2})-(\d{1,2})(?:\(\d+\))?\]?")
_WALKOVER = re.compile(r"W/?O|walkover", re.IGNORECASE)
_RETIRED = re.compile(r"RET|retired", re.IGNORECASE)
_DEFAULTED = re.compile(r"def", re.IGNORECASE)
T = TypeVar("T")


class TennisDataError(Exception):
    """A file of players or matches that cannot be used. The text names file, line and field, and the mend."""


class _Wrong(Exception):
    pass


class Score(NamedTuple):
    """What is written in the column ``score``, from the winner's side."""

    ending: Ending
    winner_sets: int = 0
    loser_sets: int = 0
    winner_games: int = 0
    loser_games: int = 0


def read_players(path: Path) -> list[Player]:
    """All players of a file; TennisDataError names every row that is wrong."""
    return _rows(path, PLAYER_COLUMNS, _player)


def read_matches(path: Path) -> list[Match]:
    """All singles matches of a file, as they stand there; TennisDataError names every row that is wrong."""
    return _rows(path, MATCH_COLUMNS, _match)


def parse_score(text: str) -> Score:
    """A score such as ``7-6(4) 3-6 6-2``, ``6-2 0-0 RET`` or ``W/O``; ValueError when it is none."""
    if _WALKOVER.search(text):
        return Score(Ending.WALKOVER)
    ending = Ending.COMPLETED
    if _RETIRED.search(text):
        ending = Ending.RETIRED
    elif _DEFAULTED.search(text):
        ending = Ending.DEFAULTED
    games = [(int(won), int(lost)) for won, lost in _SET.findall(text)]
    if not games and ending is Ending.COMPLETED:
        raise ValueError(f"{text!r} is no score")
    if ending is not Ending.COMPLETED and games and not _over(*games[-1]):
        decided, games_of = games[:-1], games
    else:
        decided = games_of = games
    return Score(
        ending, sum(won > lost for won, lost in decided), sum(won < lost for won, lost in decided),
        sum(won for won, _ in games_of), sum(lost for _, lost in games_of),
    )  # fmt: skip


def _over(won: int, lost: int) -> bool:
    """Whether a set of so many games was played to its end."""
    return max(won, lost) >= 6 and (abs(won - lost) >= 2 or max(won, lost) == 7)


def _rows(path: Path, needed: tuple[str, ...], read: Callable[[Mapping[str, str]], T]) -> list[T]:
    found, wrong = [], []
    for line, row in _lines(path, needed):
        try:
            found.append(read(row))
        except _Wrong as problem:
            wrong.append(f"{path}:{line}: {problem}")
    if wrong:
        more = [f"… and {len(wrong) - MOST_SHOWN} more"] if len(wrong) > MOST_SHOWN else []
        head = f"{len(wrong)} of {len(found) + len(wrong)} rows are wrong; correct or remove them"
        raise TennisDataError("\n".join([head, *wrong[:MOST_SHOWN], *more]))
    if not found:
        raise TennisDataError(f"{path} has no rows")
    return found


def _lines(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, Mapping[str, str]]]:
    try:
        with _opened(path) as lines:
            reader = csv.reader(lines, strict=True)
            header = next(reader, [])
            missing = [name for name in needed if name not in header]
            if missing:
                hint = "; doubles are not read" if "winner1_id" in header else ""
                raise TennisDataError(f"{path} has no column {', '.join(missing)}; it needs {', '.join(needed)}{hint}")
            for row in reader:
                if len(row) != len(header):
                    raise TennisDataError(f"{path}:{reader.line_num}: {len(row)} fields under {len(header)} columns")
                yield reader.line_num, dict(zip(header, row, strict=True))
    except FileNotFoundError:
        raise TennisDataError(f"there is no file {path}") from None
    except (OSError, EOFError) as error:
        raise TennisDataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise TennisDataError(f"{path} is no CSV file in UTF-8: {error}") from None


def _opened(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return TextIOWrapper(gzip.open(path), encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _player(row: Mapping[str, str]) -> Player:
    number = _whole(row, "player_id")
    first, last = row["name_first"].strip(), row["name_last"].strip()
    if not first and not last:
        last = "unknown"
    return Player(number, first, last, _born(row.get("dob", "")), row.get("ioc", ""))


def _born(text: str) -> date | None:
    """Dates of birth are often partly unknown, written 19000000 or 19850000; then they are unknown."""
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8])) if len(text) == 8 else None
    except ValueError:
        return None


def _match(row: Mapping[str, str]) -> Match:
    if row["round"] not in ROUNDS:
        raise _Wrong(f"round {row['round']!r} is none of {', '.join(ROUNDS)}")
    best_of = _whole(row, "best_of")
    if best_of not in (1, 3, 5):
        raise _Wrong(f"best_of is {best_of}; it must be 1, 3 or 5")
    winner, loser = _whole(row, "winner_id"), _whole(row, "loser_id")
    if winner == loser:
        raise _Wrong(f"winner_id and loser_id are both {winner}")
    try:
        score = parse_score(row["score"])
    except ValueError as problem:
        raise _Wrong(f"score {problem}") from None
    return Match(
        row["tourney_id"], row["tourney_name"], _surface(row["surface"]), row["tourney_level"], _day(row),
        _maybe(row, "draw_size") or 0, row["round"], _whole(row, "match_num"), best_of, winner, loser, *score,
        _points_share(row), _maybe(row, "winner_rank_points"), _maybe(row, "loser_rank_points"),
    )  # fmt: skip


def _day(row: Mapping[str, str]) -> date:
    text = row["tourney_date"]
    try:
        if len(text) != 8:
            raise ValueError
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        raise _Wrong(f"tourney_date {text!r} is no date; write it as 20230116") from None


def _surface(text: str) -> Surface | None:
    if not text.strip():
        return None
    try:
        return Surface(text.strip().lower())
    except ValueError:
        raise _Wrong(f"surface {text!r} is none of {', '.join(Surface)}") from None


def _points_share(row: Mapping[str, str]) -> float | None:
    """Share of all points that the winner won, from both players' serve counts; None where they are not told."""
    served = [_maybe(row, f"{who}_{what}") for who in "wl" for what in ("svpt", "1stWon", "2ndWon")]
    if any(count is None for count in served):
        return None
    winner_served, won_first, won_second, loser_served, lost_first, lost_second = (count or 0 for count in served)
    total = winner_served + loser_served
    if total < 20:  # counts of a match that hardly began say nothing
        return None
    return (won_first + won_second + loser_served - lost_first - lost_second) / total


def _whole(row: Mapping[str, str], field: str) -> int:
    number = _maybe(row, field)
    if number is None:
        raise _Wrong(f"{field} is missing")
    return number


def _maybe(row: Mapping[str, str], field: str) -> int | None:
    text = (row.get(field) or "").strip()
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        try:
            number = float(text)  # some files write 123.0
        except ValueError:
            number = float("nan")
        if not number.is_integer():
            raise _Wrong(f"{field} {text!r} is no whole number") from None
        return int(number)
