"""``engine init``: a working folder with one documented example pack."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.errors import ExitCode, UserError

RENAMED = {"gitignore": ".gitignore"}  # a leading dot would make packaging tools leave it out


def command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
) -> int:
    """Lay out a working folder: settings, one example pack with tests, .gitignore."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; name a new or empty folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty, and nothing is overwritten; name a new or empty folder")
    try:
        _copy(resources.files("engine.cli") / "template", folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}") from None
    print(f"{folder} is ready. Next:\n  cd {folder}\n  engine lint rules\n  engine test rules\n  engine run --paper")
    return ExitCode.GOOD


def _copy(source: Traversable, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for item in sorted(source.iterdir(), key=lambda entry: entry.name):
        if item.is_dir():
            _copy(item, target / item.name)
        else:
            (target / RENAMED.get(item.name, item.name)).write_bytes(item.read_bytes())
