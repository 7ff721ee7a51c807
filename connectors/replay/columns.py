"""What the columns of a data file mean, and words for a row that is wrong."""

from __future__ import annotations

import difflib
import math
from typing import NamedTuple

from connectors.replay.files import DataFile
from engine.market.events import NANOS, SourceError

MINUTE_NS = 60 * NANOS
EARLIEST_NS = 100_000_000 * NANOS  # 1973: anything smaller is seconds, milliseconds or microseconds
LATEST_NS = 2**63 - 1  # 2262: what fits a 64-bit count of nanoseconds
BAR_COLUMNS = ("ticker", "open", "close", "high", "low", "window_start")
QUOTE_COLUMNS = ("ticker", "window_start", "bid", "bid_size", "ask", "ask_size")


class Columns(NamedTuple):
    """The header of one file: names as written, and whether the rows are quotes or bars."""

    names: list[str]
    quotes: bool

    def place(self, name: str) -> int:
        """Index of a column that must be there."""
        return self.names.index(name)

    @property
    def volume(self) -> int | None:
        """Index of the volume; index files have none."""
        return self.names.index("volume") if "volume" in self.names else None


def read_header(file: DataFile, header: list[str] | None) -> Columns:
    """The columns of a file from its first row (None: there is none); SourceError if they are no bars and no quotes."""
    if not header:
        raise SourceError(f"{file.path}: the file is empty; minute bars begin with a header: {','.join(BAR_COLUMNS)}")
    quotes = "bid" in header or "ask" in header
    wanted, what = (QUOTE_COLUMNS, "quotes") if quotes else (BAR_COLUMNS, "minute bars")
    missing = [name for name in wanted if name not in header]
    if missing:
        close = difflib.get_close_matches(missing[0], header, n=1)
        mend = f"is {close[0]!r} meant?" if close else f"the first line is {','.join(header)[:120]}"
        raise SourceError(f"{file.path}:1: no column {missing[0]!r}; {what} need {','.join(wanted)}; {mend}")
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise SourceError(f"{file.path}:1: column {twice!r} is there twice; keep one")
    return Columns(header, quotes)


def shape_problem(row: list[str], columns: Columns) -> str:
    """What keeps a row from being read at all, in words; empty if nothing does."""
    if len(row) != len(columns.names):
        return f"{len(row)} fields where the header has {len(columns.names)}"
    return "" if row[columns.place("ticker")] else "ticker is empty"


def value_problem(row: list[str], columns: Columns) -> str:
    """The first field of a row that has a wrong value and what is wanted there, in words; empty if all are good."""
    fields = dict(zip(columns.names, row, strict=True))
    problem = _time_problem(fields["window_start"])
    return problem or (_quote_problem(fields) if columns.quotes else _bar_problem(fields))


def _time_problem(text: str) -> str:
    wanted = f"window_start {text!r}: nanoseconds since 1970 (UTC) of the start of a whole minute are wanted"
    try:
        number = int(text)
    except ValueError:
        return wanted
    if number > LATEST_NS:
        return f"{wanted}, this is after the year 2262"
    if 0 < number < EARLIEST_NS:
        unit = "seconds" if number < 10**11 else "milliseconds" if number < 10**14 else "microseconds"
        return f"{wanted}, this looks like {unit}"
    return wanted if number <= 0 or number % MINUTE_NS else ""


def _bar_problem(fields: dict[str, str]) -> str:
    names = ["open", "high", "low", "close"] + (["volume"] if fields.get("volume") else [])
    problem = next(filter(None, (_number_problem(name, fields[name]) for name in names)), "")
    if problem:
        return problem
    nothing = next((name for name in names[:4] if float(fields[name]) == 0.0), "")
    if nothing:
        return f"{nothing} {fields[nothing]} is no price at which anything trades"
    low, high = float(fields["low"]), float(fields["high"])
    if high < low:
        return f"high {fields['high']} is below low {fields['low']}"
    for name in ("open", "close"):
        if not low <= float(fields[name]) <= high:
            return f"{name} {fields[name]} lies outside low {fields['low']} to high {fields['high']}"
    return ""


def _quote_problem(fields: dict[str, str]) -> str:
    names = [name for name in ("bid", "bid_size", "ask", "ask_size") if fields[name]]
    return next(filter(None, (_number_problem(name, fields[name]) for name in names)), "")


def _number_problem(name: str, text: str) -> str:
    try:
        number = float(text)
    except ValueError:
        return f"{name} {text!r} is not a number"
    if not math.isfinite(number):
        return f"{name} {text!r} is not a finite number"
    return f"{name} {text} is negative" if number < 0 else ""
