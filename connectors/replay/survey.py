"""What is in a data file, found without making events of it; and the way out for files that are not in day order."""

from __future__ import annotations

import csv
import gzip
import os
from array import array
from collections.abc import Iterator
from typing import NamedTuple

from connectors.replay.columns import MINUTE_NS, read_header
from connectors.replay.files import DataFile, open_rows
from connectors.replay.rows import Batch, Selection, SymbolOfTicker, plain_symbol, wanted_chunks
from engine.market.events import Bar, Quote

TAIL_BYTES = 1 << 16
NAN = float("nan")


class FileScan(NamedTuple):
    """All symbols of a file, wanted or not, and of the wanted rows the first and last local date (ordinals, 0 without
    any row) and whether they go from day to day without ever going back."""

    quotes: bool
    symbols: frozenset[str]
    first_day: int
    last_day: int
    days_in_order: bool


def scan(file: DataFile, selection: Selection) -> FileScan:
    """Read tickers and times of a whole file; SourceError for a row without them."""
    days: set[int] = set()
    in_order = True
    since = until = 0
    symbol_of = SymbolOfTicker(selection)
    with open_rows(file) as rows:
        columns = read_header(file, next(rows, None))
        for _, starts_ns, _ in wanted_chunks(file, rows, columns, selection, symbol_of):
            if since <= min(starts_ns) and max(starts_ns) < until:
                continue
            for start_ns in starts_ns:
                if not since <= start_ns < until:
                    in_order = in_order and start_ns >= since
                    day, since, until = selection.day_bounds(start_ns)
                    days.add(day)
    symbols = frozenset(map(plain_symbol, symbol_of))
    return FileScan(columns.quotes, symbols, min(days, default=0), max(days, default=0), in_order)


def end_symbols(file: DataFile) -> frozenset[str]:
    """Symbols of the first and the last row of a file of bars; fewer where a row is missing or damaged."""
    with open_rows(file) as rows:
        columns = read_header(file, next(rows, None))
        i_ticker, width = columns.place("ticker"), len(columns.names)
        ends = [next(filter(None, rows), []), *csv.reader([_last_line(file)])]
    return frozenset(plain_symbol(row[i_ticker]) for row in ends if len(row) == width and not columns.quotes)


def _last_line(file: DataFile) -> str:
    """The last line that is not blank; compressed files must be read through for it."""
    with file.path.open("rb") as raw:
        tail = b""
        if file.path.suffix == ".gz":
            plain = gzip.GzipFile(fileobj=raw)
            while block := plain.read(1 << 20):
                tail = (tail + block)[-TAIL_BYTES:]
        else:
            raw.seek(max(0, raw.seek(0, os.SEEK_END) - TAIL_BYTES))
            tail = raw.read()
    lines = tail.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else ""


def places_of(file: DataFile, symbol: str, start_ns: int, *, quotes: bool) -> list[str]:
    """``file:line`` of each bar (or quote) of one symbol and minute."""
    with open_rows(file) as rows:
        columns = read_header(file, next(rows, None))
        i_ticker, i_start = columns.place("ticker"), columns.place("window_start")
        return [
            f"{file.path}:{rows.line_num}"
            for row in filter(None, rows)
            if columns.quotes is quotes and plain_symbol(row[i_ticker]) == symbol and int(row[i_start]) == start_ns
        ]


def sort_days(batches: Iterator[tuple[int, Batch]]) -> Iterator[tuple[int, Batch]]:
    """Batches of a file that goes back in time (grouped by ticker, say), regathered by day, earliest first.

    Holds all of the file's rows in packed form, 56 bytes each.
    """
    numbers: dict[str, int] = {}
    bars: dict[int, array[float]] = {}
    quotes: dict[int, array[float]] = {}
    for day, batch in batches:
        for event in batch:
            number = numbers.setdefault(event.symbol, len(numbers))
            if isinstance(event, Bar):
                volume = NAN if event.volume is None else event.volume
                bars.setdefault(day, array("d")).extend((number, event.start_ns // MINUTE_NS, *event[3:7], volume))
            else:
                sides = (NAN if value is None else value for value in event[2:])
                quotes.setdefault(day, array("d")).extend((number, event.time_ns // MINUTE_NS, *sides))
    symbols = list(numbers)
    for day in sorted(bars):
        yield day, _unpack_bars(bars.pop(day), symbols)
    for day in sorted(quotes):
        yield day, _unpack_quotes(quotes.pop(day), symbols)


def _unpack_bars(numbers: array[float], symbols: list[str]) -> list[Bar]:
    values = iter(numbers)
    return [
        Bar(symbols[int(n)], int(minute) * MINUTE_NS, 60, open_, high, low, close, _known(volume))
        for n, minute, open_, high, low, close, volume in zip(*[values] * 7, strict=True)
    ]


def _unpack_quotes(numbers: array[float], symbols: list[str]) -> list[Quote]:
    values = iter(numbers)
    return [
        Quote(symbols[int(n)], int(minute) * MINUTE_NS, *map(_known, sides))
        for n, minute, *sides in zip(*[values] * 6, strict=True)
    ]


def _known(value: float) -> float | None:
    return None if value != value else value
