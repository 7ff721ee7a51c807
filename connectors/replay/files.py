"""Which files a replay reads, and reading them as rows of text with one clear error for whatever is wrong."""

from __future__ import annotations

import codecs
import csv
import gzip
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from engine.market.events import SourceError

BLOCK_BYTES = 1 << 14  # larger ones fall out of the processor's cache
LAYOUT_FOLDERS = ("minute_aggs_v1", "quotes_1m")
DATED_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})\.csv(\.gz)?")


class DataFile(NamedTuple):
    """One CSV file. ``day`` is the ordinal of the date in its name, None when the name has none."""

    path: Path
    day: int | None
    size: int


def find_files(root: Path) -> list[DataFile]:
    """All ``.csv`` and ``.csv.gz`` files below a folder, or one single file, by name.

    Where the folder holds the flat-file layout anywhere, only the files of that layout count: a data folder has
    other CSV files beside it. Raises SourceError when nothing is there.
    """
    if root.is_file():
        return [_data_file(root)]
    if not root.is_dir():
        raise SourceError(f"{root}: no such file or folder; give the folder that holds the minute bars")
    paths = [
        Path(folder, name)
        for folder, _, names in os.walk(root)
        for name in names
        if name.endswith((".csv", ".csv.gz")) and not name.startswith(".")
    ]
    layout = [path for path in paths if any(part in LAYOUT_FOLDERS for part in path.relative_to(root).parts)]
    if not paths:
        raise SourceError(f"{root}: there is no .csv or .csv.gz file in this folder or below it")
    return [_data_file(path) for path in sorted(layout or paths)]


def _data_file(path: Path) -> DataFile:
    name = DATED_NAME.fullmatch(path.name)
    day: int | None = None
    if name:
        try:
            day = date.fromisoformat(name[1]).toordinal()
        except ValueError:
            raise SourceError(f"{path}: {name[1]} is not a date; name day files YYYY-MM-DD.csv") from None
    return DataFile(path, day, path.stat().st_size)


@dataclass
class ByteCount:
    """How many bytes of the files have been read: of those closed, and so far of those open."""

    closed: int = 0
    opened: list[BinaryIO] = field(default_factory=list)

    def total(self) -> int:
        return self.closed + sum(raw.tell() for raw in self.opened)


class Rows(Protocol):
    """Rows of a CSV file as lists of text; ``line_num`` is the line of the row last read, from 1."""

    @property
    def line_num(self) -> int: ...
    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


@contextmanager
def open_rows(file: DataFile, count: ByteCount | None = None) -> Iterator[Rows]:
    """Read a file as CSV rows, header included; byte-order mark, CRLF and gzip are understood.

    Whatever goes wrong while reading becomes a SourceError that names the file and the line.
    """
    rows: Rows | None = None
    raw: BinaryIO | None = None
    try:
        raw = file.path.open("rb")
        if count is not None:
            count.opened.append(raw)
        plain: BinaryIO = gzip.GzipFile(fileobj=raw) if file.path.suffix == ".gz" else raw  # type: ignore[assignment]
        rows = csv.reader(chain.from_iterable(_line_blocks(plain)), strict=True)
        yield rows
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise SourceError(f"{file.path}: the gzip data is cut short or damaged after line {_line(rows)} ({error}); "
                          "fetch the file again") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{file.path}: not UTF-8 text after line {_line(rows)} ({error.reason}); "
                          "save the file as UTF-8 CSV") from error
    except csv.Error as error:
        raise SourceError(f"{file.path}:{_line(rows)}: not CSV ({error}); correct or remove the line") from error
    except OSError as error:
        raise SourceError(f"{file.path}: cannot be read ({error.strerror or error})") from error
    finally:
        if raw is not None:
            if count is not None:
                count.opened.remove(raw)
                count.closed += file.size
            raw.close()


def _line_blocks(plain: BinaryIO) -> Iterator[list[str]]:
    """The lines of a file, many at a time: an iteration step per line would cost as much as the CSV parsing."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    rest = ""
    while block := plain.read(BLOCK_BYTES):
        *lines, rest = (rest + decoder.decode(block)).split("\n")
        yield lines
    yield [rest + decoder.decode(b"", final=True)]


def _line(rows: Rows | None) -> int:
    return rows.line_num if rows is not None else 0
