"""``engine simulate tradier``: a practice Tradier on loopback, with made-up or recorded prices at a chosen speed."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.errors import ExitCode, UserError
from engine.cli.options import JsonOption
from engine.cli.simulate.practice import (
    FolderOption,
    folder_of,
    keep,
    need_packages,
    secret,
    serve,
    show_rows,
    variables,
)

if TYPE_CHECKING:
    from connectors.polygon.practice import MarketClock
    from connectors.simulators.tradier.prices import World
    from connectors.simulators.tradier.server import Practice

READ_LAG_MS = 60  # measured: new orders are listed after 50 to 75 ms
SPEED_MOST = 3600.0
TOKEN = "token"


def command(
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="0 takes a free one.")] = 8791,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same prices and faults.")] = 7,
    day: Annotated[
        str | None,
        typer.Option("--date", metavar="DATE", help="The market's day.  [default: the last trading day, or recorded]"),
    ] = None,
    start: Annotated[str, typer.Option("--start", metavar="HH:MM", help="The market's time in New York.")] = "09:29",
    speed: Annotated[float, typer.Option("--speed", min=0.0, max=SPEED_MOST, help="Market seconds a second.")] = 1.0,
    clock: Annotated[
        str | None,
        typer.Option("--clock", metavar="URL", help="Time and speed of a practice Polygon: http://127.0.0.1:8801."),
    ] = None,
    replay: Annotated[
        Path | None, typer.Option("--replay", metavar="FILE", help="Minute bars: ticker,t_ms_utc,o,h,l,c,v (CSV).")
    ] = None,
    fault: Annotated[
        str, typer.Option("--fault", metavar="SPEC", help="What goes wrong: timeout@create:0.05,ws-lose@account:0.01")
    ] = "",
    cash: Annotated[float, typer.Option("--cash", min=0.0, help="Dollars of the account.")] = 100_000.0,
    commission: Annotated[
        float, typer.Option("--commission", metavar="DOLLARS", min=0.0, help="What an order that trades costs.")
    ] = 0.0,
    read_lag: Annotated[
        int, typer.Option("--read-lag", metavar="MS", min=0, help="How far reads of the account are behind.")
    ] = READ_LAG_MS,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Leave out what the sandbox does: market stream, greeks, indices, ticks.")
    ] = False,
    unlimited: Annotated[bool, typer.Option("--unlimited", help="No rate limits.")] = False,
    folder: FolderOption = None,
    json: JsonOption = False,
) -> int:
    """Run a practice Tradier on loopback until Ctrl-C. docs/practice-tradier.md says what it does."""
    need_packages()
    from connectors.simulators.faults import FaultSpecError
    from connectors.simulators.tradier.prices import Seeded, Taped, TapeError
    from connectors.simulators.tradier.server import Practice, Setup
    from connectors.simulators.tradier.venue import Options

    try:
        world: World = Seeded(seed) if replay is None else Taped(replay)
        options = Options(
            seed=seed, cash=Decimal(repr(cash)), read_lag_ms=read_lag, unlimited=unlimited, sandbox=sandbox,
            commission=Decimal(repr(commission)),
        )  # fmt: skip
        if clock is None:
            begins, began = _begin(day, start, world.days[0] if isinstance(world, Taped) else None), None
        else:
            told = _clock_of(clock)
            begins, began, speed = told.start_ns, told.began, told.speed
        with folder_of(folder, "tradier") as kept:
            token = secret(kept, TOKEN)
            practice = Practice(Setup(begins, speed, options, world, fault, token, began=began))
            _serve(practice, port, kept, json)
    except (FaultSpecError, TapeError) as error:
        raise UserError(str(error)) from None
    return ExitCode.GOOD


def _clock_of(address: str) -> MarketClock:
    """The clock of the practice Polygon there, which is the clock here from now on."""
    import asyncio

    from connectors.polygon.errors import PolygonError
    from connectors.polygon.hosts import loopback_hosts
    from connectors.polygon.practice import market_clock
    from connectors.transport.loopback import HostError

    try:
        return asyncio.run(market_clock(loopback_hosts(address)))
    except HostError as error:
        raise UserError(f"--clock {error}") from None
    except PolygonError as error:
        raise UserError(f"--clock {address}: {error}", ExitCode.VENUE) from None


def _begin(day: str | None, start: str, recorded: date | None) -> int:
    """The instant at which the practice begins, UTC nanoseconds."""
    from connectors.simulators.tradier.prices import NANOS, ZONE, regular_hours, trading_day_before

    today = datetime.fromtimestamp(time.time(), UTC).astimezone(ZONE).date()
    try:
        chosen = date.fromisoformat(day) if day is not None else recorded or trading_day_before(today)
    except ValueError:
        raise UserError(f"--date {day}: write it as 2026-11-20") from None
    if regular_hours(chosen) is None:
        raise UserError(f"--date {chosen}: the market is closed on that day; {trading_day_before(chosen)} is open")
    try:
        wall = datetime.strptime(start, "%H:%M").replace(year=chosen.year, month=chosen.month, day=chosen.day)
    except ValueError:
        raise UserError(f"--start {start}: write it as 09:29") from None
    return int(wall.replace(tzinfo=ZONE).timestamp()) * NANOS


def _serve(practice: Practice, port: int, folder: Path, as_json: bool) -> None:
    venue = practice.venue

    def said(place: str) -> dict[str, Any]:
        values = {"BASE_URL": f"http://{place}", "ACCOUNT_ID": venue.account, "ACCESS_TOKEN": practice.token}
        return {
            "rest": f"http://{place}/v1", "control": f"http://{place}/practice", "account": venue.account,
            "token_file": str((folder / TOKEN).absolute()),
            "control_token_file": keep(folder, "control.token", practice.app.control.token),
            "variables": variables(folder, "TRADIER", values), "symbols": venue.director.listed,
            "speed": venue.clock.speed,
        }  # fmt: skip

    serve(practice.app, port, said, _show, as_json=as_json)


def _show(said: Mapping[str, Any]) -> None:
    print(f"practice Tradier, {said['speed']:g} market seconds a second; Ctrl-C stops it")
    show_rows(said, ("rest", "control", "account", "token_file", "control_token_file"))
    print(f"{'symbols':18}  {', '.join(said['symbols'])}")
    print(f"next, in another terminal:\n  . {shlex.quote(said['variables'])}\n  engine run --venue tradier")
    print("a folder with a pack for it: engine init practice --venue tradier")
