"""``engine halt``: the kill switch."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.assemble import now_ns
from engine.cli.console import err, print_json
from engine.cli.errors import ExitCode
from engine.cli.options import ConfigOption, JsonOption
from engine.settings import load_settings
from state import StoreError, make_halt_file, open_store


def command(
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason, kept and shown.")] = "",
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Stop all entries on this store, of engines that run and of those to come, until `engine resume`.

    Exits, cancels and everything else that reduces go on. The file comes first: it works when the store does not.
    """
    path = load_settings(config).store.path
    file = make_halt_file(path, why)
    trouble = ""
    try:
        store = open_store(path)
        store.halts.halt(why, now_ns())
        store.close()
    except StoreError as error:
        trouble = str(error)
    if json:
        print_json({"halted": True, "file": file, "reason": why, "store_error": trouble or None})
        return ExitCode.GOOD
    print(f"entries are halted ({file}); exits and cancels go on; `engine resume` lifts it")
    if trouble:
        err().print(f"only the file says so, because the store could not be written: {trouble}")
    return ExitCode.GOOD
