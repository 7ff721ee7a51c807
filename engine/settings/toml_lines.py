"""On which line of a TOML file a key stands. The parser of the standard library does not say."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

MOST_LINES = 2_000  # the search parses the file once a line; nobody's settings are longer

Path = tuple[str, ...]


def line_of(text: str, path: Sequence[str]) -> int | None:
    """The line, from 1, on which the value at ``path`` begins, or the nearest thing above it; None when not there."""
    lines = _lines(text)
    return next((lines[tuple(path[:depth])] for depth in range(len(path), 0, -1) if tuple(path[:depth]) in lines), None)


@lru_cache(maxsize=8)
def _lines(text: str) -> Mapping[Path, int]:
    """The line of everything in the text. The parser itself is the judge: a value stands where parsing one more line
    makes it appear.
    """
    lines = text.splitlines()
    found: dict[Path, int] = {}
    if len(lines) > MOST_LINES:
        return found
    begin = 0  # lines before this one parse by themselves
    for end in range(1, len(lines) + 1):
        try:
            document = tomllib.loads("\n".join(lines[:end]) + "\n")
        except tomllib.TOMLDecodeError:
            continue  # inside a value of several lines
        for path in _paths(document, ()):
            found.setdefault(path, begin + 1)
        begin = end
    return found


def _paths(value: Any, above: Path) -> Iterator[Path]:
    """Paths of everything below ``value``; items of lists go by their number from 0."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        path = (*above, str(step))
        yield path
        yield from _paths(inner, path)
