"""``engine report performance``: what was traded on an account, and what it came to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import out, print_json
from engine.cli.errors import ExitCode
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.report.account import account_of
from engine.cli.stores import store_of
from engine.cli.whole import refuse_unwritable, write_whole
from engine.report.performance import performance_tables, render_performance
from engine.report.tables import print_table
from engine.research.performance import to_json
from engine.settings import load_settings
from state import open_store

StoreOption = Annotated[
    Path | None, typer.Option("--store", metavar="FILE", help="The store.  [default: store.path of the settings]")
]


def command(
    run: Annotated[
        str | None, typer.Option("--run", help="A run; its account is reported on.  [default: the newest]")
    ] = None,
    store_file: StoreOption = None,
    page: Annotated[Path | None, typer.Option("--html", metavar="OUT", help="Write one page with charts.")] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Report on an account: trades, expectancy, drawdown, costs, by ticker, event, strategy and exit reason."""
    settings = load_settings(config)
    refuse_unwritable(page, "--html")
    store = open_store(store_file or store_of(settings), create=False)
    try:
        account = account_of(store, run, settings.engine.timezone)
    finally:
        store.close()
    if page is not None:
        write_whole(page, render_performance(account))
    if json:
        print_json(to_json(account))
        return ExitCode.GOOD
    for table in performance_tables(account):
        print_table(table, out())
    if page is not None:
        out().print(f"page written to {page}")
    return ExitCode.GOOD
