"""What the venue has moved out of its live lists: markets, trades, fills, orders and positions of some months ago."""

from __future__ import annotations

from collections.abc import AsyncIterator

from connectors.kalshi.http import VenueHttp
from connectors.kalshi.models.data import Trade
from connectors.kalshi.models.fields import Answer, Contracts, Dollars, Instant, parse
from connectors.kalshi.models.markets import Market
from connectors.kalshi.models.portfolio import Fill, MarketPosition, Order
from connectors.kalshi.rest.markets import Minutes
from connectors.kalshi.rest.paging import joined, pages, segment

ITEMS_A_PAGE = 1000


class Cutoff(Answer):
    """What happened before these instants (UTC ns) is in the history only."""

    market_settled_ts: Instant
    trades_created_ts: Instant
    orders_updated_ts: Instant
    market_positions_last_updated_ts: Instant | None = None


class HistoricalQuoteCandle(Answer):
    open: Dollars
    low: Dollars
    high: Dollars
    close: Dollars


class HistoricalPriceCandle(Answer):
    """None where nothing traded."""

    open: Dollars | None = None
    low: Dollars | None = None
    high: Dollars | None = None
    close: Dollars | None = None
    mean: Dollars | None = None
    previous: Dollars | None = None


class HistoricalCandlestick(Answer):
    """One period that ends, inclusive, at ``end_period_ts`` (UTC seconds)."""

    end_period_ts: int
    yes_bid: HistoricalQuoteCandle
    yes_ask: HistoricalQuoteCandle
    price: HistoricalPriceCandle
    volume: Contracts
    open_interest: Contracts


class HistoricalCandlesticksAnswer(Answer):
    ticker: str
    candlesticks: list[HistoricalCandlestick]


class History:
    """``GET /historical/…``."""

    def __init__(self, http: VenueHttp) -> None:
        self._http = http

    async def cutoff(self) -> Cutoff:
        """Where the live lists begin."""
        path = "/historical/cutoff"
        return parse(Cutoff, await self._http.read(path), f"GET {path}")

    def markets(
        self, *, tickers: list[str] | None = None, event_ticker: str | None = None, series_ticker: str | None = None
    ) -> AsyncIterator[Market]:
        """Markets settled before the cutoff."""
        params = {
            "tickers": joined(tickers), "event_ticker": event_ticker, "series_ticker": series_ticker,
            "limit": ITEMS_A_PAGE,
        }  # fmt: skip
        return pages(self._http, "/historical/markets", params, "markets", Market)

    async def candlesticks(
        self, ticker: str, start_ts: int, end_ts: int, minutes: Minutes
    ) -> list[HistoricalCandlestick]:
        """Candles of a market settled before the cutoff, that end from ``start_ts`` to ``end_ts`` (UTC seconds)."""
        path = f"/historical/markets/{segment(ticker)}/candlesticks"
        params = {"start_ts": start_ts, "end_ts": end_ts, "period_interval": minutes}
        return parse(HistoricalCandlesticksAnswer, await self._http.read(path, params), f"GET {path}").candlesticks

    def trades(
        self, ticker: str | None = None, *, min_ts: int | None = None, max_ts: int | None = None
    ) -> AsyncIterator[Trade]:
        """Trades before the cutoff, between ``min_ts`` and ``max_ts`` (UTC seconds)."""
        return pages(self._http, "/historical/trades", _span(ticker, min_ts, max_ts), "trades", Trade)

    def fills(
        self, ticker: str | None = None, *, min_ts: int | None = None, max_ts: int | None = None
    ) -> AsyncIterator[Fill]:
        """Our fills before the cutoff."""
        return pages(self._http, "/historical/fills", _span(ticker, min_ts, max_ts), "fills", Fill)

    def orders(
        self, ticker: str | None = None, *, min_ts: int | None = None, max_ts: int | None = None
    ) -> AsyncIterator[Order]:
        """Our orders that ended before the cutoff."""
        return pages(self._http, "/historical/orders", _span(ticker, min_ts, max_ts), "orders", Order)

    def positions(
        self, *, ticker: str | None = None, event_ticker: str | None = None
    ) -> AsyncIterator[MarketPosition]:
        """Our settled positions that have been archived."""
        params = {"ticker": ticker, "event_ticker": event_ticker, "limit": ITEMS_A_PAGE}
        return pages(self._http, "/historical/positions", params, "market_positions", MarketPosition)


def _span(ticker: str | None, min_ts: int | None, max_ts: int | None) -> dict[str, str | int | None]:
    return {"ticker": ticker, "min_ts": min_ts, "max_ts": max_ts, "limit": ITEMS_A_PAGE}
