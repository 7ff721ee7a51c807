"""The venue Tradier: shares and options, in its sandbox, in production, or on a practice venue of this machine."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from decimal import Decimal
from importlib.util import find_spec
from typing import TYPE_CHECKING

from engine.cli.clock import follow
from engine.cli.errors import UserError
from engine.cli.startup import log_client_connected
from engine.cli.venues.joined import JoinedFeed
from engine.cli.venues.port import FeedWish, LiveFeed, VenueConsents, VenueKind
from engine.cli.venues.taped import TapedFeed
from engine.execute.reconcile import Ages, ForeignPolicy
from engine.execute.recovery import RecoverySettings
from engine.market.events import NANOS, Bar
from engine.market.instrument import Instrument, InstrumentKind
from engine.market.signals import MarketListing
from engine.market.venue import Charges, PastBars, Urgency, VenueError
from engine.settings import Settings
from engine.settings.venues import TradierSettings
from state import Mode

if TYPE_CHECKING:
    from connectors.capture.bars.tape import FeedTape
    from connectors.tradier.client import TradierRest
    from connectors.tradier.hosts import Hosts
    from connectors.tradier.source import TradierFeed
    from connectors.tradier.venue import TradierVenue

LOCAL_LAG_NS = NANOS // 2
LAG_NS = 2 * NANOS  # measured: new orders are listed within 75 ms
TRADIER_SESSIONS = 5  # of time and sales with extended hours there are ten days
POLYGON_SESSIONS = 20
PACKAGES = ("httpx", "websockets")
Listener = Callable[[str, str], None]


def tradier_port(settings: Settings) -> TradierPort:
    """The Tradier that the settings name, with its token; UserError says what is missing."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        mend = "pip install -e '.[venues]' in the engine's folder"
        raise UserError(f"the venue Tradier needs {', '.join(missing)}; {mend}")
    from connectors.tradier.hosts import Environment, loopback_hosts, venue_hosts

    tradier = settings.tradier
    if tradier.access_token is None:
        raise UserError("the venue needs a token: set AUTOTRADER__TRADIER__ACCESS_TOKEN in the environment or in .env")
    if tradier.account_id is None:
        raise UserError("the venue needs an account: set AUTOTRADER__TRADIER__ACCOUNT_ID, or tradier.account_id")
    vendor = _vendor(settings)
    if tradier.base_url is not None:
        return TradierPort(tradier, "practice", loopback_hosts(tradier.base_url), vendor)
    return TradierPort(tradier, tradier.environment, venue_hosts(Environment(tradier.environment)), vendor)


def _vendor(settings: Settings) -> Settings | None:
    """The settings with which Polygon tells the prices; None where Tradier does."""
    if settings.tradier.market_data == "tradier":
        return None
    if (settings.tradier.base_url is None) != (settings.polygon.base_url is None):
        raise UserError(
            "tradier.market_data is polygon, and only one of the two is a practice one: set both tradier.base_url and "
            "polygon.base_url, or neither"
        )
    if settings.polygon.delayed:
        raise UserError("tradier.market_data is polygon, whose prices polygon.delayed says are 15 minutes old")
    from engine.cli.polygon import polygon_key

    polygon_key(settings)
    return settings


