"""``engine gate``: whether what packs have shown on paper opens their go-live gates, and how gates stop luck."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from engine.cli.console import out, print_json, progress
from engine.cli.errors import ExitCode, UserError
from engine.cli.gate.changes import tell_changes
from engine.cli.gate.evidence import Evidence, gather
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.rules import LoadedRules, load_rules
from engine.cli.stores import store_of
from engine.cli.version import __version__
from engine.research.golive import GateReport, gates_of, judge
from engine.research.placebos import PlaceboReport, try_placebos
from engine.research.results import iso_utc
from engine.settings import Settings, load_settings
from state import open_store

WORDS = {True: "true", False: "false", None: "unknown"}
MOST_LET_THROUGH = 0.05


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
    action: Annotated[
        Literal["check", "placebo"],
        typer.Argument(help="check judges paper runs; placebo tries the gates on strategies without edge."),
    ],
    pack: Annotated[
        str | None, typer.Option("--pack", metavar="PACK", help="Name of a pack.  [default: all that trade]")
    ] = None,
    strategies: Annotated[
        int | None, typer.Option("--strategies", min=1, help="placebo: how many of each kind.  [default: 500]")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="placebo: seed of chance.  [default: 1]")] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """check judges go-live gates over the paper runs in the store, condition by condition; unknown does not pass.
    placebo simulates strategies without any edge and says how often each gate lets one through; the exit code is 1
    when all gates of a pack together let through more than 1 in 20 of a kind.
    """
    settings = load_settings(config)
    if action == "placebo":
        return _placebo(settings, pack, strategies or 500, 1 if seed is None else seed, json)
    for name, value in (("--strategies", strategies), ("--seed", seed)):
        if value is not None:
            raise UserError(f"`engine gate check` takes no {name}; it is for `engine gate placebo`")
    verdicts = [pack_verdict(settings, name) for name in packs_to_judge(settings, pack)]
    tell_changes(settings, {verdict.pack: verdict.passed for verdict in verdicts})
    if json:
        print_json(verdicts_json(verdicts, settings))
    else:
        for verdict in verdicts:
            _print(verdict, settings)
    return ExitCode.GOOD if all(verdict.passed for verdict in verdicts) else ExitCode.NO


def pack_verdict(settings: Settings, pack: str) -> PackVerdict:
    """The verdict on a pack by name; a live run asks for it too. Raises UserError for a pack that is not there."""
    from engine.cli.gate.hardening import hardening_gates

    verdict = verdict_of_rules(settings, pack)
    ruleset = load_rules(settings.rules.paths, [pack]).ruleset
    return replace(verdict, gates=[*verdict.gates, *hardening_gates(settings, ruleset, verdict)])


def verdict_of_rules(settings: Settings, pack: str) -> PackVerdict:
    """As ``pack_verdict``, without what no rule asks for."""
    rules = load_rules(settings.rules.paths, [pack])
    store = open_store(store_of(settings))
    try:
        evidence = gather(store, rules, pack, settings)
    finally:
        store.close()
    return PackVerdict(pack, judge(rules.ruleset, pack, evidence.counted, evidence.trials), evidence)


def packs_to_judge(settings: Settings, pack: str | None) -> list[str]:
    """The pack named, or every pack that has a strategy."""
    if pack is not None:
        return [pack]
    return _trading(load_rules(settings.rules.paths, settings.engine.packs))


def _trading(rules: LoadedRules) -> list[str]:
    if not rules.ruleset.trading:
        raise UserError("no pack here has a strategy, so there is nothing that a gate could judge")
    return rules.ruleset.trading


# -- check -------------------------------------------------------------------------------------------------------------


def verdicts_json(verdicts: list[PackVerdict], settings: Settings) -> dict[str, object]:
    """The verdicts on packs as JSON values."""
    return {
        "passed": all(verdict.passed for verdict in verdicts),
        "store": str(store_of(settings)),
        "packs": [_pack_json(verdict) for verdict in verdicts],
    }


def _pack_json(verdict: PackVerdict) -> dict[str, object]:
    runs = verdict.evidence.counted
    return {
        "pack": verdict.pack,
        "passed": verdict.passed,
        "gates": [gate.to_json() for gate in verdict.gates],
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
        table = Table("condition", "have", "need", "holds", "distance", box=None, pad_edge=False)
        for one in gate.requirements:
            cells = (one.text, one.have or "", one.need or "", WORDS[one.holds], one.short_by)
            table.add_row(*(escape(cell) for cell in cells))
        times = f"{gate.consecutive} judgement{'s' if gate.consecutive > 1 else ''} in a row"
        lacking = gate.consecutive - gate.in_a_row
        short = f"short by {lacking}" if lacking > 0 else ""
        table.add_row(times, str(gate.in_a_row), str(gate.consecutive), WORDS[lacking <= 0], short)
        out().print(table)
        for one in gate.requirements:
            if one.holds is None:
                out().print(f"  {escape(one.text)} is unknown: {escape(one.reason)}")
    _print_evidence(verdict, settings)


def _print_evidence(verdict: PackVerdict, settings: Settings) -> None:
    evidence = verdict.evidence
    trades = sum(len(run.trades) for run in evidence.counted)
    markets = Counter(run.market for run in evidence.counted)
    from_where = ", ".join(f"{count} on {market} prices" for market, count in sorted(markets.items()))
    counting = f"{len(evidence.counted)} of {len(evidence.counted) + len(evidence.left_out)} kept runs"
    whole = f"{verdict.pack}: {counting} in {store_of(settings)} count, with {trades} closed trades"
    out().print(f"\n{escape(whole)}{f': {from_where}' if from_where else ''}")
    for run, reason in evidence.left_out.items():
        out().print(f"  run {run} does not count: {escape(reason)}")


# -- placebo -----------------------------------------------------------------------------------------------------------


def _placebo(settings: Settings, pack: str | None, strategies: int, seed: int, as_json: bool) -> int:
    rules = load_rules(settings.rules.paths, [pack] if pack else settings.engine.packs)
    names = [pack] if pack else _trading(rules)
    gates = {name: gates_of(rules.ruleset, name) for name in names}
    bare = [name for name, found in gates.items() if not found]
    if bare:
        raise UserError(f"{', '.join(bare)} has no gate to try; write a rule of kind gate, or name another --pack")
    reports: dict[str, PlaceboReport] = {}
    for name in names:
        with progress(f"placebos at the gates of {name}", 1.0) as advance:
            reports[name] = try_placebos(rules.ruleset, gates[name], strategies, seed, advance)
    if as_json:
        chosen = f" --pack {pack}" if pack else ""
        print_json({
            "command": f"engine gate placebo{chosen} --strategies {strategies} --seed {seed}",
            "date": datetime.now(UTC).date().isoformat(), "version": __version__, "seed": seed,
            "packs": {name: report.to_json() for name, report in reports.items()},
        }, indent=True)  # fmt: skip
    else:
        _print_placebo(reports, seed)
    leaks = [row for report in reports.values() for row in report.placebos if row.all_gates.rate > MOST_LET_THROUGH]
    return ExitCode.NO if leaks else ExitCode.GOOD


def _print_placebo(reports: Mapping[str, PlaceboReport], seed: int) -> None:
    for name, report in reports.items():
        out().print(f"Share of strategies that the gates of {escape(name)} let through (seed {seed})", style="bold")
        keys = [gate.rpartition(".")[2] for gate in report.gates]
        for title, rows in (("without any edge", report.placebos), ("with a real edge", report.with_edge)):
            table = Table(title, "strategies", *map(escape, keys), "all gates", box=None, pad_edge=False)
            for row in rows:
                shares = [row.by_gate[gate].text for gate in report.gates]
                table.add_row(escape(row.name), str(row.all_gates.count), *shares, row.all_gates.text)
            out().print(table)
            out().print()
    out().print("In brackets: the 95% Wilson interval of the share.")
