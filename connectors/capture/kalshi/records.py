"""What a capture of Kalshi keeps beside what every venue has: books, trades, tickers, states of markets, fees.

Prices are YES prices in 1/10,000 dollars, counts 1/100 contracts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import IntEnum
from functools import lru_cache
from operator import is_
from typing import Any, Final, NamedTuple

from connectors.capture.kalshi.session import decode_reading, encode_reading
from connectors.capture.packing import Namer, Packer, Readers, RecordError
from connectors.kalshi.book import Book
from connectors.kalshi.events import (
    Body,
    Connected,
    Disconnected,
    MessagesMissed,
    Problem,
    StreamEvent,
    Subscribed,
)
from connectors.kalshi.models.fields import BookSide, Outcome
from connectors.kalshi.models.stream import EventFeeUpdate, MarketLifecycle, PublicTrade, Ticker
from connectors.kalshi.prices import YesPrice
from connectors.kalshi.teller import Reading

PRICE_DIGITS: Final = 4
COUNT_DIGITS: Final = 2
KEPT: Final = 1 << 14  # numbers that were converted, and come again: there are 10,000 prices
Levels = Mapping[Decimal, Decimal]


class Kind(IntEnum):
    """The first element of a record."""

    BOOK = 3
    BOOK_CHANGE = 4
    BOOK_UNKNOWN = 5
    TICKER = 6
    TRADE = 7
    LIFECYCLE = 8
    CONNECTED = 10
    SUBSCRIBED = 11
    DISCONNECTED = 12
    MISSED = 13
    PROBLEM = 14
    LEARNED = 16
    EVENT_FEE = 17


class BookSeen(NamedTuple):
    """A book at ``time_ns``. ``bids`` and ``asks`` are levels (dollars to contracts) that became so, 0 for none left.

    ``whole``: all levels; ``known`` false: the book is unknown. ``changed``: the stream had said that it changed.
    """

    time_ns: int
    ticker: str
    changed: bool
    known: bool
    whole: bool
    bids: Levels
    asks: Levels


class Learned(NamedTuple):
    """What was read beside the stream, and known from ``time_ns`` on."""

    time_ns: int
    reading: Reading


class Encoder:
    """Makes the records of one session that only Kalshi has."""

    def __init__(self, packer: Packer) -> None:
        self._add, self._name = packer.add, packer.name
        self._books: dict[str, tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]] = {}

    def learned(self, time_ns: int, reading: Reading) -> None:
        self._add(Kind.LEARNED, time_ns, encode_reading(reading))

    def book(self, ticker: str, time_ns: int, book: Book | None, *, changed: bool) -> None:
        """A book as it is now: what is other than when it was last seen, or nothing where nothing is."""
        before = self._books.get(ticker)
        if book is None:
            self._books.pop(ticker, None)
            if changed or before is not None:
                self._add(Kind.BOOK_UNKNOWN, time_ns, self._name(ticker), changed)
            return
        bids, asks = book.levels()
        if before is None:
            self._books[ticker] = dict(bids), dict(asks)
            self._add(Kind.BOOK, time_ns, self._name(ticker), changed, _levels(bids), _levels(asks))
            return
        difference = _changes(before[0], bids), _changes(before[1], asks)
        if changed or difference[0] or difference[1]:
            self._books[ticker] = (
                dict(bids) if difference[0] else before[0], dict(asks) if difference[1] else before[1]
            )  # fmt: skip
            self._add(Kind.BOOK_CHANGE, time_ns, self._name(ticker), changed, *map(_levels, difference))

    def heard(self, event: StreamEvent) -> None:
        """One event of the stream that is no book's."""
        body = event.body
        write = _WRITERS.get(type(body))
        if write is None:
            raise RecordError(f"{type(body).__name__} is nothing that a capture keeps")
        kind, *fields = write(body, self._name)
        self._add(kind, event.received_ns, *fields)