@dataclass(slots=True)
class TradierPort:
    """Implements ``VenuePort``. ``place`` is sandbox, production or practice; ``vendor``: the settings with which
    Polygon tells the prices, None where Tradier does; ``speed``: how fast the practice venue's time runs.
    """

    settings: TradierSettings
    place: str
    hosts: Hosts
    vendor: Settings | None = None
    speed: float = 1.0
    venue: str = "tradier"

    @property
    def mode(self) -> Mode:
        """Only production is real money."""
        return Mode.LIVE if self.place == "production" else Mode.DEMO

    @property
    def account(self) -> str:
        return f"tradier {self.place} {self.settings.account_id}"

    @property
    def address(self) -> str:
        return self.hosts.rest

    def recovery(self) -> RecoverySettings:
        """An order counts as never arrived once none of its time can still be on its way; by the venue's clock."""
        from connectors.tradier.http import longest_way_seconds

        grace_ns = int(longest_way_seconds(local=self.hosts.local) * self.speed * NANOS)
        ages = Ages(grace_ns, int((LOCAL_LAG_NS if self.hosts.local else LAG_NS) * self.speed))
        return RecoverySettings(ForeignPolicy(self.settings.foreign_orders), ages, costs_later=True)

    @asynccontextmanager
    async def connected(self, *, reducing: bool = False) -> AsyncIterator[TradierDesk]:
        """A client whose token has the account. On a practice venue everything goes by its clock from then on."""
        from connectors.tradier.client import TradierRest
        from connectors.tradier.errors import TradierError
        from connectors.tradier.http import Timeouts
        from connectors.tradier.practice import practice_time
        from connectors.transport.clock import Clock
        from connectors.transport.turns import asking

        tradier = self.settings
        assert tradier.access_token is not None and tradier.account_id is not None
        clock = Clock()
        try:
            if self.hosts.local:
                told = await practice_time(self.hosts)
                clock, self.speed = told.clock(), told.speed or 1.0
                follow(told.now)
        except TradierError as error:
            raise VenueError(str(error)) from error
        async with TradierRest(
            self.hosts, tradier.access_token.get_secret_value(), tradier.environment, tradier.account_id,
            clock=clock, timeouts=Timeouts(3, 5) if reducing else None,
        ) as rest:  # fmt: skip
            if not reducing:
                await _must_own(rest)
            log_client_connected(self.venue, self.place, self.hosts.rest)
            with asking(Urgency.REDUCE, rest.http.timeouts.turn) if reducing else nullcontext():
                yield TradierDesk(self, rest)


async def _must_own(rest: TradierRest) -> None:
    """The token must be of the account's owner."""
    from connectors.tradier.errors import TradierError

    try:
        profile = await rest.profile()
    except TradierError as error:
        raise VenueError(str(error)) from error
    numbers = [account.number for account in profile.accounts]
    if rest.account not in numbers:
        raise VenueError(
            f"the token has no account {rest.account}, but {', '.join(numbers) or 'none'}: correct tradier.account_id"
        )


