"""``engine simulate``: a practice venue on loopback, to try a strategy or a client against without money."""

from __future__ import annotations

import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli import simulate_arena, simulate_polygon, simulate_tradier, together
from engine.cli.clock import TIMES, nanos_of
from engine.cli.console import print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import JsonOption

if TYPE_CHECKING:
    from connectors.simulators.kalshi.scenario import Document
    from connectors.simulators.kalshi.server import Credentials, Practice, Setup

READ_LAG_MS = 400  # what a recorded session saw
SHOWN_MARKETS = 20
PRACTICE_PACK = Path("rules/practice/pack.yaml")  # as `engine init --venue kalshi` lays it out


app = typer.Typer(add_completion=False, no_args_is_help=True)
app.command("arena")(simulate_arena.command)
app.command("polygon")(simulate_polygon.command)
app.command("tradier")(simulate_tradier.command)


@app.command("kalshi")
def kalshi(
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="0 takes a free one.")] = 8790,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same traders and faults.")] = 7,
    markets: Annotated[
        list[Path] | None,
        typer.Option(
            "--markets", metavar="FILE", help="Markets to list, as GET /markets answers them; may be repeated."
        ),
    ] = None,
    begin: Annotated[
        datetime | None,
        typer.Option("--begin", formats=TIMES, help="The exchange's time when it starts, UTC.  [default: now]"),
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option(
            "--replay", metavar="FILE", help="A tape: candles (.csv), trades or quotes (.json), frames (.jsonl)."
        ),
    ] = None,
    speed: Annotated[
        float | None, typer.Option("--speed", min=0.001, help="How many times as fast a tape plays.  [default: 1]")
    ] = None,
    fault: Annotated[
        str, typer.Option("--fault", metavar="SPEC", help="What goes wrong: timeout@create:0.05,ws-lose:0.01")
    ] = "",
    keys: Annotated[
        Path | None, typer.Option("--keys", metavar="FILE", help="Public keys to let in, instead of new ones.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder", metavar="DIR", help="Where keys go, or are since last time.  [default: a temporary folder]"
        ),
    ] = None,
    read_lag: Annotated[
        int, typer.Option("--read-lag", metavar="MS", min=0, help="How far reads of the portfolio are behind.")
    ] = READ_LAG_MS,
    maintenance: Annotated[
        bool, typer.Option("--maintenance/--no-maintenance", help="Pause trading on Thursdays, 03:00-05:00 New York.")
    ] = True,
    json: JsonOption = False,
) -> int:
    """Run a practice exchange on loopback until Ctrl-C. docs/practice-exchange.md says what it does."""
    together.check(together.SIMULATE, {"--speed": speed is not None, "--replay": replay is not None})
    _need_packages()
    from connectors.simulators.kalshi.faults import FaultSpecError
    from connectors.simulators.kalshi.keys import KeyFileError
    from connectors.simulators.kalshi.scenario import ScenarioError
    from connectors.simulators.kalshi.server import Practice
    from connectors.simulators.kalshi.world.tape import TapeError

    try:
        setup = _setup(seed, markets or [], begin, replay, speed or 1.0, fault, keys, read_lag, maintenance)
        practice = Practice(setup)
    except (FaultSpecError, KeyFileError, ScenarioError, TapeError) as error:
        raise UserError(str(error)) from None
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="practice-kalshi-")))
        made = [] if keys is not None else _keys(practice, folder)
        _serve(practice, port, folder, made, json)
    return ExitCode.GOOD


def _need_packages() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("uvicorn", "websockets", "cryptography") if find_spec(name) is None]
    if missing:
        raise UserError(f"the practice exchange needs {', '.join(missing)}; pip install 'autotrader[simulators]'")


def _keys(practice: Practice, folder: Path) -> list[Credentials]:
    """The keys that an earlier exchange left in ``folder``, else two new ones."""
    from connectors.simulators.kalshi.keys import KeyFileError, keys_in

    try:
        there = keys_in(folder)
    except KeyFileError as error:
        raise UserError(f"--folder: {error}") from None
    if there:
        return [practice.take_key(key_id, key) for key_id, key in there.items()]
    return [practice.make_key(kind) for kind in ("rsa", "ed25519")]


