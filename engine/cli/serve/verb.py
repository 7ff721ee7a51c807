"""``engine serve``: the HTTP service, beside an engine that runs or in one process with it."""

from __future__ import annotations

import ipaddress
import shlex
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.console import err, print_columns, print_json
from engine.cli.errors import ExitCode, UserError
from engine.cli.log import configure_log
from engine.cli.options import ConfigOption, JsonOption
from engine.cli.stores import ModeOption, mode_of
from engine.cli.venues import BooksOption
from engine.cli.version import __version__
from engine.settings import Settings, read_settings

if TYPE_CHECKING:
    import uvicorn

    from engine.service.tokens import Scope, TokenFile

NEEDED = ("fastapi", "uvicorn", "prometheus_client")
STOP_SECONDS = 10.0
LOOK_SECONDS = 0.5

app = typer.Typer(add_completion=False, invoke_without_command=True)


@app.callback()
def serve(
    context: typer.Context,
    port: Annotated[
        int | None, typer.Option("--port", metavar="N", min=0, max=65535, help="0 takes a free one.  [default: 8080]")
    ] = None,
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on; any but loopback wants tokens to read, too.")
    ] = None,
    with_run: Annotated[
        str | None,
        typer.Option("--with-run", metavar="OPTIONS", help='One process with `engine run OPTIONS`: "--symbols SPY".'),
    ] = None,
    mode: ModeOption = None,
    venue: BooksOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Serve orders, positions, traces, halts and metrics over HTTP until Ctrl-C; docs/service.md has every route.

    It shares the store with `engine run`, which alone decides on orders and sends them.
    """
    if context.invoked_subcommand is not None:
        return ExitCode.GOOD
    loaded = read_settings(config, {"service.port": port, "service.host": host})
    settings = loaded.settings
    configure_log(settings.log)
    _must_have_packages()
    from engine.cli.main import answer
    from engine.cli.serve.desk import StoreDesk
    from engine.service.app import make_app
    from engine.service.tokens import TokenError, TokenFile

    tokens, local = TokenFile(settings.service.tokens), _is_loopback(settings.service.host)
    try:
        known = tokens.tokens()
    except TokenError as error:
        raise UserError(str(error)) from None
    if not local and not known:
        raise UserError(
            f"{settings.service.host} is no loopback address, and there is no token yet: "
            "`engine serve token --scope read` makes one"
        )
    service = make_app(
        StoreDesk(loaded, mode_of(mode), venue), tokens, version=__version__,
        per_second=float(settings.service.requests_per_second), open_reads=local,
    )  # fmt: skip
    listener = _listener(settings.service.host, settings.service.port)
    _say(listener, local, json)
    with _serving(_server(service, settings), listener) as thread:
        if with_run is not None:
            return answer(["run", *shlex.split(with_run), *_config_of(context)])
        _wait_for_a_signal(thread)
    return ExitCode.GOOD


def _must_have_packages() -> None:
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise UserError(f"the service needs {', '.join(missing)}; pip install -e '.[service]' in the engine's folder")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listener(host: str, port: int) -> socket.socket:
    """An open socket, so that a port that is taken is said at once and a free one is known."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        raise UserError(f"{host}:{port} cannot be listened on: {error.strerror}; choose another --port") from None
    return listener


def _say(listener: socket.socket, local: bool, as_json: bool) -> None:
    host, port = listener.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    if as_json:
        print_json({"url": url, "open_reads": local})
    else:
        print(f"serving {url}/api/v1 ({url}/docs has every route); reading wants {'no' if local else 'a'} token")
    sys.stdout.flush()


def _server(service: Any, settings: Settings) -> uvicorn.Server:
    import uvicorn

    level = settings.log.level if settings.log.level != "info" else "warning"
    return uvicorn.Server(uvicorn.Config(
        service, log_level=level, access_log=False, server_header=False, timeout_graceful_shutdown=int(STOP_SECONDS),
    ))  # fmt: skip