class TradierDesk:
    """Implements ``VenueDesk``."""

    def __init__(self, port: TradierPort, rest: TradierRest) -> None:
        from connectors.tradier.venue import TradierVenue

        self.port, self.rest = port, rest
        self._clock = rest.http.clock
        self._venue = TradierVenue(rest)
        self._found: dict[str, Instrument] = {}

    async def find(self, symbols: Collection[str]) -> dict[str, Instrument]:
        from connectors.tradier.source import find_instruments

        found = await find_instruments(self.rest, symbols)
        if self.port.vendor is not None:
            found |= _indices(symbol for symbol in symbols if symbol not in found)
        self._found |= found
        return found

    async def open_markets(self, series: Collection[str]) -> list[MarketListing]:
        """Shares belong to no series."""
        return []

    @property
    def past_sessions(self) -> int:
        return TRADIER_SESSIONS if self.port.vendor is None else POLYGON_SESSIONS

    async def past(self, symbols: Collection[str], since_ns: int) -> PastBars:
        """From whoever tells the prices, by the clock that the run goes by."""
        from connectors.past import read_past

        vendor, now_ns = self.port.vendor, self._clock.now_ns
        if vendor is None:
            from connectors.tradier.bars import SETTLE_NS, read_bars
            from connectors.tradier.errors import TradierError

            async def read(symbol: str, from_ns: int, to_ns: int) -> list[Bar]:
                return await read_bars(self.rest, self._found[symbol], from_ns, to_ns)

            return await read_past(read, symbols, since_ns, now_ns, SETTLE_NS, TradierError)
        from engine.cli.polygon import polygon_past

        return await polygon_past(vendor, symbols, since_ns, now_ns)

    @asynccontextmanager
    async def feed(self, symbols: Collection[str], wish: FeedWish) -> AsyncIterator[LiveFeed]:
        """Where prices come from Polygon or are captured, the account is a feed of its own beside them."""
        from connectors.tradier.source import TradierFeed

        venue = self._venue if wish.account else None
        async with AsyncExitStack() as stack:
            if self.port.vendor is None and wish.tape is None:
                yield await stack.enter_async_context(self._streamed(symbols, wish, venue))
                return
            market = await stack.enter_async_context(self._market(symbols, wish))
            if venue is None:
                yield market
                return
            account = await stack.enter_async_context(TradierFeed(self.rest, {}, venue=venue))
            yield await stack.enter_async_context(JoinedFeed(market, account, self._clock.now_ns))

    @asynccontextmanager
    async def _market(self, symbols: Collection[str], wish: FeedWish) -> AsyncIterator[LiveFeed]:
        """Prices alone, from whoever tells them; kept on the tape, where there is one."""
        tape = self._tape(symbols, wish)
        heard = None if tape is None else tape.heard
        vendor = self.port.vendor
        prices: AbstractAsyncContextManager[LiveFeed] = (
            self._streamed(symbols, wish, heard=heard) if vendor is None
            else self._polygon(vendor, symbols, wish, heard)
        )  # fmt: skip
        async with prices as feed:
            yield feed if tape is None else TapedFeed(feed, tape)

    def _tape(self, symbols: Collection[str], wish: FeedWish) -> FeedTape | None:
        if wish.tape is None:
            return None
        from connectors.capture.bars.tape import FeedTape

        prices, listed = self.port.settings.market_data, [self._found[symbol] for symbol in symbols]
        tape = FeedTape(wish.tape, prices, self.port.speed, listed)
        if wish.past is not None:
            tape.past(wish.past)
        return tape

    def _streamed(
        self, symbols: Collection[str], wish: FeedWish, venue: TradierVenue | None = None, heard: Listener | None = None
    ) -> TradierFeed:
        """Tradier's own prices, with news of the account where ``venue`` reads it."""
        from connectors.tradier.source import TradierFeed

        since_ns = None if wish.past is None else wish.past.until_ns
        instruments = {symbol: self._found[symbol] for symbol in symbols}
        return TradierFeed(
            self.rest, instruments, venue=venue, signals=wish.signals, since_ns=since_ns, heard=heard
        )  # fmt: skip

    def _polygon(
        self, vendor: Settings, symbols: Collection[str], wish: FeedWish, heard: Listener | None
    ) -> AbstractAsyncContextManager[LiveFeed]:
        """Polygon's feed, by the practice venue's clock where that is one."""
        from connectors.polygon.practice import MarketClock
        from engine.cli.polygon import polygon_live

        local = self.port.hosts.local
        clock = MarketClock(self._clock.now_ns(), time.monotonic(), self.port.speed) if local else None
        return polygon_live(vendor, symbols, wish, venue_clock=clock, heard=heard)

    async def charges(self, since_ns: int) -> Charges | None:
        """From the account's history, which a batch fills at night."""
        from connectors.tradier.charges import day_of, read_charges
        from connectors.tradier.errors import TradierError

        try:
            return Charges(await read_charges(self.rest, since_ns), day_of)
        except TradierError as error:
            raise VenueError(str(error)) from error

    def orders(self, symbols: Collection[str], fuse: Decimal | None = None) -> TradierVenue:
        """One for the whole connection, so that it knows what hangs together."""
        return self._venue


def _indices(symbols: Iterable[str]) -> dict[str, Instrument]:
    """Those of the symbols that are indices to Polygon: Tradier's sandbox has none, and none can be ordered."""
    from connectors.polygon.tickers import Cluster, cluster_of, ticker_of
    from connectors.tradier.source import CALENDAR

    names = [symbol for symbol in symbols if cluster_of(ticker_of(symbol)) is Cluster.INDICES]
    tick, unit = Decimal("0.01"), Decimal(1)
    return {name: Instrument(name, InstrumentKind.INDEX, tick, unit, CALENDAR, lowest=tick) for name in names}


def _consents(settings: Settings) -> VenueConsents:
    tradier = settings.tradier
    return VenueConsents(
        "tradier", tradier.environment, "sandbox", tradier.execution_mode, tradier.base_url is not None
    )


TRADIER = VenueKind(_consents, tradier_port)
