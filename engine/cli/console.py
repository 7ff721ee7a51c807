"""Output of the verbs: consoles, JSON, and a progress bar that only a terminal sees."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import IO, Any, NoReturn

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from engine.cli.errors import ExitCode, UserError

__all__ = ["ExitCode", "UserError", "err", "is_terminal", "out", "print_columns", "print_json", "progress"]

Advance = Callable[[float], None]


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        """Leave it to ``main``, which knows the exit code."""
        raise BrokenPipeError


@cache
def out() -> Console:
    """The console of results: standard output, without colour or wrapping at 80 columns where it is a pipe."""
    return _Console(highlight=False, soft_wrap=not is_terminal(sys.stdout))


@cache
def err() -> Console:
    """The console of messages: standard error."""
    return _Console(stderr=True, highlight=False, soft_wrap=not is_terminal(sys.stderr))


def is_terminal(stream: IO[str]) -> bool:
    """Whether a person watches this stream."""
    return not stream.closed and stream.isatty()


def print_json(value: Any, *, indent: bool = False) -> None:
    """One JSON object on standard output: one line, or indented for people.

    Decimals become text, because a float would change them; NaN and infinity are errors, unknown is null.
    """
    text = json.dumps(value, indent=2 if indent else None, ensure_ascii=False, allow_nan=False, default=_plain)
    print(text)


def print_columns(rows: Sequence[Sequence[str]], right: Container[int] = ()) -> None:
    """Rows under one another, as wide as they are, so that a pipe gets them whole; ``right``: columns of numbers."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (c.rjust(w) if n in right else c.ljust(w) for n, (c, w) in enumerate(zip(row, widths, strict=True)))
        print("  ".join(cells).rstrip())


@contextmanager
def progress(label: str, total: float) -> Iterator[Advance]:
    """A bar on standard error for work of ``total`` units; call the result with units done. No bar in a pipe."""
    if not is_terminal(sys.stderr):
        yield lambda done: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err(), transient=True) as bar:
        task = bar.add_task(label, total=total)
        yield lambda done: bar.advance(task, done)


def _plain(value: object) -> str:
    if isinstance(value, Decimal | Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
