"""The event log: one JSON object a line, in a file that is moved aside when it is full."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from state.errors import StoreError

MOST_WAITING: Final = 512


class EventLog:
    """Appends to ``path``. At ``max_bytes`` the file becomes ``path.1``, the one before it ``path.2``, up to ``keep``.

    A line is in the file when ``flush`` returns, and whole or not at all whoever else appends. Raises StoreError.
    """

    def __init__(self, path: Path, max_bytes: int, keep: int) -> None:
        self._path, self._max, self._keep = path, max_bytes, keep
        self._lines: list[bytes] = []

    def tell(self, event: Mapping[str, Any]) -> None:
        """One event; written with the next ``flush``, or when there are many."""
        self._lines.append(json.dumps(event, ensure_ascii=False, allow_nan=False).encode() + b"\n")
        if len(self._lines) >= MOST_WAITING:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        lines, self._lines = self._lines, []
        if lines:
            with _explained(self._path):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                while lines:
                    lines = self._append(lines)

    def _append(self, lines: list[bytes]) -> list[bytes]:
        """Write as many lines as the file takes; those that are left go into the next one."""
        size = self._path.stat().st_size if self._path.exists() else 0
        if size and size + len(lines[0]) > self._max:
            self._rotate()
            size = 0
        fit = 1
        size += len(lines[0])
        while fit < len(lines) and size + len(lines[fit]) <= self._max:
            size += len(lines[fit])
            fit += 1
        with self._path.open("ab", buffering=0) as file:
            file.write(b"".join(lines[:fit]))
        return lines[fit:]

    def _rotate(self) -> None:
        for number in range(self._keep - 1, 0, -1):
            older = _numbered(self._path, number)
            if older.exists():
                older.replace(_numbered(self._path, number + 1))
        if self._keep:
            self._path.replace(_numbered(self._path, 1))
        else:
            self._path.unlink()


def read_events(path: Path, keep: int) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Every event of the log and of its files moved aside, the oldest first, each with its place (``file:line``); None
    in place of a line that is no JSON object. Raises StoreError."""
    for file in (*(_numbered(path, number) for number in range(keep, 0, -1)), path):
        if not file.exists():
            continue
        with _explained(file), file.open(encoding="utf-8", errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield f"{file}:{number}", _object(line)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"{path} cannot be used: {error.strerror}; make it and its folder writable") from None


def _object(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")
