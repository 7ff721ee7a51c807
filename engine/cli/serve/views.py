"""Longer answers of the service: what strategies see now, what is in force, and which providers there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

from engine.cli.kept import KeptRun
from engine.cli.rules import load_rules
from engine.decide.trace import ConditionTrace, RuleTrace
from engine.ruleset.rules import Override, Ruleset, Strategy
from engine.settings import LoadedSettings, Settings

PROVIDERS = ("kalshi", "tradier", "polygon")
FOREVER_NS = 2**62
RECENT_NS = 24 * 3600 * 1_000_000_000  # how far back the last decision of a strategy is looked for


# -- signals -----------------------------------------------------------------------------------------------------------


def signals_of(kept: KeptRun, symbol: str | None, now_ns: int) -> dict[str, Any]:
    """For each strategy and symbol its conditions at the last tick that was kept, and its last decision."""
    store, run = kept.store, kept.run["id"]
    newest = max((t for name in kept.plan.symbols for t in store.trace_times(run, name, FOREVER_NS)), default=0)
    rows = store.decisions(run, start_ns=newest - RECENT_NS)
    last = {(row["rule"], row["trigger_symbol"]): row for row in rows}
    found = []
    for name, plan in kept.plan.symbols.items():
        if symbol not in (None, name):
            continue
        times = store.trace_times(run, name, FOREVER_NS)
        values = store.trace(run, name, times[0]) if times else None
        for strategy in plan.strategies:
            seen = None if values is None else kept.trace(strategy, strategy.key, name, values, times[0])
            found.append(_signal(strategy, name, seen, last.get((strategy.key, name))))
    halted = store.halts.look().operator
    return {
        "run": run, "status": kept.run["status"], "halted": halted or None, "signals": found,
        "halts": store.halts.active(now_ns),
    }  # fmt: skip


def _signal(
    strategy: Strategy, symbol: str, seen: RuleTrace | None, decision: Mapping[str, Any] | None
) -> dict[str, Any]:
    names = ("time_ns", "verdict", "guard", "reason", "guards", "actions", "symbol")
    return {
        "strategy": strategy.key, "setup": strategy.name.upper(), "symbol": symbol,
        "time_ns": None if seen is None else seen.time_ns, "now": "unknown" if seen is None else seen.verdict,
        "missing": [] if seen is None else [_missing(one) for one in seen.why if one.value is not True],
        "last": None if decision is None else {name: decision[name] for name in names},
    }  # fmt: skip


def _missing(condition: ConditionTrace) -> dict[str, Any]:
    return {
        "condition": condition.text, "value": condition.value, "detail": condition.detail,
        "distance": condition.distance, "causes": list(condition.causes),
    }  # fmt: skip


# -- what is in force --------------------------------------------------------------------------------------------------


def effective_of(loaded: LoadedSettings, symbol: str | None) -> dict[str, Any]:
    """Settings with who said them, and the parameters of all packs; of one symbol with its overrides."""
    settings = loaded.settings
    ruleset = load_rules(settings.rules.paths, settings.engine.packs).ruleset
    overrides = {} if symbol is None else _overrides(ruleset, symbol)
    parameters = {
        key: {
            "value": overrides.get(key, parameter.value), "default": parameter.value, "kind": str(parameter.kind.value),
            "said_by": f"overrides of {symbol}" if key in overrides else "the rules", "about": parameter.about,
        }
        for key, parameter in sorted(ruleset.parameters.items())
    }  # fmt: skip
    found: dict[str, Any] = {
        "files": loaded.files, "settings": settings.model_dump(mode="json", by_alias=True), "said_by": loaded.origins,
        "symbol": symbol, "parameters": parameters,
    }  # fmt: skip
    if symbol is not None:
        found["ordered_as"] = _ordered_as(settings, ruleset, symbol)
        found["strategies"] = [_strategy(strategy, symbol) for strategy in ruleset.strategies]
    return found


def _overrides(ruleset: Ruleset, symbol: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for rule in ruleset.rules:
        by_symbol: Mapping[str, Override] = getattr(rule, "overrides", {})
        if symbol in by_symbol:
            found.update(by_symbol[symbol].parameters)
    return found


def _ordered_as(settings: Settings, ruleset: Ruleset, symbol: str) -> dict[str, str]:
    return {
        pack.name: {**settings.market.execution, **pack.execution}.get(symbol, symbol)
        for pack in ruleset.packs.values() if pack.strategies
    }  # fmt: skip


def _strategy(strategy: Strategy, symbol: str) -> dict[str, Any]:
    override = strategy.overrides.get(symbol)
    return {
        "strategy": strategy.key, "enabled": strategy.enabled, "looks_at_it": symbol in strategy.universe,
        "entry_overridden": override is not None and override.entry is not None,
        "cooldown_overridden": override is not None and override.cooldown is not None,
    }  # fmt: skip


# -- providers ---------------------------------------------------------------------------------------------------------


def providers_of(settings: Settings, figures: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Each venue and data provider: whether a key is set, and how its requests have ended, over all processes."""
    counts: dict[str, dict[str, int]] = {name: {} for name in PROVIDERS}
    for body in figures.values():
        for provider, outcome, count in body.get("requests", ()):
            ended = counts.setdefault(provider, {})
            ended[outcome] = ended.get(outcome, 0) + count
    return {"providers": [_provider(settings, name, ended) for name, ended in counts.items()]}


def _provider(settings: Settings, name: str, ended: Mapping[str, int]) -> dict[str, Any]:
    section: BaseModel | None = getattr(settings, name, None)
    values = {} if section is None else {key: getattr(section, key) for key in type(section).model_fields}
    return {
        "name": name, "configured": any(isinstance(value, SecretStr) for value in values.values()),
        "environment": values.get("environment"), "execution_mode": values.get("execution_mode"), "requests": ended,
    }  # fmt: skip

