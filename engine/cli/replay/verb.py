"""``engine replay``: a capture decided on with a paper broker, or a kept run decided again and compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.errors import UserError
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.replay.run import replay_run
from engine.cli.stores import ModeOption
from engine.settings import load_settings

SIGNALS = "signals"
LIMIT, HORIZON_MINUTES = 200, 30.0


def command(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE|RUN|signals]",
            help="A capture file, or a run's id; by default the newest run. Or `signals`: what came after them.",
        ),
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
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Of signals: the last so many.  [default: 200]")
    ] = None,
    horizon: Annotated[
        float | None,
        typer.Option("--horizon", metavar="MINUTES", min=0.1, help="Of signals: how long after each.  [default: 30]"),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help="Of signals: recorded prices instead of what their runs saw."),
    ] = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """FILE, made by `engine capture` or `engine run --capture`: run today's rules over it with the paper broker. With
    the rules and settings of the run that was captured, every decision must come out the same.

    RUN: decide a run of the store again, by the rules, parameters and inputs kept there; today's files do not count.

    signals: how prices went on after the last signals of the event log, by setup and by what became of them.

    Exit code 1: it came out otherwise, or there are no signals.
    """
    settings = load_settings(config)
    for_signals = {"--limit": limit, "--horizon": horizon, "--data": data}
    if what == SIGNALS:
        from engine.cli.signals.summary import replay_signals

        return replay_signals(settings, limit or LIMIT, horizon or HORIZON_MINUTES, data, json)
    given = [name for name, value in for_signals.items() if value is not None]
    if given:
        raise UserError(f"{given[0]} is for `engine replay signals`")
    if what is not None and _is_file(what):
        from engine.cli.replay.capture import replay_capture

        return replay_capture(settings, Path(what), pack or [], param or [], symbols, session, json)
    if pack or param or symbols or session:
        where = f"`{what}` is no file" if what is not None else "name its file"
        raise UserError(f"--pack, --param, --symbols and --session are for a capture: {where}")
    return replay_run(settings, what, mode, json)


def _is_file(what: str) -> bool:
    """A path is told from a run's id by being there, or by looking like one."""
    return Path(what).exists() or "/" in what or what.endswith(".cap")
