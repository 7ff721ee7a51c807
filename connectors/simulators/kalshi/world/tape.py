"""Recorded tapes: minute candles (CSV, cents), trades (JSON of GET /markets/trades), quote histories of 2024 (JSON,
cents), books (websocket frames, JSONL).

The first record plays at the start, the others as much later as they were recorded, divided by the speed.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from connectors.simulators.kalshi.core.order import ASK, BID
from connectors.simulators.kalshi.core.units import (
    COUNT_ONE,
    MILLIS,
    NANOS,
    PRICE_ONE,
    UnitError,
    parse_count,
    parse_price,
    parse_time,
)

MINUTE_NS = 60 * NANOS
SPREAD = 100  # around the last price of a candle, whose quotes nobody recorded
QUOTED = 5_000  # contracts there, in 1/100


class TapeError(ValueError):
    """A file that is no tape. The text names the file, the line and the mend."""


@dataclass(frozen=True, slots=True)
class Print:
    """A trade to be made. ``taker`` is its side."""

    time_ns: int
    ticker: str
    price: int
    count: int
    taker: str


@dataclass(frozen=True, slots=True)
class Level:
    """A price level to be set to ``count``, or changed by it when ``relative``."""

    time_ns: int
    ticker: str
    side: str
    price: int
    count: int
    relative: bool = False


@dataclass(frozen=True, slots=True)
class Clear:
    """A book to be emptied of what the tape put there."""

    time_ns: int
    ticker: str


Record = Print | Level | Clear


def read_tape(path: Path) -> list[Record]:
    """All records of a file, oldest first. Raises TapeError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise TapeError(f"{path}: cannot be read: {error}") from None
    records = _reader(path, text)(path, text)
    if not records:
        raise TapeError(f"{path}: holds nothing that can be played")
    return sorted(records, key=lambda record: record.time_ns)


def retimed(records: Iterable[Record], start_ns: int, speed: float) -> list[Record]:
    """The same story from ``start_ns`` on, ``speed`` times as fast."""
    listed = list(records)
    first = listed[0].time_ns
    return [replace(record, time_ns=start_ns + int((record.time_ns - first) / speed)) for record in listed]


def _reader(path: Path, text: str) -> Callable[[Path, str], list[Record]]:
    readers = {".csv": _candles, ".jsonl": _frames, ".json": _json}
    if path.suffix not in readers:
        raise TapeError(f"{path}: write candles as .csv, trades as .json, websocket frames as .jsonl")
    return readers[path.suffix]


def _candles(path: Path, text: str) -> list[Record]:
    rows = csv.DictReader(text.splitlines())
    needed = {"ticker", "timestamp", "open", "high", "low", "close", "volume"}
    if not needed <= set(rows.fieldnames or ()):
        raise TapeError(f"{path}: a tape of candles has the columns {', '.join(sorted(needed))}")
    records: list[Record] = []
    for row in rows:
        try:
            records += _candle(row)
        except ValueError as error:
            raise TapeError(f"{path}: line {rows.line_num}: {error}") from None
    return records


