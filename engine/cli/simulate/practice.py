"""What ``engine simulate`` does alike for every practice venue: its folder, its secrets, its port, and what is said."""

from __future__ import annotations

import shlex
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.console import print_json
from engine.cli.errors import UserError

if TYPE_CHECKING:
    from connectors.simulators.app import PracticeApp

TOKEN_BYTES = 24

FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--folder", metavar="DIR", help="Where secrets go, or are since last time.  [default: a temporary folder]"
    ),
]


def need_packages(*more: str) -> None:
    """UserError unless what a practice venue is served with is installed."""
    from importlib.util import find_spec

    missing = [name for name in ("uvicorn", "websockets", *more) if find_spec(name) is None]
    if missing:
        mend = "pip install -e '.[simulators]' in the engine's folder"
        raise UserError(f"a practice venue needs {', '.join(missing)}; {mend}")


@contextmanager
def folder_of(asked: Path | None, venue: str) -> Iterator[Path]:
    """The folder asked for, or one that goes with the venue."""
    if asked is not None:
        yield asked
        return
    with tempfile.TemporaryDirectory(prefix=f"practice-{venue}-") as made:
        yield Path(made)


def keep(folder: Path, name: str, text: str) -> str:
    """Write a file of the folder that its owner alone may read; returns where it is."""
    from connectors.simulators.files import write_private

    try:
        write_private(folder / name, text)
    except OSError as error:
        raise UserError(f"--folder {folder}: {name}: {error.strerror}") from None
    return str((folder / name).absolute())


def secret(folder: Path, name: str) -> str:
    """What an earlier venue left in the folder, else a new one."""
    import secrets

    try:
        if (folder / name).exists():
            return (folder / name).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--folder {folder}: {name}: {error}") from None
    made = secrets.token_urlsafe(TOKEN_BYTES)
    keep(folder, name, made)
    return made


def variables(folder: Path, venue: str, values: Mapping[str, str]) -> str:
    """A file for a shell that has the engine go to this venue; returns where it is."""
    lines = (f"export AUTOTRADER__{venue}__{name}={shlex.quote(value)}\n" for name, value in values.items())
    return keep(folder, "env", "".join(lines))


def serve(
    app: PracticeApp, port: int, said: Callable[[str], Mapping[str, Any]], show: Callable[[Mapping[str, Any]], None],
    *, as_json: bool, dates: bool = False,
) -> None:  # fmt: skip
    """Serve until an interrupt or a polite kill. ``said`` makes what there is to say of ``host:port``; ``show`` shows
    that to people, once requests are answered."""
    from connectors.simulators.serving import LOOPBACK, listen, run

    try:
        listening = listen(port)
    except OSError as error:
        raise UserError(f"--port {port}: {error.strerror}; 0 takes a free one") from None
    with listening:
        told = said(f"{LOOPBACK}:{listening.getsockname()[1]}")

        def ready() -> None:
            (print_json if as_json else show)(told)
            sys.stdout.flush()

        run(app, listening, ready, dates=dates)


def show_rows(said: Mapping[str, Any], names: Iterable[str]) -> None:
    """A line for each of these."""
    for name in names:
        print(f"{name.replace('_', ' '):18}  {said[name]}")
