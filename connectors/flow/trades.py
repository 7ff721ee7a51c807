"""Public trades from a file, as the venue writes them: JSON lines, CSV, or an answer of GET /markets/trades.

Every row must be right: the first that is not is named by line and field, and nothing is left out in silence. Block
trades are made off the book and are counted apart.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from engine.market.events import NANOS
from engine.market.trades import PublicTrade

FIELDS = ("ticker", "created_time", "yes_price_dollars", "count_fp", "taker_outcome_side")
SHOWN = "ticker, created_time, yes_price_dollars, count_fp, taker_outcome_side (yes or no), and where known trade_id"


class TradesError(Exception):
    """A file of trades that cannot be used. One line: the file, the line, the field and the mend."""


class TradeFile:
    """Implements ``engine.market.trades.TradeSource``. ``blocks``: how many block trades the last reading met."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.blocks = 0

    def trades(self) -> Iterator[PublicTrade]:
        """All trades but block trades, in the order of the file; TradesError names what is wrong."""
        self.blocks = 0
        for where, row in self._rows():
            trade = trade_of(row, where)
            if trade is None:
                self.blocks += 1
            else:
                yield trade

    def _rows(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        try:
            with self._path.open(encoding="utf-8", newline="") as lines:
                if self._path.suffix == ".csv":
                    yield from self._csv(lines)
                elif self._path.suffix == ".json":
                    yield from self._answer(lines.read())
                else:
                    yield from self._json_lines(lines)
        except FileNotFoundError:
            raise TradesError(f"there is no file of trades {self._path}") from None
        except OSError as error:
            raise TradesError(f"{self._path} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise TradesError(f"{self._path} is not UTF-8 text") from None

    def _csv(self, lines: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
        reader = csv.DictReader(lines)
        missing = [field for field in FIELDS if field not in (reader.fieldnames or ())]
        if missing:
            raise TradesError(f"{self._path} has no column {', '.join(missing)}; it needs {SHOWN}")
        for row in reader:
            yield f"{self._path}:{reader.line_num}", row

    def _json_lines(self, lines: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield f"{self._path}:{number}", self._object(line, f"{self._path}:{number}")

    def _answer(self, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        told = self._object(text, str(self._path))
        rows = told.get("trades")
        if not isinstance(rows, list):
            raise TradesError(f"{self._path} has no list `trades`; it is to be an answer of GET /markets/trades")
        for number, row in enumerate(rows, 1):
            if not isinstance(row, dict):
                raise TradesError(f"{self._path}: trade {number} is no object")
            yield f"{self._path}: trade {number}", row

    def _object(self, text: str, where: str) -> Mapping[str, Any]:
        try:
            told = json.loads(text)
        except json.JSONDecodeError as error:
            raise TradesError(f"{where} is no JSON: {error.msg} at column {error.colno}") from None
        if not isinstance(told, dict):
            raise TradesError(f"{where} is no object with {SHOWN}")
        return told


def trade_of(row: Mapping[str, Any], where: str) -> PublicTrade | None:
    """A trade from the venue's own fields; None for a block trade, TradesError for what is none."""
    if row.get("is_block_trade") in (True, "true", "True"):
        return None
    missing = [field for field in FIELDS if row.get(field) in (None, "")]
    if missing:
        raise TradesError(f"{where}: {', '.join(missing)} is missing; a trade has {SHOWN}")
    side = row["taker_outcome_side"]
    if side not in ("yes", "no"):
        raise TradesError(f"{where}: taker_outcome_side is {side!r}; it must be yes or no")
    price = _number(row, "yes_price_dollars", where)
    contracts = _number(row, "count_fp", where)
    if not 0 < price < 1:
        raise TradesError(f"{where}: yes_price_dollars is {price}; it must be between 0 and 1")
    if contracts <= 0:
        raise TradesError(f"{where}: count_fp is {contracts}; it must be above 0")
    return PublicTrade(
        str(row["ticker"]), _instant(row["created_time"], where), float(price), float(contracts), side == "yes",
        str(row.get("trade_id") or ""),
    )  # fmt: skip


def _number(row: Mapping[str, Any], field: str, where: str) -> Decimal:
    try:
        number = Decimal(str(row[field]))
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite():
        raise TradesError(f"{where}: {field} {row[field]!r} is no number")
    return number


def _instant(text: Any, where: str) -> int:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise TradesError(f"{where}: created_time {text!r} is no instant; write 2026-06-15T15:48:42.609997Z")
    return int(moment.timestamp()) * NANOS + moment.microsecond * 1_000
