"""``engine signals check`` and ``engine signals show``: whether a signal file is sound, and what it says now."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from connectors.alpha.file import Alpha, read_alpha
from connectors.alpha.models import Signal, iso, moment_of
from engine.cli.clock import now_ns
from engine.cli.console import print_columns, print_json
from engine.cli.errors import ExitCode
from engine.cli.options import ConfigOption, JsonOption
from engine.market.events import NANOS
from engine.settings import load_settings

FileArgument = Annotated[
    Path | None, typer.Argument(metavar="[FILE]", help="The signal file.  [default: signals.alpha]")
]


def check(file: FileArgument = None, config: ConfigOption = None, json: JsonOption = False) -> int:
    """Whether every row of a signal file can be used. Exit code 1: one cannot; each is named by row and field."""
    path, alpha = _read(file, config)
    if json:
        faults = [{"row": f.row, "ticker": f.ticker, "field": f.field, "what": f.words} for f in alpha.faults]
        print_json({"file": path, "signals": len(alpha.signals), "faults": faults})
    else:
        for fault in alpha.faults:
            print(f"{path}: {fault}")
        print(f"{path}: {len(alpha.signals)} signals, {len(alpha.faults) or 'no'} faults")
    return ExitCode.NO if alpha.faults else ExitCode.GOOD


def show(file: FileArgument = None, config: ConfigOption = None, json: JsonOption = False) -> int:
    """What a signal file says now: what counts, what has expired, what is yet to come."""
    path, alpha = _read(file, config)
    now = now_ns()
    rows = [_row(signal, now) for signal in alpha.signals.values()]
    if json:
        print_json({"file": path, "now": iso(moment_of(now)), "signals": rows})
        return ExitCode.GOOD
    header = ["ticker", "fair", "confidence", "age", "state", "source"]
    lines = [
        [r["ticker"], f"{r['fair_yes_probability']:.3f}", f"{r['confidence']:.0%}", _hours(r["age_s"]), r["state"],
         r["source"]]
        for r in rows
    ]  # fmt: skip
    print_columns([header, *lines])
    for fault in alpha.faults:
        print(f"{fault} (left out)")
    return ExitCode.GOOD


def _read(file: Path | None, config: Path | None) -> tuple[Path, Alpha]:
    path = file or load_settings(config).signals.alpha
    return path, read_alpha(path)


def _row(signal: Signal, now: int) -> dict[str, Any]:
    if now < signal.as_of_ns:
        state = "yet to come"
    elif now >= signal.expiry_ns:
        state = "expired"
    else:
        state = f"counts for {_hours((signal.expiry_ns - now) / NANOS)}"
    return {**signal.model_dump(mode="json"), "age_s": (now - signal.as_of_ns) / NANOS, "state": state}


def _hours(seconds: float) -> str:
    minutes = round(seconds / 60)
    sign, minutes = ("-", -minutes) if minutes < 0 else ("", minutes)
    return f"{sign}{minutes // 60}h {minutes % 60:02d}m"
