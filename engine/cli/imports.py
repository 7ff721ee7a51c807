"""``engine import``: bring recorded market data into the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from engine.cli.console import err, is_terminal, out, print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.log import configure_log
from engine.cli.options import ConfigOption, JsonOption
from engine.settings import Settings, load_settings

if TYPE_CHECKING:
    from connectors.polygon.flatfiles import Files, FlatFile
    from connectors.polygon.importer import Imported

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def about() -> None:
    """Bring recorded market data into the store."""


@app.command("flatfiles")
def flatfiles(
    day: Annotated[str, typer.Option("--date", metavar="DATE", help="The day, as YYYY-MM-DD.")],
    last: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="The last day, where there are several; weekends not.")
    ] = None,
    symbols: Annotated[
        list[str] | None,
        typer.Option("--symbols", help="What to import; repeat or use commas.  [default: polygon.symbols]"),
    ] = None,
    kind: Annotated[Literal["bars", "trades"], typer.Option("--kind", help="Minute bars, or every trade.")] = "bars",
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="DIR", help="Files on this machine, laid out as the vendor's.")
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Import Polygon's flat files of a day, from its S3 or a folder, as source polygon_flatfile.

    Doing it again changes nothing, and goes on where it was interrupted.
    """
    settings = load_settings(config, {})
    configure_log(settings.log)
    from connectors.polygon.flatfiles import Kind, UnreachableFiles
    from connectors.polygon.importer import import_day
    from engine.cli.polygon import market_data, symbols_of, vendor_failed

    tickers = symbols_of(symbols, settings)
    days = _days(day, last)
    files = _files(settings, folder)
    store = market_data(settings)
    done: list[Imported] = []
    try:
        for one in days:
            with _bar(one) as advance:
                wanted = Kind.BARS if kind == "bars" else Kind.TRADES
                done.append(import_day(files, one, tickers, store, wanted, advance))
    except UnreachableFiles as error:
        raise vendor_failed(error) from None
    finally:
        store.close()
    _report(done, json)
    return _code(done)


def _days(first: str, last: str | None) -> list[date]:
    begin = _date("--date", first)
    end = begin if last is None else _date("--to", last)
    if end < begin:
        raise UserError(f"--to {end} is before --date {begin}")
    if last is None:
        return [begin]
    days = [begin + timedelta(days=n) for n in range((end - begin).days + 1)]
    return [one for one in days if one.weekday() < 5]


def _date(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError(f"{option} {text}: write YYYY-MM-DD") from None


def _files(settings: Settings, folder: Path | None) -> Files:
    from connectors.polygon.flatfiles import FolderFiles

    if folder is not None:
        if not folder.is_dir():
            raise UserError(f"--folder {folder}: there is no such folder")
        return FolderFiles(folder)
    from importlib.util import find_spec

    if find_spec("boto3") is None:
        raise UserError(
            "flat files need boto3; pip install -e '.[flatfiles]' in the engine's folder, or name a --folder of files"
        )
    from connectors.polygon.s3 import S3Files

    polygon = settings.polygon
    for value, name in ((polygon.flatfiles_access_key, "ACCESS"), (polygon.flatfiles_secret_key, "SECRET")):
        if value is None:
            raise UserError(
                f"the flat files need their own keys: set AUTOTRADER__POLYGON__FLATFILES_{name}_KEY in the "
                "environment or in .env, or name a --folder of files"
            )
    assert polygon.flatfiles_access_key is not None and polygon.flatfiles_secret_key is not None
    endpoint = polygon.flatfiles_endpoint or f"https://files.{polygon.domain}"
    return S3Files(
        endpoint, polygon.flatfiles_bucket,
        polygon.flatfiles_access_key.get_secret_value(), polygon.flatfiles_secret_key.get_secret_value(),
    )  # fmt: skip


@contextmanager
def _bar(day: date) -> Iterator[Any]:
    """A bar of bytes for each file; none in a pipe."""
    if not is_terminal(err().file):
        yield lambda file, done, size: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err(), transient=True) as progress:
        tasks: dict[FlatFile, Any] = {}

        def advance(file: FlatFile, done: int, size: int) -> None:
            if file not in tasks:
                tasks[file] = progress.add_task(f"{day} {file.cluster.value}", total=size)
            progress.update(tasks[file], completed=done)

        yield advance


def _report(done: list[Imported], as_json: bool) -> None:
    if as_json:
        print_json({
            "days": [
                {"date": one.day.isoformat(), "rows": one.rows, "unchanged": one.unchanged, "missing": one.missing,
                 "refused": one.refused}
                for one in done
            ]
        })  # fmt: skip
        return
    for one in done:
        rows = ", ".join(f"{symbol} {count}" for symbol, count in one.rows.items())
        there = f"; {one.unchanged} of them were there already" if one.unchanged else ""
        out().print(f"{one.day}: {rows} rows{there}")
        for words in (*one.missing, *one.refused):
            err().print(f"{one.day}: {words}")


def _code(done: list[Imported]) -> int:
    if any(one.refused for one in done):
        return ExitCode.VENUE
    return ExitCode.GOOD if any(any(one.rows.values()) for one in done) else ExitCode.NO
