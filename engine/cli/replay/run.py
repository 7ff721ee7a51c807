"""``engine replay RUN``: a kept run, decided again from its inputs and compared.

Rules, parameters and market are those that the store kept, not those of the files.
"""

from __future__ import annotations

import time
from typing import Any

from engine.cli.conditions import decider_of
from engine.cli.console import print_json
from engine.cli.errors import ExitCode
from engine.cli.kept import bring_back
from engine.cli.stores import ModeName, footer, open_mode, told
from engine.cli.version import __version__
from engine.execute.replay import Kept, Replayed, decide_again
from engine.report.trace_text import clock
from engine.settings import Settings


def replay_run(settings: Settings, run: str | None, mode: ModeName | None, as_json: bool) -> int:
    """Print the first difference, if there is any; there must be none."""
    store = open_mode(settings, mode)
    kept = bring_back(store, run)
    name = kept.run["id"]
    decisions = [_kept(row) for row in store.decisions(name)]
    orders = [row["client_id"] for row in store.orders(name)]
    began = time.perf_counter()
    ended = kept.run["status"] not in ("crashed", "running")
    done = decide_again(decider_of(kept), store.inputs(name), decisions, orders, ended)
    seconds = time.perf_counter() - began
    if as_json:
        print_json({**told(store), **_report(done, name, seconds)})
    else:
        _print(done, name, kept.run["version"], kept.timezone)
        print(footer(settings, store, mode))
    return ExitCode.GOOD if done.difference is None else ExitCode.NO


def _kept(row: dict[str, Any]) -> Kept:
    names = ("time_ns", "rule", "strategy", "symbol", "verdict", "guard")
    line = "|".join([*(str(row[name]) for name in names), ";".join(row["actions"])])
    return Kept(row["seq"], line, row["reason"], row["values"])


def _report(done: Replayed, run: str, seconds: float) -> dict[str, Any]:
    found = done.difference
    difference = None if found is None else {
        "decision": found.number or None, "time_ns": found.time_ns, "what": found.what, "kept": found.kept,
        "again": found.again,
    }  # fmt: skip
    return {
        "run": run, "ticks": done.ticks, "decisions": done.decisions, "orders": done.orders, "seconds": seconds,
        "difference": difference,
    }  # fmt: skip


def _print(done: Replayed, run: str, version: str, timezone: str) -> None:
    counts = f"{done.ticks} ticks, {done.decisions} decisions, {done.orders} orders"
    found = done.difference
    if found is None:
        print(f"run {run} decided again: {counts}, and no difference")
        return
    number = f"decision {found.number}" if found.number else "no decision that was kept"
    print(f"run {run} came out otherwise after {counts}: {number}, {clock(found.time_ns, timezone)}: {found.what}")
    print(f"  kept   {found.kept}")
    print(f"  again  {found.again}")
    if version != __version__:
        print(f"the run was made by engine {version}, this is {__version__}")
