"""``engine backtest``: a pack over recorded data, with fill bounds, tables and a report."""

from __future__ import annotations

import time
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.alpha import recorded_signals
from engine.cli.assemble import Assembly, DataChoice, assemble
from engine.cli.collector import no_collector
from engine.cli.console import out, print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.passes import PassesBar
from engine.cli.rules import load_rules
from engine.report.tables import print_report
from engine.report.write import write_report
from engine.research.backtest import Described, backtest
from engine.research.results import BacktestResult, PriceSeries
from engine.research.sets import AUTO, COLUMNS, TICK, Engine
from engine.settings import load_settings

ENGINES: tuple[Engine, ...] = (AUTO, COLUMNS, TICK)


def command(
    pack: Annotated[str, typer.Argument(metavar="PACK", help="Name of a pack, or a folder of rules.")],
    data: Annotated[
        Path, typer.Option("--data", metavar="PATH", help="Minute bars or Kalshi candles (CSV, CSV.GZ), or a capture.")
    ],
    symbols: Annotated[
        list[str] | None, typer.Option("--symbols", help="Symbols instead of the pack's; repeat or use commas.")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First day in the pack's timezone, 2011-01-03.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last day, included.")] = None,
    param: Annotated[
        list[str] | None, typer.Option("--param", metavar="RULE.NAME=VALUE", help="Another value of a parameter.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write report.html, report.md, summary.json, trades.csv there."),
    ] = None,
    spread: Annotated[
        float | None,
        typer.Option("--assume-spread", metavar="DOLLARS", help="Of candles: between bid and ask, which they lack."),
    ] = None,
    engine: Annotated[
        str,
        typer.Option("--engine", metavar="auto|columns|tick", help="How history is gone through; all give the same."),
    ] = AUTO,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Run a pack over recorded data with a paper broker; the fills are also tried at their best and at their worst."""
    chosen: Engine | None = next((name for name in ENGINES if name == engine), None)
    if chosen is None:
        raise UserError(f"--engine {engine} is none; choose {AUTO}, {COLUMNS} or {TICK}")
    settings = load_settings(config, {"market.assumed_spread": spread})
    paths, names = rules_of(pack, settings.rules.paths)
    span = (day(first, "--from"), day(last, "--to"))
    choice = DataChoice("replay", data, split(symbols), *span, settings.market.seed, 1)
    ruleset = load_rules(paths, names).ruleset
    alpha = recorded_signals(settings, ruleset, choice.root)
    assembly = assemble(settings, ruleset, choice, param or [], alpha=alpha)
    if spread is not None and assembly.recorded is None:
        raise UserError(f"--assume-spread is for Kalshi candles, which lack bid and ask; {data} has none: leave it out")
    result, prices = run_backtest(assembly, pack, folder is not None, chosen)
    if folder is not None:
        write_report(result, prices, folder)
    if json:
        print_json(result.to_json())
    else:
        print_report(result, out())
        if result.fallback:
            out().print(f"run tick by tick, not over columns: {result.fallback}")
        if folder is not None:
            out().print(f"report written to {folder / 'report.html'}")
    return ExitCode.GOOD


def run_backtest(
    assembly: Assembly, pack: str, keep_prices: bool, engine: Engine = AUTO
) -> tuple[BacktestResult, list[PriceSeries]]:
    """The back-test with a progress bar on a terminal."""
    described = Described(
        pack, assembly.describe_data(), assembly.describe_parameters(), assembly.timezone, assembly.settings.paper.cash
    )
    with no_collector(), PassesBar(["central", "pessimistic", "optimistic"]) as bar:
        result, prices = backtest(assembly, described, time.perf_counter, bar.notice, keep_prices, engine)
    return result, prices


def rules_of(pack: str, paths: list[Path]) -> tuple[list[Path], list[str]]:
    """Where to look for a pack: a folder as it is, a name under the configured paths."""
    if Path(pack).is_dir():
        return [Path(pack)], []
    return list(paths), [pack]


def split(symbols: list[str] | None) -> tuple[str, ...]:
    """Symbols of a repeated, comma-separated option, in the order given, each once."""
    words = [word.strip() for text in symbols or [] for word in text.split(",")]
    return tuple(dict.fromkeys(word for word in words if word))


def day(text: str | None, option: str) -> date | None:
    """A date option."""
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise UserError(f"{option} {text} is no date; write it as 2011-01-03") from None



