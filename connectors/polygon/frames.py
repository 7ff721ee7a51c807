"""One frame of a websocket as events: the data messages. Status messages are the session's."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from connectors.polygon.events import BestQuote, IndexValue, Window

NANOS_PER_MS = 1_000_000
WINDOWS = {"A": 1, "AM": 60}
Message = dict[str, Any]


class FrameError(ValueError):
    """A message that is not what the vendor promises. The text names the field."""


def messages_of(text: str | bytes) -> list[Message]:
    """The messages of a frame: a list of them, or one alone. Numbers are exact."""
    try:
        found = json.loads(text, parse_float=Decimal)
    except ValueError:
        raise FrameError(f"a frame that is no JSON: {str(text)[:80]!r}") from None
    messages = found if isinstance(found, list) else [found]
    if not all(isinstance(message, dict) for message in messages):
        raise FrameError(f"a frame that is no list of objects: {str(text)[:80]!r}")
    return messages


def data_of(message: Message) -> Window | BestQuote | IndexValue | None:
    """A data message as an event; None for a kind that nobody asked for."""
    kind = str(message.get("ev"))
    if kind in WINDOWS:
        return _window(message, WINDOWS[kind])
    if kind == "Q":
        return _quote(message)
    if kind == "V":
        return IndexValue(_text(message, "T"), _time(message, "t"), _price(message, "val"))
    return None


def channel_of(message: Message) -> str:
    """The channel that a data message came over: ``AM.SPY``."""
    return f"{message.get('ev')}.{message.get('sym', message.get('T'))}"


def _window(message: Message, seconds: int) -> Window:
    start, end = _time(message, "s"), _time(message, "e")
    if start % (seconds * 1_000_000_000) or end - start != seconds * 1_000_000_000:
        raise FrameError(f"{channel_of(message)}: s and e are {start} and {end}, which is no window of {seconds} s")
    first, high, low, last = (_price(message, name) for name in "ohlc")
    if not (low <= first <= high and low <= last <= high):
        raise FrameError(f"{channel_of(message)}: h and l are not the highest and lowest of o, h, l, c")
    return Window(_text(message, "sym"), start, seconds, first, high, low, last, _volume(message))


def _volume(message: Message) -> Decimal | None:
    """``dv`` has what ``v`` rounds away of fractional shares."""
    exact = message.get("dv")
    if isinstance(exact, str):
        try:
            return Decimal(exact)
        except ArithmeticError:
            raise FrameError(f"{channel_of(message)}: dv: {exact!r} is no number") from None
    return _size(message, "v")


def _quote(message: Message) -> BestQuote:
    bid, ask = _size(message, "bp") or None, _size(message, "ap") or None  # no price is told as 0
    return BestQuote(
        _text(message, "sym"), _time(message, "t"),
        bid, _size(message, "bs") if bid else None, ask, _size(message, "as") if ask else None,
    )  # fmt: skip


def _text(message: Message, name: str) -> str:
    value = message.get(name)
    if not isinstance(value, str) or not value:
        raise FrameError(f"{message.get('ev')}: {name}: a ticker was promised, not {value!r}")
    return value


def _time(message: Message, name: str) -> int:
    value = message.get(name)
    if value.__class__ is int and value > 0:
        return value * NANOS_PER_MS
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise FrameError(f"{channel_of(message)}: {name}: milliseconds were promised, not {value!r}")
    return value * NANOS_PER_MS


def _size(message: Message, name: str) -> Decimal | None:
    value = message.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value < 0:
        raise FrameError(f"{channel_of(message)}: {name}: a number was promised, not {value!r}")
    return Decimal(value)


def _price(message: Message, name: str) -> Decimal:
    told = message.get(name)
    if told.__class__ is Decimal and told.is_finite() and told > 0:
        return told
    value = _size(message, name)
    if value is None or not value.is_finite() or value <= 0:
        raise FrameError(f"{channel_of(message)}: {name}: a price was promised, not {message.get(name)!r}")
    return value
