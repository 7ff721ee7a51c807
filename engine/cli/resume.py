"""``engine resume``: lifts halts."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from engine.cli.assemble import now_ns
from engine.cli.console import err, print_json
from engine.cli.errors import ExitCode
from engine.cli.halt import tell_of_halts
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.stores import ModeName, open_mode, store_of
from engine.settings import Settings, load_settings
from state import Mode, Store, StoreError, is_there, open_store, remove_halt_file


def command(
    mode: Annotated[
        ModeName | None,
        typer.Option("--mode", help="Lift only the halts of this mode's store.  [default: everything in this folder]"),
    ] = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Let entries go on: lifts halts of people and of guards in paper, demo and live stores, and removes the file HALT.

    With --mode the file stays, because it stops the other modes too. A guard whose condition still does not hold stops
    entries again at the next order. Exit code 1: something still halts; 2: a store could not be written.
    """
    settings = load_settings(config)
    now = now_ns()
    lifted: list[dict[str, Any]] = []
    troubles: list[str] = []
    names: list[str] = []
    if mode is not None:
        store = open_mode(settings, mode)
        lifted += _lift(store, now)
        standing = store.halts.look().operator
        names = [f"{mode} ({store.path})"]
        store.close()
    else:
        standing = ""
        names, lifted, troubles = resume_everything(settings, now)
    if lifted:
        told = "; ".join(f"{halt['by']}: {halt['reason']} ({halt['mode']})" for halt in lifted)
        still = f"; the file HALT still halts them: {standing}" if standing else ""
        tell_of_halts(settings, "halts lifted" if standing else "resumed", f"lifted: {told}{still}")
    if json:
        print_json({"halted": bool(standing or troubles), "lifted": lifted, "stores": names, "troubles": troubles})
    else:
        for halt in lifted:
            print(f"lifted: {halt['by']}: {halt['reason']} ({halt['mode']})")
        for trouble in troubles:
            err().print(trouble)
        _print_end(names, lifted, standing)
    return ExitCode.USAGE if troubles else ExitCode.NO if standing else ExitCode.GOOD


def resume_everything(settings: Settings, now: int) -> tuple[list[str], list[dict[str, Any]], list[str]]:
    """Lift every halt of the folder: the stores' names, what was lifted, and what went wrong."""
    names: list[str] = []
    lifted: list[dict[str, Any]] = []
    troubles: list[str] = []
    for each in Mode:
        path = store_of(settings, each)
        try:
            if not is_there(path):
                continue
            store = open_store(path)
            lifted += _lift(store, now)
            store.close()
            names.append(f"{each} ({path})")
        except StoreError as error:
            troubles.append(f"{each} is as it was: {error}")
    said = remove_halt_file(settings.store.path)
    if said:
        lifted.append({"time_ns": None, "by": "the file HALT", "book": "", "reason": said, "mode": "every mode"})
    return names, lifted, troubles


def _lift(store: Store, now: int) -> list[dict[str, Any]]:
    return [{**halt, "mode": store.mode} for halt in store.halts.resume(now, keep_file=True)]


def _print_end(names: list[str], lifted: list[dict[str, Any]], standing: str) -> None:
    of = f" of {', '.join(names)}" if names else ""
    if standing:
        print(f"entries{of} are still halted by the file HALT ({standing}), which is for every mode: `engine resume`")
    else:
        print(f"{'' if lifted else 'nothing was halted; '}entries{of} may go on")
