"""``engine db``: make, check and back up the store, and list its alerts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from engine.cli.assemble import now_ns
from engine.cli.console import print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.kept import zone_of_books
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.stores import (
    ModeName,
    ModeOption,
    footer,
    market_of,
    mode_of,
    open_mode,
    store_of,
    stores_there,
    told,
)
from engine.report.trace_text import clock
from engine.settings import Settings, load_settings
from state import Mode, Place, Store, is_there, open_store
from state.marketdata import MarketData, open_market_data

UNITS_NS = {"s": 10**9, "m": 60 * 10**9, "h": 3_600 * 10**9, "d": 86_400 * 10**9}


def command(
    action: Annotated[
        Literal["init", "migrate", "check", "backup", "alerts"], typer.Argument(help="What to do with the store.")
    ],
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="backup: the new file to write.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="alerts: of the last 30m, 24h, 7d.  [default: all]")
    ] = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """init makes the store of a mode, or brings it up to date; migrate does that for every store that is there, for the
    paper store and for market data, and says what it took; check looks for anything wrong in the store, the ledger,
    orders, fills and inputs; backup copies it, also while an engine writes; alerts lists what a person should look at.
    """
    settings = load_settings(config)
    if (file is not None) != (action == "backup"):
        raise UserError(
            "`engine db backup` needs the file to write: engine db backup FILE"
            if action == "backup"
            else f"`engine db {action}` takes no file; the store is {store_of(settings, mode_of(mode))} (store.path)"
        )
    if since is not None and action != "alerts":
        raise UserError(f"--since is for `engine db alerts`; leave it out of `engine db {action}`")
    if action == "init":
        return _init(settings, mode, json)
    if action == "migrate":
        return _migrate(settings, mode, json)
    since_ns = 0 if since is None else now_ns() - _span(since)
    store = open_mode(settings, mode)
    if action == "alerts":
        return _alerts(settings, store, since_ns, mode, json)
    if file is not None:
        return _backup(store, file, json)
    return _check(store, json, market_of(settings) if mode is None else None)


def _init(settings: Settings, mode: ModeName | None, as_json: bool) -> int:
    store = open_store(store_of(settings, mode_of(mode)), mode_of(mode))
    if as_json:
        print_json(told(store))
    else:
        print(f"{store.path} is a {store.mode} store, up to date")
    return ExitCode.GOOD


def _migrate(settings: Settings, mode: ModeName | None, as_json: bool) -> int:
    """Doing it twice does nothing the second time."""
    if mode is not None:
        wanted = [mode_of(mode)]
    else:
        wanted = [Mode.PAPER, *(each for each, _ in stores_there(settings) if each is not Mode.PAPER)]
    found: list[tuple[str, Store | MarketData]] = [
        (str(each), open_store(store_of(settings, each), each)) for each in wanted
    ]
    if mode is None:
        found.append(("market data", open_market_data(market_of(settings))))
    for _, store in found:
        store.close()
    if as_json:
        rows = [{"store": str(store.path), "kind": kind, "migrated": list(store.migrated)} for kind, store in found]
        print_json({"stores": rows})
        return ExitCode.GOOD
    for kind, store in found:
        took = ", ".join(map(str, store.migrated))
        print(f"{store.path} ({kind}): {f'took migrations {took}' if took else 'up to date, nothing to do'}")
    return ExitCode.GOOD


def _check(store: Store, as_json: bool, market: Place | None) -> int:
    """``market``: where market data is kept, if it is to be looked at too."""
    problems = store.check()
    if market is not None and is_there(market):
        data = open_market_data(market)
        problems += [f"market data: {problem}" for problem in data.check()]
        data.close()
    if as_json:
        print_json({**told(store), "problems": problems})
    else:
        for problem in problems:
            print(problem)
        print(f"{store.path} ({store.mode}): {f'{len(problems)} problem(s)' if problems else 'sound'}")
    return ExitCode.NO if problems else ExitCode.GOOD


def _backup(store: Store, file: Path, as_json: bool) -> int:
    store.backup(file)
    problems: list[str] = []
    if isinstance(store.path, Path):  # a dump has been read through by the server's own tool
        copy = open_store(file)
        problems = copy.check()
        copy.close()
    if as_json:
        print_json({**told(store), "backup": file, "problems": problems})
    else:
        print(f"{store.path} ({store.mode}) copied to {file} ({file.stat().st_size / 1e6:.1f} MB)")
        for problem in problems:
            print(problem)
    return ExitCode.NO if problems else ExitCode.GOOD


def _alerts(settings: Settings, store: Store, since_ns: int, mode: ModeName | None, as_json: bool) -> int:
    found = store.alerts(since_ns=since_ns)
    if as_json:
        print_json({**told(store), "alerts": found})
        return ExitCode.GOOD
    zone = zone_of_books(store, {alert["book"] for alert in found}, settings.engine.timezone)
    for alert in found:
        print(f"{clock(alert['time_ns'], zone)} {alert['level']} {alert['kind']}: {alert['text']}")
    print(f"{len(found)} alert(s)")
    print(footer(settings, store, mode))
    return ExitCode.GOOD


def _span(text: str) -> int:
    """How long, in nanoseconds."""
    match = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if match is None:
        raise UserError(f"--since {text} is no length of time; write 30m, 24h or 7d")
    return int(match[1]) * UNITS_NS[match[2]]
