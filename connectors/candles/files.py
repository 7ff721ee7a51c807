"""Which files hold candles, quotes or the markets' own records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from connectors.replay.files import ByteCount, DataFile, open_rows
from engine.market.events import SourceError

CANDLE_COLUMNS = frozenset({"ticker", "timestamp", "open", "high", "low", "close", "volume"})
MARKET_COLUMNS = frozenset({"ticker", "event_ticker", "close_time", "status", "result"})
QUOTES_NAME = "market_history.json"
QUOTED_MARKETS_NAME = "market_data.json"


def csv_files(root: Path) -> list[Path]:
    """CSV files at or below ``root``, by name; gzip is understood."""
    if root.is_file():
        return [root] if root.name.endswith((".csv", ".csv.gz")) else []
    return sorted(p for p in root.rglob("*.csv*") if p.name.endswith((".csv", ".csv.gz")) and p.name[0] != ".")


def columns_of(path: Path) -> list[str]:
    """The header of a CSV file; SourceError when it cannot be read."""
    with open_rows(DataFile(path, None, path.stat().st_size)) as rows:
        return next(iter(rows), [])


def read_rows(path: Path, count: ByteCount | None = None) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows below the header: ``file:line`` and the fields by column. SourceError for one of another width."""
    with open_rows(DataFile(path, None, path.stat().st_size), count) as rows:
        header = next(rows, [])
        for row in filter(None, rows):
            place = f"{path}:{rows.line_num}"
            if len(row) != len(header):
                raise SourceError(f"{place}: {len(row)} fields where the header has {len(header)}")
            yield place, dict(zip(header, row, strict=True))


def candle_files(root: Path) -> list[Path]:
    """Files of candles at ``root``; empty where the first CSV file holds something else.

    SourceError when files of candles lie mixed with files that are neither candles nor records of markets.
    """
    files = csv_files(root)
    if not files or not _is_ours(columns_of(files[0])):
        return []
    found = []
    for path in files:
        columns = set(columns_of(path))
        if columns >= CANDLE_COLUMNS:
            found.append(path)
        elif not columns >= MARKET_COLUMNS:
            raise SourceError(
                f"{path}:1: neither candles ({', '.join(sorted(CANDLE_COLUMNS))}) nor records of markets "
                f"({', '.join(sorted(MARKET_COLUMNS))}); move it out of {root}"
            )
    return found


def market_files(root: Path) -> list[Path]:
    """Files with the venue's records of markets, beside candles."""
    return [path for path in csv_files(root) if set(columns_of(path)) >= MARKET_COLUMNS]


def quote_file(root: Path) -> Path | None:
    """The file of quotes at ``root``: the folder that has it, or the file itself."""
    path = root / QUOTES_NAME if root.is_dir() else root
    return path if path.name == QUOTES_NAME and path.is_file() else None


def _is_ours(columns: list[str]) -> bool:
    return set(columns) >= CANDLE_COLUMNS or set(columns) >= MARKET_COLUMNS