@lru_cache(KEPT)
def scaled(value: Decimal, digits: int) -> int:
    """``value`` in whole units of 10^-digits; RecordError when that would round it."""
    number = value.scaleb(digits)
    whole = int(number)
    if whole != number:
        raise RecordError(f"{value} has more than {digits} decimals")
    return whole


@lru_cache(KEPT)
def unscaled(whole: int, digits: int) -> Decimal:
    return Decimal(whole).scaleb(-digits)


# -- books ---------------------------------------------------------------------------------------------------------


def _levels(levels: Levels) -> list[int]:
    """Price, count, price, count, …"""
    flat: list[int] = []
    for dollars, size in levels.items():
        flat += (scaled(dollars, PRICE_DIGITS), scaled(size, COUNT_DIGITS))
    return flat


def _read_levels(flat: list[int]) -> dict[Decimal, Decimal]:
    pairs = zip(flat[::2], flat[1::2], strict=True)
    return {unscaled(price, PRICE_DIGITS): unscaled(size, COUNT_DIGITS) for price, size in pairs}


def _changes(before: Levels, now: Levels) -> dict[Decimal, Decimal]:
    """Levels of ``now`` that are other than ``before``, 0 where one is gone.

    ``before`` is a copy that shares its numbers with ``now``: while no level comes or goes, looking for other objects
    is enough and saves hashing every price.
    """
    if len(before) == len(now) and all(map(is_, before, now)):
        sizes = zip(now, before.values(), now.values(), strict=True)
        return {dollars: size for dollars, old, size in sizes if old is not size and old != size}
    changed = {dollars: size for dollars, size in now.items() if before.get(dollars) != size}
    changed.update((dollars, Decimal(0)) for dollars in before if dollars not in now)
    return changed


# -- the stream's events -------------------------------------------------------------------------------------------

Name = Callable[[str], int | str]


def _ticker(body: Ticker, name: Name) -> tuple[Any, ...]:
    prices = (body.price_dollars, body.yes_bid_dollars, body.yes_ask_dollars)
    counts = (
        body.yes_bid_size_fp, body.yes_ask_size_fp, body.volume_fp, body.open_interest_fp, body.last_trade_size_fp,
    )  # fmt: skip
    return (
        Kind.TICKER, name(body.market_ticker), *(scaled(p.dollars, PRICE_DIGITS) for p in prices),
        *(scaled(c, COUNT_DIGITS) for c in counts), body.dollar_volume, body.dollar_open_interest, body.ts_ms,
    )  # fmt: skip


def _read_ticker(time_ns: int, said: list[Any], name: Namer) -> StreamEvent:
    _, _, ticker, last, bid, ask, bid_size, ask_size, volume, interest, last_size, dollars, open_dollars, ts_ms = said
    body = Ticker.model_construct(
        market_ticker=name(ticker), price_dollars=_yes(last), yes_bid_dollars=_yes(bid), yes_ask_dollars=_yes(ask),
        yes_bid_size_fp=_count(bid_size), yes_ask_size_fp=_count(ask_size), volume_fp=_count(volume),
        open_interest_fp=_count(interest), last_trade_size_fp=_count(last_size), dollar_volume=dollars,
        dollar_open_interest=open_dollars, ts_ms=ts_ms,
    )  # fmt: skip
    return StreamEvent(time_ns, body)


def _trade(body: PublicTrade, name: Name) -> tuple[Any, ...]:
    return (
        Kind.TRADE, name(body.market_ticker), body.trade_id, scaled(body.yes_price_dollars.dollars, PRICE_DIGITS),
        scaled(body.count_fp, COUNT_DIGITS), body.taker_outcome_side is Outcome.YES,
        body.taker_book_side is BookSide.BID, body.is_block_trade, body.ts_ms,
    )  # fmt: skip


