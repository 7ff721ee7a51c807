"""``engine db``: make, check and back up the store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from engine.cli.console import print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import ConfigOption, JsonOption
from engine.settings import Settings, load_settings
from state import Mode, Store, open_store


def command(
    action: Annotated[Literal["init", "check", "backup"], typer.Argument(help="What to do with the store.")],
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="backup: the new file to write.")] = None,
    mode: Annotated[
        Literal["paper", "demo", "live"] | None,
        typer.Option("--mode", help="init: whose money it is about.  [default: the mode of the settings]"),
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """init makes the store, or brings one up to date, for one mode; check looks for anything wrong in the file, the
    ledger, orders, fills and inputs; backup copies it, also while an engine writes.
    """
    settings = load_settings(config)
    if (file is not None) != (action == "backup"):
        raise UserError(
            "`engine db backup` needs the file to write: engine db backup FILE"
            if action == "backup"
            else f"`engine db {action}` takes no file; the store is {settings.store.path} (store.path)"
        )
    if mode is not None and action != "init":
        raise UserError(f"`engine db {action}` takes no --mode; a store has the one that it was made for")
    if action == "init":
        return _init(settings, mode, json)
    store = open_store(settings.store.path, create=False)
    return _check(store, json) if file is None else _backup(store, file, json)


def _init(settings: Settings, mode: str | None, as_json: bool) -> int:
    store = open_store(settings.store.path, Mode(mode or settings.engine.mode))
    if as_json:
        print_json({"store": store.path, "mode": store.mode})
    else:
        print(f"{store.path} is a {store.mode} store, up to date")
    return ExitCode.GOOD


def _check(store: Store, as_json: bool) -> int:
    problems = store.check()
    if as_json:
        print_json({"store": store.path, "mode": store.mode, "problems": problems})
    else:
        for problem in problems:
            print(problem)
        print(f"{store.path}: {f'{len(problems)} problem(s)' if problems else 'sound'}")
    return ExitCode.NO if problems else ExitCode.GOOD


def _backup(store: Store, file: Path, as_json: bool) -> int:
    store.backup(file)
    copy = open_store(file)
    problems = copy.check()
    copy.close()
    if as_json:
        print_json({"store": store.path, "backup": file, "problems": problems})
    else:
        print(f"{store.path} copied to {file} ({file.stat().st_size / 1e6:.1f} MB)")
        for problem in problems:
            print(problem)
    return ExitCode.NO if problems else ExitCode.GOOD
