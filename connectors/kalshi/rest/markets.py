"""Reads about series, events, markets, and what trades in them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Literal

from connectors.kalshi.fees import FeeTerms
from connectors.kalshi.http import VenueHttp
from connectors.kalshi.models.data import (
    BatchCandlesticksAnswer,
    Candlestick,
    CandlesticksAnswer,
    MarketCandlesticks,
    MarketOrderbook,
    Orderbook,
    OrderbookAnswer,
    OrderbooksAnswer,
    Trade,
)
from connectors.kalshi.models.fields import parse
from connectors.kalshi.models.markets import (
    Event,
    EventAnswer,
    EventFeeChange,
    Market,
    MarketAnswer,
    Series,
    SeriesAnswer,
    SeriesFeeChange,
    SeriesFeeChangesAnswer,
    SeriesListAnswer,
    market_fees,
)
from connectors.kalshi.rest.paging import joined, limit_of, pages, segment

MARKETS_A_PAGE = 1000
EVENTS_A_PAGE = 200
TRADES_A_PAGE = 1000
MOST_ORDERBOOKS = 100

Minutes = Literal[1, 60, 1440]
Filter = Literal["unopened", "open", "paused", "closed", "settled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketFilter:
    """What ``markets`` lists. Times are UTC seconds; the venue takes one kind of them at a time, with some statuses."""

    status: Filter | None = None
    event_ticker: str | None = None
    series_ticker: str | None = None
    tickers: tuple[str, ...] | None = None
    mve_filter: Literal["only", "exclude"] | None = None
    min_created_ts: int | None = None
    max_created_ts: int | None = None
    min_close_ts: int | None = None
    max_close_ts: int | None = None
    min_settled_ts: int | None = None
    max_settled_ts: int | None = None
    min_updated_ts: int | None = None
    max_updated_ts: int | None = None

    def __post_init__(self) -> None:
        kinds = [kind for kind in _STATUSES if getattr(self, f"min_{kind}_ts") or getattr(self, f"max_{kind}_ts")]
        if len(kinds) > 1:
            raise ValueError(f"markets are filtered by one kind of time, not by {' and '.join(kinds)}")
        if not kinds:
            return
        if self.status is not None and self.status not in _STATUSES[kinds[0]]:
            raise ValueError(f"the filter by {kinds[0]} time does not go with status `{self.status}`")
        if kinds[0] == "updated":
            self._check_updated()

    def _check_updated(self) -> None:
        if self.event_ticker or self.tickers or self.mve_filter == "only":
            raise ValueError("the filter by updated time goes only with mve_filter=exclude and a series")
        if self.series_ticker and self.mve_filter != "exclude":
            raise ValueError("the filter by updated time and series needs mve_filter=exclude")

    def params(self) -> dict[str, str | int | None]:
        tickers = None if self.tickers is None else joined(list(self.tickers), MARKETS_A_PAGE)
        return {**asdict(self), "tickers": tickers}


# Which statuses each kind of time may be combined with.
_STATUSES: dict[str, frozenset[str]] = {
    "created": frozenset({"unopened", "open"}),
    "close": frozenset({"closed"}),
    "settled": frozenset({"settled"}),
    "updated": frozenset(),
}


class MarketReads:
    """``GET /series…``, ``/events…``, ``/markets…``."""

    def __init__(self, http: VenueHttp) -> None:
        self._http = http

    async def series(self, ticker: str) -> Series:
        """One series, with its fees."""
        path = f"/series/{segment(ticker)}"
        return parse(SeriesAnswer, await self._http.read(path), f"GET {path}").series

    async def series_list(
        self, *, category: str | None = None, tags: str | None = None, min_updated_ts: int | None = None
    ) -> list[Series]:
        """All series, or those of a category, with tags, or changed since ``min_updated_ts`` (UTC seconds)."""
        path, params = "/series", {"category": category, "tags": tags, "min_updated_ts": min_updated_ts}
        return parse(SeriesListAnswer, await self._http.read(path, params), f"GET {path}").series

    async def series_fee_changes(
        self, series_ticker: str | None = None, *, show_historical: bool = False
    ) -> list[SeriesFeeChange]:
        """Changes of fees to come, and with ``show_historical`` those that were."""
        path, params = "/series/fee_changes", {"series_ticker": series_ticker, "show_historical": show_historical}
        return parse(SeriesFeeChangesAnswer, await self._http.read(path, params), f"GET {path}").series_fee_change_arr

    def event_fee_changes(self, event_ticker: str | None = None) -> AsyncIterator[EventFeeChange]:
        """Changes of the fees that events override."""
        params = {"event_ticker": event_ticker, "limit": 1000}
        return pages(self._http, "/events/fee_changes", params, "event_fee_changes", EventFeeChange)

    async def event(self, ticker: str, *, with_markets: bool = True) -> Event:
        """One event, with its markets unless ``with_markets`` is false."""
        path = f"/events/{segment(ticker)}"
        params = {"with_nested_markets": True} if with_markets else {"exclude_markets": True}
        return parse(EventAnswer, await self._http.read(path, params), f"GET {path}").event

    def events(
        self,
        *,
        status: Literal["unopened", "open", "closed", "settled"] | None = None,
        series_ticker: str | None = None,
        tickers: list[str] | None = None,
        with_markets: bool = False,
        min_close_ts: int | None = None,
        min_updated_ts: int | None = None,
        limit: int = EVENTS_A_PAGE,
    ) -> AsyncIterator[Event]:
        """All events that match (combos excepted); one counts as ``status`` when any of its markets does."""
        params = {
            "status": status, "series_ticker": series_ticker, "tickers": joined(tickers),
            "with_nested_markets": with_markets, "min_close_ts": min_close_ts, "min_updated_ts": min_updated_ts,
            "limit": limit_of(limit, EVENTS_A_PAGE),
        }  # fmt: skip
        return pages(self._http, "/events", params, "events", Event)

    async def market(self, ticker: str) -> Market:
        """One market. NotFound may also mean that it was created a moment ago."""
        path = f"/markets/{segment(ticker)}"
        return parse(MarketAnswer, await self._http.read(path), f"GET {path}").market

    def markets(self, wanted: MarketFilter | None = None, *, limit: int = MARKETS_A_PAGE) -> AsyncIterator[Market]:
        """All markets that match ``wanted``, over all pages of ``limit``."""
        params = {**(wanted or MarketFilter()).params(), "limit": limit_of(limit, MARKETS_A_PAGE)}
        return pages(self._http, "/markets", params, "markets", Market)

    async def fees(self, market: Market) -> FeeTerms:
        """What a market charges now, by its event and series (two reads). FeeError where that has no formula."""
        event = await self.event(market.event_ticker, with_markets=False)
        return market_fees(await self.series(event.series_ticker), event, market)

    async def orderbook(self, ticker: str, depth: int = 0) -> Orderbook:
        """Bids for YES and NO; ``depth`` levels of each, 0 for all, at most 100."""
        if not 0 <= depth <= 100:
            raise ValueError(f"the depth of a book is from 0 (all) to 100 levels, not {depth}")
        path = f"/markets/{segment(ticker)}/orderbook"
        return parse(OrderbookAnswer, await self._http.read(path, {"depth": depth}), f"GET {path}").orderbook_fp

    async def orderbooks(self, tickers: list[str]) -> list[MarketOrderbook]:
        """The books of up to 100 markets at once."""
        if not 1 <= len(tickers) <= MOST_ORDERBOOKS:
            raise ValueError(f"between 1 and {MOST_ORDERBOOKS} books can be read at once, not {len(tickers)}")
        path = "/markets/orderbooks"
        return parse(OrderbooksAnswer, await self._http.read(path, {"tickers": tickers}), f"GET {path}").orderbooks

    def trades(
        self,
        ticker: str | None = None,
        *,
        min_ts: int | None = None,
        max_ts: int | None = None,
        is_block_trade: bool | None = None,
        limit: int = TRADES_A_PAGE,
    ) -> AsyncIterator[Trade]:
        """Trades, newest first, between ``min_ts`` and ``max_ts`` (UTC seconds)."""
        params = {
            "ticker": ticker, "min_ts": min_ts, "max_ts": max_ts, "is_block_trade": is_block_trade,
            "limit": limit_of(limit, TRADES_A_PAGE),
        }  # fmt: skip
        return pages(self._http, "/markets/trades", params, "trades", Trade)

    async def candlesticks(
        self, series_ticker: str, ticker: str, start_ts: int, end_ts: int, minutes: Minutes,
        *, include_latest_before_start: bool = False,
    ) -> list[Candlestick]:  # fmt: skip
        """Candles that end from ``start_ts`` to ``end_ts`` (UTC seconds, inclusive)."""
        path = f"/series/{segment(series_ticker)}/markets/{segment(ticker)}/candlesticks"
        params = _period(start_ts, end_ts, minutes, include_latest_before_start)
        return parse(CandlesticksAnswer, await self._http.read(path, params), f"GET {path}").candlesticks

    async def batch_candlesticks(
        self, tickers: list[str], start_ts: int, end_ts: int, minutes: Minutes,
        *, include_latest_before_start: bool = False,
    ) -> list[MarketCandlesticks]:  # fmt: skip
        """Candles of up to 100 markets, at most 10,000 in all."""
        path = "/markets/candlesticks"
        period = _period(start_ts, end_ts, minutes, include_latest_before_start)
        found = await self._http.read(path, {"market_tickers": joined(tickers), **period})
        return parse(BatchCandlesticksAnswer, found, f"GET {path}").markets


def _period(start_ts: int, end_ts: int, minutes: int, latest_before: bool) -> dict[str, int | bool]:
    if end_ts < start_ts:
        raise ValueError(f"the period ends ({end_ts}) before it starts ({start_ts})")
    return {
        "start_ts": start_ts, "end_ts": end_ts, "period_interval": minutes,
        "include_latest_before_start": latest_before,
    }  # fmt: skip
