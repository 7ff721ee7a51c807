"""``engine replay``: a capture decided on with a paper broker, or a kept run decided again and compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.errors import UserError
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.replay_run import replay_run
from engine.cli.stores import ModeOption
from engine.settings import load_settings


def command(
    what: Annotated[
        str | None,
        typer.Argument(metavar="[FILE|RUN]", help="A capture file, or a run's id; by default the newest run."),
    ] = None,
    pack: Annotated[
        list[str] | None, typer.Option("--pack", help="Of a capture: this pack only; may be repeated.")
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="RULE.NAME=VALUE", help="Of a capture: another value of a parameter."),
    ] = None,
    symbols: Annotated[
        list[str] | None, typer.Option("--symbols", help="Of a capture: these markets instead of the pack's.")
    ] = None,
    session: Annotated[
        int | None, typer.Option("--session", metavar="N", min=1, help="Of a capture: its Nth session alone.")
    ] = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """FILE, made by `engine capture` or `engine run --capture`: run today's rules over it with the paper broker. With
    the rules and settings of the run that was captured, every decision must come out the same.

    RUN: decide a run of the store again, by the rules, parameters and inputs kept there; today's files do not count.

    Exit code 1: it came out otherwise.
    """
    settings = load_settings(config)
    if what is not None and _is_file(what):
        from engine.cli.replay_capture import replay_capture

        return replay_capture(settings, Path(what), pack or [], param or [], symbols, session, json)
    if pack or param or symbols or session:
        where = f"`{what}` is no file" if what is not None else "name its file"
        raise UserError(f"--pack, --param, --symbols and --session are for a capture: {where}")
    return replay_run(settings, what, mode, json)


def _is_file(what: str) -> bool:
    """A path is told from a run's id by being there, or by looking like one."""
    return Path(what).exists() or "/" in what or what.endswith(".cap")
