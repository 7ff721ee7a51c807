"""On which line of a TOML file a key stands. The parser of the standard library does not say."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Any

MOST_LINES = 2_000  # the search parses the file once a line; nobody's settings are longer


def line_of(text: str, path: Sequence[str]) -> int | None:
    """The line, from 1, on which the value at ``path`` begins, or the nearest thing above it; None when not there.

    The parser itself is the judge: the value stands where parsing one more line makes it appear.
    """
    lines = text.splitlines()
    if len(lines) > MOST_LINES:
        return None
    for depth in range(len(path), 0, -1):
        line = _appears(lines, path[:depth])
        if line is not None:
            return line
    return None


def _appears(lines: Sequence[str], path: Sequence[str]) -> int | None:
    begin = 0  # lines before this one parse by themselves
    for end in range(1, len(lines) + 1):
        try:
            document = tomllib.loads("\n".join(lines[:end]) + "\n")
        except tomllib.TOMLDecodeError:
            continue  # inside a value of several lines
        if _has(document, path):
            return begin + 1
        begin = end
    return None


def _has(document: Any, path: Sequence[str]) -> bool:
    for step in path:
        if isinstance(document, list) and step.isdigit() and int(step) < len(document):
            document = document[int(step)]
        elif isinstance(document, dict) and step in document:
            document = document[step]
        else:
            return False
    return True