def _candle(row: dict[str, str]) -> list[Record]:
    """A quarter of the volume at each of open, the nearer extreme, the other one, close; then a spread around it."""
    count = round(float(row["volume"] or 0) * 100)
    if not count or not row["open"]:
        return []
    start, ticker = int(float(row["timestamp"])) * NANOS, row["ticker"]
    first, high, low, last = (round(float(row[name]) * 100) for name in ("open", "high", "low", "close"))
    path = [first, low, high, last] if last >= first else [first, high, low, last]
    share = count // 4
    shares = [count - 3 * share, share, share, share]
    records: list[Record] = []
    previous = first
    for quarter, (price, part) in enumerate(zip(path, shares, strict=True)):
        if part and 0 < price < PRICE_ONE:
            taker = BID if price >= previous else ASK
            records.append(Print(start + quarter * MINUTE_NS // 4, ticker, price, part, taker))
        previous = price
    end = start + MINUTE_NS - NANOS
    records.append(Clear(end, ticker))
    for side, price in ((BID, last - SPREAD), (ASK, last + SPREAD)):
        if 0 < price < PRICE_ONE:
            records.append(Level(end, ticker, side, price, QUOTED))
    return records


def _json(path: Path, text: str) -> list[Record]:
    """An answer of GET /markets/trades, or a list of quote histories by market."""
    try:
        document = json.loads(text)
        return _quotes(document) if isinstance(document, list) else _trades(document["trades"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TapeError(
            f"{path}: a .json tape is an answer of GET /markets/trades, or a list of {{ticker: [quotes in cents]}}: "
            f"{error!r}"
        ) from None


def _trades(listed: list[dict[str, Any]]) -> list[Record]:
    return [
        Print(
            parse_time(t["created_time"]), t["ticker"], parse_price(t["yes_price_dollars"]),
            parse_count(t["count_fp"]), t.get("taker_book_side", BID),
        )
        for t in listed
    ]  # fmt: skip


def _quotes(document: list[dict[str, Any]]) -> list[Record]:
    """Histories of 2024: best prices and volume in cents and whole contracts, times in seconds.

    Sizes were not recorded: a level gets ``QUOTED``. Volume that came between two rows is one trade at the new price.
    """
    records: list[Record] = []
    for entry in document:
        for ticker, rows in entry.items():
            volume = None
            for row in sorted(rows, key=lambda row: int(row["_ts"])):
                records += _quote(ticker, row, volume)
                volume = int(row["_volume"])
    return records


def _quote(ticker: str, row: dict[str, Any], volume: int | None) -> list[Record]:
    time_ns, records = int(row["_ts"]) * NANOS, list[Record]()
    bid, ask, price = (int(row[name]) * 100 for name in ("_yes_bid", "_yes_ask", "_yes_price"))
    traded = int(row["_volume"]) - volume if volume is not None else 0
    if traded > 0 and 0 < price < PRICE_ONE:
        records.append(Print(time_ns, ticker, price, traded * COUNT_ONE, BID if 2 * price >= bid + ask else ASK))
    records.append(Clear(time_ns, ticker))
    for side, level in ((BID, bid), (ASK, ask)):
        if 0 < level < PRICE_ONE and bid < ask:
            records.append(Level(time_ns, ticker, side, level, QUOTED))
    return records


def _frames(path: Path, text: str) -> list[Record]:
    """Snapshots carry no time: they play with the next change of the file."""
    records: list[Record] = []
    snapshots: list[dict[str, Any]] = []
    scale = _no_prices(path)
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            frame = json.loads(line)
            if frame["type"] == "orderbook_snapshot":
                snapshots.append(frame["msg"])
            elif frame["type"] in ("orderbook_delta", "trade"):
                time_ns = int(frame["msg"]["ts_ms"]) * MILLIS
                for snapshot in snapshots:
                    records += _snapshot(snapshot, time_ns, scale)
                snapshots.clear()
                records.append(_change(frame, time_ns, scale))
        except (KeyError, TypeError, ValueError, UnitError) as error:
            raise TapeError(f"{path}: line {number}: no websocket frame of the venue: {error!r}") from None
    return records


def _no_prices(path: Path) -> bool:
    """Whether the no side is in NO prices, the venue's default. Frames do not say; a file beside them may."""
    meta = path.with_suffix(".meta.json")
    if not meta.is_file():
        return True
    try:
        return not json.loads(meta.read_text(encoding="utf-8"))["subscribe_cmd"]["params"].get("use_yes_price")
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise TapeError(f"{meta}: does not say subscribe_cmd.params.use_yes_price: {error!r}") from None


def _side(name: str, price: int, no_prices: bool) -> tuple[str, int]:
    if name == "yes":
        return BID, price
    return ASK, PRICE_ONE - price if no_prices else price


def _snapshot(msg: dict[str, Any], time_ns: int, no_prices: bool) -> list[Record]:
    records: list[Record] = [Clear(time_ns, msg["market_ticker"])]
    for name in ("yes", "no"):
        for price, count in msg.get(f"{name}_dollars_fp", ()):
            side, yes_price = _side(name, parse_price(price), no_prices)
            records.append(Level(time_ns, msg["market_ticker"], side, yes_price, parse_count(count)))
    return records


def _change(frame: dict[str, Any], time_ns: int, no_prices: bool) -> Record:
    msg = frame["msg"]
    if frame["type"] == "trade":
        taker = msg.get("taker_book_side", BID)
        price, count = parse_price(msg["yes_price_dollars"]), parse_count(msg["count_fp"])
        return Print(time_ns, msg["market_ticker"], price, count, taker)
    side, price = _side(msg["side"], parse_price(msg["price_dollars"]), no_prices)
    return Level(time_ns, msg["market_ticker"], side, price, parse_count(msg["delta_fp"]), relative=True)
