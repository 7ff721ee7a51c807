"""Flat files: one file a day, family and kind, from the vendor's S3 or a folder with the same layout.

Layout: ``us_stocks_sip/minute_aggs_v1/2025/09/2025-09-19.csv.gz``; times are UTC nanoseconds, prices as they were.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from connectors.polygon.options import market_day
from connectors.polygon.tickers import Cluster, symbol_of
from engine.market.events import SourceError
from engine.market.marketdata import BarRow, TickRow

SOURCE = "polygon_flatfile"
MINUTE_NS = 60_000_000_000
FOLDERS = {
    Cluster.STOCKS: "us_stocks_sip",
    Cluster.OPTIONS: "us_options_opra",
    Cluster.INDICES: "us_indices",
}


class Kind(StrEnum):
    """What a file holds: minute bars, or trades."""

    BARS = "minute_aggs_v1"
    TRADES = "trades_v1"


@dataclass(frozen=True, slots=True)
class FlatFile:
    """One file. ``path`` is its key, and its path below a folder."""

    cluster: Cluster
    kind: Kind
    day: date

    @property
    def path(self) -> str:
        return f"{FOLDERS[self.cluster]}/{self.kind.value}/{self.day:%Y/%m}/{self.day.isoformat()}.csv.gz"


class MissingFile(Exception):
    """There is no such file."""


class RefusedFile(Exception):
    """The file may not be read with these keys."""


class UnreachableFiles(Exception):
    """The files cannot be read for reasons of the network or of their server."""


class Files(Protocol):
    """Where flat files are."""

    def open(self, file: FlatFile) -> tuple[BinaryIO, int]:
        """The bytes of a file as they are stored, and how many; MissingFile, RefusedFile or UnreachableFiles."""
        ...


class FolderFiles:
    """Flat files below a folder, packed or not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, file: FlatFile) -> tuple[BinaryIO, int]:
        """``….csv.gz``, or ``….csv`` where that is there instead."""
        packed = self.folder / file.path
        for path in (packed, packed.with_suffix("")):
            if path.is_file():
                try:
                    return path.open("rb"), path.stat().st_size
                except OSError as error:
                    raise UnreachableFiles(f"{path}: cannot be read ({error.strerror})") from error
        raise MissingFile(f"{packed}: there is no such file")


def read_rows(stream: BinaryIO, file: FlatFile, tickers: Collection[str]) -> Iterator[BarRow | TickRow]:
    """The rows of these tickers, in the file's order, read as they come. SourceError names file, line and field."""
    text = io.TextIOWrapper(_unpacked(stream, file), encoding="utf-8-sig", newline="")
    reader = csv.reader(text)
    wanted = frozenset(tickers)
    parse = _bar if file.kind is Kind.BARS else _trade
    try:
        header = next(reader, [])
        columns = _columns(header, file)
        for cells in reader:
            if cells and cells[columns["ticker"]] in wanted:
                yield parse(_Line(f"{file.path}:{reader.line_num}", cells, columns, file.day))
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise SourceError(f"{file.path}: cut short or damaged after line {reader.line_num} ({error}); "
                          "fetch it again") from error
    except (UnicodeDecodeError, csv.Error, IndexError) as error:
        raise SourceError(f"{file.path}:{reader.line_num}: not the CSV of a flat file ({error})") from error
    finally:
        text.detach()  # whoever opened the stream closes it


def _unpacked(stream: BinaryIO, file: FlatFile) -> BinaryIO:
    """The text of a file, packed or not, as its first bytes say."""
    buffered = stream if isinstance(stream, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, stream))
    packed = buffered.peek(2)[:2] == b"\x1f\x8b"
    return cast(BinaryIO, gzip.GzipFile(fileobj=buffered) if packed else buffered)


def _columns(header: list[str], file: FlatFile) -> dict[str, int]:
    needed = {
        Kind.BARS: ("ticker", "open", "high", "low", "close", "window_start"),
        Kind.TRADES: ("ticker", "price", "size", "sip_timestamp", "sequence_number"),
    }[file.kind]
    columns = {name: place for place, name in enumerate(header)}
    missing = [name for name in needed if name not in columns]
    if missing:
        raise SourceError(f"{file.path}:1: the header lacks {', '.join(missing)}; this is no {file.kind.value} file")
    return columns


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a file, and where it stands."""

    place: str
    cells: list[str]
    columns: dict[str, int]
    day: date

    def text(self, name: str) -> str:
        return self.cells[self.columns[name]] if name in self.columns else ""

    def price(self, name: str) -> Decimal:
        value = self._decimal(name)
        if value <= 0:
            raise SourceError(f"{self.place}: {name}: a price must be above zero, not {value}")
        return value

    def amount(self, name: str) -> Decimal | None:
        """None where the file does not say."""
        if not self.text(name):
            return None
        value = self._decimal(name)
        if value < 0:
            raise SourceError(f"{self.place}: {name}: must not be below zero, but is {value}")
        return value

    def time(self, name: str) -> int:
        """UTC nanoseconds of the file's day, or of the night beside it."""
        value = self.whole(name)
        if value is None or abs(market_day(value) - self.day) > timedelta(days=1):
            raise SourceError(f"{self.place}: {name}: {self.text(name)!r} is no time of {self.day} in nanoseconds")
        return value

    def whole(self, name: str) -> int | None:
        text = self.text(name)
        if not text:
            return None
        if not text.isdigit() or len(text) > 19:
            raise SourceError(f"{self.place}: {name}: must be a whole number, not {text!r}")
        return int(text)

    def _decimal(self, name: str) -> Decimal:
        try:
            value = Decimal(self.text(name))
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite():
            raise SourceError(f"{self.place}: {name}: must be a number, not {self.text(name)!r}")
        return value


def _bar(line: _Line) -> BarRow:
    start = line.time("window_start")
    if start % MINUTE_NS:
        raise SourceError(f"{line.place}: window_start: {start} is not the start of a minute")
    first, high, low, last = (line.price(name) for name in ("open", "high", "low", "close"))
    if high < max(first, low, last) or low > min(first, last):
        raise SourceError(f"{line.place}: high and low are not the highest and lowest price of the bar")
    return BarRow(
        symbol_of(line.text("ticker")), start, first, high, low, last,
        line.amount("volume"), line.whole("transactions"), SOURCE,
    )  # fmt: skip


def _trade(line: _Line) -> TickRow:
    return TickRow(
        symbol_of(line.text("ticker")), line.time("sip_timestamp"), line.price("price"), line.amount("size"),
        SOURCE, line.whole("sequence_number") or 0,
    )  # fmt: skip
