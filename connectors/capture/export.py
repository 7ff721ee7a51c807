"""A capture as Parquet: a folder for each kind and day (``kind=trades/date=2026-11-21/part-0.parquet``), as DuckDB,
Polars and Arrow read them. Times are UTC; which kinds there are is the venue's affair.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.capture.codec import Codec, Row, Table, codec_of
from connectors.capture.errors import CaptureError
from connectors.capture.reader import Capture
from engine.market.events import NANOS

ROWS_A_GROUP: Final = 65_536


def export_parquet(path: Path, folder: Path) -> dict[str, int]:
    """Write every whole record of ``path`` below ``folder``, which must be empty or not there; rows by kind.

    CaptureError when the capture cannot be read, or the folder not be written.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise CaptureError(f"{folder} is not empty; name another folder, so that no two captures are mixed")
    capture = Capture(path)
    codec = _codec(capture)
    files, table = _Files(folder, codec.schemas()), codec.table()
    try:
        _write(capture, files, table)
        files.close()
    except OSError as error:
        raise CaptureError(f"{folder}: cannot be written ({error.strerror or error})") from error
    return files.counts


def _codec(capture: Capture) -> Codec:
    """That of all its sessions; also refuses a file with damage before its end."""
    venues = sorted({head.venue for head in capture.sessions()})
    if len(venues) > 1:
        raise CaptureError(f"{capture.path}: it holds {' and '.join(venues)}, whose columns differ; export one of each")
    return codec_of(venues[0])


def _write(capture: Capture, files: _Files, table: Table) -> None:
    for session, record in capture.entries():
        for kind, row in table.rows(record):
            files.add(kind, {**row, "session": session})


class _Files:
    """Collects rows, and writes them by kind and day, a row group at a time."""

    def __init__(self, folder: Path, schemas: Mapping[str, Any]) -> None:
        self._folder, self._schemas = folder, schemas
        self._waiting: dict[tuple[str, str], list[Row]] = {}
        self._writers: dict[tuple[str, str], pq.ParquetWriter] = {}
        self.counts: dict[str, int] = {}

    def add(self, kind: str, row: Row) -> None:
        row["time"] = row["time_ns"] // 1000
        day = datetime.fromtimestamp(row["time_ns"] // NANOS, UTC).strftime("%Y-%m-%d")
        rows = self._waiting.setdefault((kind, day), [])
        rows.append(row)
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if len(rows) >= ROWS_A_GROUP:
            self._write(kind, day)

    def close(self) -> None:
        for kind, day in list(self._waiting):
            self._write(kind, day)
        for writer in self._writers.values():
            writer.close()

    def _write(self, kind: str, day: str) -> None:
        rows = self._waiting.pop((kind, day))
        writer = self._writers.get((kind, day))
        if writer is None:
            folder = self._folder / f"kind={kind}" / f"date={day}"
            folder.mkdir(parents=True, exist_ok=True)
            writer = self._writers[kind, day] = pq.ParquetWriter(
                folder / "part-0.parquet", self._schemas[kind], compression="zstd"
            )
        writer.write_table(pa.Table.from_pylist(rows, schema=self._schemas[kind]))
