"""``engine why-not``: why a rule did nothing, or something else, at a moment."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from engine.cli.console import print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.kept import KeptRun, bring_back
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.stores import ModeOption, footer, open_mode, told
from engine.decide.trace import RuleTrace
from engine.market.events import NANOS
from engine.report.trace_text import clock, render_trace
from engine.ruleset.rules import Exit, Guard
from engine.settings import load_settings


def command(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="Name of a rule, with or without its pack.")],
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="The symbol that it looked at.")],
    at: Annotated[
        str, typer.Option("--at", metavar="TIME", help="Time in the pack's timezone: 10:31, or 2024-03-05 10:31.")
    ],
    run: Annotated[str | None, typer.Option("--run", help="The run; by default the newest.")] = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Show what a rule saw at a tick: each condition, its value, what it needed, and how far it was."""
    settings = load_settings(config)
    store = open_mode(settings, mode)
    kept = bring_back(store, run)
    trace = trace_at(kept, rule, symbol, at)
    if json:
        print_json({**told(store), "run": kept.run["id"], "trace": trace.to_json()})
    else:
        print(render_trace(trace, kept.timezone, full=True))
        print(footer(settings, store, mode))
    return ExitCode.GOOD


def trace_at(kept: KeptRun, rule: str, symbol: str, at: str) -> RuleTrace:
    """What a rule saw at a tick. Raises UserError that says what there is instead."""
    found = kept.rule(rule)
    if symbol not in kept.plan.symbols:
        raise UserError(f"run {kept.run['id']} did not look at {symbol}; it had {', '.join(kept.plan.symbols)}")
    time_ns = moment(kept, symbol, at)
    decisions = [
        d
        for d in kept.store.decisions(kept.run["id"], time_ns=time_ns)
        if symbol in (d["symbol"], d["trigger_symbol"]) and _concerns(d, found.key)
    ]
    return _trace(kept, found, symbol, time_ns, decisions)


def _concerns(decision: dict[str, Any], key: str) -> bool:
    return decision["rule"] == key or key in decision["guards"]


def _trace(kept: KeptRun, rule: Any, symbol: str, time_ns: int, decisions: list[dict[str, Any]]) -> RuleTrace:
    owner = rule.key
    if isinstance(rule, Exit):
        owners = [d["strategy"] for d in decisions] or _holders(kept, rule, symbol)
        if not owners:
            raise UserError(f"{rule.key} serves no strategy that can hold {symbol}")
        owner = owners[0]
    if isinstance(rule, Guard) and not decisions:
        raise UserError(f"no order came before {rule.key} at {clock(time_ns, kept.timezone)}")
    values = decisions[0]["values"] if decisions and decisions[0]["values"] else None
    if values is None or decisions[0]["trigger_symbol"] != symbol:
        values = kept.store.trace(kept.run["id"], symbol, time_ns)
    if values is None:
        raise UserError("this run kept no values; set trace.keep = \"all\" in autotrader.toml")
    try:
        seen = kept.trace(rule, owner, symbol, values, time_ns)
    except KeyError:
        raise UserError(f"{rule.key} does not look at {symbol}") from None
    if not decisions:
        reason = "its conditions hold; it had no occasion to act" if seen.verdict == "fired" else ""
        return seen.decided(seen.verdict, reason)
    first = decisions[0]
    reason = f"{first['guard']}: {first['reason']}" if first["guard"] else first["reason"]
    return kept.decided(seen, first, values, reason)


def _holders(kept: KeptRun, rule: Exit, symbol: str) -> list[str]:
    holders = {s.key for s in kept.plan.symbols[symbol].held_by}
    return [key for key in rule.strategies if key in holders]


def moment(kept: KeptRun, symbol: str, text: str) -> int:
    """The kept tick that a local time names; raises UserError that tells which ticks there are around it."""
    zone, said = ZoneInfo(kept.timezone), text
    text, called = _split_zone(text)
    for pattern in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%H:%M:%S", "%H:%M"):
        try:
            local = datetime.strptime(text, pattern)
        except ValueError:
            continue
        if not pattern.startswith("%Y"):
            first = kept.store.trace_times(kept.run["id"], symbol, 0)
            if not first:
                raise UserError("this run kept no values; set trace.keep = \"all\" in autotrader.toml")
            day = datetime.fromtimestamp(first[0] / 1e9, zone)
            local = local.replace(year=day.year, month=day.month, day=day.day)
        # Where clocks go back an hour comes twice, and only the zone's name tells which.
        readings = [local.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
        meant = next((one for one in readings if called in ("", one.tzname())), None)
        if meant is not None:
            return _kept_tick(kept, symbol, int(meant.timestamp()) * NANOS)
    raise UserError(f"--at {said} is no time; write 10:31 or 2024-03-05 10:31 ({kept.timezone})")


def _split_zone(text: str) -> tuple[str, str]:
    """A time and what its zone is called, as traces print them: ``2024-03-05 10:31:00 EST``."""
    words = text.split(" ")
    return (" ".join(words[:-1]), words[-1]) if len(words) > 1 and ":" not in words[-1] else (text, "")


def _kept_tick(kept: KeptRun, symbol: str, time_ns: int) -> int:
    if kept.store.trace(kept.run["id"], symbol, time_ns) is not None:
        return time_ns
    around = [clock(t, kept.timezone) for t in kept.store.trace_times(kept.run["id"], symbol, time_ns)]
    known = f"its nearest ticks are {' and '.join(around)}" if around else "it has none of that symbol"
    raise UserError(f"run {kept.run['id']} has no tick of {symbol} at {clock(time_ns, kept.timezone)}; {known}")
