"""From the rows of one file to bars and quotes, in batches of one local day. This is the hot part of a replay.

Rows are taken a few hundred at a time and handled column by column, which costs half as much as row by row. Whether
a row is good is checked here for whole columns, cheaply; which row is wrong and why is found on a second reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import compress, islice, repeat
from math import inf
from operator import le, mod
from typing import Any, NamedTuple, NoReturn
from zoneinfo import ZoneInfo

from connectors.replay.columns import (
    EARLIEST_NS,
    LATEST_NS,
    MINUTE_NS,
    Columns,
    read_header,
    shape_problem,
    value_problem,
)
from connectors.replay.files import ByteCount, DataFile, Rows, open_rows
from engine.market.events import NANOS, Bar, Quote, SourceError

INDEX_PREFIX = "I:"
CHUNK_ROWS = 128
NUMBERS_KEPT = 50_000

Batch = Sequence[Bar] | Sequence[Quote]
Cells = Sequence[str]


class Selection(NamedTuple):
    """What a replay wants of the files: symbols (None: all), window starts in [begin, end), days in a zone."""

    symbols: frozenset[str] | None
    begin_ns: int
    end_ns: int
    zone: ZoneInfo

    def day_bounds(self, time_ns: int) -> tuple[int, int, int]:
        """Ordinal, start and end (UTC nanoseconds) of the local date of an instant."""
        local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time_ns // NANOS)).astimezone(self.zone)
        midnight = datetime(local.year, local.month, local.day, tzinfo=self.zone)
        since, until = (int((midnight + timedelta(days=n)).timestamp()) * NANOS for n in (0, 1))
        return local.toordinal(), since, until


def plain_symbol(ticker: str) -> str:
    """The symbol of a ticker: the vendor writes indices as ``I:SPX``, rules say ``SPX``."""
    return ticker.removeprefix(INDEX_PREFIX)


class SymbolOfTicker(dict[str, str | None]):
    """Ticker to symbol, None where it is not wanted; remembers, because the question comes with every row."""

    def __init__(self, selection: Selection) -> None:
        self._wanted = selection.symbols

    def __missing__(self, ticker: str) -> str | None:
        if not ticker:
            raise ValueError("ticker")
        symbol = plain_symbol(ticker)
        self[ticker] = symbol if self._wanted is None or symbol in self._wanted else None
        return self[ticker]


class Numbers(dict[str, float]):
    """Text to a finite number, zero or more; remembers, because prices repeat and parsing costs more."""

    def __missing__(self, text: str) -> float:
        number = float(text)
        if not 0.0 <= number < float("inf"):
            raise ValueError("number")
        if len(self) >= NUMBERS_KEPT:
            self.clear()
        self[text] = number
        return number


def read_days(file: DataFile, selection: Selection, count: ByteCount | None = None) -> Iterator[tuple[int, Batch]]:
    """Bars or quotes of one file in file order, as (ordinal of the local date, consecutive rows of that date).

    Raises SourceError naming file, line and field for the first row that is wrong. Values of other symbols' rows are
    not looked at.
    """
    for day, batch in _batches(file, selection, count):
        if file.day is not None and day != file.day:
            raise SourceError(
                f"{file.path}: the name says one day, but it holds rows of {datetime.fromordinal(day):%Y-%m-%d} "
                f"({selection.zone.key}); rename the file, or give the time zone of its dates"
            )
        yield day, batch


def _batches(file: DataFile, selection: Selection, count: ByteCount | None) -> Iterator[tuple[int, Batch]]:
    days = _DaySplitter(selection)
    with open_rows(file, count) as rows:
        columns = read_header(file, next(rows, None))
        parse = (_QuoteParser if columns.quotes else _BarParser)(columns)
        for symbols, starts_ns, cells in wanted_chunks(file, rows, columns, selection, SymbolOfTicker(selection)):
            try:
                events = parse.events(symbols, starts_ns, cells)
            except ValueError:
                _explain(file, selection)
            yield from days.split(starts_ns, events)
    yield from days.rest()


def wanted_chunks(
    file: DataFile, rows: Rows, columns: Columns, selection: Selection, symbol_of: SymbolOfTicker
) -> Iterator[tuple[list[str], list[int], list[Cells]]]:
    """Symbols, window starts and all columns of the rows of wanted symbols, a few hundred rows at a time."""
    i_ticker, i_start, width = columns.place("ticker"), columns.place("window_start"), len(columns.names)
    lines = filter(None, rows)
    while chunk := list(islice(lines, CHUNK_ROWS)):
        try:
            cells = _columns_of(chunk, width)
            symbols = list(map(symbol_of.__getitem__, cells[i_ticker]))
            if not any(symbols):
                continue
            if None in symbols:
                cells = [list(compress(column, symbols)) for column in cells]
            starts_ns = _times(cells[i_start])
        except ValueError:
            _explain(file, selection)
        yield [symbol for symbol in symbols if symbol], starts_ns, cells


def _explain(file: DataFile, selection: Selection) -> NoReturn:
    """Read the file once more, row by row, to name the first row that is wrong and why."""
    symbol_of = SymbolOfTicker(selection)
    with open_rows(file) as rows:
        columns = read_header(file, next(rows, None))
        for row in filter(None, rows):
            problem = shape_problem(row, columns)
            if not problem and symbol_of[row[columns.place("ticker")]] is not None:
                problem = value_problem(row, columns)
            if problem:
                raise SourceError(f"{file.path}:{rows.line_num}: {problem}; correct or remove the row")
    raise SourceError(f"{file.path}: the file changed while it was being read; start again")


class _DaySplitter:
    """Gathers consecutive events of one local day; leaves out the times that are not wanted."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._day = self._since = self._until = 0
        self._batch: list[Any] = []

    def split(self, starts_ns: list[int], events: Sequence[Bar | Quote]) -> Iterator[tuple[int, Batch]]:
        """Add events with their window starts; yields each day that is over."""
        if self._since <= min(starts_ns) and max(starts_ns) < self._until:
            self._batch.extend(events)
            return
        for start_ns, event in zip(starts_ns, events, strict=True):
            if not self._since <= start_ns < self._until:
                yield from self.rest()
                self._enter(start_ns)
            if self._until:
                self._batch.append(event)

    def rest(self) -> Iterator[tuple[int, Batch]]:
        """The day gathered so far, if it has any event."""
        if self._batch:
            yield self._day, self._batch
            self._batch = []

    def _enter(self, start_ns: int) -> None:
        self._day = self._since = self._until = 0
        if self._selection.begin_ns <= start_ns < self._selection.end_ns:
            self._day, since, until = self._selection.day_bounds(start_ns)
            self._since, self._until = max(since, self._selection.begin_ns), min(until, self._selection.end_ns)


