"""Gathers what the daily report says of a pack: its gate, its signals, its costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.cli.dry_run import DRY_RUN
from engine.cli.gate.evidence import INPUTS, Evidence, gather, pack_fills, paper_run, paper_run_of
from engine.cli.gate.verb import verdict_on
from engine.cli.report.account import costs_of
from engine.cli.report.predictions import predictions
from engine.cli.rules import LoadedRules
from engine.cli.zones import common_zone
from engine.report.layout import counted
from engine.research.golive import GateReport, PaperRun, judge, without_overlap
from engine.research.performance import FillCost, cost_rows, group_rows, trailing_rows
from engine.research.results import figure, iso_utc, money
from engine.research.signal_quality import PredictedTrade, SignalQuality, outcome_rows, signal_quality
from engine.research.statistics import trade_statistics
from engine.research.trades import ClosedTrade
from engine.research.trajectory import Point, judgement_times, trajectory
from engine.settings import Settings
from state import Store


@dataclass(frozen=True, slots=True)
class PackDay:
    """Everything that the report says of one pack. ``runs`` are all that it made, without stretches of market that were
    run through twice; the gate counts those of ``evidence`` alone. ``unpredicted``: why trades have no prediction, and
    how many."""

    pack: str
    timezone: str
    gates: list[GateReport]
    evidence: Evidence
    points: list[Point]
    runs: list[PaperRun]
    signals: SignalQuality
    predicted: list[PredictedTrade]
    unpredicted: Mapping[str, int]
    fills: list[FillCost]
    trials: int
    holdout_reads: int

    @property
    def go(self) -> bool:
        """Whether every gate is passed; a pack without a gate has shown nothing."""
        return bool(self.gates) and all(gate.passed for gate in self.gates)

    @property
    def reasons(self) -> list[str]:
        """Why it is no go, or what speaks for go."""
        if not self.gates:
            return [f"{self.pack} has no gate, so nothing says what it must show"]
        if self.go:
            return [f"{gate.gate} is passed at {counted(gate.in_a_row, 'judgement')} in a row" for gate in self.gates]
        return [reason for gate in self.gates for reason in _reasons(gate)]

    @property
    def trades(self) -> list[ClosedTrade]:
        return [trade for run in self.runs for trade in run.trades]

    def to_json(self) -> dict[str, Any]:
        trades = self.trades
        found = trade_statistics(trades)
        return {
            "pack": self.pack,
            "timezone": self.timezone,
            "verdict": "GO" if self.go else "NO-GO",
            "reasons": self.reasons,
            "runs": [
                {"run": run.run, "market": run.market, "first": iso_utc(run.span[0]), "last": iso_utc(run.span[1]),
                 "trades": len(run.trades)} for run in self.runs
            ],
            "runs_that_count": [run.run for run in self.evidence.counted],
            "left_out": [{"run": run, "reason": reason} for run, reason in self.evidence.left_out.items()],
            "performance": {
                "trades": found.trades, "win_rate": figure(found.win_rate), "net": money(found.net),
                "expectancy": money(found.expectancy), "profit_factor": figure(found.profit_factor),
                "trailing": trailing_rows(trades), "by_strategy": group_rows(trades, "strategy"),
            },
            "signal_quality": {**self.signals.to_json(), "without_a_prediction": dict(self.unpredicted)},
            "execution_costs": cost_rows(self.fills),
            "gates": [gate.to_json() for gate in self.gates],
            "gate_trajectory": [point.to_json() for point in self.points],
            "trials": {"sets_ever_tried": self.trials, "holdout_reads": self.holdout_reads},
            "outcomes": outcome_rows(self.predicted),
        }  # fmt: skip


def _reasons(gate: GateReport) -> list[str]:
    lacking = [
        f"{gate.gate}: {one.text} {'does not hold' if one.holds is False else 'is unknown'}, {one.reason}"
        for one in gate.requirements
        if one.holds is not True
    ]
    if gate.in_a_row < gate.consecutive:
        lacking.append(f"{gate.gate}: passed {gate.in_a_row} of {gate.consecutive} judgements in a row")
    return lacking


def pack_day(store: Store, rules: LoadedRules, pack: str, settings: Settings) -> PackDay:
    """What the store has on one pack, judged by today's rules."""
    evidence = gather(store, rules, pack, settings)
    runs = _all_runs(store, pack)
    said = predictions(store, pack, [trade for run in runs for trade in run.trades])
    rows = [row for run in runs for row in pack_fills(store, run.run, pack)[1]]
    zone = common_zone([rules.ruleset.packs[pack].timezone], settings.engine.timezone)
    return PackDay(
        pack, zone, verdict_on(rules.ruleset, pack, evidence, settings).gates, evidence,
        _points(store, rules, pack, evidence, zone), runs,
        signal_quality(said.found, sum(len(run.trades) for run in runs)), said.found, said.missing,
        costs_of(rows),
        store.trials.count(pack), sum(row["holdout_reads"] for row in store.trials.sweeps(pack)),
    )  # fmt: skip


def _all_runs(store: Store, pack: str) -> list[PaperRun]:
    """Every run that could trade; a dry run orders nothing, and stands in for none that did."""
    found = []
    for run in store.runs():
        inputs, equity = store.snapshot(run["id"], INPUTS), store.equity(run["id"])
        if pack in run["packs"] and inputs is not None and equity and not inputs.get(DRY_RUN):
            found.append(paper_run(store, run, inputs, equity, pack))
    return without_overlap(found)[0]


def _points(store: Store, rules: LoadedRules, pack: str, evidence: Evidence, timezone: str) -> list[Point]:
    """The gates over time, from the runs that count."""
    times = judgement_times(evidence.counted, timezone)
    parts = [
        (one, store.run(one.run), store.snapshot(one.run, INPUTS) or {}, store.equity(one.run),
         *pack_fills(store, one.run, pack))
        for one in evidence.counted
    ]  # fmt: skip

    def judged_at(time_ns: int) -> list[GateReport]:
        cut = [
            replace(paper_run_of(run, inputs, [point for point in equity if point[0] <= time_ns], before,
                                 [row for row in rows if row["time_ns"] <= time_ns], pack), others=whole.others)
            for whole, run, inputs, equity, before, rows in parts
            if equity[0][0] <= time_ns
        ]  # fmt: skip
        return judge(rules.ruleset, pack, cut, evidence.trials)

    return trajectory(times, timezone, judged_at)

