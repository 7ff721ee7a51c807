"""``engine orders``: the orders of a run, or those of its account that are open, from the store."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import typer

from engine.cli.console import print_columns, print_json
from engine.cli.errors import ExitCode
from engine.cli.kept import zone_of_books, zone_of_runs
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.stores import ModeOption, footer, newest_run, open_mode, told
from engine.cli.venues import BooksOption
from engine.report.trace_text import clock
from engine.settings import load_settings
from state import decides

SHOWN_ID = 8


def command(
    run: Annotated[str | None, typer.Option("--run", help="The run; by default the newest.")] = None,
    only_open: Annotated[
        bool, typer.Option("--open", help="Orders of the run's account that may still trade, of whichever run.")
    ] = False,
    symbol: Annotated[str | None, typer.Option("--symbol", help="Only orders of this symbol.")] = None,
    venue: BooksOption = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """List orders: what was wanted, what filled, and where each stands. `engine why ORDER` explains one."""
    settings = load_settings(config)
    store = open_mode(settings, mode)
    found = newest_run(store, run, venue)
    book = found["book"]
    rows = store.open_orders(book) if only_open else store.orders(found["id"])
    rows = [row for row in rows if symbol in (None, row["symbol"])]
    if json:
        print_json({**told(store), "run": found["id"], "book": book, "orders": rows})
        return ExitCode.GOOD
    if rows:
        otherwise = settings.engine.timezone
        zone = zone_of_books(store, {book}, otherwise) if only_open else zone_of_runs(store, [found], otherwise)
        header = [f"time ({zone})", "order", "leg", "order of", "symbol", "price", "filled", "state", "rule"]
        print_columns([header, *(_cells(row, zone) for row in rows)])
    what = "open order(s)" if only_open else "order(s)"
    why = "" if decides(found) else ", a reading of the account by `engine reconcile`, which orders nothing"
    print(f"{len(rows)} {what} of run {found['id']}{why}")
    print(footer(settings, store, mode, found))
    return ExitCode.GOOD


def _cells(row: dict[str, Any], timezone: str) -> list[str]:
    prices = (f"{name} {_number(row[f'{name}_price'])}" for name in ("limit", "stop") if row[f"{name}_price"])
    state = f"{row['state']} ({row['ending']})" if row["ending"] else row["state"]
    return [
        clock(row["created_ns"], timezone), row["client_id"][:SHOWN_ID], row["leg"],
        f"{row['side']} {_number(row['quantity'])}", row["symbol"], " ".join(prices) or row["type"],
        _number(row["filled"]), state, row["rule"],
    ]  # fmt: skip


def _number(text: str) -> str:
    return f"{Decimal(text).normalize():f}"
