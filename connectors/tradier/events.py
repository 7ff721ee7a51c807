"""What Tradier's streams tell, as values. Numbers come as text in most of its market events."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from connectors.tradier.shapes import NANOS_PER_MS, Fields


class Up(NamedTuple):
    """The stream is connected, and what is wanted was asked for."""


class Down(NamedTuple):
    """The stream is lost."""

    reason: str


class Problem(NamedTuple):
    """Something came that cannot be used, in words."""

    words: str


class StreamQuote(NamedTuple):
    """Best prices; sizes in hundreds as they come (of options: contracts)."""

    symbol: str
    bid: Decimal | None
    bid_size: Decimal | None
    ask: Decimal | None
    ask_size: Decimal | None
    time_ns: int


class StreamTrade(NamedTuple):
    """A trade; ``extended``: told by ``tradex`` outside regular hours as well."""

    symbol: str
    price: Decimal
    size: Decimal
    time_ns: int
    extended: bool


class Summary(NamedTuple):
    """The day so far."""

    symbol: str
    open: Decimal | None
    high: Decimal | None
    low: Decimal | None
    previous_close: Decimal | None


class Timesale(NamedTuple):
    """A trade with the quote around it. ``cancel`` and ``correction`` take an earlier one back."""

    symbol: str
    last: Decimal
    size: Decimal
    bid: Decimal | None
    ask: Decimal | None
    time_ns: int
    sequence: int
    cancel: bool
    correction: bool
    session: str


class OrderEvent(NamedTuple):
    """An order of the account changed. Its symbol and side are not told; the order itself has them."""

    id: str
    parent_id: str
    status: str
    executed: Decimal
    average: Decimal
    tag: str


Body = Up | Down | Problem | StreamQuote | StreamTrade | Summary | Timesale | OrderEvent


class StreamEvent(NamedTuple):
    """``received_ns``: by our clock."""

    received_ns: int
    body: Body


def event_of(raw: dict[str, Any]) -> Body | None:
    """The event of one message; None for a heartbeat and kinds that say nothing here. BadAnswer for a bad field."""
    if raw.get("error") not in (None, ""):
        return Problem(f"the stream says: {raw['error']}")
    kind = str(raw.get("type" if "event" not in raw else "event", ""))
    told = Fields(raw, f"event {kind}")
    if kind == "order":
        zero = Decimal(0)
        return OrderEvent(
            told.text("id"), told.text("parent_id", ""), told.text("status"), told.maybe("executed_quantity") or zero,
            told.maybe("avg_fill_price") or zero, told.text("tag", ""),
        )  # fmt: skip
    made = _MARKET.get(kind)
    return made(told) if made is not None else None


def _quote(told: Fields) -> StreamQuote:
    names = ("bid", "bidsz", "ask", "asksz")
    bid, bid_size, ask, ask_size = (told.maybe(name) for name in names)
    at = max(told.ms("biddate") or 0, told.ms("askdate") or 0)
    return StreamQuote(told.text("symbol"), bid, bid_size, ask, ask_size, at)


def _trade(told: Fields, extended: bool = False) -> StreamTrade:
    return StreamTrade(told.text("symbol"), told.decimal("price"), told.decimal("size"), _date(told), extended)


def _summary(told: Fields) -> Summary:
    return Summary(
        told.text("symbol"), told.maybe("open"), told.maybe("high"), told.maybe("low"), told.maybe("prevClose")
    )


def _timesale(told: Fields) -> Timesale:
    return Timesale(
        told.text("symbol"), told.decimal("last"), told.decimal("size"), told.maybe("bid"), told.maybe("ask"),
        _date(told), told.integer("seq"), told.flag("cancel"), told.flag("correction"), told.text("session", ""),
    )  # fmt: skip


def _date(told: Fields) -> int:
    return int(told.decimal("date")) * NANOS_PER_MS


def _tradex(told: Fields) -> StreamTrade:
    return _trade(told, True)


_MARKET: dict[str, Callable[[Fields], Body]] = {
    "quote": _quote,
    "trade": _trade,
    "tradex": _tradex,
    "summary": _summary,
    "timesale": _timesale,
}
