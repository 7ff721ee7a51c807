"""The venue Kalshi: contracts of event markets, on the demo, production or practice exchange."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from importlib.util import find_spec
from typing import TYPE_CHECKING

from engine.cli.clock import follow, now_ns, sleep
from engine.cli.console import err
from engine.cli.errors import UserError
from engine.cli.startup import log_client_connected
from engine.cli.venues.port import FeedWish, VenueConsents, VenueKind
from engine.execute.reconcile import Ages, ForeignPolicy
from engine.execute.recovery import RecoverySettings
from engine.market.events import NANOS
from engine.market.instrument import Instrument
from engine.market.signals import MarketListing
from engine.market.venue import Charges, PastBars, Urgency, VenueError
from engine.settings import Settings
from engine.settings.venues import KalshiSettings
from state import Mode

if TYPE_CHECKING:
    from connectors.kalshi.client import KalshiRest
    from connectors.kalshi.hosts import Hosts
    from connectors.kalshi.models.markets import Event, Market
    from connectors.kalshi.sign import Signer
    from connectors.kalshi.source import KalshiFeed
    from connectors.kalshi.venue import KalshiVenue

LOCAL_LAG_NS = NANOS
LAG_NS = 2 * NANOS
PAYOUT_NS = 20 * NANOS  # by how much the list of payouts may be behind that of positions
LOOK_SECONDS = 3.0
PACKAGES = ("httpx", "websockets", "cryptography")


def kalshi_port(settings: Settings) -> KalshiPort:
    """The exchange that the settings name, with its key; UserError says what is missing."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        mend = "pip install -e '.[venues]' in the engine's folder"
        raise UserError(f"the venue Kalshi needs {', '.join(missing)}; {mend}")
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
        return KalshiPort(kalshi, "practice", loopback_hosts(kalshi.base_url), signer)
    return KalshiPort(kalshi, kalshi.environment, venue_hosts(Environment(kalshi.environment)), signer)


@dataclass(frozen=True, slots=True)
class KalshiPort:
    """Implements ``VenuePort``. ``place`` is demo, production or practice."""

    settings: KalshiSettings
    place: str
    hosts: Hosts
    signer: Signer
    venue: str = "kalshi"
    speed: float = 1.0

    @property
    def mode(self) -> Mode:
        """Only production is real money."""
        return Mode.LIVE if self.place == "production" else Mode.DEMO

    @property
    def account(self) -> str:
        return f"kalshi {self.place} {self.signer.key_id}"

    @property
    def address(self) -> str:
        return self.hosts.rest

    def recovery(self) -> RecoverySettings:
        """An order counts as never arrived once none of its time can still be on its way."""
        from connectors.kalshi.http import longest_way_seconds

        grace_ns = int(longest_way_seconds(self.hosts) * NANOS)
        lag_ns, payout_ns = (LOCAL_LAG_NS, LOCAL_LAG_NS) if self.hosts.local else (LAG_NS, PAYOUT_NS)
        policy = ForeignPolicy(self.settings.foreign_orders)
        return RecoverySettings(policy, Ages(grace_ns, lag_ns), payout_ns=payout_ns)

    @asynccontextmanager
    async def connected(self, *, reducing: bool = False) -> AsyncIterator[KalshiDesk]:
        """A client whose clock agrees with the venue's, and that keeps to the account's own limits. On a practice
        exchange everything goes by its time from then on."""
        from connectors.kalshi.client import KalshiRest
        from connectors.kalshi.errors import KalshiError
        from connectors.kalshi.http import Timeouts
        from connectors.kalshi.practice import practice_time
        from connectors.transport.clock import Clock
        from connectors.transport.turns import asking

        async with AsyncExitStack() as stack:
            clock = Clock()
            if self.hosts.local:
                told = await stack.enter_async_context(practice_time(self.hosts))
                clock = Clock(ahead_ns=told.ahead_ns)
                follow(clock.venue_ns)
            rest = await stack.enter_async_context(
                KalshiRest(self.hosts, self.signer, clock=clock, timeouts=Timeouts(3, 5) if reducing else None)
            )
            if reducing:
                stack.enter_context(asking(Urgency.REDUCE, rest.http.timeouts.turn))
                await _as_far_as_it_goes(rest)
            else:
                try:
                    await rest.check_clock()
                    await rest.exchange.adopt_limits()
                except KalshiError as error:
                    raise VenueError(str(error)) from error
            log_client_connected(self.venue, self.place, self.hosts.rest)
            yield KalshiDesk(self, rest)


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


