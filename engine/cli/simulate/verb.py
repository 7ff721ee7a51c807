"""``engine simulate``: a practice venue on loopback, to try a strategy or a client against without money."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli import together
from engine.cli.clock import TIMES, nanos_of
from engine.cli.errors import ExitCode, UserError
from engine.cli.options import JsonOption
from engine.cli.simulate import arena, polygon, tradier
from engine.cli.simulate.practice import FolderOption, folder_of, keep, need_packages, serve, show_rows, variables

if TYPE_CHECKING:
    from connectors.simulators.kalshi.scenario import Document
    from connectors.simulators.kalshi.server import Credentials, Practice, Setup

READ_LAG_MS = 400  # what a recorded session saw
SHOWN_MARKETS = 20
PRACTICE_PACK = Path("rules/practice/pack.yaml")  # as `engine init --venue kalshi` lays it out


app = typer.Typer(add_completion=False, no_args_is_help=True)
app.command("arena")(arena.command)
app.command("polygon")(polygon.command)
app.command("tradier")(tradier.command)


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
    folder: FolderOption = None,
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
    need_packages("cryptography")
    from connectors.simulators.faults import FaultSpecError
    from connectors.simulators.kalshi.keys import KeyFileError
    from connectors.simulators.kalshi.scenario import ScenarioError
    from connectors.simulators.kalshi.server import Practice
    from connectors.simulators.kalshi.world.tape import TapeError

    try:
        setup = _setup(seed, markets or [], begin, replay, speed or 1.0, fault, keys, read_lag, maintenance)
        practice = Practice(setup)
    except (FaultSpecError, KeyFileError, ScenarioError, TapeError) as error:
        raise UserError(str(error)) from None
    with folder_of(folder, "kalshi") as kept:
        made = [] if keys is not None else _keys(practice, kept)
        _serve(practice, port, kept, made, json)
    return ExitCode.GOOD


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
    tickers = sorted(practice.venue.floor.markets)

    def said(place: str) -> dict[str, Any]:
        return {
            "rest": f"http://{place}/trade-api/v2",
            "websocket": f"ws://{place}/trade-api/ws/v2",
            "control": f"http://{place}/practice",
            **_write(practice, folder, keys, place),
            "markets": len(tickers),
            "tickers": tickers,
        }

    serve(practice.app, port, said, _show, as_json=as_json)


def _write(practice: Practice, folder: Path, keys: list[Credentials], place: str) -> dict[str, Any]:
    """Keys, the control side's token and a file of variables for a shell; says where they are."""
    files = {c.key_id: keep(folder, f"{c.key_id}.pem", c.pem) for c in keys}
    token, sourced = keep(folder, "control.token", practice.app.control.token), None
    if keys:
        used = min(keys, key=lambda each: (len(each.pem), each.key_id)).key_id  # an Ed25519 key is much the shorter
        values = {"BASE_URL": f"http://{place}", "API_KEY_ID": used, "PRIVATE_KEY_PATH": files[used]}
        sourced = variables(folder, "KALSHI", values)
    return {
        "control_token_file": token,
        "keys": [{"key_id": key_id, "pem": path} for key_id, path in files.items()],
        "variables": sourced,
    }


def _show(said: Mapping[str, Any]) -> None:
    print(f"practice Kalshi with {said['markets']} markets; Ctrl-C stops it")
    show_rows(said, ("rest", "websocket", "control", "control_token_file"))
    for key in said["keys"]:
        print(f"{'key id':18}  {key['key_id']}\n{'private key':18}  {key['pem']}")
    for number, ticker in enumerate(said["tickers"][:SHOWN_MARKETS]):
        print(f"{'' if number else 'markets':18}  {ticker}")
    if len(said["tickers"]) > SHOWN_MARKETS:
        print(f"{'':18}  and {len(said['tickers']) - SHOWN_MARKETS} more")
    if said["variables"] is not None:
        print(_next(said["variables"]))


def _next(variables: str) -> str:
    """What to type next; the pack for these markets is laid out first where it is not there yet."""
    lines = ["next, in another terminal:"]
    if not PRACTICE_PACK.exists():
        lines.append("  engine init practice --venue kalshi && cd practice")
    lines += [f"  . {shlex.quote(variables)}", "  engine run --venue kalshi"]
    return "\n".join(lines)
