"""From a flat file into a store. Whoever was interrupted begins again: what is there is written over, not added."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import BinaryIO, TypeVar

from connectors.polygon.flatfiles import Files, FlatFile, Kind, MissingFile, RefusedFile, read_rows
from connectors.polygon.tickers import Cluster, by_cluster, symbol_of
from engine.market.marketdata import BarRow, MarketDataStore, TickRow

BATCH_ROWS = 5_000
T = TypeVar("T")


@dataclass
class Imported:
    """What came of one day. ``rows`` by symbol; ``missing`` and ``refused``: files that were not read, and why."""

    day: date
    rows: dict[str, int] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unchanged: int = 0


def import_day(
    files: Files,
    day: date,
    tickers: Sequence[str],
    store: MarketDataStore,
    kind: Kind,
    advance: Callable[[FlatFile, int, int], None] = lambda file, done, size: None,
) -> Imported:
    """Import what the day's files have of ``tickers``. ``advance`` hears how many bytes of a file have been read.

    Rows that the store has already, of the same values, are not written again. Indices have no trades.
    """
    found = Imported(day, {symbol_of(ticker): 0 for ticker in tickers})
    for cluster, wanted in by_cluster(tickers).items():
        if kind is Kind.TRADES and cluster is Cluster.INDICES:
            found.missing.append("indices have no trades; their minutes do")
            continue
        file = FlatFile(cluster, kind, day)
        try:
            stream, size = files.open(file)
        except MissingFile as error:
            found.missing.append(str(error))
        except RefusedFile as error:
            found.refused.append(str(error))
        else:
            with stream:
                _import(stream, size, file, wanted, store, found, advance)
    return found


def _import(
    stream: BinaryIO,
    size: int,
    file: FlatFile,
    tickers: Collection[str],
    store: MarketDataStore,
    found: Imported,
    advance: Callable[[FlatFile, int, int], None],
) -> None:
    for batch in _batches(read_rows(stream, file, tickers)):
        bars = [row for row in batch if isinstance(row, BarRow)]
        ticks = [row for row in batch if isinstance(row, TickRow)]
        fresh = _fresh(store, bars)
        found.unchanged += len({(bar.symbol, bar.start_ns) for bar in bars}) - len(fresh)
        if fresh:
            store.upsert_bars(fresh)
        if ticks:
            store.upsert_ticks(ticks)
        for row in batch:
            found.rows[row.symbol] += 1
        advance(file, stream.tell(), size)
    advance(file, size, size)


def _fresh(store: MarketDataStore, bars: Sequence[BarRow]) -> list[BarRow]:
    """Those that the store does not have just so."""
    fresh: list[BarRow] = []
    for symbol in dict.fromkeys(bar.symbol for bar in bars):
        mine = [bar for bar in bars if bar.symbol == symbol]
        first, last = min(bar.start_ns for bar in mine), max(bar.start_ns for bar in mine)
        there = {bar.start_ns: bar for bar in store.bars(symbol, first, last + 1) if bar.source == mine[0].source}
        latest = {bar.start_ns: bar for bar in mine}  # of a minute that a file has twice, the last one counts
        fresh += [bar for bar in latest.values() if there.get(bar.start_ns) != bar]
    return fresh


def _batches(rows: Iterator[T]) -> Iterator[list[T]]:
    while batch := list(islice(rows, BATCH_ROWS)):
        yield batch
