"""``engine features build``: what rules compute at every bar, into the store beside the bars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import typer

from connectors.days import DayRange
from engine.cli.assemble import Assembly, DataChoice, assemble
from engine.cli.backtest import day, rules_of, split
from engine.cli.console import err, print_json, progress
from engine.cli.errors import ExitCode, UserError
from engine.cli.features.shared import Count, Row, Writer, make_features
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.rules import load_rules
from engine.cli.stores import market_of
from engine.cli.zones import days_of, zone_of
from engine.decide.features import Features
from engine.market.events import Bar
from engine.settings import Settings, load_settings
from state.marketdata import MarketData, open_market_data

FILES: Final = "files"  # the source of what was made of bars in files, of which the store knows nothing


class Built(NamedTuple):
    """What became of one symbol. ``late``: bars that were told twice or too late, and ignored as a run ignores them."""

    values: Count
    late: int


def build(
    pack: Annotated[str, typer.Option("--pack", metavar="PACK", help="Name of a pack, or a folder of rules.")],
    symbols: Annotated[
        list[str] | None, typer.Option("--symbols", help="Symbols instead of the pack's; repeat or use commas.")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First day in the pack's timezone.  [default: all]")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last day, included.")] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="DATE", help="Warm up from this day on.  [default: from the first bar]"),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Only bars that this source told, such as polygon.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Minute bars in files in place of the store's.")
    ] = None,
    param: Annotated[
        list[str] | None, typer.Option("--param", metavar="RULE.NAME=VALUE", help="Another value of a parameter.")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Compute the named values of a pack at every minute bar, and keep them in the store's table of features.

    Bars before --from are gone through, so that averages are warm, and nothing is written of them. Doing it again
    writes nothing, and goes on where it was interrupted. docs/features.md says what has a name, and how to read it.
    """
    if data is not None and source is not None:
        raise UserError("--source is for bars of the store, and --data names files: leave one of them out")
    begins, ends, warm = day(first, "--from"), day(last, "--to"), day(since, "--since")
    _check_since(warm, begins)
    settings = load_settings(config)
    ruleset = load_rules(*rules_of(pack, settings.rules.paths)).ruleset
    where = "replay" if data is not None else "store"
    choice = DataChoice(where, data, split(symbols), warm, ends, settings.market.seed, 1)
    written = days_of(begins, ends, zone_of(ruleset, settings))
    assembly = assemble(settings, ruleset, choice, param or [])
    instruments = [assembly.instruments[symbol] for symbol in assembly.plan_symbols]
    machines = make_features(assembly.ruleset, instruments, assembly.calendars, assembly.parameters)
    if not machines:
        raise UserError(f"{pack} names no value that bars alone make; see docs/features.md for what those are")
    store = open_market_data(market_of(settings), create=data is not None)
    with closing(store):
        in_files = data is not None
        bars = _bars_of_files(assembly) if in_files else _bars_of_store(store, assembly, list(machines), source)
        built = _build(bars, machines, store, written)
    _report(built, machines, settings, json)
    return ExitCode.GOOD if any(one.values.bars for one in built.values()) else ExitCode.NO


def _check_since(since: date | None, first: date | None) -> None:
    if since is not None and first is not None and since > first:
        raise UserError(f"--since {since} is after --from {first}, and warms nothing up")


# -- where bars come from ----------------------------------------------------------------------------------------------


def _bars_of_files(assembly: Assembly) -> Iterator[tuple[Bar, str]]:
    for tick in assembly.source().ticks():
        for event in tick.events:
            if event.__class__ is Bar:
                yield event, FILES


def _bars_of_store(
    store: MarketData, assembly: Assembly, symbols: list[str], source: str | None
) -> Iterator[tuple[Bar, str]]:
    """Symbol by symbol, in order, each with who told it; UserError where two told the same minute."""
    days = assembly.days
    with progress("features", len(symbols)) as advance:
        for symbol in symbols:
            before = (-1, "")
            for row in store.bars(symbol, days.begin_ns, days.end_ns):
                if source not in (None, row.source):
                    continue
                if row.start_ns == before[0]:
                    raise UserError(
                        f"{before[1]} and {row.source} both told the minute {row.start_ns} of {symbol}; choose one "
                        f"with --source {before[1]}"
                    )
                before = (row.start_ns, row.source)
                volume = None if row.volume is None else float(row.volume)
                prices = (float(row.open), float(row.high), float(row.low), float(row.close))
                yield Bar(symbol, row.start_ns, 60, *prices, volume), row.source
            advance(1)


# -- what is made of them ----------------------------------------------------------------------------------------------


def _build(
    bars: Iterator[tuple[Bar, str]], machines: Mapping[str, Features], store: MarketData, days: DayRange
) -> dict[str, Built]:
    writer, late = Writer(store), Counter[str]()
    for bar, source in bars:
        features = machines.get(bar.symbol)
        if features is None:
            continue
        values = features.take(bar)
        if values is None:
            late[bar.symbol] += 1
        elif bar.start_ns in days:
            writer.add(Row(features, bar.known_ns, source, values))
    writer.flush()
    return {symbol: Built(writer.counts[symbol], late[symbol]) for symbol in machines}


def _report(built: Mapping[str, Built], machines: Mapping[str, Features], settings: Settings, as_json: bool) -> None:
    left_out = {name: why for features in machines.values() for name, why in features.left_out.items()}
    if as_json:
        found: dict[str, Any] = {
            symbol: {**asdict(one.values), "late": one.late, "names": list(machines[symbol].names)}
            for symbol, one in built.items()
        }
        print_json({"store": str(market_of(settings)), "symbols": found, "left_out": left_out})
        return
    for symbol, one in built.items():
        if not one.values.bars:
            err().print(f"{symbol}: no bars of those days", markup=False)
            continue
        late = f"; {one.late} bars came late or twice and count for nothing" if one.late else ""
        print(f"{symbol}: {one.values.words}{late}")
    for name, why in left_out.items():
        print(f"left out: {name}: {why}")
