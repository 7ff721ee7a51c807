"""Files that a verb writes for a person: said early when they cannot be, and never seen half written."""

from __future__ import annotations

import os
from pathlib import Path

from engine.cli.errors import UserError


def refuse_unwritable(file: Path | None, option: str) -> None:
    """Say now, and not after hours of work, that a file cannot be written. Makes its folder."""
    if file is None:
        return
    if file.is_dir():
        raise UserError(f"{option} {file} is a folder; name a file in it")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{option} {file}: {error.strerror}; name a file in a folder that can be written") from None
    if not os.access(file.parent, os.W_OK):
        raise UserError(f"{option} {file}: its folder cannot be written; name another one")


def write_whole(file: Path, text: str) -> None:
    """Write a file so that whoever looks sees the old one or the new one, and never a part of it."""
    other = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with other.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        other.replace(file)
    except OSError as error:
        other.unlink(missing_ok=True)
        raise UserError(f"{file} cannot be written: {error.strerror}; name another file") from None
