"""``engine halt``: the kill switch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.assemble import now_ns
from engine.cli.console import err, print_json
from engine.cli.errors import ExitCode
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.stores import ModeName, open_mode, store_of
from engine.settings import Settings, load_settings
from state import Mode, StoreError, is_there, make_halt_file, open_store


def command(
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, kept and shown.")] = "",
    mode: Annotated[
        ModeName | None,
        typer.Option("--mode", help="Halt only the store of this mode.  [default: everything in this folder]"),
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Stop all entries, of engines that run and of those to come, until `engine resume`: of paper, demo and live alike.

    Exits, cancels and everything else that reduces go on. The file HALT comes first: it stops every store beside it,
    and works when a store does not.
    """
    settings = load_settings(config)
    if mode is not None:
        return _halt_one(settings, mode, why, json)
    file, stores = halt_everything(settings, why)
    tell_of_halts(settings, "halted", f"entries of everything beside {file} are halted: {why or 'no reason said'}")
    if json:
        print_json({"halted": True, "file": file, "reason": why, "stores": stores})
        return ExitCode.GOOD
    names = ", ".join(f"{one['mode']} ({one['store']})" for one in stores) or "every store to come"
    print(f"entries are halted: {names}, by {file}; exits and cancels go on; `engine resume` lifts it")
    for one in stores:
        if one["error"]:
            err().print(f"only {file} halts {one['mode']}, because its store could not be written: {one['error']}")
    return ExitCode.GOOD


def halt_everything(settings: Settings, why: str) -> tuple[Path, list[dict[str, Any]]]:
    """Stop entries of every store of the folder; the file, and each store with what went wrong there."""
    file = make_halt_file(settings.store.path, why)
    stores: list[dict[str, Any]] = []
    for each in Mode:
        path, trouble = store_of(settings, each), None
        try:
            if not is_there(path):
                continue
            store = open_store(path)
            store.halts.halt(why, now_ns())
            store.close()
        except StoreError as error:
            trouble = str(error)
        stores.append({"mode": each, "store": str(path), "error": trouble})
    return file, stores


def tell_of_halts(settings: Settings, title: str, text: str) -> None:
    """Tell people, when any are to be told; to be called when all is done."""
    if settings.notify.urls is None and settings.discord.webhook_url is None:
        return  # decided here, because notices take a quarter of a second to import
    from connectors.notify.outbox import Kind
    from engine.cli.notices import tell_people

    tell_people(settings, Kind.HALTS, title, text)


def _halt_one(settings: Settings, mode: ModeName, why: str, as_json: bool) -> int:
    """Only this store; the file would stop the others too."""
    try:
        store = open_mode(settings, mode)
    except StoreError as error:
        raise type(error)(f"{error}; `engine halt` without --mode needs no store") from None
    store.halts.halt(why, now_ns())
    store.close()
    tell_of_halts(settings, "halted", f"entries of {mode} ({store.path}) are halted: {why or 'no reason said'}")
    if as_json:
        stores = [{"mode": mode, "store": str(store.path), "error": None}]
        print_json({"halted": True, "file": None, "reason": why, "stores": stores})
    else:
        print(
            f"entries are halted: {mode} ({store.path}) alone; exits and cancels go on; `engine resume --mode {mode}` "
            "lifts it"
        )
    return ExitCode.GOOD
