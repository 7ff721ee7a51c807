"""``engine gate``: whether what a pack has shown on paper opens its go-live gate, requirement by requirement."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from engine.cli.console import out, print_json
from engine.cli.errors import ExitCode
from engine.cli.evidence import Evidence, gather
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.rules import load_rules
from engine.research.golive import GateReport, judge
from engine.research.results import iso_utc
from engine.settings import Settings, load_settings
from state import open_store

WORDS = {True: "true", False: "false", None: "unknown"}


@dataclass(frozen=True, slots=True)
class PackVerdict:
    """A pack's gates over its evidence. ``passed`` only when there is a gate and all of them have passed."""

    pack: str
    gates: list[GateReport]
    evidence: Evidence

    @property
    def passed(self) -> bool:
        return bool(self.gates) and all(gate.passed for gate in self.gates)


def command(
    pack: Annotated[str, typer.Argument(metavar="PACK", help="Name of a pack.")],
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Judge a pack's go-live gate over its paper runs in the store. Unknown does not pass."""
    settings = load_settings(config)
    verdict = pack_verdict(settings, pack)
    if json:
        print_json(_as_json(verdict, settings))
    else:
        _print(verdict, settings)
    return ExitCode.GOOD if verdict.passed else ExitCode.NO


def pack_verdict(settings: Settings, pack: str) -> PackVerdict:
    """The verdict on a pack by name; a live run asks for it too. Raises UserError for a pack that is not there."""
    rules = load_rules(settings.rules.paths, [pack])
    store = open_store(settings.store.path)
    try:
        evidence = gather(store, rules, pack, settings)
    finally:
        store.close()
    return PackVerdict(pack, judge(rules.ruleset, pack, evidence.counted), evidence)


def _as_json(verdict: PackVerdict, settings: Settings) -> dict[str, object]:
    runs = verdict.evidence.counted
    return {
        "pack": verdict.pack,
        "passed": verdict.passed,
        "gates": [gate.to_json() for gate in verdict.gates],
        "store": settings.store.path,
        "runs": [
            {
                "run": run.run, "market": run.market, "first": iso_utc(run.span[0]), "last": iso_utc(run.span[1]),
                "trades": len(run.trades), "fills": run.fills, "fills_with_costs": run.costed,
            }
            for run in runs
        ],
        "left_out": [{"run": run, "reason": reason} for run, reason in verdict.evidence.left_out.items()],
    }  # fmt: skip


def _print(verdict: PackVerdict, settings: Settings) -> None:
    if not verdict.gates:
        out().print(
            f"{escape(verdict.pack)} has no gate, so nothing says what it must show; write a rule of kind gate"
        )
    for gate in verdict.gates:
        out().print(f"{escape(gate.gate)}: {'passed' if gate.passed else 'not passed'}", style="bold")
        table = Table("requirement", "have", "need", "holds", box=None, pad_edge=False)
        for one in gate.requirements:
            cells = (one.text, one.have or "", one.need or "", WORDS[one.holds])
            table.add_row(*(escape(cell) for cell in cells))
        times = f"{gate.consecutive} judgement{'s' if gate.consecutive > 1 else ''} in a row"
        enough = gate.in_a_row >= gate.consecutive
        table.add_row(times, str(gate.in_a_row), str(gate.consecutive), WORDS[enough])
        out().print(table)
        for one in gate.requirements:
            if one.holds is None:
                out().print(f"  {escape(one.text)} is unknown: {escape(one.reason)}")
    _print_evidence(verdict.evidence, settings)


def _print_evidence(evidence: Evidence, settings: Settings) -> None:
    trades = sum(len(run.trades) for run in evidence.counted)
    markets = Counter(run.market for run in evidence.counted)
    from_where = ", ".join(f"{count} on {market} prices" for market, count in sorted(markets.items()))
    counting = f"{len(evidence.counted)} of {len(evidence.counted) + len(evidence.left_out)} kept runs"
    out().print(f"\n{counting} in {settings.store.path} count, with {trades} closed trades", end="")
    out().print(f": {from_where}" if from_where else "")
    for run, reason in evidence.left_out.items():
        out().print(f"  run {run} does not count: {escape(reason)}")
