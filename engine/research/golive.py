"""Whether what a pack has shown on paper opens its go-live gate. Pure: kept runs come in, a report goes out.

Runs are put in the order of their market time. A judgement falls at the end of every run that closed a trade, over all
trades up to then; ``consecutive`` of the gate counts the last of them. What cannot be computed is unknown, and unknown
does not pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from engine.decide.trace import format_value
from engine.language.terms import COMPARISONS, Op, Term
from engine.plan.build import Texts
from engine.research.gates import ConditionVerdict, GateVerdict, judge_gates
from engine.research.statistics import max_drawdown, trade_statistics
from engine.research.trades import ClosedTrade
from engine.ruleset.rules import Gate, Ruleset

NO_RUN = "no run counts"


@dataclass(frozen=True, slots=True)
class PaperRun:
    """One kept run as evidence for a pack.

    ``market`` names where its prices came from; ``trades`` are the pack's, closed in this run; ``times_ns`` and
    ``equity`` (money) are the account after each tick, which began with ``cash``; ``others`` are packs that traded on
    the same account. ``fills`` are the pack's, ``costed`` those with spread, slippage and fee all kept (None: the
    store keeps no such thing).
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
    two; ``reason`` says why it is not true, "" where it is.
    """

    text: str
    holds: bool | None
    have: str | None
    need: str | None
    values: tuple[float | None, float | None]
    reason: str

    def to_json(self) -> dict[str, object]:
        have, need = self.values
        return {"text": self.text, "holds": self.holds, "have": have, "need": need, "reason": self.reason}


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


def judge(ruleset: Ruleset, pack: str, runs: Sequence[PaperRun]) -> list[GateReport]:
    """Every gate of ``pack`` over ``runs``, which are in the order of market time and do not overlap."""
    return [_report(ruleset, gate, runs) for gate in ruleset.packs[pack].gates]


def _report(ruleset: Ruleset, gate: Gate, runs: Sequence[PaperRun]) -> GateReport:
    newest = _judgement(ruleset, gate, runs)
    requirements = tuple(
        _requirement(term, condition, _reasons(gate, runs))
        for term, condition in zip(gate.require, newest.conditions, strict=True)
    )
    return GateReport(gate.key, requirements, _in_a_row(ruleset, gate, runs), gate.consecutive)


def _in_a_row(ruleset: Ruleset, gate: Gate, runs: Sequence[PaperRun]) -> int:
    """Passed judgements, counted back from the newest; more than are wanted are not looked at."""
    count = 0
    for end in range(len(runs), 0, -1):
        if count == gate.consecutive:
            break
        if not any(trade.strategy in gate.judged for trade in runs[end - 1].trades):
            continue
        if not _judgement(ruleset, gate, runs[:end]).passed:
            break
        count += 1
    return count


def _judgement(ruleset: Ruleset, gate: Gate, runs: Sequence[PaperRun]) -> GateVerdict:
    trades = [trade for run in runs for trade in run.trades]
    verdicts = judge_gates(ruleset, trades, _drawdown(runs)[0], _cost_coverage(runs)[0])
    return next(verdict for verdict in verdicts if verdict.gate == gate.key)


def _drawdown(runs: Sequence[PaperRun]) -> tuple[float | None, str]:
    """The deepest fall of one account that went through all runs, each beginning with what the last one left."""
    if not runs:
        return None, NO_RUN
    shared = next((run for run in runs if run.others), None)
    if shared is not None:
        return None, f"run {shared.run} traded {', '.join(shared.others)} on the same account; run this pack alone"
    growth, curves = 1.0, []
    for run in runs:
        curve = np.asarray(run.equity, dtype=np.float64) * (growth / float(run.cash))
        growth = float(curve[-1])
        curves.append(curve)
    times = np.concatenate([np.asarray(run.times_ns, dtype=np.int64) for run in runs])
    return max_drawdown(times, np.concatenate(curves), 1.0).ratio, ""


def _cost_coverage(runs: Sequence[PaperRun]) -> tuple[float | None, str]:
    fills = sum(run.fills for run in runs)
    if not fills:
        return None, "no fills" if runs else NO_RUN
    blind = next((run for run in runs if run.costed is None), None)
    if blind is not None:
        return None, f"run {blind.run} did not keep what the spread and the slippage of its fills were"
    return sum(run.costed or 0 for run in runs) / fills, ""


def _reasons(gate: Gate, runs: Sequence[PaperRun]) -> Mapping[str, str]:
    """Why a figure is unknown, by the fact's name."""
    trades = [trade for run in runs for trade in run.trades if trade.strategy in gate.judged]
    found = {f"stats.{name}": reason for name, reason in trade_statistics(trades).unknown.items()}
    found["stats.max_drawdown"] = _drawdown(runs)[1]
    found["stats.cost_coverage"] = _cost_coverage(runs)[1]
    found["stats.holdout_expectancy"] = f"there are {len(trades)} closed trades"
    return found


def _requirement(term: Term, condition: ConditionVerdict, reasons: Mapping[str, str]) -> Requirement:
    have = need = None
    if term.op in COMPARISONS:
        bare = term.args[0].op is Op.CONSTANT
        kind = term.args[1 if bare else 0].type.kind
        have, need = (
            format_value(kind, float("nan") if side is None else side, Texts())
            for side in (condition.have, condition.need)
        )
    reason = ""
    if condition.holds is None:
        causes = [reasons[name] for name in dict.fromkeys(_names(term)) if reasons.get(name)]
        reason = "; ".join(causes) or "it cannot be computed"
    elif not condition.holds:
        reason = f"it is {have}" if have is not None else "it is false"
    return Requirement(condition.text, condition.holds, have, need, (condition.have, condition.need), reason)


def _names(term: Term) -> Iterator[str]:
    """The statistics that a condition reads."""
    if term.name.startswith("stats."):
        yield term.name
    for part in term.args:
        yield from _names(part)