def _read_trade(time_ns: int, said: list[Any], name: Namer) -> StreamEvent:
    _, _, ticker, trade_id, price, count, took_yes, took_bid, block, ts_ms = said
    yes = _yes(price)
    body = PublicTrade.model_construct(
        trade_id=trade_id, market_ticker=name(ticker), yes_price_dollars=yes, no_price_dollars=yes.complement(),
        count_fp=_count(count), taker_outcome_side=Outcome.YES if took_yes else Outcome.NO,
        taker_book_side=BookSide.BID if took_bid else BookSide.ASK, is_block_trade=block, ts_ms=ts_ms,
    )
    return StreamEvent(time_ns, body)


def _lifecycle(body: MarketLifecycle, name: Name) -> tuple[Any, ...]:
    said = body.model_dump(mode="json", exclude_none=True, exclude={"market_ticker"})
    return Kind.LIFECYCLE, name(body.market_ticker), said


def _read_lifecycle(time_ns: int, said: list[Any], name: Namer) -> StreamEvent:
    return StreamEvent(time_ns, MarketLifecycle.model_validate({**said[3], "market_ticker": name(said[2])}))


def _event_fee(body: EventFeeUpdate, name: Name) -> tuple[Any, ...]:
    kind, multiplier = body.fee_type_override, body.fee_multiplier_override
    return (
        Kind.EVENT_FEE, body.event_ticker, None if kind is None else str(kind),
        None if multiplier is None else str(multiplier),
    )  # fmt: skip


def _read_event_fee(time_ns: int, said: list[Any], name: Namer) -> StreamEvent:
    _, _, event, kind, multiplier = said
    body = EventFeeUpdate(
        event_ticker=event, fee_type_override=kind,
        fee_multiplier_override=None if multiplier is None else Decimal(multiplier),
    )  # fmt: skip
    return StreamEvent(time_ns, body)


@lru_cache(KEPT)
def _yes(price: int) -> YesPrice:
    return YesPrice(unscaled(price, PRICE_DIGITS))



def _count(count: int) -> Decimal:
    return unscaled(count, COUNT_DIGITS)


_WRITERS: Final[dict[type[Body], Callable[[Any, Name], tuple[Any, ...]]]] = {
    Ticker: _ticker,
    PublicTrade: _trade,
    MarketLifecycle: _lifecycle,
    EventFeeUpdate: _event_fee,
    Connected: lambda body, name: (Kind.CONNECTED, body.down_since_ns),
    Subscribed: lambda body, name: (Kind.SUBSCRIBED,),
    Disconnected: lambda body, name: (Kind.DISCONNECTED, body.reason),
    MessagesMissed: lambda body, name: (Kind.MISSED, body.channel, body.count),
    Problem: lambda body, name: (Kind.PROBLEM, body.words, body.code),
}
READERS: Final[Readers] = {
    Kind.BOOK: lambda time_ns, said, name: BookSeen(
        time_ns, name(said[2]), said[3], True, True, _read_levels(said[4]), _read_levels(said[5])
    ),
    Kind.BOOK_CHANGE: lambda time_ns, said, name: BookSeen(
        time_ns, name(said[2]), said[3], True, False, _read_levels(said[4]), _read_levels(said[5])
    ),
    Kind.BOOK_UNKNOWN: lambda time_ns, said, name: BookSeen(time_ns, name(said[2]), said[3], False, True, {}, {}),
    Kind.TICKER: _read_ticker,
    Kind.TRADE: _read_trade,
    Kind.LIFECYCLE: _read_lifecycle,
    Kind.CONNECTED: lambda time_ns, said, name: StreamEvent(time_ns, Connected(said[2])),
    Kind.SUBSCRIBED: lambda time_ns, said, name: StreamEvent(time_ns, Subscribed()),
    Kind.DISCONNECTED: lambda time_ns, said, name: StreamEvent(time_ns, Disconnected(said[2])),
    Kind.MISSED: lambda time_ns, said, name: StreamEvent(time_ns, MessagesMissed(said[2], said[3])),
    Kind.PROBLEM: lambda time_ns, said, name: StreamEvent(time_ns, Problem(said[2], said[3])),
    Kind.LEARNED: lambda time_ns, said, name: Learned(time_ns, decode_reading(said[2])),
    Kind.EVENT_FEE: _read_event_fee,
}
