"""What changed from one table to the next, as the rules may want to know it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from connectors.arena.board import Board
from connectors.arena.settlement import resolve_top_model

LEAST_SHIFT = 2.0  # points; twice what a well-known model's score moves in two days
WATCHED = 20  # best models of either table whose ranks and scores are followed


class Kind(StrEnum):
    """What may change."""

    NEW_LEADER = "new_leader"
    RANKING_CHANGE = "ranking_change"
    SCORE_SHIFT = "score_shift"
    NEW_MODEL = "new_model"


@dataclass(frozen=True, slots=True)
class Signal:
    """One change. ``change``: ranks gained, or points; 0 for a leader, and the Rank (UB) of a new model.

    ``before`` and ``after`` are names for a leader, else the figures.
    """

    kind: Kind
    model: str
    time_ns: int
    change: float
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.kind} {self.model}: {self.before or 'not there'} → {self.after}"


def signals_between(before: Board, board: Board, least_shift: float = LEAST_SHIFT) -> list[Signal]:
    """What changed, leader first. A new leader is one by the cascade that contracts settle by."""
    return list(_signals(before, board, least_shift))


def _signals(before: Board, board: Board, least_shift: float) -> Iterator[Signal]:
    at = board.seen_ns
    old, new = resolve_top_model(before.rows), resolve_top_model(board.rows)
    if old is not None and new is not None and old.model != new.model:
        yield Signal(Kind.NEW_LEADER, new.model, at, 0.0, old.model, new.model)
    was = {row.model: row for row in before.rows}
    watched = {row.model for row in (*before.rows[:WATCHED], *board.rows[:WATCHED])}
    for row in board.rows:
        earlier = was.get(row.model)
        if earlier is None:
            yield Signal(Kind.NEW_MODEL, row.model, at, float(row.rank_ub or 0), "", str(row.rank_ub))
            continue
        if row.model not in watched:
            continue
        if row.rank_ub is not None and earlier.rank_ub is not None and row.rank_ub != earlier.rank_ub:
            gained = float(earlier.rank_ub - row.rank_ub)
            yield Signal(Kind.RANKING_CHANGE, row.model, at, gained, str(earlier.rank_ub), str(row.rank_ub))
        shift = row.score - earlier.score
        if abs(shift) >= least_shift:
            yield Signal(Kind.SCORE_SHIFT, row.model, at, shift, f"{earlier.score:.2f}", f"{row.score:.2f}")


class Once:
    """Lets each change through once: a server that tells an old table in between does not make it news again.

    A change that happens again after its reverse was told is news.
    """

    def __init__(self) -> None:
        self._last: dict[tuple[Kind, str], tuple[str, str]] = {}

    def news(self, signals: Sequence[Signal]) -> list[Signal]:
        fresh = []
        for signal in signals:
            of = "" if signal.kind is Kind.NEW_LEADER else signal.model  # there is one leader at a time
            key, mark = (signal.kind, of), (signal.before, signal.after)
            if self._last.get(key) != mark:
                self._last[key] = mark
                fresh.append(signal)
        return fresh
