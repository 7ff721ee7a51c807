"""The table of the page as a reader sees it, column by column by its header and never by its place.

Three layouts have been seen: ``Rank (UB)`` … ``Organization`` (2025), ``Rank`` ``Rank Spread`` … ``Organization``
(winter 2025), and ``Rank`` ``Rank Spread`` ``Model`` with organization and licence in its cell, bounds in the score's
(since 2026-02). Scores are printed as whole numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

from connectors.arena.board import BoardError, Row, with_rank_ub

RANK, RANK_UB, SPREAD, MODEL, SCORE, BOUNDS, VOTES, ORGANIZATION, LICENSE = (
    "rank", "rank (ub)", "rank spread", "model", "score", "95% ci", "votes", "organization", "license",
)  # fmt: skip
NAMES: Mapping[str, str] = {
    "rank (ub)": RANK_UB, "rank* (ub)": RANK_UB, "rank": RANK, "rank spread": SPREAD, "model": MODEL, "score": SCORE,
    "arena score": SCORE, "95% ci": BOUNDS, "95% ci (±)": BOUNDS, "votes": VOTES, "organization": ORGANIZATION,
    "license": LICENSE,
}  # fmt: skip
PRELIMINARY = "preliminary"
_SEPARATOR = " · "
_SPACE = re.compile(r"\s+")


@dataclass(slots=True)
class _Cell:
    texts: list[str] = field(default_factory=list)
    link: str = ""  # title of the link: the model's whole name, where the text may be cut


class _Reader(HTMLParser):
    """Header and rows of a table. Texts of drawings (``svg``) are none of the cell's."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.header: list[_Cell] = []
        self.rows: list[list[_Cell]] = []
        self._cell: _Cell | None = None
        self._drawing = 0
        self._joins = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._joins = False
        if tag == "svg":
            self._drawing += 1
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self._cell = _Cell()
            if tag == "th":
                self.header.append(self._cell)
            elif self.rows:
                self.rows[-1].append(self._cell)
        elif tag == "a" and self._cell is not None and not self._cell.link:
            self._cell.link = dict(attrs).get("title") or ""

    def handle_endtag(self, tag: str) -> None:
        self._joins = False
        if tag == "svg" and self._drawing:
            self._drawing -= 1
        elif tag in ("th", "td"):
            self._cell = None

    def handle_comment(self, data: str) -> None:
        self._joins = True  # what the site's scripts put between two pieces of one text

    def handle_data(self, data: str) -> None:
        if self._cell is None or self._drawing or not data.strip():
            return
        if self._joins and self._cell.texts:
            self._cell.texts[-1] += data
        else:
            self._cell.texts.append(data)
        self._joins = False


def read_table(page: str) -> tuple[Row, ...]:
    """Rows of the first table of a page; BoardError where there is none, or a column that is needed is not there."""
    start, end = page.find("<table"), page.find("</table>")
    if start < 0 or end < start:
        raise BoardError("the page has no table")
    reader = _Reader()
    reader.feed(page[start:end])
    reader.close()
    columns = _columns([_line(cell) for cell in reader.header])
    rows = [row for row in reader.rows if row]
    if not rows:
        raise BoardError("the table has no rows")
    return with_rank_ub([_row(row, columns, number) for number, row in enumerate(rows, 1)])


def _line(cell: _Cell) -> str:
    return _SPACE.sub(" ", " ".join(cell.texts)).strip()


def _columns(header: Sequence[str]) -> dict[str, int]:
    """Where each column is. A rank under style control, price or context are columns that are not needed."""
    found: dict[str, int] = {}
    for place, words in enumerate(header):
        name = NAMES.get(words.casefold())
        if name is not None and name in found:
            raise BoardError(f"the table has two columns {words}")
        if name is not None:
            found[name] = place
    missing = [name for name in (MODEL, SCORE, VOTES) if name not in found]
    if RANK not in found and RANK_UB not in found:
        missing.append(RANK)
    if missing:
        raise BoardError(f"the table has no column {', '.join(missing)}; it has {', '.join(header)}")
    return found


def _row(cells: Sequence[_Cell], columns: Mapping[str, int], number: int) -> Row:
    def cell(name: str) -> _Cell:
        place = columns.get(name)
        if place is None:
            return _Cell()
        if place >= len(cells):
            raise BoardError(f"row {number} of the table has no {name}")
        return cells[place]

    def number_in(name: str, read: Callable[[str], float]) -> float:
        words = _line(cell(name))
        try:
            return read(words)
        except ValueError:
            raise BoardError(f"row {number} of the table has the {name} {words!r}") from None

    score_cell = cell(SCORE).texts
    score = _point(score_cell, number)
    low, high = _bounds(score_cell[1:] if BOUNDS not in columns else cell(BOUNDS).texts, score, number)
    model, organization, license_ = _names(cell(MODEL), _line(cell(ORGANIZATION)), _line(cell(LICENSE)), number)
    ub, lower = _spread(cell(SPREAD).texts, number) if SPREAD in columns else (None, None)
    if RANK_UB in columns:
        ub = int(number_in(RANK_UB, float))
    return Row(
        model, organization, score, int(number_in(RANK, float)) if RANK in columns else number, ub, lower, low, high,
        int(number_in(VOTES, lambda words: float(words.replace(",", "")))), license_,
        any(text.strip().casefold() == PRELIMINARY for text in score_cell),
    )  # fmt: skip


def _names(cell: _Cell, organization: str, license_: str, number: int) -> tuple[str, str, str]:
    """Model, organization and licence: from columns of their own, or all in the model's cell."""
    texts = [text.strip() for text in cell.texts]
    model = cell.link.strip() or (texts[0] if texts else "")
    if not model:
        raise BoardError(f"row {number} of the table names no model")
    below = next((text for text in texts if _SEPARATOR in text), "")
    if below and not organization:
        organization, _, license_ = below.partition(_SEPARATOR)
    return model, organization.strip(), license_.strip()


def _point(texts: Sequence[str], number: int) -> float:
    try:
        return float(texts[0].strip().replace(",", ""))
    except (IndexError, ValueError):
        raise BoardError(f"row {number} of the table has the score {' '.join(texts)!r}") from None


def _spread(texts: Sequence[str], number: int) -> tuple[int, int]:
    """``1`` and ``2`` of the ranks that a model may have; the upper one is its Rank (UB)."""
    found = re.findall(r"\d+", " ".join(texts))
    if not 1 <= len(found) <= 2:
        raise BoardError(f"row {number} of the table has the rank spread {' '.join(texts)!r}")
    return int(found[0]), int(found[-1])


def _bounds(texts: Sequence[str], score: float, number: int) -> tuple[float | None, float | None]:
    """``±5``, ``+5/-4`` or ``+5 / -4`` about a score; both None where nothing is said."""
    words = " ".join(text for text in texts if text.strip().casefold() != PRELIMINARY)
    words = _SPACE.sub("", words).replace("−", "-")
    if not words:
        return None, None
    if found := re.fullmatch(r"±(\d+(?:\.\d+)?)", words):
        return score - float(found[1]), score + float(found[1])
    if found := re.fullmatch(r"\+(\d+(?:\.\d+)?)/?-(\d+(?:\.\d+)?)", words):
        return score - float(found[2]), score + float(found[1])
    raise BoardError(f"row {number} of the table has the bounds {words!r}")
