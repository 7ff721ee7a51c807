"""Whether what a pack has shown on paper opens its go-live gate. Pure: kept runs come in, a report goes out.

Runs are put in the order of their market time. A judgement falls at the end of every run that closed a trade, over all
trades up to then; ``consecutive`` of the gate counts the last of them. What cannot be computed is unknown, and unknown
does not pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from engine.decide.trace import format_value
from engine.language.terms import COMPARISONS, Op, Term, walk
from engine.language.types import Kind
from engine.plan.build import Texts
from engine.research.gatefacts import FIGURES, Figure, Shown
from engine.research.gates import ConditionVerdict, judge_gate, passes
from engine.research.statistics import max_drawdown
from engine.research.statistics.trials import Trials
from engine.research.trades import ClosedTrade
from engine.ruleset.linker import SHARED
from engine.ruleset.rules import Gate, Ruleset

NO_RUN = "no run counts"


@dataclass(frozen=True, slots=True)
class PaperRun:
    """One kept run as evidence for a pack.

    ``market`` names where its prices came from; ``trades`` are the pack's, closed in this run; ``times_ns`` and
    ``equity`` (money) are the account after each tick, which began with ``cash``; ``others`` are packs that traded on
    the same account. ``fills`` are those that the pack traded (what a settled market paid is none), ``costed`` those
    with spread, slippage and fee all kept (None: the store keeps no such thing).
    """

    run: str
    market: str
    trades: Sequence[ClosedTrade]
    times_ns: Sequence[int]
    equity: Sequence[float]
    cash: Decimal
    others: tuple[str, ...] = ()
    fills: int = 0
    costed: int | None = None

    @property
    def span(self) -> tuple[int, int]:
        """First and last tick."""
        return self.times_ns[0], self.times_ns[-1]


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition of a gate. ``holds`` None is unknown; ``have`` and ``need`` are its sides as text, where it has
    two, ``values`` the same as numbers. ``distance`` is how far the one is from the other where the condition does not
    hold, 0 where it does, None where that is unknown or there are no two sides; ``short_by`` is the same as text.
    ``reason`` says why it is not true, "" where it is.
    """

    text: str
    holds: bool | None
    have: str | None
    need: str | None
    values: tuple[float | None, float | None]
    distance: float | None
    short_by: str
    reason: str

    def to_json(self) -> dict[str, object]:
        have, need = self.values
        return {
            "text": self.text, "holds": self.holds, "have": have, "need": need, "distance": self.distance,
            "reason": self.reason,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class GateReport:
    """A gate's requirements at the newest judgement, and how many of the newest judgements in a row it has passed."""

    gate: str
    requirements: tuple[Requirement, ...]
    in_a_row: int
    consecutive: int

    @property
    def passed(self) -> bool:
        return self.in_a_row >= self.consecutive and all(r.holds is True for r in self.requirements)

    def to_json(self) -> dict[str, object]:
        return {
            "gate": self.gate,
            "passed": self.passed,
            "in_a_row": self.in_a_row,
            "consecutive": self.consecutive,
            "requirements": [requirement.to_json() for requirement in self.requirements],
        }


def without_overlap(runs: Sequence[PaperRun]) -> tuple[list[PaperRun], dict[str, str]]:
    """Runs in the order of market time, no stretch of it twice, and the others with the run that stands for them.

    A market run through twice proves nothing twice. Of runs that overlap the longest counts, of equals the first
    given: nothing about its result decides.
    """
    counted: list[PaperRun] = []
    covered: dict[str, str] = {}
    for run in sorted(runs, key=lambda run: run.span[0] - run.span[1]):
        first, last = run.span
        same = next((other for other in counted if first <= other.span[1] and other.span[0] <= last), None)
        if same is None:
            counted.append(run)
        else:
            covered[run.run] = same.run
    return sorted(counted, key=lambda run: run.span), covered


def judge(ruleset: Ruleset, pack: str, runs: Sequence[PaperRun], trials: Trials | None = None) -> list[GateReport]:
    """Every gate of ``pack`` over ``runs``, which are in the order of market time and do not overlap.

    Gates of the shared pack that are for strategies of this one are judged too, over those strategies. ``trials`` is
    what the ledger holds of the pack; None: nothing is known, so what asks for it is unknown.
    """
    return [GateBench(ruleset, gate, trials).report(runs) for gate in gates_of(ruleset, pack)]


def gates_of(ruleset: Ruleset, pack: str) -> list[Gate]:
    """The gates that a pack must pass: its own, and those of the shared pack that are for its strategies."""
    own = {strategy.key for strategy in ruleset.packs[pack].strategies}
    shared = ruleset.packs[SHARED].gates if SHARED in ruleset.packs and pack != SHARED else []
    narrowed = [replace(gate, judged=tuple(key for key in gate.judged if key in own)) for gate in shared]
    return [*ruleset.packs[pack].gates, *(gate for gate in narrowed if gate.judged)]


@dataclass(frozen=True, slots=True)
class GateBench:
    """One gate at its work; ``trials`` as for `judge`."""

    ruleset: Ruleset
    gate: Gate
    trials: Trials | None

    def report(self, runs: Sequence[PaperRun]) -> GateReport:
        shown = self._shown(runs)
        newest = judge_gate(self.ruleset, self.gate, shown)
        requirements = tuple(
            _requirement(term, condition, shown)
            for term, condition in zip(self.gate.require, newest.conditions, strict=True)
        )
        return GateReport(self.gate.key, requirements, self._in_a_row(runs, newest.passed), self.gate.consecutive)

    def passed(self, runs: Sequence[PaperRun]) -> bool:
        """Whether the gate would open now; stops at the first thing that is lacking."""
        newest = passes(self.ruleset, self.gate, self._shown(runs))
        return newest and self._in_a_row(runs, newest) >= self.gate.consecutive

    def _shown(self, runs: Sequence[PaperRun]) -> Shown:
        trades = [trade for run in runs for trade in run.trades if trade.strategy in self.gate.judged]
        return Shown(trades, _drawdown(runs), _cost_coverage(runs), self.trials)

    def _in_a_row(self, runs: Sequence[PaperRun], newest: bool) -> int:
        """Passed judgements, counted back from the newest; more than are wanted are not looked at."""
        count = 0
        for end in range(len(runs), 0, -1):
            if count == self.gate.consecutive:
                break
            if not any(trade.strategy in self.gate.judged for trade in runs[end - 1].trades):
                continue
            if not (newest if end == len(runs) else passes(self.ruleset, self.gate, self._shown(runs[:end]))):
                break
            count += 1
        return count


def _drawdown(runs: Sequence[PaperRun]) -> Figure:
    """The deepest fall of one account that went through all runs, each beginning with what the last one left."""
    if not runs:
        return Figure(None, NO_RUN)
    shared = next((run for run in runs if run.others), None)
    if shared is not None:
        others = ", ".join(shared.others)
        return Figure(None, f"run {shared.run} traded {others} on the same account; run this pack alone")
    growth, curves = 1.0, []
    for run in runs:
        curve = np.asarray(run.equity, dtype=np.float64) * (growth / float(run.cash))
        growth = float(curve[-1])
        curves.append(curve)
    times = np.concatenate([np.asarray(run.times_ns, dtype=np.int64) for run in runs])
    return Figure(max_drawdown(times, np.concatenate(curves), 1.0).ratio)


def _cost_coverage(runs: Sequence[PaperRun]) -> Figure:
    fills = sum(run.fills for run in runs)
    if not fills:
        return Figure(None, "no fills" if runs else NO_RUN)
    blind = next((run for run in runs if run.costed is None), None)
    if blind is not None:
        return Figure(None, f"run {blind.run} did not keep what the spread and the slippage of its fills were")
    return Figure(sum(run.costed or 0 for run in runs) / fills)


def _requirement(term: Term, condition: ConditionVerdict, shown: Shown) -> Requirement:
    have = need = distance = None
    short_by = reason = ""
    if term.op in COMPARISONS:
        bare = term.args[0].op is Op.CONSTANT
        kind = term.args[1 if bare else 0].type.kind
        have, need = (_text(kind, side) for side in (condition.have, condition.need))
        if condition.have is not None and condition.need is not None:
            distance = 0.0 if condition.holds else abs(condition.have - condition.need)
            if not condition.holds:
                short_by = f"short by {_text(kind, distance)}" if distance else "equal"
    if condition.holds is None:
        causes = dict.fromkeys(filter(None, (_why_unknown(part, shown) for part in walk(term))))
        reason = "; ".join(causes) or "it cannot be computed"
    elif not condition.holds:
        reason = f"it is {have}" if have is not None else "it is false"
    values = (condition.have, condition.need)
    return Requirement(condition.text, condition.holds, have, need, values, distance, short_by, reason)


def _text(kind: Kind, value: float | None) -> str:
    return format_value(kind, float("nan") if value is None else value, Texts())


def _why_unknown(part: Term, shown: Shown) -> str:
    """Why a statistic that a condition reads is unknown; "" when it is known."""
    if part.op is Op.STATISTIC:
        return f"there are {len(shown.trades)} closed trades"
    return shown.figure(part.name).reason if part.name in FIGURES else ""
