"""What the websockets say of one second of trading. No I/O."""

from __future__ import annotations

from typing import Any

from connectors.simulators.polygon.tape import Tape
from connectors.simulators.polygon.units import MILLION, MILLIS, MINUTE, NANOS, Row, shown

Message = dict[str, Any]
CENT = MILLION // 100
CHANNELS = {
    "stocks": frozenset({"A", "AM", "Q", "T"}),
    "options": frozenset({"A", "AM", "Q", "T"}),
    "indices": frozenset({"A", "AM", "V"}),
}


def second_messages(ticker: str, row: Row, channel: str, tape: Tape) -> list[Message]:
    """What a channel tells of a second that is over."""
    end = (row.start + NANOS) // MILLIS
    match channel:
        case "A":
            return [_aggregate("A", ticker, row, NANOS, tape)]
        case "Q":
            half = max(CENT // 2, row.close // 20_000 // (CENT // 2) * (CENT // 2))
            size = 1 + row.start // NANOS % 9
            return [
                {"ev": "Q", "sym": ticker, "bx": 4, "bp": shown(row.close - half), "bs": size, "ax": 7,
                 "ap": shown(row.close + half), "as": size, "t": end, "q": end % 1_000_000, "z": 3}
            ]  # fmt: skip
        case "T":
            return [
                {"ev": "T", "sym": ticker, "x": 4, "i": str(end), "z": 3, "p": shown(row.close),
                 "s": (row.volume or 0) // MILLION, "ds": _decimal(row.volume or 0), "c": [], "t": end,
                 "q": end % 1_000_000}
            ]  # fmt: skip
        case "V":
            return [{"ev": "V", "val": shown(row.close), "T": ticker, "t": end}]
    return []


def minute_message(ticker: str, row: Row, tape: Tape) -> Message:
    """What ``AM`` tells of a minute that is over."""
    return _aggregate("AM", ticker, row, MINUTE, tape)


def _aggregate(kind: str, ticker: str, row: Row, length: int, tape: Tape) -> Message:
    day = tape.day_so_far(ticker, row.start // MINUTE * MINUTE)
    body: Message = {"ev": kind, "sym": ticker, "op": shown(day[0].open)}
    body |= {"o": shown(row.open), "h": shown(row.high), "l": shown(row.low), "c": shown(row.close)}
    body |= {"s": row.start // MILLIS, "e": (row.start + length) // MILLIS}
    if row.volume is None:
        return body
    # Of the day so far, whole minutes count; the vendor's own figures go up to the trade.
    whole = sum(each.volume or 0 for each in day)
    turnover = sum((each.volume or 0) * each.close for each in day)
    average = round(turnover / whole / MILLION, 4) if whole else shown(row.close)
    middle = round((row.high + row.low + row.close) / 3 / MILLION, 4)
    return body | {
        "v": shown(row.volume), "av": shown(whole), "vw": middle, "a": average,
        "z": row.volume // max(1, row.trades) // MILLION, "dv": _decimal(row.volume), "dav": _decimal(whole),
    }  # fmt: skip


def _decimal(volume: int) -> str:
    """A volume as a text of exact digits."""
    whole, rest = divmod(volume, MILLION)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".") if rest else str(whole)
