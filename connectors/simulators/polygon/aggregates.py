"""Aggregates of a range: windows of seconds, minutes, hours or days, as the vendor counts and pages them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from connectors.simulators.polygon.tape import Tape
from connectors.simulators.polygon.units import MILLION, MILLIS, MINUTE, NANOS, Row, at, local, shown

SPANS = {"second": NANOS, "minute": MINUTE, "hour": 60 * MINUTE, "day": 24 * 60 * MINUTE}


@dataclass(frozen=True, slots=True)
class Range:
    """Windows of ``multiplier`` spans that begin in [start, end)."""

    multiplier: int
    span: str
    start: int
    end: int

    @staticmethod
    def of(multiplier: str, span: str, first: str, last: str) -> Range:
        """From the parts of a path; dates are whole days in New York, both included. ValueError names the part."""
        if span not in SPANS:
            raise ValueError(f"timespan {span} is not practised")
        if not multiplier.isdigit() or int(multiplier) < 1:
            raise ValueError(f"multiplier {multiplier}")
        start, end = _instant(first, later=False), _instant(last, later=True)
        if end < start:
            raise ValueError("from is after to")
        return Range(int(multiplier), span, start, end)


def _instant(text: str, *, later: bool) -> int:
    if text.isdigit():
        return int(text) * MILLIS + (MILLIS if later else 0)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is neither YYYY-MM-DD nor milliseconds") from None
    return at(day + timedelta(days=1) if later else day, 0)


def aggregates(
    tape: Tape, ticker: str, wanted: Range, now: int, offset: int, limit: int, sort: str
) -> tuple[list[dict[str, Any]], int, bool]:
    """Rows of one page, how many base aggregates were looked at, and whether more follow.

    Base aggregates are seconds, or minutes of everything that is longer. What is under way is told as far as it goes.
    """
    base = _base(tape, ticker, wanted, now)
    if sort == "desc":
        base.reverse()
    part = base[offset : offset + limit]
    groups: dict[int, list[Row]] = {}
    for row in part:
        groups.setdefault(_window(row.start, wanted), []).append(row)
    rows = [_row(start, sorted(found), ticker.startswith("I:")) for start, found in groups.items()]
    return rows, len(part), offset + limit < len(base)


def _base(tape: Tape, ticker: str, wanted: Range, now: int) -> list[Row]:
    if wanted.span == "second":
        return [row for row in tape.seconds(ticker, wanted.start, min(wanted.end, now)) if row.start + NANOS <= now]
    here = now // MINUTE * MINUTE
    found = tape.minutes(ticker, wanted.start, min(wanted.end, here))
    if wanted.start <= here < wanted.end:
        heard = [row for row in tape.seconds(ticker, here, now) if row.start + NANOS <= now]
        if heard:
            found = [*found, joined(here, heard)]
    return found


def joined(start: int, rows: list[Row]) -> Row:
    """One window of several, which are in order."""
    volumes = [row.volume for row in rows if row.volume is not None]
    return Row(
        start, rows[0].open, max(row.high for row in rows), min(row.low for row in rows), rows[-1].close,
        sum(volumes) if len(volumes) == len(rows) else None, sum(row.trades for row in rows),
    )  # fmt: skip


def _window(start: int, wanted: Range) -> int:
    if wanted.span == "day":
        return at(local(start).date(), 0)
    length = SPANS[wanted.span] * wanted.multiplier
    return start // length * length


def _row(start: int, rows: list[Row], index: bool) -> dict[str, Any]:
    row = joined(start, rows)
    body: dict[str, Any] = {"o": shown(row.open), "h": shown(row.high), "l": shown(row.low), "c": shown(row.close)}
    body["t"] = start // MILLIS
    if index:
        return body
    volume = row.volume or 0
    turnover = sum((each.volume or 0) * (each.high + each.low + each.close) // 3 for each in rows)
    weighted = turnover / volume / MILLION if volume else row.close / MILLION
    return body | {"v": shown(volume), "vw": round(weighted, 4), "n": row.trades}
