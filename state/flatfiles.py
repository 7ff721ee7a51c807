"""Bars as minute files in the flat-file layout, which back-tests, sweeps and replays read: a file for each day of New
York, with the volume where a source told it (``us_stocks_sip/``) and without (``us_indices/``)."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from engine.market.marketdata import BarRow
from state.errors import StoreError
from state.marketdata import MarketData

ZONE: Final = ZoneInfo("America/New_York")
WITH_VOLUME: Final = ("ticker", "volume", "open", "close", "high", "low", "window_start", "transactions")
WITHOUT: Final = ("ticker", "open", "close", "high", "low", "window_start")
NANOS: Final = 10**9
Notice = Callable[[date], None]


def export_flatfiles(
    data: MarketData, folder: Path, symbols: Sequence[str] = (), from_ns: int = 0, to_ns: int = (1 << 63) - 1,
    source: str | None = None, notice: Notice = lambda day: None,
) -> int:  # fmt: skip
    """Write the bars of ``symbols`` (none: of all) that began in [from_ns, to_ns); returns how many.

    ``source``: only what that one told. Raises StoreError when the folder has something in it already, or when two
    sources told the same minute and none is named.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError(f"{folder} is there already, and not empty; name a new folder")
    wanted = list(symbols) or data.symbols("bars_1m")
    count = 0
    try:
        for day, begins, ends in _days(data, wanted, from_ns, to_ns):
            bars = [bar for symbol in wanted for bar in data.bars(symbol, begins, ends) if source in (None, bar.source)]
            _refuse_contradictions(bars)
            for has_volume, market in ((True, "us_stocks_sip"), (False, "us_indices")):
                kind = [bar for bar in bars if (bar.volume is not None) is has_volume]
                if kind:
                    place = folder / market / "minute_aggs_v1" / f"{day:%Y}" / f"{day:%m}"
                    place.mkdir(parents=True, exist_ok=True)
                    _write(place / f"{day}.csv.gz", kind, WITH_VOLUME if has_volume else WITHOUT)
            count += len(bars)
            notice(day)
    except OSError as error:
        raise StoreError(f"{folder} cannot be written: {error.strerror or error}; name another folder") from None
    return count


def _days(data: MarketData, symbols: Sequence[str], from_ns: int, to_ns: int) -> Iterator[tuple[date, int, int]]:
    """Every day from the first bar to the last, with where it begins and ends (UTC ns)."""
    spans = [span for symbol in symbols if (span := data.span("bars_1m", symbol)) is not None]
    if not spans:
        return
    first = max(from_ns, min(span[0] for span in spans))
    last = min(to_ns - 1, max(span[1] for span in spans))
    day = datetime.fromtimestamp(first // NANOS, UTC).astimezone(ZONE).date()
    while (begins := _midnight_ns(day)) <= last:
        following = day + timedelta(days=1)
        yield day, max(begins, first), min(_midnight_ns(following), last + 1)
        day = following


def _midnight_ns(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=ZONE).timestamp()) * NANOS


def _refuse_contradictions(bars: Sequence[BarRow]) -> None:
    told: dict[tuple[str, int], str] = {}
    for bar in bars:
        other = told.setdefault((bar.symbol, bar.start_ns), bar.source)
        if other != bar.source:
            raise StoreError(
                f"{other} and {bar.source} both told the minute {bar.start_ns} of {bar.symbol}; "
                f"choose one with --source {other}"
            )


def _write(path: Path, bars: Sequence[BarRow], columns: Sequence[str]) -> None:
    """The same bars make the same bytes: no name and no time of writing in it."""
    names = {"ticker": "symbol", "window_start": "start_ns"}
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(columns)
    for bar in bars:
        cells = (getattr(bar, names.get(column, column)) for column in columns)
        rows.writerow([f"{cell:f}" if isinstance(cell, Decimal) else cell for cell in cells])  # None is an empty cell
    path.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
