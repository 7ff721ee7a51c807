"""``engine simulate polygon``: a practice Polygon on loopback, with recorded or made-up prices at a chosen speed."""

from __future__ import annotations

import shlex
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.console import print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import JsonOption

if TYPE_CHECKING:
    from connectors.simulators.polygon.app import App
    from connectors.simulators.polygon.tape import Tape

TOKEN_BYTES = 24


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
    folder: Annotated[
        Path | None,
        typer.Option("--folder", metavar="DIR", help="Where the key goes, or is.  [default: a temporary folder]"),
    ] = None,
    json: JsonOption = False,
) -> int:
    """Run a practice Polygon on loopback until Ctrl-C. docs/practice-polygon.md says what it does."""
    _need_packages()
    from connectors.simulators.kalshi.faults import FaultSpecError
    from connectors.simulators.polygon.app import App
    from connectors.simulators.polygon.clock import RunningClock
    from connectors.simulators.polygon.tape import TapeError
    from connectors.simulators.polygon.vendor import Options, Vendor

    try:
        tape = _tape(data, symbols, day, seed)
        start_ns = _start(tape, day, start)
        options = Options(seed=seed, refused=frozenset(_words(refuse)), per_minute=rate)
        with ExitStack() as stack:
            if folder is None:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="practice-polygon-")))
            vendor = Vendor(tape, RunningClock(start_ns, speed), _secret(folder, "api.key"), options, fault)
            _serve(App(vendor, _secret(folder, "control.token")), port, folder, json)
    except (FaultSpecError, TapeError) as error:
        raise UserError(str(error)) from None
    return ExitCode.GOOD


def _need_packages() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("uvicorn", "websockets") if find_spec(name) is None]
    if missing:
        raise UserError(f"the practice vendor needs {', '.join(missing)}; pip install 'autotrader[simulators]'")


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


def _secret(folder: Path, name: str) -> str:
    """What an earlier vendor left in the folder, else a new one, readable by its owner alone."""
    import secrets

    path = folder / name
    try:
        if path.exists():
            return path.read_text(encoding="ascii").strip()
        made = secrets.token_urlsafe(TOKEN_BYTES)
        _write(path, made)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--folder {folder}: {name}: {error}") from None
    return made


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text, encoding="ascii")


def _serve(app: App, port: int, folder: Path, as_json: bool) -> None:
    from connectors.simulators.serving import LOOPBACK, listen, run

    try:
        listening = listen(port)
    except OSError as error:
        raise UserError(f"--port {port}: {error.strerror}; 0 takes a free one") from None
    with listening:
        root = f"{LOOPBACK}:{listening.getsockname()[1]}"
        variables = folder / "env"
        values = {"BASE_URL": f"http://{root}", "API_KEY": app.vendor.key}
        _write(variables, "".join(f"export AUTOTRADER__POLYGON__{k}={shlex.quote(v)}\n" for k, v in values.items()))
        said = {
            "rest": f"http://{root}",
            "websocket": f"ws://{root}/stocks",
            "control": f"http://{root}/practice",
            "key_file": str(folder / "api.key"),
            "control_token_file": str(folder / "control.token"),
            "variables": str(variables.absolute()),
            "tickers": app.vendor.tape.tickers,
            "now_ns": app.vendor.now(),
            "speed": app.vendor.clock.speed,
        }
        run(app, listening, lambda: _announce(said, as_json), dates=True)


def _announce(said: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(said)
    else:
        from connectors.simulators.polygon.units import local

        print("practice Polygon; Ctrl-C stops it")
        for name in ("rest", "websocket", "control", "key_file", "control_token_file"):
            print(f"{name.replace('_', ' '):18}  {said[name]}")
        print(f"{'websockets':18}  /stocks, /options and /indices")
        print(f"{'tickers':18}  {', '.join(said['tickers'])}")
        when = f"{local(said['now_ns']):%Y-%m-%d %H:%M} in New York"
        print(f"{'market time':18}  {when}, {said['speed']:g} times as fast")
        print(f"next, in another terminal:\n  . {shlex.quote(said['variables'])}\n  engine stream")
    sys.stdout.flush()
