"""Public trades from Kalshi's own list. No key is needed: whoever asks sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

from connectors.kalshi.client import KalshiRest
from connectors.kalshi.errors import KalshiError
from connectors.kalshi.hosts import Hosts
from connectors.kalshi.models.data import Trade
from connectors.kalshi.models.fields import Outcome
from connectors.kalshi.models.markets import Market
from connectors.kalshi.rest.markets import MarketFilter
from connectors.kalshi.source import TICKERS_A_READ
from engine.market.events import NANOS
from engine.market.trades import PublicTrade
from engine.market.venue import VenueError

MOST_TRADES = 200_000


@asynccontextmanager
async def public(hosts: Hosts) -> AsyncIterator[KalshiRest]:
    """A client without a key; what fails at the venue is a VenueError."""
    async with KalshiRest(hosts) as rest:
        try:
            yield rest
        except KalshiError as error:
            raise VenueError(str(error)) from error


async def trades_since(rest: KalshiRest, since_ns: int, tickers: Sequence[str] = ()) -> list[PublicTrade]:
    """Trades of these markets since an instant, of all markets where none is named; block trades are left out.

    VenueError when there are more than can be held.
    """
    found: list[PublicTrade] = []
    for ticker in tickers or (None,):
        async for told in rest.markets.trades(ticker, min_ts=since_ns // NANOS):
            if not told.is_block_trade:
                found.append(trade_from(told))
            if len(found) > MOST_TRADES:
                raise VenueError(f"there are more than {MOST_TRADES} trades; name markets, or a shorter window")
    return found


def trade_from(told: Trade) -> PublicTrade:
    """A trade as the venue tells it."""
    return PublicTrade(
        told.ticker, told.created_time or 0, float(told.yes_price_dollars.dollars), float(told.count_fp),
        told.taker_outcome_side is Outcome.YES, told.trade_id,
    )  # fmt: skip


async def markets_of_series(rest: KalshiRest, series: str, *, settled: bool) -> list[Market]:
    """The open, or the settled, markets of a series."""
    wanted = MarketFilter(series_ticker=series, status="settled" if settled else "open")
    return [market async for market in rest.markets.markets(wanted)]


async def markets_by_ticker(rest: KalshiRest, tickers: Collection[str]) -> dict[str, Market]:
    """The markets of these tickers that the venue has."""
    found: dict[str, Market] = {}
    wanted = sorted(set(tickers))
    for start in range(0, len(wanted), TICKERS_A_READ):
        part = tuple(wanted[start : start + TICKERS_A_READ])
        async for market in rest.markets.markets(MarketFilter(tickers=part)):
            found[market.ticker] = market
    return found