def _setup(
    seed: int, markets: Sequence[Path], begin: datetime | None, replay: Path | None, speed: float, fault: str,
    keys: Path | None, read_lag: int, maintenance: bool,
) -> Setup:  # fmt: skip
    from connectors.simulators.kalshi.clock import RealClock
    from connectors.simulators.kalshi.keys import read_keys
    from connectors.simulators.kalshi.server import Setup
    from connectors.simulators.kalshi.venue import Options
    from connectors.simulators.kalshi.world.tape import read_tape

    clock = RealClock(None if begin is None else nanos_of(begin))
    return Setup(
        options=Options(seed=seed, read_lag_ms=read_lag, weekly_maintenance=maintenance),
        clock=clock,
        markets=_listings(markets, clock.now(), taped=replay is not None),
        tape=read_tape(replay) if replay is not None else (),
        tape_speed=speed,
        faults=fault,
        keys=read_keys(keys) if keys is not None else (),
    )


def _listings(markets: Sequence[Path], now_ns: int, *, taped: bool) -> Document | None:
    """The markets of the files, or made-up ones; None for those of a tape."""
    from connectors.simulators.kalshi.listings import practice
    from connectors.simulators.kalshi.scenario import read_scenario, together

    if markets:
        return together([read_scenario(path) for path in markets])
    return None if taped else practice(now_ns)


def _serve(practice: Practice, port: int, folder: Path, keys: list[Credentials], as_json: bool) -> None:
    from connectors.simulators.serving import LOOPBACK, listen, run

    try:
        listening = listen(port)
    except OSError as error:
        raise UserError(f"--port {port}: {error.strerror}; 0 takes a free one") from None
    with listening:
        root = f"{LOOPBACK}:{listening.getsockname()[1]}"
        try:
            files = _write(practice, folder, keys, root)
        except OSError as error:
            raise UserError(f"--folder {folder}: {error.strerror}") from None
        tickers = sorted(practice.venue.floor.markets)
        said = {
            "rest": f"http://{root}/trade-api/v2",
            "websocket": f"ws://{root}/trade-api/ws/v2",
            "control": f"http://{root}/practice",
            **files,
            "markets": len(tickers),
            "tickers": tickers,
        }
        run(practice.app, listening, lambda: _announce(said, as_json))


def _write(practice: Practice, folder: Path, keys: list[Credentials], root: str) -> dict[str, Any]:
    """Keys, the control side's token and a file of variables for a shell; says where they are."""
    from connectors.simulators.kalshi.keys import write_private

    files = {c.key_id: folder / f"{c.key_id}.pem" for c in keys}
    for credentials in keys:
        write_private(files[credentials.key_id], credentials.pem)
    token = folder / "control.token"
    write_private(token, practice.control_token)
    variables = folder / "env"
    if keys:
        used = min(keys, key=lambda each: (len(each.pem), each.key_id)).key_id  # an Ed25519 key is much the shorter
        values = {"BASE_URL": f"http://{root}", "API_KEY_ID": used, "PRIVATE_KEY_PATH": files[used].absolute()}
        lines = (f"export AUTOTRADER__KALSHI__{name}={shlex.quote(str(value))}\n" for name, value in values.items())
        write_private(variables, "".join(lines))
    return {
        "control_token_file": str(token),
        "keys": [{"key_id": key_id, "pem": str(path)} for key_id, path in files.items()],
        "variables": str(variables.absolute()) if keys else None,
    }


def _announce(said: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(said)
    else:
        print(f"practice Kalshi with {said['markets']} markets; Ctrl-C stops it")
        for name in ("rest", "websocket", "control", "control_token_file"):
            print(f"{name.replace('_', ' '):18}  {said[name]}")
        for key in said["keys"]:
            print(f"{'key id':18}  {key['key_id']}\n{'private key':18}  {key['pem']}")
        for number, ticker in enumerate(said["tickers"][:SHOWN_MARKETS]):
            print(f"{'' if number else 'markets':18}  {ticker}")
        if len(said["tickers"]) > SHOWN_MARKETS:
            print(f"{'':18}  and {len(said['tickers']) - SHOWN_MARKETS} more")
        if said["variables"] is not None:
            print(_next(said["variables"]))
    sys.stdout.flush()


def _next(variables: str) -> str:
    """What to type next; the pack for these markets is laid out first where it is not there yet."""
    lines = ["next, in another terminal:"]
    if not PRACTICE_PACK.exists():
        lines.append("  engine init practice --venue kalshi && cd practice")
    lines += [f"  . {shlex.quote(variables)}", "  engine run --venue kalshi"]
    return "\n".join(lines)
