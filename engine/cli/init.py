"""``engine init``: a working folder with one documented example pack, for paper or for a venue."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Literal

import typer

from engine.cli.errors import ExitCode, UserError

TEMPLATES = {None: "template", "kalshi": "template_kalshi", "tradier": "template_tradier"}
NEXT: dict[str | None, list[str]] = {
    None: ["engine run --paper"],
    "kalshi": ["engine simulate kalshi --folder keys   # and in another terminal, here:", ". keys/env",
               "engine run --venue kalshi"],
    "tradier": ["engine simulate tradier --folder keys --speed 20 --start 09:35   # and in another terminal, here:",
                ". keys/env", "engine run --venue tradier"],
}
RENAMED = {"gitignore": ".gitignore"}  # a leading dot would make packaging tools leave it out


def command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    venue: Annotated[
        Literal["kalshi", "tradier"] | None,
        typer.Option("--venue", help="With a pack for this venue's practice exchange (engine simulate)."),
    ] = None,
) -> int:
    """Lay out a working folder: settings, one example pack with tests, .gitignore."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; name a new or empty folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty, and nothing is overwritten; name a new or empty folder")
    try:
        _copy(resources.files("engine.cli") / TEMPLATES[venue], folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}") from None
    steps = [f"cd {folder}", "engine lint rules", "engine test rules", *NEXT[venue]]
    print("\n  ".join([f"{folder} is ready. Next:", *steps]))
    return ExitCode.GOOD


def _copy(source: Traversable, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for item in sorted(source.iterdir(), key=lambda entry: entry.name):
        if item.is_dir():
            _copy(item, target / item.name)
        else:
            (target / RENAMED.get(item.name, item.name)).write_bytes(item.read_bytes())
