"""One finding, whoever made it: loader, parser, checker or lint. Renderers live in ``engine.lint.render``."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of a file. Lines and columns count from 1; ``end_column`` is one past the last character."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """A safe textual fix: replace what ``span`` covers by ``replacement``."""

    span: Span
    replacement: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, where (every span involved, the first is primary), why, and the mend.

    ``code`` and ``name`` come from the lint catalogue (``AT101``, ``unknown-name``). ``witness`` is concrete
    values that show the problem.
    """

    code: str
    name: str
    message: str
    spans: tuple[Span, ...]
    severity: Severity = Severity.ERROR
    help: str = ""
    witness: str = ""
    edits: tuple[Edit, ...] = field(default=())

    @property
    def primary(self) -> Span:
        return self.spans[0]

    @property
    def sort_key(self) -> tuple[object, ...]:
        first = self.primary
        return (first.file, first.line, first.column, self.code, self.message)


class TextSource(Protocol):
    """The text of one YAML scalar, able to say where each of its characters stands in the file."""

    @property
    def text(self) -> str: ...

    @property
    def cut(self) -> bool:
        """Whether a comma ended it, which stands for the next item of a list or a mapping in brackets."""
        ...

    def span(self, start: int, end: int, label: str = "") -> Span:
        """Span of ``text[start:end]`` in the file, whatever the scalar's style."""
        ...


def surely_meant(word: str, candidates: Iterable[str]) -> str | None:
    """The closest candidate when no other is nearly as close, so that a tool may write it without asking."""
    matches = difflib.get_close_matches(word, sorted(set(candidates)), n=2, cutoff=0.66)
    if not matches:
        return None
    near = [difflib.SequenceMatcher(None, match, word).ratio() for match in matches]
    return matches[0] if len(near) == 1 or near[0] - near[1] >= 0.1 else None


def did_you_mean(word: str, candidates: Iterable[str]) -> str | None:
    """The closest candidate, or None when nothing is close: at most about a third of the letters may differ."""
    matches = difflib.get_close_matches(word, list(candidates), n=1, cutoff=0.66)
    return matches[0] if matches else None