@dataclass(slots=True)
class KalshiDesk:
    """Implements ``VenueDesk``. ``markets``: those that were found, as they were read then."""

    port: KalshiPort
    rest: KalshiRest
    markets: dict[str, Market] = field(default_factory=dict)
    _feed: KalshiFeed | None = None
    past_sessions: int = 0

    async def find(self, symbols: Collection[str]) -> dict[str, Instrument]:
        from connectors.kalshi.source import find_markets, instrument_of

        found = await find_markets(self.rest, symbols)
        self.markets |= found
        return {ticker: instrument_of(market) for ticker, market in found.items()}

    async def open_markets(self, series: Collection[str]) -> list[MarketListing]:
        """By events, because a market does not say its event's title. What was read serves ``feed``, too."""
        from connectors.kalshi.errors import KalshiError
        from connectors.kalshi.rest.paging import collect

        found: list[MarketListing] = []
        try:
            for name in series:
                reads = self.rest.markets.events(status="open", series_ticker=name, with_markets=True)
                for event in await collect(reads):
                    found += [_listing(event, market) for market in event.markets or () if _is_open(market)]
        except KalshiError as error:
            raise VenueError(str(error)) from error
        return found

    async def past(self, symbols: Collection[str], since_ns: int) -> PastBars:
        """Nothing: contracts are followed by their books, and have no bars here."""
        return PastBars((), now_ns(), {})

    @asynccontextmanager
    async def feed(self, symbols: Collection[str], wish: FeedWish) -> AsyncIterator[KalshiFeed]:
        """On paper the fees of every market are read, because the paper broker charges them."""
        from connectors.capture.kalshi.tape import KalshiTape
        from connectors.kalshi.source import KalshiFeed
        from connectors.kalshi.stream import KalshiStream

        tape = KalshiTape(wish.tape) if wish.tape is not None else None
        stream = KalshiStream(self.port.hosts, self.port.signer, clock=self.rest.http.clock)
        feed = KalshiFeed(
            self.rest, stream, [self.markets[s] for s in symbols], wish.names, now_ns, account=wish.account,
            charges=not wish.account, tape=tape, signals=wish.signals,
        )  # fmt: skip
        feed.sleep = sleep
        self._feed = feed
        await feed.read_terms()
        async with stream:
            yield feed

    async def charges(self, since_ns: int) -> Charges | None:
        """None: fills have their fees."""
        return None

    def orders(self, symbols: Collection[str], fuse: Decimal | None = None) -> KalshiVenue:
        """Of a market that was not found the venue itself finds the shard."""
        from connectors.kalshi.venue import KalshiVenue

        shards = {ticker: self.markets[ticker].exchange_index for ticker in symbols}
        venue = KalshiVenue(self.rest, shards, fuse=fuse)
        if self._feed is not None:
            venue.on_account = self._feed.on_account
        return venue


def _is_open(market: Market) -> bool:
    from connectors.kalshi.models.markets import MarketStatus

    return market.status is MarketStatus.ACTIVE


def _listing(event: Event, market: Market) -> MarketListing:
    return MarketListing(
        market.ticker, event.event_ticker, event.series_ticker, market.title or event.title, market.yes_sub_title,
        market.rules_primary, market.open_time, market.close_time, market.expected_expiration_time,
        market.occurrence_datetime, _yes_id(market),
    )  # fmt: skip


def _yes_id(market: Market) -> str:
    """A structured strike names one thing by its id, such as a player: ``{"tennis_competitor": "6c69f42c-…"}``."""
    named = list((market.custom_strike or {}).values())
    return named[0] if market.strike_type == "structured" and len(named) == 1 and isinstance(named[0], str) else ""


def _consents(settings: Settings) -> VenueConsents:
    kalshi = settings.kalshi
    return VenueConsents("kalshi", kalshi.environment, "demo", kalshi.execution_mode, kalshi.base_url is not None)


KALSHI = VenueKind(_consents, kalshi_port, has_fuse=True)
