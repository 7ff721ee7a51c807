"""``engine features build``: what rules compute at every bar, into the store beside the bars."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import typer

from engine.cli.assemble import Assembly, DataChoice, assemble
from engine.cli.backtest import day, rules_of, split
from engine.cli.console import err, print_json, progress
from engine.cli.errors import ExitCode, UserError
from engine.cli.features.shared import Count, Row, Writer, days_ns, in_order, make_features
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.rules import load_rules
from engine.cli.stores import market_of
from engine.decide.features import Features
from engine.market.events import Bar
from engine.settings import Settings, load_settings
from state.marketdata import MarketData, open_market_data

FILES: Final = "files"  # the source of what was made of bars in files, of which the store knows nothing
FOREVER_NS: Final = (1 << 63) - 1


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
        str | None, typer.Option("--from", metavar="DATE", help="First local day, 2011-01-03.  [default: all]")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last local day, included.")] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="DATE", help="Warm up from this day on.  [default: from the first bar]"),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Only bars that this source told, such as polygon_ws.")
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
    span = _Span(day(first, "--from"), day(last, "--to"), day(since, "--since"))
    settings = load_settings(config)
    ruleset = load_rules(*rules_of(pack, settings.rules.paths)).ruleset
    where = "replay" if data is not None else "store"
    choice = DataChoice(where, data, split(symbols), span.since, span.last, settings.market.seed, 1)
    assembly = assemble(settings, ruleset, choice, param or [])
    instruments = [assembly.instruments[symbol] for symbol in assembly.plan_symbols]
    machines = make_features(assembly.ruleset, instruments, assembly.calendars, assembly.parameters)
    if not machines:
        raise UserError(f"{pack} names no value that bars alone make; see docs/features.md for what those are")
    store = open_market_data(market_of(settings), create=data is not None)
    with closing(store):
        if data is not None:
            bars = _bars_of_files(assembly)
        else:
            bars = _bars_of_store(store, assembly, list(machines), span, source)
        built = _build(bars, machines, store, assembly, span)
    _report(built, machines, settings, json)
    return ExitCode.GOOD if any(one.values.bars for one in built.values()) else ExitCode.NO


@dataclass(frozen=True, slots=True)
class _Span:
    """Which days are wanted, and from when bars warm up. Local days of each symbol's calendar."""

    first: date | None
    last: date | None
    since: date | None

    def __post_init__(self) -> None:
        in_order(self.first, self.last)
        if self.since is not None and self.first is not None and self.since > self.first:
            raise UserError(f"--since {self.since} is after --from {self.first}, and warms nothing up")

    def written_ns(self, timezone: str) -> tuple[int, int]:
        """Of bars that begin there, values are written."""
        begins = 0 if self.first is None else days_ns(self.first, self.first, timezone)[0]
        return begins, FOREVER_NS if self.last is None else days_ns(self.last, self.last, timezone)[1]

    def read_ns(self, timezone: str) -> tuple[int, int]:
        begins = 0 if self.since is None else days_ns(self.since, self.since, timezone)[0]
        return begins, self.written_ns(timezone)[1]


# -- where bars come from ----------------------------------------------------------------------------------------------


def _bars_of_files(assembly: Assembly) -> Iterator[tuple[Bar, str]]:
    for tick in assembly.source().ticks():
        for event in tick.events:
            if event.__class__ is Bar:
                yield event, FILES


def _bars_of_store(
    store: MarketData, assembly: Assembly, symbols: list[str], span: _Span, source: str | None
) -> Iterator[tuple[Bar, str]]:
    """Symbol by symbol, in order, each with who told it; UserError where two told the same minute."""
    with progress("features", len(symbols)) as advance:
        for symbol in symbols:
            zone = assembly.calendars[assembly.instruments[symbol].calendar].timezone
            before = (-1, "")
            for row in store.bars(symbol, *span.read_ns(zone)):
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
    bars: Iterator[tuple[Bar, str]], machines: Mapping[str, Features], store: MarketData, assembly: Assembly,
    span: _Span,
) -> dict[str, Built]:  # fmt: skip
    writer, late = Writer(store), Counter[str]()
    zones = {symbol: assembly.calendars[assembly.instruments[symbol].calendar].timezone for symbol in machines}
    wanted = {symbol: span.written_ns(zone) for symbol, zone in zones.items()}
    for bar, source in bars:
        features = machines.get(bar.symbol)
        if features is None:
            continue
        values = features.take(bar)
        begins, ends = wanted[bar.symbol]
        if values is None:
            late[bar.symbol] += 1
        elif begins <= bar.start_ns < ends:
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
