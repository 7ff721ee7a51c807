"""Candlestick endpoints: one market, several markets, the markets of an event, an archived market."""

from __future__ import annotations

from connectors.simulators.kalshi import render
from connectors.simulators.kalshi.call import Call
from connectors.simulators.kalshi.candles import Candle
from connectors.simulators.kalshi.core.errors import VenueError, not_found
from connectors.simulators.kalshi.core.model import Market
from connectors.simulators.kalshi.rest.archive import cutoff
from connectors.simulators.kalshi.venue import Venue
from connectors.simulators.request import Reply

PERIODS = (1, 60, 1440)
MOST = 10_000


def _span(call: Call) -> tuple[int, int, int]:
    """Start and end in seconds, and the period in minutes."""
    values = [call.integer(name) for name in ("start_ts", "end_ts", "period_interval")]
    for name, value in zip(("start_ts", "end_ts", "period_interval"), values, strict=True):
        if value is None:
            raise call.bad(name, "required")
    start, end, period = (value or 0 for value in values)
    if period not in PERIODS:
        raise call.bad("period_interval", "oneof")
    if end < start:
        raise VenueError(400, "invalid_parameters", "end_ts is before start_ts")
    if (end - start) // (60 * period) > MOST:
        raise VenueError(400, "invalid_parameters", f"more than {MOST} candlesticks were asked for")
    return start, end, period


def _candles(venue: Venue, call: Call, market: Market, historical: bool = False) -> list[render.Json]:
    start, end, period = _span(call)
    shown = [render.candlestick(candle, historical) for candle in venue.candles.read(market.ticker, start, end, period)]
    if call.flag("include_latest_before_start"):
        before = venue.candles.read(market.ticker, 0, start - 1, period)
        if before:
            shown.insert(0, _projected(before[-1], start, period))
    return shown


def _projected(candle: Candle, start: int, period: int) -> render.Json:
    """The last candle before the start, moved to the first boundary: nothing traded, the previous price its close."""
    shown = render.candlestick(candle)
    close = shown["price"]["close_dollars"] or shown["price"]["previous_dollars"]
    shown["price"] = dict.fromkeys(shown["price"]) | {"previous_dollars": close}
    nothing = {"volume_fp": render.NOTHING, "end_period_ts": -(-start // (60 * period)) * 60 * period}
    return {**shown, **nothing}


def _find(venue: Venue, ticker: str, series: str | None = None) -> Market:
    market = venue.floor.markets.get(ticker)
    if market is None or series not in (None, venue.floor.events[market.event_ticker].series_ticker):
        raise not_found()
    return market


def market_candlesticks(venue: Venue, call: Call) -> Reply:
    market = _find(venue, call.path["ticker"], call.path["series_ticker"])
    return Reply(200, {"ticker": market.ticker, "candlesticks": _candles(venue, call, market)})


def historical_candlesticks(venue: Venue, call: Call) -> Reply:
    market = _find(venue, call.path["ticker"])
    if not cutoff(call.now).has_market(market):
        raise not_found()
    return Reply(200, {"ticker": market.ticker, "candlesticks": _candles(venue, call, market, historical=True)})


def batch_candlesticks(venue: Venue, call: Call) -> Reply:
    call.required("market_tickers")
    tickers = call.csv("market_tickers", 100) or []
    found = [venue.floor.markets[ticker] for ticker in tickers if ticker in venue.floor.markets]
    start, end, period = _span(call)
    if len(found) * ((end - start) // (60 * period)) > MOST:
        raise VenueError(400, "invalid_parameters", f"more than {MOST} candlesticks were asked for")
    shown = [{"market_ticker": m.ticker, "candlesticks": _candles(venue, call, m)} for m in found]
    return Reply(200, {"markets": shown})


def event_candlesticks(venue: Venue, call: Call) -> Reply:
    event = venue.floor.events.get(call.path["ticker"])
    if event is None or event.series_ticker != call.path["series_ticker"]:
        raise not_found()
    members = [m for m in venue.floor.markets.values() if m.event_ticker == event.ticker]
    body = {
        "market_tickers": [m.ticker for m in members],
        "market_candlesticks": [_candles(venue, call, m) for m in members],
        "adjusted_end_ts": _span(call)[1],
    }
    return Reply(200, body)
