"""What the tables so far teach: how far printed scores move, how often tables come, how often a newcomer takes over.

Everything is a running sum with exponential forgetting, taken table by table and never looking ahead, so that a replay
learns what the live run had learned.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import median

from connectors.arena.board import Board, Row
from connectors.arena.fair.forecast import DAY_NS
from connectors.arena.settlement import resolve_top_model

WATCHED = 20  # best models whose scores are followed


@dataclass(frozen=True, slots=True)
class Priors:
    """What is believed before the first table, each worth a stated amount of data.

    Scores: variance of one day of an established model in points squared, worth so many changes of a score. Published
    one-week changes of 1.2 points (38 tables, 2025-08 to 2026-07) are 0.25 a day.
    Takeovers by models that were not listed: Gamma(shape, days), a mean of one in 40 days.
    Tables: one in two days, worth so many days.
    """

    variance: float = 0.25
    variance_worth: float = 40.0
    takeover_shape: float = 1.5
    takeover_days: float = 60.0
    tables: float = 5.0
    table_days: float = 10.0
    thin_votes: float = 8_000.0  # votes at which a score moves with twice the variance of one with very many
    memory_days: float = 120.0  # after which what was learned counts 1/e
    longest_gap_days: float = 21.0  # between two tables; over longer ones nothing is learned, only forgotten


@dataclass(frozen=True, slots=True)
class Learned:
    """Sums so far. ``squares`` over ``changes`` is the variance of a day; ``takeovers`` over ``days`` their rate."""

    squares: float
    changes: float
    takeovers: float
    takeover_days: float
    tables: float
    table_days: float
    last: Board | None = None

    @property
    def variance(self) -> float:
        """Of the printed score of an established model over one day, in points squared."""
        return self.squares / self.changes

    @property
    def tables_a_day(self) -> float:
        return self.tables / self.table_days

    def newcomer(self, days: float) -> float:
        """How likely a model that is not listed takes the lead within ``days``: Gamma–Poisson, 1 − (b/(b+days))^a."""
        stays = math.exp(self.takeovers * (math.log(self.takeover_days) - math.log(self.takeover_days + days)))
        return 1.0 - stays


def unlearned(priors: Priors) -> Learned:
    """Before the first table."""
    return Learned(
        priors.variance * priors.variance_worth, priors.variance_worth, priors.takeover_shape, priors.takeover_days,
        priors.tables, priors.table_days,
    )  # fmt: skip


def learned_from(boards: Iterable[Board], priors: Priors) -> Learned:
    """What tables in order of time teach."""
    known = unlearned(priors)
    for board in boards:
        known = learn(known, board, priors)
    return known


def learn(known: Learned, board: Board, priors: Priors) -> Learned:
    """What one more table teaches. The prior never fades: only what was learned on top of it does."""
    before = known.last
    if before is None:
        return replace(known, last=board)
    days = _days_between(before, board)
    if days <= 0.0:
        return replace(known, last=board)
    start, keep = unlearned(priors), math.exp(-days / priors.memory_days)
    seen = days <= priors.longest_gap_days
    squares, changes = _moves(before, board, days, priors) if seen else (0.0, 0.0)

    def faded(now: float, first: float, more: float) -> float:
        return first + keep * (now - first) + more

    return Learned(
        faded(known.squares, start.squares, squares), faded(known.changes, start.changes, changes),
        faded(known.takeovers, start.takeovers, float(seen and _took_over(before, board))),
        faded(known.takeover_days, start.takeover_days, seen * days),
        faded(known.tables, start.tables, float(seen)), faded(known.table_days, start.table_days, seen * days), board,
    )  # fmt: skip


def _days_between(before: Board, board: Board) -> float:
    """By when their votes end, where both say so: a table is as old as its votes, whenever it was seen."""
    if before.cutoff_ns is not None and board.cutoff_ns is not None:
        return (board.cutoff_ns - before.cutoff_ns) / DAY_NS
    return (board.seen_ns - before.seen_ns) / DAY_NS


def thinness(row: Row, priors: Priors) -> float:
    """By how much the variance of a score exceeds that of a model with very many votes: as many new battles move a mean
    of n by one over n."""
    votes = priors.thin_votes if row.votes is None else max(row.votes, 500)
    return 1.0 + (priors.thin_votes / votes) ** 2


def _moves(before: Board, board: Board, days: float, priors: Priors) -> tuple[float, float]:
    """Squared changes of scores per day, without what all moved together, as of established models; and how many."""
    now = {row.model: row for row in board.rows}
    pairs = [(row, now[row.model]) for row in before.rows[:WATCHED] if row.model in now]
    if len(pairs) < 3:
        return 0.0, 0.0
    changes = [new.score - old.score for old, new in pairs]
    together = median(changes)
    squares = sum(
        (change - together) ** 2 / (days * thinness(old, priors))
        for change, (old, _) in zip(changes, pairs, strict=True)
    )
    return squares, float(len(pairs))


def _took_over(before: Board, board: Board) -> bool:
    """Whether a model leads that was not on the table before."""
    leader = resolve_top_model(board.rows)
    return leader is not None and before.row(leader.model) is None
