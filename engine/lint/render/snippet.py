"""The lines of one file that a finding points to, with every span underlined and labelled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.language.diagnostics import Span
from engine.lint.render.common import visible
from engine.lint.render.line import Line, show_line

PRIMARY, SECONDARY = "^", "-"


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of one line, in columns from 1, ``end`` one past the last."""

    start: int
    end: int
    label: str
    primary: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a snippet: a source line with its number, marks under it, or an elision (number None, elided)."""

    text: str
    number: int | None = None
    marks: bool = False
    primary: bool = False
    elided: bool = False


def snippet(lines: Sequence[str], spans: Iterable[Span], primary: Span) -> list[Row]:
    """The rows of the snippet. One unmarked line between two others is shown, several are elided."""
    marks = _marks(lines, spans, primary)
    rows: list[Row] = []
    before: int | None = None
    for number in sorted(marks):
        if before is not None and number - before == 2:
            rows.append(Row(show_line(_line(lines, before + 1), ()).text, before + 1))
        elif before is not None and number - before > 2:
            rows.append(Row("", elided=True))
        on_line = sorted(marks[number], key=lambda mark: (mark.start, -mark.end, not mark.primary))
        line = show_line(_line(lines, number), [(mark.start, mark.end) for mark in on_line])
        rows.append(Row(line.text, number))
        rows.extend(_underlines(line, on_line))
        before = number
    return rows


def _line(lines: Sequence[str], number: int) -> str:
    return lines[number - 1] if 0 < number <= len(lines) else ""


def _marks(lines: Sequence[str], spans: Iterable[Span], primary: Span) -> dict[int, list[Mark]]:
    """Marks by line. A span of several lines marks its first and its last one, and carries its label at the last."""
    labels: dict[tuple[int, int, int, int], list[str]] = defaultdict(list)
    for span in spans:
        place = (span.line, span.column, span.end_line, span.end_column)
        if span.label not in labels[place]:
            labels[place].append(span.label)
    marks: dict[int, list[Mark]] = defaultdict(list)
    first = (primary.line, primary.column, primary.end_line, primary.end_column)
    for place, said in labels.items():
        line, column, end_line, end_column = place
        label, is_primary = "; ".join(filter(None, said)), place == first
        end_line, end_column = _real_end(lines, line, end_line, end_column)
        if end_line == line:
            marks[line].append(Mark(column, max(end_column, column + 1), label, is_primary))
            continue
        end_of_first = max(len(_line(lines, line)) + 1, column + 1)
        marks[line].append(Mark(column, end_of_first, "", is_primary))
        last = _line(lines, end_line)
        indent = len(last) - len(last.lstrip()) + 1
        marks[end_line].append(Mark(min(indent, end_column - 1), end_column, label, is_primary))
    return marks


def _real_end(lines: Sequence[str], line: int, end_line: int, end_column: int) -> tuple[int, int]:
    """A span that ends at the very beginning of a line ends with the last line before it that says something."""
    while end_line > line and (end_column <= 1 or not _line(lines, end_line)[: end_column - 1].strip()):
        end_line -= 1
        end_column = len(_line(lines, end_line)) + 1
    return end_line, end_column


def _underlines(line: Line, marks: Sequence[Mark]) -> list[Row]:
    """Marks that overlap go on rows of their own."""
    rows: list[Row] = []
    rest = list(marks)
    while rest:
        row: list[Mark] = []
        later: list[Mark] = []
        for mark in rest:
            (later if row and mark.start < row[-1].end else row).append(mark)
        rows.extend(_one_row(line, row))
        rest = later
    return rows


def _one_row(line: Line, marks: Sequence[Mark]) -> list[Row]:
    """Underlines of marks that do not overlap. The last label stands beside its mark, the others hang below theirs."""
    primary = any(mark.primary for mark in marks)
    text = ""
    for mark in marks:
        start, end = line.cell(mark.start), line.cell(mark.end)
        text = text.ljust(start) + (PRIMARY if mark.primary else SECONDARY) * max(end - start, 1)
    if marks[-1].label:
        text += " " + visible(marks[-1].label)
    rows = [Row(text, marks=True, primary=primary)]
    hanging = [mark for mark in marks[:-1] if mark.label]
    if hanging:
        rows.append(Row(_hooks(line, hanging), marks=True, primary=primary))
    while hanging:
        mark = hanging.pop()
        label = _hooks(line, hanging).ljust(line.cell(mark.start)) + visible(mark.label)
        rows.append(Row(label, marks=True, primary=primary))
    return rows


def _hooks(line: Line, marks: Sequence[Mark]) -> str:
    text = ""
    for mark in marks:
        text = text.ljust(line.cell(mark.start)) + "|"
    return text
