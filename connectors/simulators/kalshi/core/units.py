"""Fixed-point text to integers and back: dollars, contracts, times."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

PRICE_ONE = 10_000  # one dollar as a price
COUNT_ONE = 100  # one contract
MONEY_ONE = 1_000_000  # one dollar as money; PRICE_ONE * COUNT_ONE
CENT = MONEY_ONE // 100
NANOS = 1_000_000_000
MILLIS = 1_000_000

_DECIMAL = re.compile(r"(-?)(\d{1,15})(?:\.(\d{1,6}))?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UnitError(ValueError):
    """Text that is no number of the expected precision."""


def _parse(text: str, places: int) -> int:
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise UnitError(f"{text!r} is no decimal number")
    sign, whole, fraction = match[1], match[2], (match[3] or "").rstrip("0")
    if len(fraction) > places:
        raise UnitError(f"{text!r} has more than {places} decimal places")
    value = int(whole + fraction.ljust(places, "0"))
    return -value if sign else value


def parse_price(text: str) -> int:
    """``"0.56"`` to 5600. Raises UnitError."""
    return _parse(text, 4)


def parse_count(text: str) -> int:
    """``"10.5"`` to 1050. Raises UnitError."""
    return _parse(text, 2)


def parse_money(text: str) -> int:
    """``"98.0186"`` to 98018600. Raises UnitError."""
    return _parse(text, 6)


def _show(value: int, places: int) -> str:
    whole, fraction = divmod(abs(value), 10**places)
    return f"{'-' if value < 0 else ''}{whole}.{fraction:0{places}d}"


def show_price(price: int) -> str:
    """5600 to ``"0.5600"``."""
    return _show(price, 4)


def show_count(count: int) -> str:
    """1050 to ``"10.50"``."""
    return _show(count, 2)


def show_money(money: int) -> str:
    """Six decimal places, as costs and fees have them."""
    return _show(money, 6)


def show_balance(money: int) -> str:
    """Four decimal places, never more than there is."""
    return _show(money // 100, 4)


def show_time(time_ns: int) -> str:
    """RFC 3339 in UTC with up to six fractional digits and no trailing zeros, as the venue writes times."""
    moment = _EPOCH + timedelta(microseconds=time_ns // 1000)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{moment.microsecond:06d}".rstrip("0")
    return f"{text}.{fraction}Z" if fraction else f"{text}Z"


def show_time_ms(time_ns: int) -> str:
    """RFC 3339 cut to milliseconds, as the websocket's deprecated time fields are."""
    return show_time(time_ns // MILLIS * MILLIS)


def parse_time(text: str) -> int:
    """RFC 3339 to UTC nanoseconds. Raises UnitError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UnitError(f"{text!r} is no time such as 2026-10-01T12:00:00Z") from None
    if moment.tzinfo is None:
        raise UnitError(f"{text!r} has no time zone; end it with Z")
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
