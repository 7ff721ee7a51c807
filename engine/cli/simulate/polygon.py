"""``engine simulate polygon``: a practice Polygon on loopback, with recorded or made-up prices at a chosen speed."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.errors import ExitCode, UserError
from engine.cli.options import JsonOption
from engine.cli.simulate.practice import FolderOption, folder_of, need_packages, secret, serve, show_rows, variables

if TYPE_CHECKING:
    from connectors.simulators.polygon.app import App
    from connectors.simulators.polygon.tape import Tape

KEY, TOKEN = "api.key", "control.token"


def command(
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="0 takes a free one.")] = 8801,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same prices and faults.")] = 7,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Serve recorded minutes, laid out as the flat files.")
    ] = None,
    symbols: Annotated[
        str | None, typer.Option("--symbols", metavar="A,B", help="What is traded.  [default: six, or all recorded]")
    ] = None,
    day: Annotated[
        str | None,
        typer.Option("--date", metavar="DATE", help="The market's day.  [default: the last weekday, or recorded day]"),
    ] = None,
    start: Annotated[str, typer.Option("--start", metavar="HH:MM", help="The market's time in New York.")] = "09:29",
    speed: Annotated[float, typer.Option("--speed", min=0.001, max=3600, help="Market seconds a second.")] = 1.0,
    fault: Annotated[
        str, typer.Option("--fault", metavar="SPEC", help="What goes wrong: 429@aggs:0.1,ws-close@a:%500")
    ] = "",
    refuse: Annotated[
        str, typer.Option("--refuse", metavar="A,B", help="Tickers and channels that the plan lacks: I:NDX,Q")
    ] = "",
    rate: Annotated[int, typer.Option("--rate", metavar="N", min=0, help="Requests a minute; 0 sets no limit.")] = 0,
    folder: FolderOption = None,
    json: JsonOption = False,
) -> int:
    """Run a practice Polygon on loopback until Ctrl-C. docs/practice-polygon.md says what it does."""
    need_packages()
    from connectors.simulators.clock import PracticeClock
    from connectors.simulators.faults import FaultSpecError
    from connectors.simulators.polygon.app import App
    from connectors.simulators.polygon.tape import TapeError
    from connectors.simulators.polygon.vendor import Options, Vendor

    try:
        tape = _tape(data, symbols, day, seed)
        start_ns = _start(tape, day, start)
        options = Options(seed=seed, refused=frozenset(_words(refuse)), per_minute=rate)
        with folder_of(folder, "polygon") as kept:
            vendor = Vendor(tape, PracticeClock(start_ns, speed), secret(kept, KEY), options, fault)
            _serve(App(vendor, secret(kept, TOKEN)), port, kept, json)
    except (FaultSpecError, TapeError) as error:
        raise UserError(str(error)) from None
    return ExitCode.GOOD


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _tape(data: Path | None, symbols: str | None, day: str | None, seed: int) -> Tape:
    from connectors.polygon.tickers import ticker_of
    from connectors.simulators.polygon.tape import DEFAULT_SYMBOLS, made_up, recorded
    from connectors.simulators.polygon.units import weekday_until

    tickers = [ticker_of(word) for word in _words(symbols or "")]
    if data is not None:
        return recorded(data, tickers)
    wanted = _date(day) if day is not None else weekday_until(datetime.now(UTC).date())
    return made_up(tickers or DEFAULT_SYMBOLS, wanted, seed)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError(f"--date {text}: write YYYY-MM-DD") from None


def _start(tape: Tape, day: str | None, start: str) -> int:
    from connectors.simulators.polygon.units import at

    hour, _, minute = start.partition(":")
    if not (hour.isdigit() and minute.isdigit() and int(hour) < 24 and int(minute) < 60):
        raise UserError(f"--start {start}: write HH:MM, such as 09:29")
    wanted = _date(day) if day is not None else tape.last_day
    if wanted > tape.last_day:
        raise UserError(f"--date {wanted}: the data ends on {tape.last_day}")
    return at(wanted, int(hour), int(minute))


def _serve(app: App, port: int, folder: Path, as_json: bool) -> None:
    def said(place: str) -> dict[str, Any]:
        return {
            "rest": f"http://{place}",
            "websocket": f"ws://{place}/stocks",
            "control": f"http://{place}/practice",
            "key_file": str(folder / KEY),
            "control_token_file": str(folder / TOKEN),
            "variables": variables(folder, "POLYGON", {"BASE_URL": f"http://{place}", "API_KEY": app.vendor.key}),
            "tickers": app.vendor.tape.tickers,
            "now_ns": app.vendor.now(),
            "speed": app.vendor.clock.speed,
        }

    serve(app, port, said, _show, as_json=as_json, dates=True)


def _show(said: Mapping[str, Any]) -> None:
    from connectors.simulators.polygon.units import local

    print("practice Polygon; Ctrl-C stops it")
    show_rows(said, ("rest", "websocket", "control", "key_file", "control_token_file"))
    print(f"{'websockets':18}  /stocks, /options and /indices")
    print(f"{'tickers':18}  {', '.join(said['tickers'])}")
    when = f"{local(said['now_ns']):%Y-%m-%d %H:%M} in New York"
    print(f"{'market time':18}  {when}, {said['speed']:g} times as fast")
    print(f"next, in another terminal:\n  . {shlex.quote(said['variables'])}\n  engine stream")
