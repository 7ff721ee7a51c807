"""Files of bars and quotes as columns, many rows at a time: what ``rows`` reads one row after the other.

The quick way reads text that is written plainly, and checks all that the careful way checks. A file in which anything
is odd, good or bad, is read the careful way; and where that finds something wrong, nothing is given at all, so that
whoever asked reads tick by tick and gets the careful words for it.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

import numpy as np

from connectors.replay.columns import EARLIEST_NS, LATEST_NS, MINUTE_NS, Columns, read_header
from connectors.replay.digits import FIRST, WORD, OddText, Text
from connectors.replay.files import ByteCount, DataFile
from connectors.replay.rows import Selection, plain_symbol, read_days
from connectors.replay.survey import end_symbols, scan
from engine.market.columns import BAR, QUOTE, Floats, Ints, MarketColumns
from engine.market.events import NANOS, Bar, SourceError

BLOCK_BYTES = 1 << 19  # what stays in the processor's cache with all that is made of it
LONGEST_TICKER = 24
TIME_DIGITS = 19
BAR_SECONDS = 60
COMMA, NEWLINE = ord(","), ord("\n")
BOM = b"\xef\xbb\xbf"


class Rows(NamedTuple):
    """Rows of wanted symbols in their order in the files: bars (open, high, low, close, volume) or quotes (bid, bid
    size, ask, ask size), NaN for what is missing. ``symbol``: number in the reader's list. ``start_ns``: of the minute.
    """

    quotes: bool
    symbol: Ints
    start_ns: Ints
    values: Floats


class Piece(NamedTuple):
    """Lines of one file, without its header; the last of them ends as well."""

    file: DataFile
    columns: Columns
    data: bytes


class CareNeeded(Exception):
    """Only reading tick by tick gives the right answer, or the right words for what is wrong."""


class TableReader:
    """Reads files into columns. ``symbols``: those wanted that were met, by number. ``with_bars``: all that files of
    bars hold, wanted or not."""

    def __init__(self, files: Sequence[DataFile], selection: Selection, count: ByteCount) -> None:
        self._files, self._selection, self._count = files, selection, count
        self._number: dict[bytes, int] = {}  # of a ticker's symbol, -1 where it is not wanted
        self._latest: dict[DataFile, int] = {}  # start of the last row, of files without a date
        self.symbols: dict[str, int] = {}
        self.with_bars: set[str] = set()

    def rows(self, notice: Callable[[], None]) -> list[Rows]:
        """All wanted rows. ``notice`` is called now and then. Raises CareNeeded."""
        found: list[tuple[DataFile, Rows]] = []
        odd: dict[DataFile, None] = {}
        for batch in self._batches():
            try:
                found.append((batch[0].file, self._quickly(batch)))
            except OddText:
                found += self._one_by_one(batch, odd)
            notice()
        rows = [each for file, each in found if file not in odd]
        for file in odd:
            rows += self._carefully(file)
            notice()
        return rows

    def _one_by_one(self, batch: Sequence[Piece], odd: dict[DataFile, None]) -> list[tuple[DataFile, Rows]]:
        """Each piece alone; ``odd`` takes the files of those that cannot be read quickly."""
        found = []
        for piece in batch:
            try:
                found.append((piece.file, self._quickly([piece])))
            except OddText:
                odd[piece.file] = None
        return found

    # -- bytes -----------------------------------------------------------------------------------------------------

    def _batches(self) -> Iterator[list[Piece]]:
        """Pieces of files with the same columns, as many together as are worth a block; a large file is alone."""
        batch: list[Piece] = []
        size = 0
        for piece in self._pieces():
            alone = len(piece.data) >= BLOCK_BYTES
            if batch and (alone or piece.columns != batch[0].columns or size + len(piece.data) > BLOCK_BYTES):
                yield batch
                batch, size = [], 0
            if alone:
                yield [piece]
                continue
            batch.append(piece)
            size += len(piece.data)
        if batch:
            yield batch

    def _pieces(self) -> Iterator[Piece]:
        for file in self._files:
            try:
                yield from self._pieces_of(file)
            except (EOFError, zlib.error, UnicodeDecodeError, csv.Error, OSError, SourceError) as error:
                raise CareNeeded from error

    def _pieces_of(self, file: DataFile) -> Iterator[Piece]:
        with file.path.open("rb") as raw:
            self._count.opened.append(raw)
            try:
                plain = gzip.GzipFile(fileobj=raw) if file.path.suffix == ".gz" else raw
                header = plain.readline().removeprefix(BOM)
                columns = read_header(file, next(csv.reader([header.decode()], strict=True), None))
                # A large file goes block by block; a small one is one piece, which others may join.
                while data := plain.read(4 * BLOCK_BYTES):
                    data += plain.readline()
                    yield Piece(file, columns, data if data.endswith(b"\n") else data + b"\n")
            finally:
                self._count.opened.remove(raw)
                self._count.closed += file.size

    # -- the quick way ---------------------------------------------------------------------------------------------

    def _quickly(self, batch: Sequence[Piece]) -> Rows:
        """The wanted rows of some pieces. Raises OddText and CareNeeded."""
        columns = batch[0].columns
        text, cells = _cells(b"".join(piece.data for piece in batch), len(columns.names))
        ticker = columns.place("ticker")
        symbol = self._symbols_of(text, cells.begin(ticker), cells.end(ticker), columns)
        wanted = np.flatnonzero(symbol >= 0)
        file_of = np.repeat(np.arange(len(batch)), [piece.data.count(b"\n") for piece in batch])[wanted]
        cells, symbol = cells.of(wanted), symbol[wanted]
        start_ns = _times(text, cells, columns.place("window_start"))
        values = _quotes(text, cells, columns) if columns.quotes else _bars(text, cells, columns)
        kept = (start_ns >= self._selection.begin_ns) & (start_ns < self._selection.end_ns)
        if not kept.all():
            file_of, symbol, start_ns, values = file_of[kept], symbol[kept], start_ns[kept], values[kept]
        self._check_days([piece.file for piece in batch], file_of, start_ns)
        return Rows(columns.quotes, symbol, start_ns, values)

    def _symbols_of(self, text: Text, begin: Ints, end: Ints, columns: Columns) -> Ints:
        """The number of each row's symbol, -1 where it is not wanted. Tickers mostly come in runs."""
        length = end - begin
        if len(length) == 0:
            return length
        if int(length.min()) == 0 or int(length.max()) > LONGEST_TICKER:
            raise OddText
        changes = np.zeros(len(begin), dtype=np.bool_)
        changes[0] = True
        for n in range(0, int(length.max()), WORD):
            word = text.word(begin + n) & FIRST[np.clip(length - n, 0, WORD)]
            changes[1:] |= word[1:] != word[:-1]
        at = np.flatnonzero(changes)
        numbers = [
            self._number_of(text.data[a:b], columns)
            for a, b in zip(begin[at].tolist(), end[at].tolist(), strict=True)
        ]
        return np.repeat(np.array(numbers, dtype=np.int64), np.diff(np.append(at, len(begin))))

    def _number_of(self, ticker: bytes, columns: Columns) -> int:
        symbol = plain_symbol(ticker.decode())
        if not columns.quotes:
            self.with_bars.add(symbol)
        found = self._number.get(ticker)
        if found is None:
            wanted = self._selection.symbols
            found = self.symbols.setdefault(symbol, len(self.symbols)) if wanted is None or symbol in wanted else -1
            self._number[ticker] = found
        return found

    def _check_days(self, files: Sequence[DataFile], file_of: Ints, start_ns: Ints) -> None:
        """Rows lie on the day that their file is named after; a file without a name of that kind goes forward in time,
        where reading tick by tick relies on it. Raises CareNeeded."""
        if len(start_ns) == 0:
            return
        bounds = np.array([self._bounds(file) for file in files])[file_of]
        if ((start_ns < bounds[:, 0]) | (start_ns >= bounds[:, 1])).any():
            raise CareNeeded
        back = (np.diff(start_ns) < 0) & (np.diff(file_of) == 0)
        undated = np.array([file.day is None for file in files])[file_of]
        for number in np.unique(file_of[undated]).tolist():
            file, mine = files[number], np.flatnonzero(file_of == number)
            earlier = self._latest.get(file, 0)
            goes_back = int(start_ns[mine[0]]) < earlier or bool(back[mine[:-1]].any())
            if goes_back and (len(self._selection.symbols or ()) == 1 or len(end_symbols(file)) == 1):
                raise CareNeeded
            self._latest[file] = int(start_ns[mine[-1]])

    def _bounds(self, file: DataFile) -> tuple[int, int]:
        """Where the local day begins and ends that a file is named after."""
        if file.day is None:
            return 0, LATEST_NS
        midnight = datetime.combine(date.fromordinal(file.day), datetime.min.time(), self._selection.zone)
        return int(midnight.timestamp()) * NANOS, int((midnight + timedelta(days=1)).timestamp()) * NANOS

    # -- the careful way -------------------------------------------------------------------------------------------

    def _carefully(self, file: DataFile) -> list[Rows]:
        """One file row by row. Raises CareNeeded for one that is wrong."""
        rows: list[Rows] = []
        try:
            for _, batch in read_days(file, self._selection, self._count):
                bars = type(batch[0]) is Bar
                symbol = [self.symbols.setdefault(event.symbol, len(self.symbols)) for event in batch]
                table = [tuple(event)[3:8] if bars else tuple(event)[2:6] for event in batch]
                shift = 0 if bars else MINUTE_NS
                start_ns = np.array([event[1] - shift for event in batch], dtype=np.int64)
                values = np.array(table, dtype=np.float64)
                rows.append(Rows(not bars, np.array(symbol, dtype=np.int64), start_ns, values))
            found = scan(file, self._selection)
        except SourceError as error:
            raise CareNeeded from error
        if not found.quotes:
            self.with_bars |= found.symbols
        for each in rows:
            self._check_days([file], np.zeros(len(each.start_ns), dtype=np.int64), each.start_ns)
        return rows


