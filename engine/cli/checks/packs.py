"""The packs that would run: they link, they have hard limits, and the markets they trade are there."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.alpha.file import AlphaError, read_alpha
from engine.cli.checks.check import Check, VenueProbe, VenueSilent, fail, ok, unknown, warn
from engine.cli.checks.venues import is_live
from engine.cli.errors import exit_code_of
from engine.cli.rules import load_rules
from engine.cli.sources import sources_of
from engine.plan.plan import execution_symbol
from engine.research.golive import gates_of
from engine.ruleset.linker import SHARED
from engine.ruleset.rules import Gate, Pack
from engine.settings import Settings

SHOWN = 5


def check_packs(settings: Settings, probe: VenueProbe | None) -> list[Check]:
    """Limits are a must where orders are real, and a good habit on paper."""
    try:
        ruleset = load_rules(settings.rules.paths, settings.engine.packs).ruleset
    except Exception as error:
        if exit_code_of(error) is None:
            raise
        return [fail("rules", str(error).partition("\n")[0], "run `engine lint`")]
    packs = [pack for name, pack in ruleset.packs.items() if name != SHARED]
    checks = [ok("rules", f"{len(ruleset.rules)} rules in {', '.join(pack.name for pack in packs)}")]
    for pack in packs:
        real = is_live(pack.venue, settings)
        gates = gates_of(ruleset, pack.name)
        checks += [_limits(pack, real), _gate(pack, gates, real), _markets(pack, probe, settings)]
    return checks


def _limits(pack: Pack, real: bool) -> Check:
    name = f"limits of {pack.name}"
    notional, quantity, budget = pack.max_notional, pack.max_quantity, pack.budget
    if notional is None and quantity is None and budget is None:
        lacking = fail if real else warn
        return lacking(name, "there is no hard limit on an order", "write `limits: {notional: $…}` in pack.yaml")
    said = [f"${notional:,.0f}" if notional is not None else "", f"{quantity:g} units" if quantity is not None else ""]
    order = f"an order is at most {' and '.join(filter(None, said))}" if any(said) else ""
    whole = f"the pack ties up at most ${budget:,.0f}" if budget is not None else ""
    return ok(name, "; ".join(filter(None, (order, whole))))


def _gate(pack: Pack, gates: Sequence[Gate], real: bool) -> Check:
    """``gates``: its own, and those of the shared pack that are for its strategies."""
    name = f"gate of {pack.name}"
    if gates:
        names = ", ".join(gate.name for gate in gates)
        return ok(name, f"{names}; `engine gate check --pack {pack.name}` judges it")
    lacking = fail if real else warn
    return lacking(name, "there is none, so it may not trade for real", "write a rule of kind gate")


def _markets(pack: Pack, probe: VenueProbe | None, settings: Settings) -> Check:
    name = f"markets of {pack.name}"
    symbols = sorted({execution_symbol(pack, s, symbol) for s in pack.strategies for symbol in s.universe})
    sources = {source for strategy in pack.strategies for source in sources_of(strategy)}
    if "alpha" in sources:
        try:
            symbols = sorted({*symbols, *read_alpha(settings.signals.alpha).signals})
        except AlphaError as error:
            return warn(name, str(error), "see docs/signals.md")
    if not symbols and sources:
        return unknown(name, f"{', '.join(sorted(sources))} says which while it runs", "see `engine run --dry-run`")
    if not symbols:
        return warn(name, "no strategy names a symbol", "write a universe in pack.yaml or in the strategies")
    if probe is None or pack.venue != probe.name:
        return unknown(name, f"{len(symbols)} are named; {pack.venue} was not asked", "set the key of a venue")
    try:
        tradable = probe.tradable(symbols)
    except VenueSilent as error:
        return unknown(name, f"{probe.name} cannot say: {error}", error.mend)
    strange = [symbol for symbol in symbols if symbol not in tradable]
    closed = [symbol for symbol in symbols if tradable.get(symbol) is False]
    if strange:
        return fail(name, f"{probe.name} has no {_listed(strange)}", "correct the universe in the rules")
    if closed:
        return warn(name, f"not open now: {_listed(closed)}", "wait until they are")
    return ok(name, f"all {len(symbols)} are open at {probe.name}")


def _listed(symbols: list[str]) -> str:
    more = f" and {len(symbols) - SHOWN} more" if len(symbols) > SHOWN else ""
    return ", ".join(symbols[:SHOWN]) + more
