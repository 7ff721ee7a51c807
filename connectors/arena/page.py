"""A page as a leaderboard: its data first, its table second, and each as a check on the other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from html import unescape

from connectors.arena.board import Board, BoardError, Row, printed
from connectors.arena.flight import SLICE, read_flight
from connectors.arena.table import read_table

_DESCRIPTION = re.compile(r'<meta name="description" content="([^"]*)"')
_WITHOUT = "without style control"


def read_page(page: str, seen_ns: int, source: str) -> Board:
    """The leaderboard of a page that was had at ``seen_ns`` from the address or file ``source``.

    BoardError where it is the wrong table, a broken one, or data and table disagree.
    """
    try:
        return _read(page, seen_ns, source)
    except BoardError as error:
        raise BoardError(f"{source}: {error}") from None


def _read(page: str, seen_ns: int, source: str) -> Board:
    flight = read_flight(page)
    if flight is None:
        _says_its_slice(page)
        return Board(read_table(page), seen_ns, None, source, "table")
    shown = read_table(page) if "<table" in page else ()
    if shown:
        _agree(flight.rows, shown)
    marked = {row.model for row in shown if row.preliminary}  # only the table says it
    rows = tuple(replace(row, preliminary=row.model in marked) for row in flight.rows)
    return Board(rows, seen_ns, flight.cutoff_ns, source, "flight", flight.total)


def _says_its_slice(page: str) -> None:
    """A page without data must say in words that style control is off: its address does not prove it."""
    found = _DESCRIPTION.search(page)
    if found is None or _WITHOUT not in unescape(found[1]).casefold():
        raise BoardError(f"nothing on the page says that style control is off ({SLICE})")


def _agree(data: Sequence[Row], shown: Sequence[Row]) -> None:
    """The table shows the data, rounded; where it does not, one of them is read wrongly and neither is believed."""
    if len(data) != len(shown):
        raise BoardError(f"the page's data has {len(data)} models and its table {len(shown)}")
    for number, (one, other) in enumerate(zip(data, shown, strict=True), 1):
        for what, have, there in (
            ("model", one.model, other.model),
            ("rank", one.rank, other.rank),
            ("rank (UB)", one.rank_ub, other.rank_ub),
            ("votes", one.votes, other.votes),
        ):
            if have != there:
                raise BoardError(f"row {number}: the {what} is {have!r} in the page's data and {there!r} in its table")
        if abs(printed(one.score) - other.score) > 1:  # halves may be rounded either way
            what = f"{one.score} in the page's data and {other.score} in its table"
            raise BoardError(f"row {number}: the score is {what}")
