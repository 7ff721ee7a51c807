"""Reads ``.env``: one ``NAME=value`` a line, as a shell and container tools write them. Nothing is expanded."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FILE_NAME = ".env"
LARGEST_BYTES = 1 << 20
_LINE = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*?)\s*")
_QUOTED = re.compile(r"""(?P<quote>["'])(?P<text>(?:(?!(?P=quote)).)*)(?P=quote)\s*(?:#.*)?""")


class DotenvError(Exception):
    """A ``.env`` that cannot be read. The text names the file, and nothing of what it says."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A line of the file, from 1. ``value`` None: it is no assignment, and ``name`` is empty."""

    line: int
    name: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Dotenv:
    """The file's lines. ``open_to_others``: its group or everybody may read or write it; ``mode`` in octal."""

    file: Path
    lines: tuple[Assignment, ...]
    open_to_others: bool
    mode: str


def read_dotenv(folder: Path) -> Dotenv | None:
    """The ``.env`` of a folder; None where there is none. Raises DotenvError."""
    file = folder / FILE_NAME
    try:
        # Whose file it is, is judged by the file that was opened. A pipe in its place must not block.
        handle = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DotenvError(f"{file}: cannot be read: {error.strerror or error}") from None
    with os.fdopen(handle, "rb") as stream:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise DotenvError(f"{file}: is no regular file")
        data = stream.read(LARGEST_BYTES + 1)
    if len(data) > LARGEST_BYTES:
        raise DotenvError(f"{file}: larger than {LARGEST_BYTES >> 20} MiB, so it is no settings file")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DotenvError(f"{file}:{line}: not UTF-8 text; save the file as UTF-8") from None
    others = os.name == "posix" and bool(mode & (stat.S_IRWXG | stat.S_IRWXO))
    return Dotenv(file, tuple(_lines(text)), others, f"{stat.S_IMODE(mode):04o}")


def _lines(text: str) -> Iterator[Assignment]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        value = None if found is None else _value(found["value"])
        yield Assignment(number, found["name"] if found and value is not None else "", value)


def _value(written: str) -> str | None:
    """What stands in quotes as it is; without quotes up to `` #``. None: a quote that is not closed."""
    if written[:1] in ("'", '"'):
        quoted = _QUOTED.fullmatch(written)
        return None if quoted is None else quoted["text"]
    return re.split(r"(?:^|\s)#", written, maxsplit=1)[0].rstrip()
