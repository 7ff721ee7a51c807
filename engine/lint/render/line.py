"""One line of a file as a terminal shows it, and in which cell each of its characters begins."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from engine.lint.render.common import shown

WIDEST = 100  # cells; a longer line is cut around what is marked
CONTEXT = 20  # characters kept on each side of a mark
LONG_MARK = 60  # characters; of a longer mark only both ends are kept
TAB = "    "
CUT = "…"


@dataclass(frozen=True, slots=True)
class Line:
    """``text`` as shown. ``cells[i]`` is the cell, from 0, of character i; the last entry is the end of the line."""

    text: str
    cells: tuple[int, ...]

    def cell(self, column: int) -> int:
        """The cell of a column counted from 1; a column past the end is the cell after the last."""
        return self.cells[min(max(column - 1, 0), len(self.cells) - 1)]


def show_line(text: str, marks: Sequence[tuple[int, int]]) -> Line:
    """Lay out ``text``, of which columns ``start`` to before ``end`` (from 1) of each mark must stay in sight."""
    characters = [_character(character) for character in text]
    fits = sum(width for _, width in characters) <= WIDEST
    keep = [True] * len(text) if fits else _kept(len(text), marks)
    parts: list[str] = []
    cells: list[int] = []
    cell = 0
    for index, (sign, width) in enumerate(characters):
        cells.append(cell)
        if keep[index]:
            parts.append(sign)
            cell += width
        elif index + 1 == len(text) or keep[index + 1]:
            parts.append(CUT)
            cell += 1
    cells.append(cell)
    return Line("".join(parts).rstrip(), tuple(cells))


def _character(character: str) -> tuple[str, int]:
    """How a character is shown, and how many cells that takes."""
    if character == "\t":
        return TAB, len(TAB)
    if unicodedata.category(character) in ("Mn", "Me"):
        return character, 0
    wide = unicodedata.east_asian_width(character) in ("W", "F")
    return shown(character), 2 if wide else 1


def _kept(length: int, marks: Sequence[tuple[int, int]]) -> list[bool]:
    keep = [False] * length
    for start, end in marks:
        first, last = start - 1, end - 1
        stretches = [(first - CONTEXT, last + CONTEXT)]
        if last - first > LONG_MARK:
            stretches = [(first - CONTEXT, first + CONTEXT), (last - CONTEXT, last + CONTEXT)]
        for begin, stop in stretches:
            for index in range(max(begin, 0), min(stop, length)):
                keep[index] = True
    if not any(keep):
        keep[: WIDEST - 1] = [True] * min(WIDEST - 1, length)
    return keep
