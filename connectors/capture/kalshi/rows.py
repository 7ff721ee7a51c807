"""Rows of a capture of Kalshi. Prices are decimals in dollars of YES, counts decimals of contracts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import pyarrow as pa

from connectors.capture.codec import Row
from connectors.capture.kalshi.records import BookSeen, Learned
from connectors.capture.kalshi.session import SaidState, Session
from connectors.capture.tables import WHEN, signal_row, signal_schema
from connectors.kalshi.book import Book
from connectors.kalshi.events import StreamEvent
from connectors.kalshi.models.stream import MarketLifecycle, PublicTrade, Ticker
from engine.market.events import Observation

PRICE: Final = pa.decimal128(6, 4)
COUNT: Final = pa.decimal128(18, 2)
_OF: Final = [*WHEN, ("ticker", pa.string())]
SCHEMAS: Final = {
    "markets": pa.schema([
        *_OF, ("event", pa.string()), ("yes_title", pa.string()), ("no_title", pa.string()), ("rules", pa.string()),
        ("status", pa.string()), ("open_ns", pa.int64()), ("close_ns", pa.int64()), ("can_close_early", pa.bool_()),
        ("result", pa.string()), ("yes_value", PRICE),
    ]),
    "quotes": pa.schema([*_OF, ("bid", PRICE), ("bid_size", COUNT), ("ask", PRICE), ("ask_size", COUNT)]),
    "levels": pa.schema([
        *_OF, ("side", pa.string()), ("price", PRICE), ("size", COUNT), ("snapshot", pa.bool_()),
    ]),
    "trades": pa.schema([
        *_OF, ("trade_id", pa.string()), ("price", PRICE), ("count", COUNT), ("taker", pa.string()),
        ("block", pa.bool_()), ("made_ms", pa.int64()),
    ]),
    "tickers": pa.schema([
        *_OF, ("last", PRICE), ("bid", PRICE), ("ask", PRICE), ("bid_size", COUNT), ("ask_size", COUNT),
        ("volume", COUNT), ("open_interest", COUNT), ("sent_ms", pa.int64()),
    ]),
    "lifecycle": pa.schema([*_OF, ("event_type", pa.string()), ("result", pa.string()), ("value", PRICE)]),
    "signals": signal_schema("ticker"),
    "connection": pa.schema([*WHEN, ("what", pa.string()), ("words", pa.string())]),
}  # fmt: skip
"""Columns by kind. ``markets`` have their texts once a session; ``levels`` are the changes of a book, ``snapshot``
where all of its levels are written out."""


class KalshiTable:
    """Rows of one capture; books go from record to record."""

    def __init__(self) -> None:
        self._books: dict[str, Book] = {}

    def rows(self, record: Any) -> Iterator[tuple[str, Row]]:
        """The rows that one head or record makes, with their kinds."""
        if isinstance(record, Session):
            self._books.clear()
        yield from _rows(record, self._books)


def _rows(record: Any, books: dict[str, Book]) -> Iterator[tuple[str, Row]]:
    if isinstance(record, Session):
        for ticker, market in record.markets.items():
            titles = record.titles[ticker]
            yield "markets", {
                **_market(record.created_ns, market), "yes_title": titles.yes, "no_title": titles.no,
                "rules": titles.rules,
            }  # fmt: skip
    elif isinstance(record, Learned):
        for state in record.reading.states:
            yield "markets", _market(record.time_ns, SaidState.of(state))
    elif isinstance(record, BookSeen):
        yield from _book(record, books)
    elif isinstance(record, Observation):
        yield "signals", signal_row(record, "ticker")
    elif isinstance(record, StreamEvent):
        body = record.body
        make = _STREAM.get(type(body))
        if make is not None:
            kind, row = make(body)
            yield kind, {"time_ns": record.received_ns, **row}
        else:
            words = getattr(body, "reason", None) or getattr(body, "words", None) or getattr(body, "channel", None)
            yield "connection", {"time_ns": record.received_ns, "what": type(body).__name__.lower(), "words": words}


def _book(seen: BookSeen, books: dict[str, Book]) -> Iterator[tuple[str, Row]]:
    before = _top(books.get(seen.ticker))
    if not seen.known:
        books.pop(seen.ticker, None)
    else:
        if seen.whole or seen.ticker not in books:
            books[seen.ticker] = Book(seen.ticker)
        books[seen.ticker].put(seen.bids, seen.asks)
    common = {"time_ns": seen.time_ns, "ticker": seen.ticker}
    for side, levels in (("bid", seen.bids), ("ask", seen.asks)):
        for price, size in levels.items():
            yield "levels", {**common, "side": side, "price": price, "size": size, "snapshot": seen.whole}
    top = _top(books.get(seen.ticker))
    if top != before:
        yield "quotes", {**common, **top}


def _market(time_ns: int, market: SaidState) -> Row:
    return {
        "time_ns": time_ns, "ticker": market.ticker, "event": market.event, "status": str(market.status),
        "open_ns": market.open_ns, "close_ns": market.close_ns, "can_close_early": market.can_close_early,
        "result": str(market.result), "yes_value": market.yes_value,
    }  # fmt: skip


def _top(book: Book | None) -> Row:
    bid, ask = (None, None) if book is None else (book.best_bid, book.best_ask)
    return {
        "bid": bid and bid.price.dollars, "bid_size": bid and bid.size,
        "ask": ask and ask.price.dollars, "ask_size": ask and ask.size,
    }  # fmt: skip


def _trade(body: PublicTrade) -> tuple[str, Row]:
    return "trades", {
        "ticker": body.market_ticker, "trade_id": body.trade_id, "price": body.yes_price_dollars.dollars,
        "count": body.count_fp, "taker": str(body.taker_outcome_side), "block": body.is_block_trade,
        "made_ms": body.ts_ms,
    }  # fmt: skip


def _ticker(body: Ticker) -> tuple[str, Row]:
    return "tickers", {
        "ticker": body.market_ticker, "last": body.price_dollars.dollars, "bid": body.yes_bid_dollars.dollars,
        "ask": body.yes_ask_dollars.dollars, "bid_size": body.yes_bid_size_fp, "ask_size": body.yes_ask_size_fp,
        "volume": body.volume_fp, "open_interest": body.open_interest_fp, "sent_ms": body.ts_ms,
    }  # fmt: skip


def _lifecycle(body: MarketLifecycle) -> tuple[str, Row]:
    return "lifecycle", {
        "ticker": body.market_ticker, "event_type": body.event_type,
        "result": None if body.result is None else str(body.result), "value": body.settlement_value,
    }  # fmt: skip


_STREAM: Final[dict[type, Callable[[Any], tuple[str, Row]]]] = {
    PublicTrade: _trade,
    Ticker: _ticker,
    MarketLifecycle: _lifecycle,
}
