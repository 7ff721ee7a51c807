"""``engine simulate``: a practice venue on loopback, to try a strategy or a client against without money."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from engine.cli.console import print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import JsonOption

if TYPE_CHECKING:
    from connectors.simulators.kalshi.server import Credentials, Practice, Setup

READ_LAG_MS = 400  # what a recorded session saw


def command(
    venue: Annotated[Literal["kalshi"], typer.Argument(help="Which venue to practise on.")],
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="0 takes a free one.")] = 8790,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same traders and faults.")] = 7,
    markets: Annotated[
        Path | None, typer.Option("--markets", metavar="FILE", help="Markets to list, as GET /markets answers them.")
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option(
            "--replay", metavar="FILE", help="A tape: candles (.csv), trades or quotes (.json), frames (.jsonl)."
        ),
    ] = None,
    speed: Annotated[float, typer.Option("--speed", min=0.001, help="How many times as fast a tape plays.")] = 1.0,
    fault: Annotated[
        str, typer.Option("--fault", metavar="SPEC", help="What goes wrong: timeout@create:0.05,ws-lose:0.01")
    ] = "",
    keys: Annotated[
        Path | None, typer.Option("--keys", metavar="FILE", help="Public keys to let in, instead of new ones.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="DIR", help="Where new keys go.  [default: a temporary folder]")
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
    _need_packages()
    from connectors.simulators.kalshi.faults import FaultSpecError
    from connectors.simulators.kalshi.keys import KeyFileError
    from connectors.simulators.kalshi.scenario import ScenarioError
    from connectors.simulators.kalshi.server import Practice
    from connectors.simulators.kalshi.world.tape import TapeError

    try:
        setup = _setup(seed, markets, replay, speed, fault, keys, read_lag, maintenance)
        practice = Practice(setup)
    except (FaultSpecError, KeyFileError, ScenarioError, TapeError) as error:
        raise UserError(str(error)) from None
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="practice-kalshi-")))
        made = [] if keys is not None else [practice.make_key(kind) for kind in ("rsa", "ed25519")]
        _serve(practice, port, folder, made, json)
    return ExitCode.GOOD


def _need_packages() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("uvicorn", "websockets", "cryptography") if find_spec(name) is None]
    if missing:
        raise UserError(f"the practice exchange needs {', '.join(missing)}; pip install 'autotrader[simulators]'")


def _setup(
    seed: int, markets: Path | None, replay: Path | None, speed: float, fault: str, keys: Path | None, read_lag: int,
    maintenance: bool,
) -> Setup:  # fmt: skip
    from connectors.simulators.kalshi.keys import read_keys
    from connectors.simulators.kalshi.scenario import read_scenario
    from connectors.simulators.kalshi.server import Setup
    from connectors.simulators.kalshi.venue import Options
    from connectors.simulators.kalshi.world.tape import read_tape

    return Setup(
        options=Options(seed=seed, read_lag_ms=read_lag, weekly_maintenance=maintenance),
        markets=read_scenario(markets) if markets is not None else None,
        tape=read_tape(replay) if replay is not None else (),
        tape_speed=speed,
        faults=fault,
        keys=read_keys(keys) if keys is not None else (),
    )


def _serve(practice: Practice, port: int, folder: Path, made: list[Credentials], as_json: bool) -> None:
    from connectors.simulators.kalshi.keys import write_private
    from connectors.simulators.kalshi.server import LOOPBACK, listen, run

    try:
        files = {c.key_id: folder / f"{c.key_id}.pem" for c in made}
        for credentials in made:
            write_private(files[credentials.key_id], credentials.pem)
        token_file = folder / "control.token"
        write_private(token_file, practice.control_token)
    except OSError as error:
        raise UserError(f"--folder {folder}: {error.strerror}") from None
    try:
        listening = listen(port)
    except OSError as error:
        raise UserError(f"--port {port}: {error.strerror}; 0 takes a free one") from None
    with listening:
        root = f"{LOOPBACK}:{listening.getsockname()[1]}"
        said = {
            "rest": f"http://{root}/trade-api/v2",
            "websocket": f"ws://{root}/trade-api/ws/v2",
            "control": f"http://{root}/practice",
            "control_token_file": str(token_file),
            "keys": [{"key_id": key_id, "pem": str(path)} for key_id, path in files.items()],
            "markets": len(practice.venue.floor.markets),
        }
        run(practice, listening, lambda: _announce(said, as_json))


def _announce(said: dict[str, object], as_json: bool) -> None:
    if as_json:
        print_json(said)
    else:
        print(f"practice Kalshi with {said['markets']} markets; Ctrl-C stops it")
        for name in ("rest", "websocket", "control", "control_token_file"):
            print(f"{name.replace('_', ' '):18}  {said[name]}")
        keys = said["keys"]
        assert isinstance(keys, list)
        for key in keys:
            print(f"{'key id':18}  {key['key_id']}\n{'private key':18}  {key['pem']}")
    sys.stdout.flush()
