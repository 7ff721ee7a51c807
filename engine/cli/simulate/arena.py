"""``engine simulate arena``: a practice leaderboard on loopback that shows recorded tables one after the other."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from time import time_ns
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from engine.cli.clock import nanos_of
from engine.cli.console import print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import ConfigOption, JsonOption
from engine.settings import load_settings

if TYPE_CHECKING:
    from connectors.arena.board import Board
    from connectors.simulators.arena.server import ArenaServer


def command(
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="0 takes a free one.")] = 8795,
    boards: Annotated[
        Path | None,
        typer.Option("--boards", metavar="FILE", help="Kept tables (.jsonl, .jsonl.gz).  [default: in arena.folder]"),
    ] = None,
    start: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day of tables, UTC.")
    ] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day of tables, UTC.")] = None,
    speed: Annotated[
        float | None, typer.Option("--speed", min=0.001, help="How many times as fast they come.  [default: 1]")
    ] = None,
    clock: Annotated[
        str | None,
        typer.Option("--clock", metavar="URL", help="A practice exchange whose date says which table is shown."),
    ] = None,
    layout: Annotated[
        Literal["2025", "winter", "now"], typer.Option("--layout", help="How the page looks; only `now` carries data.")
    ] = "now",
    fault: Annotated[
        str, typer.Option("--fault", metavar="SPEC", help="What goes wrong: 5xx@primary:0.1,wrong-slice:#3")
    ] = "",
    seed: Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same faults.")] = 7,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Run a practice leaderboard on loopback until Ctrl-C. docs/arena.md says what it does."""
    from connectors.simulators.arena.server import ArenaServer, Showing
    from connectors.simulators.faults import FaultSpecError

    chosen = _boards(boards, config, start, end)
    if clock is not None and speed is not None:
        raise UserError("--speed means nothing beside --clock, which says what day it is; leave one out")
    time = _clock_of(clock) if clock is not None else time_ns
    try:
        showing = Showing(chosen, speed or 1.0, layout, fault, seed, time, dated=clock is not None)
        server = ArenaServer(showing, port)
    except FaultSpecError as error:
        raise UserError(str(error)) from None
    except OSError as error:
        raise UserError(f"--port {port}: {error.strerror}; 0 takes a free one") from None
    _serve(server, chosen, json)
    return ExitCode.GOOD


def _boards(path: Path | None, config: Path | None, start: datetime | None, end: datetime | None) -> list[Board]:
    """The tables of the days asked for, and the one in force as they begin."""
    from connectors.arena.keep import read_boards
    from connectors.arena.source import BOARDS

    path = path or load_settings(config).arena.folder / BOARDS
    boards = read_boards(path)
    first = nanos_of(start) if start is not None else boards[0].seen_ns
    last = nanos_of(end + timedelta(days=1)) if end is not None else boards[-1].seen_ns + 1
    before = [board for board in boards if board.seen_ns < first][-1:]
    chosen = before + [board for board in boards if first <= board.seen_ns < last]
    if not chosen:
        raise UserError(f"{path} has no table of these days")
    return chosen


def _clock_of(address: str) -> Callable[[], int]:
    """The time of a practice exchange, asked for anew each time; UserError where nobody tells it."""
    import httpx

    from connectors.kalshi.hosts import loopback_hosts
    from connectors.kalshi.practice import clock_address
    from connectors.transport.loopback import HostError

    try:
        asked = clock_address(loopback_hosts(address))
    except HostError as error:
        raise UserError(f"--clock: {error}") from None
    client = httpx.Client(timeout=2.0, trust_env=False)
    last = [0]

    def now_ns() -> int:
        with suppress(httpx.HTTPError, ValueError, KeyError, TypeError):
            last[0] = time_ns() + int(client.get(asked).json()["ahead_ns"])
        return last[0]

    if not now_ns():
        raise UserError(f"--clock {address}: no practice exchange tells its time there (engine simulate kalshi)")
    return now_ns


def _serve(server: ArenaServer, boards: list[Board], as_json: bool) -> None:
    from connectors.arena.keep import iso

    primary, fallback = server.urls
    said: dict[str, Any] = {
        "primary": primary, "fallback": fallback, "tables": len(boards),
        "first": iso(boards[0].seen_ns), "last": iso(boards[-1].seen_ns),
    }  # fmt: skip
    with server:
        if as_json:
            print_json(said)
        else:
            print(f"practice leaderboard, {len(boards)} tables {said['first']} to {said['last']}; Ctrl-C stops it")
            print("next, in another terminal:")
            print(f"  export AUTOTRADER__ARENA__PRIMARY_URL={primary}")
            print(f"  export AUTOTRADER__ARENA__FALLBACK_URL={fallback}")
            print("  engine arena show")
        sys.stdout.flush()
        _until_told()


def _until_told() -> None:
    """Until an interrupt or a polite kill."""
    told = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.set())
    told.wait()
