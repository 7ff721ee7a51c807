"""Ticks and bars as Parquet, a folder for each symbol and UTC day, as DuckDB, Polars and pandas read it:
``ticks/symbol=SPY/date=2024-03-05/part-0.parquet``.

Prices and sizes are exact decimals of 12 places, times UTC nanoseconds. Needs pyarrow (the extra ``parquet``).
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
TABLES: Final = ("ticks", "bars_1m")
TIME: Final = 1  # the column of a row that says when
ROWS_AT_ONCE: Final = 100_000
Notice = Callable[[str], None]


def export_parquet(
    data: MarketData, folder: Path, tables: Sequence[str] = TABLES, symbols: Sequence[str] = (),
    from_ns: int = 0, to_ns: int = (1 << 63) - 1, notice: Notice = lambda symbol: None,
) -> dict[str, int]:  # fmt: skip
    """Write what ``data`` has of ``symbols`` (none: of all) in [from_ns, to_ns); returns rows by table.
    ``notice`` is told of each symbol that is done.

    Raises StoreError when the folder has something in it already, or a number has more than 12 places.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError(f"{folder} is there already, and not empty; name a new folder")
    counts = dict.fromkeys(tables, 0)
    for table in tables:
        read = data.ticks if table == "ticks" else data.bars
        for symbol in symbols or data.symbols(table):
            for day, rows in groupby(read(symbol, from_ns, to_ns), key=lambda row: row[TIME] // DAY_NS):
                place = folder / table / f"symbol={quote(symbol, safe='')}" / f"date={_date(day)}"
                counts[table] += _write(place, table, rows)
            notice(symbol)
    return counts


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
    """The columns of ``TickRow`` or ``BarRow`` after the symbol, in their order."""
    import pyarrow as pa

    number, time = pa.decimal128(38, PLACES), pa.timestamp("ns", "UTC")
    if table == "ticks":
        return pa.schema({"time": time, "price": number, "size": number, "source": pa.string(), "sequence": pa.int64()})
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