@contextmanager
def _serving(server: uvicorn.Server, listener: socket.socket) -> Iterator[threading.Thread]:
    """The service in a thread of its own: signals are for the main one, where a run may be."""
    thread = threading.Thread(target=lambda: server.run(sockets=[listener]), name="service", daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        server.should_exit = True
        thread.join(STOP_SECONDS)
        if thread.is_alive():
            err().print("the service did not end in time")


def _wait_for_a_signal(thread: threading.Thread) -> None:
    """Until Ctrl-C or a polite kill, or until the service has failed."""
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())
    while thread.is_alive() and not asked.wait(LOOK_SECONDS):
        pass
    if not asked.is_set():
        raise UserError("the service ended by itself; its log says why", ExitCode.FAULT)


def _config_of(context: typer.Context) -> list[str]:
    config = context.params["config"]
    return [] if config is None else ["--config", str(config)]


@app.command("check")
def check(
    process: Annotated[str, typer.Argument(help="worker, or streamer: a process that tells figures of itself.")],
    mode: ModeOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Whether a process of this folder goes on, for health checks. Exit code 1: it was not heard of lately."""
    _must_have_packages()
    from engine.cli.heard import heard, taken_of
    from engine.service.desk import is_up
    from state.service import ServiceBook, service_file

    settings = read_settings(config).settings
    book = ServiceBook(service_file(settings.store.path, mode_of(mode)))
    found = heard(book, taken_of(settings, mode_of(mode))).get(process)
    up, age = is_up(found), None if found is None else found[0]
    if json:
        print_json({"process": process, "up": up, "seconds_since_heard": age})
    else:
        since = "never heard of" if age is None else f"heard {age:.1f} s ago"
        print(f"{process}: {'up' if up else 'down'}, {since}")
    return ExitCode.GOOD if up else ExitCode.NO


@app.command("token")
def token(
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="read, trade or force; may be repeated.  [default: read]")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="Whose it is, for lists and the audit trail.")] = "unnamed",
    revoke: Annotated[str | None, typer.Option("--revoke", metavar="ID", help="Take a token back.")] = None,
    show: Annotated[bool, typer.Option("--list", help="List tokens, without their secrets.")] = False,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> int:
    """Make a token and show it once; list tokens, or take one back. Only hashes are kept."""
    from engine.service.tokens import TokenError, TokenFile

    file = TokenFile(read_settings(config).settings.service.tokens)
    if (revoke is not None and (scope or show)) or (show and scope):
        raise UserError("--scope makes a token, --list lists them and --revoke takes one back: choose one")
    try:
        if show:
            return _list(file, json)
        if revoke is not None:
            gone = file.revoke(revoke)
            print_json({"revoked": gone.id}) if json else print(f"token {gone.id} ({gone.name}) counts no more")
            return ExitCode.GOOD
        made, text = file.make(_name(name), _scopes(scope or ["read"]))
    except TokenError as error:
        raise UserError(str(error)) from None
    scopes = sorted(made.scopes)
    if json:
        print_json({"id": made.id, "name": made.name, "scopes": scopes, "token": text})
    else:
        print(text)
        err().print(f"token {made.id} ({made.name}) for {', '.join(scopes)}; it is not shown again", markup=False)
    return ExitCode.GOOD


def _name(text: str) -> str:
    if not text.isprintable() or not 0 < len(text) <= 60:
        raise UserError("--name wants 1 to 60 signs")
    return text


def _scopes(names: Sequence[str]) -> list[Scope]:
    from engine.service.tokens import Scope

    unknown = [name for name in names if name not in set(Scope)]
    if unknown:
        raise UserError(f"--scope {unknown[0]} is no scope; scopes are {', '.join(Scope)}")
    return [Scope(name) for name in names]


def _list(file: TokenFile, as_json: bool) -> int:
    rows = [{key: value for key, value in token.to_json().items() if key != "sha256"} for token in file.tokens()]
    if as_json:
        print_json({"tokens": rows})
        return ExitCode.GOOD
    if rows:
        print_columns([["id", "name", "scopes", "made"],
                       *([r["id"], r["name"], ",".join(r["scopes"]), r["created"]] for r in rows)])  # fmt: skip
    print(f"{len(rows)} token(s) in {file.path}")
    return ExitCode.GOOD
