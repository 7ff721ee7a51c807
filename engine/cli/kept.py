"""A kept run, brought back: its rules re-linked from the store, its plan rebuilt, so that node values can be read."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.cli.errors import UserError
from engine.cli.manifest import MANIFEST
from engine.cli.zones import common_zone
from engine.decide.trace import RuleTrace, Tracer
from engine.language.diagnostics import did_you_mean
from engine.plan.plan import Plan, make_plan
from engine.ruleset.link import link
from engine.ruleset.linker import PackFiles
from engine.ruleset.load import load_text
from engine.ruleset.rules import Exit, Guard, Ruleset, Strategy
from state import Store, decides

DEFAULT_TIMEZONE = "America/New_York"


@dataclass(slots=True)
class KeptRun:
    """One run with the plan that it ran on."""

    run: Mapping[str, Any]
    plan: Plan
    store: Store

    @property
    def timezone(self) -> str:
        return next(iter(_zones(self.plan.ruleset)), DEFAULT_TIMEZONE)

    def rule(self, name: str) -> Strategy | Exit | Guard:
        """A rule by ``name`` or ``pack.name``; raises UserError with a suggestion."""
        rules = {r.key: r for r in self.plan.ruleset.rules if isinstance(r, Strategy | Exit | Guard)}
        found = [r for key, r in rules.items() if name in (key, r.name)]
        if len(found) == 1:
            return found[0]
        if found:
            raise UserError(f"`{name}` could be {', '.join(r.key for r in found)}; write the pack in front")
        close = did_you_mean(name, [*rules, *(r.name for r in rules.values())])
        hint = f"did you mean {close}?" if close else f"its rules are {', '.join(sorted(rules))}"
        raise UserError(f"run {self.run['id']} had no rule `{name}`; {hint}")

    def trace(self, rule: Strategy | Exit | Guard, owner: str, symbol: str, values: bytes, time_ns: int) -> RuleTrace:
        """The trace of a rule from kept node values."""
        return Tracer(self.plan, symbol).rule(rule, owner, self._numbers(symbol, values), time_ns)

    def decided(self, seen: RuleTrace, decision: Mapping[str, Any], values: bytes, reason: str) -> RuleTrace:
        """What a kept decision made of ``seen``, and what the guards saw that held it back."""
        guards: tuple[tuple[str, str], ...] = tuple(decision["guards"].items())
        held_back: tuple[RuleTrace, ...] = ()
        if decision["symbol"] == seen.symbol:  # guards look at the symbol that is ordered
            numbers = self._numbers(seen.symbol, values)
            held_back = Tracer(self.plan, seen.symbol).held_back(guards, numbers, seen.time_ns)
        return seen.decided(decision["verdict"], reason, guards, held_back)

    def _numbers(self, symbol: str, values: bytes) -> Any:
        numbers = np.frombuffer(values, dtype=np.float64)
        if len(numbers) != len(self.plan.symbols[symbol].program.initial):
            raise UserError(f"run {self.run['id']} was kept by another engine version; its values cannot be read")
        return numbers


def bring_back(store: Store, run_id: str | None) -> KeptRun:
    """A run by id, or the newest; UserError for one in which nothing was decided."""
    run = store.run(run_id)
    if not decides(run):
        raise UserError(
            f"run {run['id']} is a reading of the account by `engine reconcile`: nothing was decided in it; "
            "name a run of `engine run`"
        )
    return KeptRun(run, make_plan(_ruleset(store, run), run["symbols"], run["parameters"]), store)


def zone_of_runs(store: Store, runs: Iterable[dict[str, Any]], otherwise: str) -> str:
    """The timezone of the packs by which these runs went; ``otherwise`` where they have several, or none decided."""
    by_rules = {run["ruleset_sha"]: run for run in runs if decides(run)}
    return common_zone((zone for run in by_rules.values() for zone in _zones(_ruleset(store, run))), otherwise)


def zone_of_books(store: Store, books: Container[str], otherwise: str) -> str:
    """The same of all runs on these accounts."""
    return zone_of_runs(store, (run for run in store.runs() if run["book"] in books), otherwise)


def _zones(ruleset: Ruleset) -> list[str]:
    return [pack.timezone for pack in ruleset.packs.values() if pack.timezone and pack.strategies]


def _ruleset(store: Store, run: Mapping[str, Any]) -> Ruleset:
    files = store.ruleset(run["ruleset_sha"])
    packs = [
        PackFiles(pack, [load_text(name, text) for name, text in sorted(named.items())])
        for pack, named in files.items()
    ]
    ruleset = link(packs, MANIFEST)
    by_pack = (run["conditions"] or {}).get("execution", {})
    for pack in ruleset.packs.values():
        # The run's symbols were looked at whatever the universes said; slots depend on nothing else.
        pack.strategies = [replace(s, universe=tuple(run["universe"].get(s.key, s.universe))) for s in pack.strategies]
        pack.execution = by_pack.get(pack.name, {**pack.execution, **run["execution"]})
    return ruleset
