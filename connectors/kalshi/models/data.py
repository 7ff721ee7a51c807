"""Order books, trades and candlesticks as REST tells them."""

from __future__ import annotations

from typing import NamedTuple

from connectors.kalshi.models.fields import Answer, BookSide, Contracts, Dollars, Instant, No, Outcome, Yes


class YesLevel(NamedTuple):
    """Contracts wanted at one YES price."""

    price: Yes
    size: Contracts


class NoLevel(NamedTuple):
    """Contracts wanted at one NO price."""

    price: No
    size: Contracts


class Orderbook(Answer):
    """Bids for YES and bids for NO, each in rising order of its own price: the best is the last."""

    yes_dollars: list[YesLevel]
    no_dollars: list[NoLevel]


class OrderbookAnswer(Answer):
    orderbook_fp: Orderbook


class MarketOrderbook(Answer):
    ticker: str
    orderbook_fp: Orderbook


class OrderbooksAnswer(Answer):
    orderbooks: list[MarketOrderbook]


class Trade(Answer):
    """One execution between others, or a block trade off the book."""

    trade_id: str
    ticker: str
    count_fp: Contracts
    yes_price_dollars: Yes
    no_price_dollars: No
    taker_outcome_side: Outcome
    taker_book_side: BookSide
    created_time: Instant
    is_block_trade: bool


class QuoteCandle(Answer):
    """Open, low, high and close of one side of the book, YES dollars."""

    open_dollars: Dollars
    low_dollars: Dollars
    high_dollars: Dollars
    close_dollars: Dollars


class PriceCandle(Answer):
    """Of the trades in the period, YES dollars; None where nothing traded."""

    open_dollars: Dollars | None = None
    low_dollars: Dollars | None = None
    high_dollars: Dollars | None = None
    close_dollars: Dollars | None = None
    mean_dollars: Dollars | None = None
    previous_dollars: Dollars | None = None


class Candlestick(Answer):
    """One period that ends, inclusive, at ``end_period_ts`` (UTC seconds)."""

    end_period_ts: int
    yes_bid: QuoteCandle
    yes_ask: QuoteCandle
    price: PriceCandle
    volume_fp: Contracts
    open_interest_fp: Contracts


class CandlesticksAnswer(Answer):
    ticker: str
    candlesticks: list[Candlestick]


class MarketCandlesticks(Answer):
    market_ticker: str
    candlesticks: list[Candlestick]


class BatchCandlesticksAnswer(Answer):
    markets: list[MarketCandlesticks]
