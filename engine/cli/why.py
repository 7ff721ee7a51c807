"""``engine why``: the decision behind an order, with every condition as it was then."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from engine.cli.console import print_json
from engine.cli.errors import ExitCode
from engine.cli.kept import KeptRun, bring_back
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.stores import ModeOption, footer, open_mode, told
from engine.decide.trace import RuleTrace
from engine.market.inputs import MANUAL
from engine.report.trace_text import clock, render_trace
from engine.settings import load_settings
from state import Store


def command(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="A client order id, or the beginning of one.")],
    run: Annotated[str | None, typer.Option("--run", help="The run; by default the newest that has the order.")] = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Explain an order: the rule, its conditions and their values, the guards, and what became of it."""
    settings = load_settings(config)
    store = open_mode(settings, mode)
    row, kept, decision, trace = explain(store, order, run)
    life = store.order_events(row["run"], row["client_id"])
    fills = store.fills(row["run"], row["client_id"])
    if json:
        found = {"order": row, "trace": trace.to_json() if trace else None, "life": life, "fills": fills}
        print_json({**told(store), **found})
        return ExitCode.GOOD
    price = " ".join(f"{name} {row[f'{name}_price']}" for name in ("limit", "stop") if row[f"{name}_price"])
    print(f"{row['client_id']}: {row['leg']} {row['side']} {row['quantity']} {row['symbol']} {price or row['type']}")
    if decision["rule"] == MANUAL:
        guards = ", ".join(f"{guard} {verdict}" for guard, verdict in decision["guards"].items())
        print(f"  {decision['reason']}; guards: {guards or 'none was asked'}")
    elif trace is None:
        print(f"  wanted by {decision['rule']}; its values were not kept (trace.keep in autotrader.toml)")
    else:
        print(render_trace(trace, kept.timezone, full=True))
    for event in life:
        print(f"  {clock(event['time_ns'], kept.timezone)} {_state(event)} {event['reason']}".rstrip())
    for fill in fills:
        when = clock(fill["time_ns"], kept.timezone)
        print(f"  {when} filled {fill['quantity']} at {fill['price']}, fee ${fill['fee']}")
    print(footer(settings, store, mode))
    return ExitCode.GOOD


def explain(
    store: Store, order: str, run: str | None
) -> tuple[dict[str, Any], KeptRun, dict[str, Any], RuleTrace | None]:
    """An order, its run, its decision, and the trace of that; None where no values were kept or no rule decided."""
    row = store.order(order, run)
    kept = bring_back(store, row["run"])
    decision = store.decision(row["run"], row["decision"])
    if decision["values"] is None or decision["rule"] == MANUAL:
        return row, kept, decision, None
    seen = kept.trace(
        kept.rule(decision["rule"]), decision["strategy"], decision["trigger_symbol"], decision["values"],
        decision["time_ns"],
    )  # fmt: skip
    return row, kept, decision, kept.decided(seen, decision, decision["values"], decision["reason"])


def _state(event: dict[str, Any]) -> str:
    return f"{event['state']} ({event['ending']})" if event["ending"] else str(event["state"])
