"""The venue Kalshi for the verbs that speak to it: which exchange, with which key, kept in which store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from engine.cli.errors import ExitCode, UserError
from engine.cli.startup import log_client_connected
from engine.execute.reconcile import ForeignPolicy
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
LOCAL_GRACE_NS = 1_000_000_000
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
    """How the account is followed. A request to this machine is not on its way for longer than a second."""
    policy = ForeignPolicy(settings.kalshi.foreign_orders)
    if exchange.hosts.local:
        return RecoverySettings(policy, grace_ns=LOCAL_GRACE_NS)
    return RecoverySettings(policy)


@asynccontextmanager
async def connected(exchange: Exchange) -> AsyncIterator[KalshiRest]:
    """A client whose clock agrees with the venue's, and that keeps to the account's own limits."""
    from connectors.kalshi.client import KalshiRest
    from connectors.kalshi.errors import KalshiError

    async with KalshiRest(exchange.hosts, exchange.signer) as rest:
        try:
            await rest.check_clock()
            await rest.exchange.adopt_limits()
        except KalshiError as error:
            raise VenueError(str(error)) from error
        log_client_connected(exchange.name, exchange.hosts.rest)
        yield rest


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
