"""Reads about the account: balance, positions, fills, settlements. They lag behind orders by up to a second or so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

from connectors.kalshi.http import VenueHttp
from connectors.kalshi.models.fields import parse
from connectors.kalshi.models.portfolio import Balance, Fill, MarketPosition, Settlement
from connectors.kalshi.rest.paging import joined, pages

ITEMS_A_PAGE = 1000


class PortfolioReads:
    """``GET /portfolio/…`` except orders."""

    def __init__(self, http: VenueHttp) -> None:
        self._http = http

    async def balance(self, *, subaccount: int | None = None, exchange_index: int | None = None) -> Balance:
        """Money to spend, in all and by shard. This read has a small budget of its own (1 or 5 a second)."""
        path, params = "/portfolio/balance", {"subaccount": subaccount, "exchange_index": exchange_index}
        return parse(Balance, await self._http.read(path, params), f"GET {path}")

    def positions(
        self,
        *,
        ticker: str | None = None,
        event_ticker: str | None = None,
        settlement_status: Literal["unsettled", "settled", "all"] = "unsettled",
        count_filter: Literal["position", "total_traded", "position,total_traded"] | None = None,
        subaccount: int | None = None,
        exchange_index: int | None = None,
    ) -> AsyncIterator[MarketPosition]:
        """All positions by market."""
        params = {
            "ticker": ticker, "event_ticker": event_ticker, "settlement_status": settlement_status,
            "count_filter": count_filter, "subaccount": subaccount, "exchange_index": exchange_index,
            "limit": ITEMS_A_PAGE,
        }  # fmt: skip
        return pages(self._http, "/portfolio/positions", params, "market_positions", MarketPosition)

    def fills(
        self,
        *,
        tickers: list[str] | None = None,
        order_id: str | None = None,
        min_ts: int | None = None,
        max_ts: int | None = None,
        subaccount: int | None = None,
        exchange_index: int | None = None,
    ) -> AsyncIterator[Fill]:
        """All fills between ``min_ts`` and ``max_ts`` (UTC seconds). Older ones are in the history."""
        params = {
            "ticker": joined(tickers), "order_id": order_id, "min_ts": min_ts, "max_ts": max_ts,
            "subaccount": subaccount, "exchange_index": exchange_index, "limit": ITEMS_A_PAGE,
        }  # fmt: skip
        return pages(self._http, "/portfolio/fills", params, "fills", Fill)

    def settlements(
        self,
        *,
        ticker: str | None = None,
        event_ticker: str | None = None,
        min_ts: int | None = None,
        max_ts: int | None = None,
        subaccount: int | None = None,
    ) -> AsyncIterator[Settlement]:
        """What markets paid out between ``min_ts`` and ``max_ts`` (UTC seconds)."""
        params = {
            "ticker": ticker, "event_ticker": event_ticker, "min_ts": min_ts, "max_ts": max_ts,
            "subaccount": subaccount, "limit": ITEMS_A_PAGE,
        }  # fmt: skip
        return pages(self._http, "/portfolio/settlements", params, "settlements", Settlement)
