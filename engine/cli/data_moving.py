"""``engine data``: copy a store to another place or back end, and export ticks and bars."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from engine.cli.backtest import day, split
from engine.cli.console import Advance, print_json, progress
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.stores import market_of
from engine.cli.zones import days_of
from engine.settings import Settings, load_settings
from state import MARKET, Mode, Place, is_there, place_of, sibling
from state.flatfiles import export_flatfiles
from state.marketdata import MarketData, open_market_data
from state.migrations import LEDGER, Family
from state.migrations import MARKET as MARKET_FAMILY

app = typer.Typer(add_completion=False)
Only = Literal["paper", "demo", "live", "market"]


@app.command("copy")
def copy(
    source: Annotated[str, typer.Option("--from", metavar="URL", help="The store that is there, as store.url.")],
    target: Annotated[str, typer.Option("--to", metavar="URL", help="Where it goes; nothing may be there.")],
    only: Annotated[
        Only | None, typer.Option("--only", help="One of the stores alone.  [default: all that are there]")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Copy paper, demo and live stores and market data between SQLite and PostgreSQL, and compare every row.

    URLs are sqlite:///FILE and postgresql://USER@HOST/DATABASE?schema=NAME; the password of a database is
    AUTOTRADER__STORE__PASSWORD. No engine may run on either side. A copy that was interrupted goes on when it is begun
    again. Nothing of the old store is changed or removed.
    """
    from state.copying import Copied, rows_of
    from state.copying import copy as copy_store

    settings = load_settings(config)
    old, new = _place(source, settings), _place(target, settings)
    if old == new:
        raise UserError("--from and --to name the same store")
    pairs = [(n, f, a, b) for n, f, a, b in _pairs(old, new) if only in (None, n) and is_there(a)]
    if not pairs:
        what = only or "paper, demo, live or market data"
        raise UserError(f"there is no store of {what} at {old}")
    found: dict[str, list[Copied]] = {}
    for name, family, one, other in pairs:
        with progress(f"copy {name}", rows_of(one, family)) as advance:
            found[name] = copy_store(one, other, family, partial(_noted, advance))
    if json:
        tables = {name: [copied._asdict() for copied in copies] for name, copies in found.items()}
        print_json({"from": str(old), "to": str(new), "stores": tables})
        return ExitCode.GOOD
    for name, _, one, other in pairs:
        rows = sum(copied.rows for copied in found[name])
        print(f"{name}: {rows} rows of {len(found[name])} tables are the same in {one} and in {other}")
    return ExitCode.GOOD


@app.command("export")
def export(
    folder: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder.")],
    form: Annotated[
        Literal["parquet", "flatfiles"],
        typer.Option("--as", help="flatfiles: minute bars as CSV.GZ, which `engine backtest --data DIR` reads."),
    ] = "parquet",
    table: Annotated[
        Literal["ticks", "bars_1m", "features", "session_labels"] | None,
        typer.Option("--table", help="parquet: only these.  [default: all]"),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="flatfiles: only bars that this source told.  [default: all]")
    ] = None,
    symbols: Annotated[
        list[str] | None, typer.Option("--symbols", help="Only these; repeat or use commas.  [default: all]")
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First day in engine.timezone, 2011-01-03.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last day, included.")] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Write ticks, bars, features and session labels as Parquet, a folder for each symbol (labels: calendar) and UTC
    day, for DuckDB, Polars and pandas; or bars as the minute files that back-tests read."""
    for option, given, of in (("--table", table, "parquet"), ("--source", source, "flatfiles")):
        if given is not None and form != of:
            raise UserError(f"{option} is for --as {of}; leave it out of --as {form}")
    settings = load_settings(config)
    begins, ends = day(first, "--from"), day(last, "--to")
    days = days_of(begins, ends, settings.engine.timezone)
    span = (days.begin_ns, days.end_ns)
    data = open_market_data(market_of(settings), create=False)
    try:
        if form == "flatfiles":
            counts = {"bars_1m": export_flatfiles(data, folder, split(symbols), *span, source)}
        else:
            counts = _parquet(data, folder, table, split(symbols), span)
    finally:
        data.close()
    if json:
        print_json({"store": str(data.path), "out": folder, "rows": counts})
    else:
        for name, rows in counts.items():
            print(f"{name}: {rows} rows in {folder}")
    return ExitCode.GOOD if any(counts.values()) else ExitCode.NO


def _parquet(
    data: MarketData, folder: Path, table: str | None, symbols: tuple[str, ...], span: tuple[int, int]
) -> dict[str, int]:
    from state.export import TABLES, export_parquet, keys

    tables = TABLES if table is None else (table,)
    with progress("export", sum(len(keys(data, name, symbols)) for name in tables)) as advance:
        try:
            return export_parquet(data, folder, tables, symbols, *span, lambda symbol: advance(1))
        except ImportError:
            raise UserError("--as parquet needs pyarrow: pip install -e '.[parquet]' in the engine's folder") from None


def _noted(advance: Advance, table: str, rows: int) -> None:
    advance(rows)


def _place(url: str, settings: Settings) -> Place:
    secret = settings.store.password
    return place_of(url, None if secret is None else secret.get_secret_value(), settings.store.path.parent)


def _pairs(old: Place, new: Place) -> Iterator[tuple[str, Family, Place, Place]]:
    """Name, kind, source and target of every store of an address."""
    yield Mode.PAPER.value, LEDGER, old, new
    for mode in (Mode.DEMO, Mode.LIVE):
        yield mode.value, LEDGER, sibling(old, mode), sibling(new, mode)
    yield MARKET, MARKET_FAMILY, sibling(old, MARKET), sibling(new, MARKET)
