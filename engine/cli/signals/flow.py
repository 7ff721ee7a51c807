"""Trades and markets for signals from flow: from files, or from the venue, which tells them to everybody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from connectors.flow.markets import MarketRow, read_markets_file
from connectors.flow.trades import TradeFile
from engine.cli.console import err
from engine.market.events import NANOS
from engine.market.trades import PublicTrade
from engine.settings import Settings

if TYPE_CHECKING:
    from connectors.kalshi.client import KalshiRest
    from connectors.kalshi.models.markets import Market

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tape:
    """Trades, what is known of their markets, and the instant up to which the trades are complete."""

    trades: list[PublicTrade]
    markets: dict[str, MarketRow]
    until_ns: int
    name: str


def from_files(trades: Path, markets: Path | None) -> Tape:
    """A file of trades is complete up to its newest one."""
    file = TradeFile(trades)
    found = list(file.trades())
    if file.blocks:
        err().print(f"{trades}: {file.blocks} block trades, made off the book, are not flow")
    known = {} if markets is None else read_markets_file(markets)
    return Tape(found, known, max((t.time_ns for t in found), default=0), str(trades))


def from_venue(settings: Settings, tickers: Sequence[str], series: str | None, since_ns: int, now_ns: int) -> Tape:
    """The newest trades of these markets, of a series' open ones, or of all."""
    from connectors.flow.venue import markets_by_ticker, markets_of_series, trades_since

    async def work(rest: KalshiRest) -> Tape:
        wanted = list(tickers)
        if series is not None:
            wanted += [m.ticker for m in await markets_of_series(rest, series, settled=False)]
        trades = await trades_since(rest, since_ns, wanted)
        markets = await markets_by_ticker(rest, {t.ticker for t in trades})
        return Tape(trades, {t: _row(m) for t, m in markets.items()}, now_ns, rest.http.hosts.rest)

    return _ask(settings, work)


def settled_from_venue(settings: Settings, series: str, now_ns: int) -> Tape:
    """The settled markets of a series with all their trades."""
    from connectors.flow.venue import markets_of_series, trades_since

    async def work(rest: KalshiRest) -> Tape:
        markets = {m.ticker: m for m in await markets_of_series(rest, series, settled=True)}
        opened = min((m.open_time for m in markets.values()), default=now_ns)
        trades = await trades_since(rest, opened - NANOS, list(markets)) if markets else []
        return Tape(trades, {t: _row(m) for t, m in markets.items()}, now_ns, rest.http.hosts.rest)

    return _ask(settings, work)


def _ask(settings: Settings, work: Callable[[KalshiRest], Awaitable[T]]) -> T:
    from connectors.flow.venue import public
    from connectors.kalshi.hosts import Environment, loopback_hosts, venue_hosts
    from engine.cli.venue import ask_venue  # late: files need nothing of it

    kalshi = settings.kalshi
    local = kalshi.base_url
    hosts = venue_hosts(Environment(kalshi.environment)) if local is None else loopback_hosts(local)

    async def go() -> T:
        async with public(hosts) as rest:
            return await work(rest)

    return ask_venue(go)


def _row(market: Market) -> MarketRow:
    from connectors.kalshi.models.markets import Result

    paid = {Result.YES: 1.0, Result.NO: 0.0}.get(market.result)
    bid, ask = float(market.yes_bid_dollars.dollars), float(market.yes_ask_dollars.dollars)
    return MarketRow(
        market.ticker, market.event_ticker, "", market.expected_expiration_time or market.close_time, paid,
        market.settlement_ts,
        bid if 0 < bid < 1 else None, ask if 0 < ask < 1 else None,
    )  # fmt: skip
