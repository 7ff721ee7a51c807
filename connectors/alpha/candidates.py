"""Fair probabilities that somebody worked out elsewhere, from a CSV file. Every row must be right."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from connectors.alpha.file import AlphaError
from connectors.alpha.models import TICKER_PATTERN

NEEDED = ("ticker", "fair_yes_probability", "confidence")
OPTIONAL = ("yes_ask", "no_ask", "yes_bid", "title", "as_of", "expiry", "source")
MOST_SHOWN = 20
_TICKER = re.compile(TICKER_PATTERN)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


class Row(NamedTuple):
    """One row as written; None where the file does not say. Prices are dollars of the $1."""

    ticker: str
    fair: float
    confidence: float
    yes_ask: float | None
    no_ask: float | None
    title: str
    as_of: datetime | None
    expiry: datetime | None
    source: str


class Candidates(NamedTuple):
    """The rows of a file, and the columns that mean nothing here."""

    rows: list[Row]
    unused: tuple[str, ...]


class _Wrong(Exception):
    pass


def read_candidates(path: Path) -> Candidates:
    """All rows of a file; AlphaError names every row that is wrong, by line and field, and then none is taken."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            header = tuple(reader.fieldnames or ())
            missing = [name for name in NEEDED if name not in header]
            if missing:
                raise AlphaError(f"{path} has no column {', '.join(missing)}; it needs {', '.join(NEEDED)}")
            read = [(reader.line_num, row) for row in reader]
    except FileNotFoundError:
        raise AlphaError(f"there is no file {path}") from None
    except OSError as error:
        raise AlphaError(f"{path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise AlphaError(f"{path} is no CSV file in UTF-8: {error}") from None
    return Candidates(_sound(path, read), tuple(name for name in header if name not in NEEDED + OPTIONAL))


def _sound(path: Path, read: list[tuple[int, dict[str, str]]]) -> list[Row]:
    rows, wrong = [], []
    seen: dict[str, int] = {}
    for line, told in read:
        try:
            row = _row(told)
            if row.ticker in seen:
                raise _Wrong(f"ticker {row.ticker} is in line {seen[row.ticker]} already")
            seen[row.ticker] = line
            rows.append(row)
        except _Wrong as problem:
            wrong.append(f"{path}:{line}: {problem}")
    if wrong:
        head = f"{len(wrong)} of {len(read)} rows are wrong; nothing was written"
        more = [f"… and {len(wrong) - MOST_SHOWN} more"] if len(wrong) > MOST_SHOWN else []
        raise AlphaError("\n".join([head, *wrong[:MOST_SHOWN], *more]))
    if not rows:
        raise AlphaError(f"{path} has no rows")
    return rows


def _row(told: Mapping[str, str | None]) -> Row:
    if None in told:
        raise _Wrong("it has more fields than the header")
    ticker = (told.get("ticker") or "").strip()
    if not _TICKER.match(ticker):
        raise _Wrong(f"ticker {ticker!r} is no ticker of a market, such as KXATPMATCH-26SEP11ZVEKHA-ZVE")
    yes_bid, no_ask = _price(told, "yes_bid"), _price(told, "no_ask")
    if no_ask is None and yes_bid is not None:
        no_ask = round(1 - yes_bid, 10)
    return Row(
        ticker, _share(told, "fair_yes_probability", open_ends=True), _share(told, "confidence"),
        _price(told, "yes_ask"), no_ask, (told.get("title") or "").strip(), _instant(told, "as_of"),
        _instant(told, "expiry"), (told.get("source") or "").strip(),
    )  # fmt: skip


def _share(told: Mapping[str, str | None], field: str, *, open_ends: bool = False) -> float:
    text = (told.get(field) or "").strip()
    number = _float(text, field)
    if number is None:
        raise _Wrong(f"{field} is missing")
    if not (0 < number < 1 if open_ends else 0 <= number <= 1):
        raise _Wrong(f"{field} is {text}; it must be {'between' if open_ends else 'from'} 0 "
                     f"{'and' if open_ends else 'to'} 1")
    return number


def _price(told: Mapping[str, str | None], field: str) -> float | None:
    text = (told.get(field) or "").strip()
    number = _float(text, field)
    if number is not None and not 0 < number < 1:
        raise _Wrong(f"{field} is {text}; a price is in dollars, between 0 and 1")
    return number


def _float(text: str, field: str) -> float | None:
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise _Wrong(f"{field} {text!r} is no number")
    return float(text)


def _instant(told: Mapping[str, str | None], field: str) -> datetime | None:
    text = (told.get(field) or "").strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _Wrong(f"{field} {text!r} is no instant; write 2026-11-21T10:00:00Z") from None
    if moment.tzinfo is None:
        raise _Wrong(f"{field} {text!r} has no zone; end it with Z for UTC")
    return moment
