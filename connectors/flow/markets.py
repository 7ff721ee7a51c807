"""What is known of markets beside their trades, from a CSV file: events, ends, prices, results."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from connectors.flow.trades import TradesError
from engine.market.events import NANOS

ENDS = ("ends", "expected_expiration_time", "close_time")


class MarketRow(NamedTuple):
    """Times in UTC nanoseconds, prices in dollars of the $1; None where the file does not say. ``result``: what YES
    paid."""

    ticker: str
    event: str
    domain: str
    ends_ns: int | None
    result: float | None
    settled_ns: int | None
    yes_bid: float | None
    yes_ask: float | None


def read_markets_file(path: Path) -> dict[str, MarketRow]:
    """Rows by ticker; TradesError names line and field of the first that is wrong.

    Columns: ticker; and where there are any event_ticker, domain, ends (else expected_expiration_time, else
    close_time), result (yes, no, or what YES paid), settled_time, yes_bid_dollars, yes_ask_dollars.
    """
    found: dict[str, MarketRow] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            if "ticker" not in (reader.fieldnames or ()):
                raise TradesError(f"{path} has no column ticker")
            for row in reader:
                read = _row(row, f"{path}:{reader.line_num}")
                found[read.ticker] = read
    except FileNotFoundError:
        raise TradesError(f"there is no file of markets {path}") from None
    except OSError as error:
        raise TradesError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise TradesError(f"{path} is not UTF-8 text") from None
    return found


def _row(row: Mapping[str, str | None], where: str) -> MarketRow:
    ticker = row.get("ticker") or ""
    if not ticker:
        raise TradesError(f"{where}: ticker is missing")
    ends = next((field for field in ENDS if row.get(field)), None)
    result = _result(row.get("result") or "", where)
    settled = _instant(row.get("settled_time"), "settled_time", where)
    if result is not None and "settled_time" in row and settled is None:
        raise TradesError(f"{where}: it has a result and no settled_time, so nobody knows when it was known")
    return MarketRow(
        ticker, row.get("event_ticker") or ticker, row.get("domain") or "",
        None if ends is None else _instant(row[ends], ends, where), result, settled,
        _price(row, "yes_bid_dollars", where), _price(row, "yes_ask_dollars", where),
    )  # fmt: skip


def _result(text: str, where: str) -> float | None:
    if not text or text == "scalar":
        return None
    if text in ("yes", "no"):
        return 1.0 if text == "yes" else 0.0
    number = _float(text, "result", where)
    if not 0 <= number <= 1:
        raise TradesError(f"{where}: result is {text}; it must be yes, no, or what YES paid, 0 to 1")
    return number


def _price(row: Mapping[str, str | None], field: str, where: str) -> float | None:
    """A price that can be traded at: an empty side of a book is listed as 0 or 1."""
    text = row.get(field)
    price = _float(text, field, where) if text else None
    return price if price is not None and 0 < price < 1 else None


def _float(text: str, field: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise TradesError(f"{where}: {field} {text!r} is no number") from None


def _instant(text: str | None, field: str, where: str) -> int | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise TradesError(f"{where}: {field} {text!r} is no instant; write 2026-11-21T10:00:00Z")
    return int(moment.timestamp()) * NANOS + moment.microsecond * 1_000
