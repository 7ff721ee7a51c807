"""The nodes of a YAML document, each knowing where it stands in its file.

Nothing changes a node once it is made. They are not frozen all the same: a file has thousands, and making a frozen one
takes three times as long.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from engine.language.diagnostics import Finding, Span
from engine.ruleset.yaml_scalars import CharacterMap, character_map

_BREAK = re.compile(r"\r\n|\r|\n")


class SourceFile:
    """The text of one file, and line and column of any offset in it. ``name`` is the path as the user gave it."""

    __slots__ = ("_starts", "name", "text")

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self._starts: list[int] = []

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1. Columns count characters."""
        if not self._starts:
            self._starts = [0, *(match.end() for match in _BREAK.finditer(self.text))]
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def span(self, start: int, end: int, label: str = "") -> Span:
        line, column = self.position(start)
        end_line, end_column = self.position(end)
        if (end_line, end_column) <= (line, column):
            end_line, end_column = line, column + 1
        return Span(self.name, line, column, end_line, end_column, label)


@dataclass(slots=True, eq=False)
class Scalar:
    """One scalar. ``style`` is ``""`` when plain, else ``'``, ``"``, ``|`` or ``>``.

    ``start:end`` are offsets into the file, quotes or block header included, anchor and tag excluded.
    """

    text: str
    style: str
    start: int
    end: int
    file: SourceFile

    @property
    def plain(self) -> bool:
        return not self.style

    @property
    def cut(self) -> bool:
        """Whether a comma ended it: it stands without quotes in a list or a mapping in brackets."""
        return self.plain and self.file.text[self.end :].lstrip().startswith(",")

    @property
    def empty(self) -> bool:
        """Nothing was written, not even quotes: ``key:``."""
        return not self.style and not self.text

    def span(self, start: int, end: int, label: str = "") -> Span:
        """Span of ``text[start:end]`` in the file. Offsets past the end point just behind the text."""
        size = len(self.text)
        if size == 0:
            return self.file.span(self.start, self.end, label)
        first, last = min(max(start, 0), size), min(max(end, start), size)
        raw = self.file.text[self.start : self.end]
        if raw == self.text:  # the common case: plain, on one line
            return self.file.span(self.start + first, self.start + last, label)
        found = character_map(raw, self.style, self.text)
        if found is None:
            return self.file.span(self.start, self.end, label)
        begin, finish = _stretch(found, first, last)
        return self.file.span(self.start + begin, self.start + finish, label)

    def whole(self, label: str = "") -> Span:
        """Span of the value as the author sees it: without quotes and block header."""
        return self.span(0, len(self.text.rstrip()), label)

    def written(self, label: str = "") -> Span:
        """Span of everything written, quotes included: what an edit has to replace."""
        return self.file.span(self.start, self.end, label)


def _stretch(found: CharacterMap, first: int, last: int) -> tuple[int, int]:
    begin = found.starts[first] if first < len(found.starts) else found.ends[-1]
    return begin, max(begin, found.ends[last - 1] if last > first else begin)


@dataclass(slots=True, eq=False)
class Entry:
    key: Scalar
    value: Node


@dataclass(slots=True, eq=False)
class Mapping:
    """``entries`` in the order written; of a key written twice only the first is kept (and AT002 reported)."""

    entries: tuple[Entry, ...]
    start: int
    end: int
    file: SourceFile
    flow: bool

    def find(self, key: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.key.text == key), None)

    def whole(self, label: str = "") -> Span:
        """The braces and what they hold, or the first key of a block: a caret under twenty lines helps nobody."""
        if self.flow or not self.entries:
            return self.file.span(self.start, self.end, label)
        return self.entries[0].key.whole(label)


@dataclass(slots=True, eq=False)
class Sequence:
    items: tuple[Node, ...]
    start: int
    end: int
    file: SourceFile
    flow: bool

    def whole(self, label: str = "") -> Span:
        """The brackets and what they hold, or the first dash of a block."""
        return self.file.span(self.start, self.end if self.flow else self.start + 1, label)


Node = Scalar | Mapping | Sequence


@dataclass(frozen=True, slots=True)
class Comment:
    """One comment. ``text`` begins with ``#``, ``start`` is its offset; ``alone`` when nothing else is on its line."""

    text: str
    span: Span
    start: int
    alone: bool


def syntax_finding(message: str, *spans: Span, help: str = "") -> Finding:
    return Finding("AT001", "yaml-syntax", message, spans, help=help)
