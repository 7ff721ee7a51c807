"""``engine capture``: keep what a venue's feed tells in a file, look into such a file, or export it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from engine.cli.errors import UserError
from engine.cli.log import configure_log
from engine.cli.options import ConfigOption, ExchangeOption, JsonOption
from engine.cli.venues import DEFAULT, VenueName
from engine.settings import load_settings

INTERVAL_SECONDS = 30.0


def command(
    action: Annotated[
        Literal["info", "export"] | None, typer.Argument(help="Of a capture that is there: look into it, or export it.")
    ] = None,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="info, export: the capture.")] = None,
    venue: Annotated[
        VenueName | None, typer.Option("--venue", help=f"Which venue's market.  [default: {DEFAULT}]")
    ] = None,
    target: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The capture to write; export: the folder.")
    ] = None,
    cycles: Annotated[
        int | None, typer.Option("--cycles", metavar="N", min=1, help="Stop after N cycles; without it, at Ctrl-C.")
    ] = None,
    interval: Annotated[
        float | None,
        typer.Option("--interval", metavar="S", min=0.1, help="Seconds in a cycle, at whose end counts are shown; 30."),
    ] = None,
    pack: Annotated[
        list[str] | None, typer.Option("--pack", help="The markets of this pack; may be repeated.")
    ] = None,
    symbols: Annotated[
        list[str] | None, typer.Option("--symbols", help="These markets; repeat or use commas.")
    ] = None,
    series: Annotated[
        list[str] | None, typer.Option("--series", help="Every open market of these series; repeat or use commas.")
    ] = None,
    exchange: ExchangeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """`engine capture --out FILE` follows a venue's market and keeps what it tells and the signals beside it, until
    Ctrl-C or for some cycles. A FILE that is there is added to. No order is ever sent.

    `engine capture info FILE` counts what is in it, and finds gaps and damage. `engine capture export FILE --out DIR`
    writes it as Parquet.
    """
    if action is None:
        if target is None:
            raise UserError("name the file to write: engine capture --out FILE")
        settings = load_settings(config, {f"{venue or DEFAULT}.base_url": exchange})
        configure_log(settings.log)
        from engine.cli.capture.follow import Wanted, capture  # late: it brings the venue's libraries

        wanted = Wanted(tuple(pack or ()), _words(symbols), _words(series))
        return capture(settings, venue or DEFAULT, target, wanted, cycles, interval or INTERVAL_SECONDS, json)
    given = {"--cycles": cycles, "--interval": interval, "--pack": pack, "--symbols": symbols, "--series": series,
             "--exchange": exchange, "--venue": venue}  # fmt: skip
    wrong = [name for name, value in given.items() if value is not None]
    if wrong:
        raise UserError(f"`engine capture {action}` takes no {wrong[0]}; it reads a file that is there")
    if file is None:
        raise UserError(f"name the capture: engine capture {action} FILE")
    from engine.cli.capture.info import export, info

    if action == "info":
        if target is not None:
            raise UserError("`engine capture info` takes no --out; it only reads")
        return info(file, json)
    if target is None:
        raise UserError(f"name the folder to write: engine capture export {file} --out DIR")
    return export(file, target, json)


def _words(given: list[str] | None) -> tuple[str, ...]:
    words = [word.strip() for text in given or [] for word in text.split(",")]
    return tuple(dict.fromkeys(word for word in words if word))
