"""The venue Kalshi for the verbs that speak to it: which exchange, with which key, kept in which store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from engine.cli.console import err
from engine.cli.errors import ExitCode, UserError
from engine.cli.startup import log_client_connected
from engine.execute.reconcile import Ages, ForeignPolicy
from engine.execute.recovery import RecoverySettings
from engine.market.venue import VenueError
from engine.settings import Settings
from state import Mode

if TYPE_CHECKING:
    from connectors.kalshi.client import KalshiRest
    from connectors.kalshi.hosts import Hosts
    from connectors.kalshi.models.markets import Market
    from connectors.kalshi.sign import Signer
    from connectors.kalshi.stream import KalshiStream
    from connectors.kalshi.venue import KalshiVenue
    from engine.market.instrument import Instrument

T = TypeVar("T")
NANOS = 1_000_000_000
LOCAL_LAG_NS = NANOS
LAG_NS = 2 * NANOS
LOOK_SECONDS = 3.0
ExchangeOption = Annotated[
    str | None, typer.Option("--exchange", metavar="URL", help="A practice exchange in place of the venue.")
]
SymbolOption = Annotated[str | None, typer.Option("--symbol", metavar="TICKER", help="Only this market.")]


@dataclass(frozen=True, slots=True)
class Exchange:
    """Where orders would go. ``name`` is demo, production or practice."""

    name: str
    hosts: Hosts
    signer: Signer

    @property
    def mode(self) -> Mode:
        """Whose money it is: only production is real."""
        return Mode.LIVE if self.name == "production" else Mode.DEMO

    @property
    def account(self) -> str:
        """The name of this account's book in the store."""
        return f"kalshi {self.name} {self.signer.key_id}"


def exchange_of(settings: Settings) -> Exchange:
    """The exchange that the settings name, with its key; UserError says what is missing."""
    missing = [name for name in ("httpx", "websockets", "cryptography") if find_spec(name) is None]
    if missing:
        raise UserError(f"the venue Kalshi needs {', '.join(missing)}; pip install 'autotrader[venues]'")
    from connectors.kalshi.hosts import Environment, loopback_hosts, venue_hosts
    from connectors.kalshi.sign import load_signer

    kalshi = settings.kalshi
    for value, name in ((kalshi.api_key_id, "API_KEY_ID"), (kalshi.private_key_path, "PRIVATE_KEY_PATH")):
        if value is None:
            raise UserError(f"the venue needs a key: set AUTOTRADER__KALSHI__{name} in the environment or in .env")
    if kalshi.subaccount:
        raise UserError("kalshi.subaccount: only the primary account, 0, can be traded and followed")
    assert kalshi.api_key_id is not None and kalshi.private_key_path is not None
    signer = load_signer(kalshi.api_key_id.get_secret_value(), kalshi.private_key_path)
    if kalshi.base_url is not None:
        return Exchange("practice", loopback_hosts(kalshi.base_url), signer)
    return Exchange(kalshi.environment, venue_hosts(Environment(kalshi.environment)), signer)


def recovery_settings(settings: Settings, exchange: Exchange) -> RecoverySettings:
    """How the account is followed: an order counts as never arrived once none of its time can still be on its way."""
    from connectors.kalshi.http import longest_way_seconds

    grace_ns = int(longest_way_seconds(exchange.hosts) * NANOS)
    ages = Ages(grace_ns, LOCAL_LAG_NS if exchange.hosts.local else LAG_NS)
    return RecoverySettings(ForeignPolicy(settings.kalshi.foreign_orders), ages)


@asynccontextmanager
async def connected(exchange: Exchange, *, reducing: bool = False) -> AsyncIterator[KalshiRest]:
    """A client whose clock agrees with the venue's, and that keeps to the account's own limits.

    ``reducing``: what only takes risk away is not stopped by either; it goes on with what is known, and says so.
    """
    from connectors.kalshi.client import KalshiRest
    from connectors.kalshi.errors import KalshiError
    from connectors.kalshi.http import Timeouts

    async with KalshiRest(exchange.hosts, exchange.signer, timeouts=Timeouts(3, 5) if reducing else None) as rest:
        if reducing:
            await _as_far_as_it_goes(rest)
        else:
            try:
                await rest.check_clock()
                await rest.exchange.adopt_limits()
            except KalshiError as error:
                raise VenueError(str(error)) from error
        log_client_connected(exchange.name, exchange.hosts.rest)
        yield rest


async def _as_far_as_it_goes(rest: KalshiRest) -> None:
    """Compare clocks and read limits, in a few seconds."""
    from connectors.kalshi.errors import KalshiError
    from connectors.kalshi.http import LARGEST_SKEW_SECONDS

    checks: dict[str, Callable[[], Awaitable[object]]] = {
        "the clocks could not be compared": rest.check_clock,
        "the account's limits could not be read, those of the lowest tier are kept": rest.exchange.adopt_limits,
    }
    for words, check in checks.items():
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await check()
        except (KalshiError, TimeoutError) as error:
            err().print(f"{words}: {error or f'no answer within {LOOK_SECONDS:g} s'}")
        if abs(rest.http.skew_seconds or 0) > LARGEST_SKEW_SECONDS:
            rest.http.by_venue_clock = True
            err().print("requests are signed by the venue's clock, as this machine's is too far from it")


def stream_of(exchange: Exchange) -> KalshiStream:
    """A stream that is not open yet."""
    from connectors.kalshi.stream import KalshiStream

    return KalshiStream(exchange.hosts, exchange.signer)


async def venue_of(rest: KalshiRest, symbols: Collection[str]) -> tuple[KalshiVenue, dict[str, Instrument]]:
    """The venue for orders in these markets, and the markets as what can be traded."""
    from connectors.kalshi.source import instrument_of
    from connectors.kalshi.venue import KalshiVenue

    markets = await markets_of(rest, sorted(symbols))
    shards = {ticker: market.exchange_index for ticker, market in markets.items()}
    return KalshiVenue(rest, shards), {ticker: instrument_of(market) for ticker, market in markets.items()}


def venue_for(rest: KalshiRest) -> KalshiVenue:
    """The venue for what needs no list of markets: the venue itself finds the shard of an order."""
    from connectors.kalshi.venue import KalshiVenue

    return KalshiVenue(rest, {})


async def listed(rest: KalshiRest, symbols: Collection[str]) -> dict[str, Instrument]:
    """Those of the markets that the venue has, as what can be traded."""
    from connectors.kalshi.source import find_markets, instrument_of

    return {ticker: instrument_of(market) for ticker, market in (await find_markets(rest, symbols)).items()}


async def markets_of(rest: KalshiRest, tickers: Sequence[str]) -> dict[str, Market]:
    """The markets of these tickers."""
    from connectors.kalshi.source import read_markets

    return await read_markets(rest, tickers)


async def must_know(rest: KalshiRest, symbol: str) -> None:
    """Raise UserError for a symbol that the venue does not have: a misspelt one must not look like nothing to do."""
    from connectors.kalshi.source import find_markets

    if symbol not in await find_markets(rest, [symbol]):
        raise UserError(
            f"--symbol {symbol}: the account has nothing in it and the venue has no such market; correct the ticker "
            "(`engine reconcile` lists what is held)"
        )


def ask_venue(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run ``work`` to its end; what fails at the venue is an answer for the user."""
    try:
        return asyncio.run(work())
    except VenueError as error:
        raise UserError(str(error), ExitCode.VENUE) from None
