"""Ticks, bars and what was made of them as Parquet, a folder for each symbol and UTC day, as DuckDB, Polars and pandas
read it: ``ticks/symbol=SPY/date=2024-03-05/part-0.parquet``; session labels have a folder for each calendar and day.

Prices and sizes are exact decimals of 12 places, features doubles, times UTC nanoseconds. Needs pyarrow (the extra
``parquet``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from state.errors import StoreError
from state.marketdata import MarketData

if TYPE_CHECKING:
    import pyarrow as pa

DAY_NS: Final = 86_400 * 10**9
PLACES: Final = 12
TABLES: Final = ("ticks", "bars_1m", "features", "session_labels")
TIMES: Final = {"ticks": 1, "bars_1m": 1, "features": 2, "session_labels": 1}  # the column of a row that says when
ROWS_AT_ONCE: Final = 100_000
Notice = Callable[[str], None]


def export_parquet(
    data: MarketData, folder: Path, tables: Sequence[str] = TABLES, symbols: Sequence[str] = (),
    from_ns: int = 0, to_ns: int = (1 << 63) - 1, notice: Notice = lambda symbol: None,
) -> dict[str, int]:  # fmt: skip
    """Write what ``data`` has of ``symbols`` (none: of all) in [from_ns, to_ns), and of all calendars; returns rows by
    table. ``notice`` is told of each symbol or calendar that is done.

    Raises StoreError when the folder has something in it already, or a number has more than 12 places.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError(f"{folder} is there already, and not empty; name a new folder")
    counts = dict.fromkeys(tables, 0)
    for table in tables:
        read, key = _reader(data, table), "calendar" if table == "session_labels" else "symbol"
        for name in keys(data, table, symbols):
            for day, rows in groupby(read(name, from_ns, to_ns), key=lambda row: row[TIMES[table]] // DAY_NS):
                place = folder / table / f"{key}={quote(name, safe='')}" / f"date={_date(day)}"
                counts[table] += _write(place, table, rows)
            notice(name)
    return counts


def keys(data: MarketData, table: str, symbols: Sequence[str] = ()) -> Sequence[str]:
    """What a table is laid out by: ``symbols`` or all that it has, and for session labels its calendars."""
    return data.calendars() if table == "session_labels" else symbols or data.symbols(table)


def _reader(data: MarketData, table: str) -> Callable[[str, int, int], Iterable[Any]]:
    return {
        "ticks": data.ticks, "bars_1m": data.bars, "features": data.all_features, "session_labels": data.session_labels
    }[table]  # fmt: skip


def _date(day: int) -> date:
    return datetime.fromtimestamp(day * DAY_NS // 10**9, UTC).date()


def _write(folder: Path, table: str, rows: Iterable[Any]) -> int:
    """One file, whole or not there."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema, count = _schema(table), 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / "part-0.parquet.tmp"
        with pq.ParquetWriter(part, schema, compression="zstd") as writer:
            for batch in _batches(rows):
                columns = list(zip(*batch, strict=True))[1:]  # the symbol is the folder's
                arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
                count += len(batch)
        part.rename(folder / "part-0.parquet")
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror or error}; name another folder") from None
    except pa.ArrowInvalid as error:
        raise StoreError(f"{folder}: a number has more than {PLACES} places ({error})") from None
    return count


def _schema(table: str) -> pa.Schema:
    """The columns of a row after the symbol or calendar, in their order."""
    import pyarrow as pa

    number, time = pa.decimal128(38, PLACES), pa.timestamp("ns", "UTC")
    if table == "ticks":
        return pa.schema({"time": time, "price": number, "size": number, "source": pa.string(), "sequence": pa.int64()})
    if table == "features":
        return pa.schema({"name": pa.string(), "time": time, "source": pa.string(), "value": pa.float64()})
    if table == "session_labels":
        return pa.schema({"start": time, "label": pa.string(), "end": time})
    prices = dict.fromkeys(("open", "high", "low", "close", "volume"), number)
    return pa.schema({"start": time, **prices, "transactions": pa.int64(), "source": pa.string()})


def _batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    batch: list[Any] = []
    for row in rows:
        batch.append(row)
        if len(batch) == ROWS_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