def _columns_of(chunk: list[list[str]], width: int) -> list[Cells]:
    cells: list[Cells] = list(zip(*chunk, strict=True))
    if len(cells) != width:
        raise ValueError("number of fields")
    return cells


def _times(texts: Cells) -> list[int]:
    starts_ns = list(map(int, texts))
    if min(starts_ns) < EARLIEST_NS or max(starts_ns) > LATEST_NS or any(map(mod, starts_ns, repeat(MINUTE_NS))):
        raise ValueError("window_start")
    return starts_ns


class _BarParser:
    """Columns of text to bars; ValueError if any row is wrong."""

    def __init__(self, columns: Columns) -> None:
        self._prices = [columns.place(name) for name in ("open", "high", "low", "close")]
        self._volume = columns.volume

    def events(self, symbols: list[str], starts_ns: list[int], cells: list[Cells]) -> list[Bar]:
        opens, highs, lows, closes = (list(map(float, cells[place])) for place in self._prices)
        if not (
            min(lows) > 0.0  # nothing trades at nothing: a writer's way to say that it does not know
            and max(highs) < inf
            and all(map(le, lows, opens))
            and all(map(le, opens, highs))
            and all(map(le, lows, closes))
            and all(map(le, closes, highs))
        ):
            raise ValueError("open, high, low, close")
        volumes = repeat(None) if self._volume is None else _volumes(cells[self._volume])
        fields = zip(symbols, starts_ns, repeat(60), opens, highs, lows, closes, volumes, strict=False)
        return list(map(tuple.__new__, repeat(Bar), fields))


def _volumes(texts: Cells) -> Iterable[float | None]:
    """Volumes hardly repeat, so they are parsed and not looked up. An empty one is unknown."""
    known = list(map(float, filter(None, texts)))
    if not all(map(le, repeat(0.0), known)) or max(known, default=0.0) == float("inf"):
        raise ValueError("volume")
    if len(known) == len(texts):
        return known
    values = iter(known)
    return [next(values) if text else None for text in texts]


class _SideNumbers(Numbers):
    """Files write a side that is missing as nothing or as a price of zero; here both are zero."""

    def __missing__(self, text: str) -> float:
        return super().__missing__(text) if text else 0.0


class _QuoteParser:
    """Columns of text to quotes; ValueError if any row is wrong."""

    def __init__(self, columns: Columns) -> None:
        self._places = [columns.place(name) for name in ("bid", "bid_size", "ask", "ask_size")]
        self._number = _SideNumbers().__getitem__

    def events(self, symbols: list[str], starts_ns: list[int], cells: list[Cells]) -> list[Quote]:
        bids, bid_sizes, asks, ask_sizes = (list(map(self._number, cells[place])) for place in self._places)
        times_ns = [start_ns + MINUTE_NS for start_ns in starts_ns]
        return [
            Quote(symbol, time_ns, bid or None, bid_size if bid else None, ask or None, ask_size if ask else None)
            for symbol, time_ns, bid, bid_size, ask, ask_size in zip(
                symbols, times_ns, bids, bid_sizes, asks, ask_sizes, strict=True
            )
        ]