class _Cells(NamedTuple):
    """Where the fields of rows begin and end; field ``n`` ends at ``ends[:, n]``."""

    first: Ints
    ends: Ints

    def begin(self, place: int) -> Ints:
        return self.first if place == 0 else self.ends[:, place - 1] + 1

    def end(self, place: int) -> Ints:
        return self.ends[:, place]

    def of(self, rows: Ints) -> _Cells:
        """Of some rows alone."""
        return self if len(rows) == len(self.first) else _Cells(self.first[rows], self.ends[rows])


def _cells(data: bytes, width: int) -> tuple[Text, _Cells]:
    """Lines of plain fields. Raises OddText."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    if b"\r" in data or b'"' in data or not data.isascii():
        raise OddText
    text = Text(data)
    newlines = text.bytes == NEWLINE
    ends = np.flatnonzero(newlines | (text.bytes == COMMA))
    lines = np.flatnonzero(newlines)
    if len(ends) != len(lines) * width or not np.array_equal(ends[width - 1 :: width], lines):
        raise OddText
    first = np.concatenate((np.zeros(1, dtype=np.int64), lines[:-1] + 1))[: len(lines)]
    return text, _Cells(first, ends.reshape(-1, width))


def _times(text: Text, cells: _Cells, place: int) -> Ints:
    if bool((cells.begin(place) == cells.end(place)).any()):
        raise OddText
    found = text.whole(cells.begin(place), cells.end(place), TIME_DIGITS)
    if bool(((found < EARLIEST_NS) | (found > LATEST_NS) | (found % np.uint64(MINUTE_NS) != 0)).any()):
        raise OddText
    return found.astype(np.int64)


def _bars(text: Text, cells: _Cells, columns: Columns) -> Floats:
    opened, high, low, close = (
        text.numbers(cells.begin(place), cells.end(place))
        for place in map(columns.place, ("open", "high", "low", "close"))
    )
    if not ((low > 0.0) & (low <= opened) & (opened <= high) & (low <= close) & (close <= high)).all():
        raise OddText
    place = columns.volume
    volume = (
        np.full(len(close), np.nan) if place is None
        else text.numbers(cells.begin(place), cells.end(place), empty=np.nan)
    )  # fmt: skip
    return np.stack((opened, high, low, close, volume), axis=1)


def _quotes(text: Text, cells: _Cells, columns: Columns) -> Floats:
    """A side without a price, or with a price of zero, is missing."""
    bid, bid_size, ask, ask_size = (
        text.numbers(cells.begin(place), cells.end(place), empty=0.0)
        for place in map(columns.place, ("bid", "bid_size", "ask", "ask_size"))
    )
    for price, size in ((bid, bid_size), (ask, ask_size)):
        missing = price == 0.0
        price[missing] = size[missing] = np.nan
    return np.stack((bid, bid_size, ask, ask_size), axis=1)


def in_order(rows: Iterable[Rows], symbols: Sequence[str]) -> tuple[MarketColumns, int]:
    """Ticks of all rows as ``order.TimeOrder`` gives them, and how many rows it drops because they repeat another one.
    Raises CareNeeded for rows that contradict one another."""
    listed = sorted(symbols)
    rank = np.array([listed.index(symbol) for symbol in symbols] or [0], dtype=np.int64)
    every = list(rows)
    tables = {quotes: _joined(quotes, [each for each in every if each.quotes is quotes]) for quotes in (True, False)}
    # Within a tick quotes come before bars, each by symbol.
    keys = np.concatenate([
        table.start_ns // MINUTE_NS * (2 * len(rank)) + (0 if quotes else len(rank)) + rank[table.symbol]
        for quotes, table in tables.items()
    ])  # fmt: skip
    order = np.arange(len(keys)) if (keys[1:] > keys[:-1]).all() else np.argsort(keys, kind="stable")
    order, dropped = _without_repetitions(order, keys, tables[True], tables[False])
    split = len(tables[True].start_ns)
    kind = np.where(order < split, QUOTE, BAR)
    times = np.concatenate((tables[True].start_ns, tables[False].start_ns))[order] + MINUTE_NS
    symbol = np.concatenate((tables[True].symbol, tables[False].symbol))[order]
    quotes, bars = order[kind == QUOTE], order[kind == BAR] - split
    row = np.empty(len(order), dtype=np.int64)
    row[kind == QUOTE], row[kind == BAR] = np.arange(len(quotes)), np.arange(len(bars))
    begins = np.flatnonzero(np.append(True, times[1:] != times[:-1])[: len(times)])
    named, seen = np.unique(symbol, return_index=True)
    met = named[np.argsort(seen)]
    number = np.zeros(len(rank), dtype=np.int64)
    number[met] = np.arange(len(met))
    starts = tables[False].start_ns[bars]
    market = MarketColumns(
        tuple(symbols[n] for n in met.tolist()), times[begins], np.append(begins, len(times)), kind, number[symbol],
        row, tables[False].values[bars], np.stack((starts, np.full(len(starts), BAR_SECONDS)), axis=1),
        tables[True].values[quotes], tables[True].start_ns[quotes] + MINUTE_NS,
    )  # fmt: skip
    return market, dropped


def _joined(quotes: bool, rows: Sequence[Rows]) -> Rows:
    width = 4 if quotes else 5
    nothing = np.zeros(0, dtype=np.int64)
    return Rows(
        quotes, np.concatenate([nothing, *(each.symbol for each in rows)]),
        np.concatenate([nothing, *(each.start_ns for each in rows)]),
        np.concatenate([np.zeros((0, width)), *(each.values for each in rows)]),
    )  # fmt: skip


def _without_repetitions(order: Ints, keys: Ints, quotes: Rows, bars: Rows) -> tuple[Ints, int]:
    """Rows of one symbol and minute must be the same, and count once."""
    keys = keys[order]
    again = np.append(False, keys[1:] == keys[:-1])[: len(keys)]
    twice = np.flatnonzero(again)
    split = len(quotes.start_ns)
    for a, b in zip(order[twice - 1].tolist(), order[twice].tolist(), strict=True):
        table, shift = (quotes, 0) if a < split else (bars, split)
        if not np.array_equal(table.values[a - shift], table.values[b - shift], equal_nan=True):
            raise CareNeeded
    return order[~again], len(twice)
