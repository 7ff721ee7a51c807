"""The vendor Polygon for the verbs that speak to it, and what a run takes from it: bars, quotes and options facts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from engine.cli.errors import ExitCode, UserError
from engine.market.events import NANOS, Bar
from engine.market.venue import PastBars, VenueError
from engine.settings import Settings

if TYPE_CHECKING:
    from connectors.polygon.hosts import Hosts
    from connectors.polygon.poller import OptionsSource
    from connectors.polygon.practice import MarketClock
    from connectors.polygon.rest import PolygonRest
    from connectors.polygon.stream import PolygonStream
    from engine.cli.venues.port import FeedWish, LiveFeed
    from engine.market.marketdata import MarketDataStore

CLOCKS_APART_SECONDS = 0.25  # of this machine, between two practice clocks that are one


def polygon_hosts(settings: Settings) -> Hosts:
    """The vendor, or the practice one on this machine; UserError says what is missing."""
    missing = [name for name in ("httpx", "websockets") if find_spec(name) is None]
    if missing:
        raise UserError(f"Polygon needs {', '.join(missing)}; pip install -e '.[venues]' in the engine's folder")
    from connectors.polygon.hosts import loopback_hosts, vendor_hosts

    polygon = settings.polygon
    if polygon.base_url is not None:
        return loopback_hosts(polygon.base_url)
    return vendor_hosts(polygon.domain, delayed=polygon.delayed)


def polygon_key(settings: Settings, *, stream: bool = False) -> str:
    """The key, which is never shown; UserError when there is none."""
    polygon = settings.polygon
    found = (polygon.stream_key or polygon.api_key) if stream else polygon.api_key
    if found is None:
        raise UserError("Polygon needs a key: set AUTOTRADER__POLYGON__API_KEY in the environment or in .env")
    return found.get_secret_value()


def polygon_rest(settings: Settings) -> PolygonRest:
    """A client of the REST interface; close it with ``await rest.http.close()``."""
    from connectors.polygon.http import PolygonHttp
    from connectors.polygon.rest import PolygonRest

    per_minute = settings.polygon.requests_per_minute or None
    return PolygonRest(PolygonHttp(polygon_hosts(settings), polygon_key(settings), per_minute=per_minute))


def polygon_stream(
    settings: Settings, channels: Collection[str], heard: Callable[[str, str], None] | None = None
) -> PolygonStream:
    """Websockets that are not open yet."""
    from connectors.polygon.stream import PolygonStream

    return PolygonStream(polygon_hosts(settings), polygon_key(settings, stream=True), channels, heard=heard)


@asynccontextmanager
async def polygon_live(
    settings: Settings, symbols: Collection[str], wish: FeedWish, *, quotes: bool = True,
    venue_clock: MarketClock | None = None, heard: Callable[[str, str], None] | None = None,
) -> AsyncIterator[LiveFeed]:  # fmt: skip
    """Polygon's feed for a venue whose desk takes its market data from there; its facts ``options.*`` where the rules
    read them. ``quotes``: best bid and offer, too, as far as the plan has them. ``venue_clock``: that of a practice
    venue, which everything goes by and Polygon's must agree with. ``heard`` gets messages and answers as they come,
    with the stream or the request that each belongs to. VenueError when it cannot begin.
    """
    from connectors.polygon.errors import PolygonError
    from connectors.polygon.feed import PolygonFeed, Subjects
    from connectors.polygon.practice import market_clock

    subjects = Subjects(sorted(symbols), quotes=quotes)
    rest = polygon_rest(settings)
    rest.http.heard = heard
    try:
        clock = await market_clock(polygon_hosts(settings), delayed=settings.polygon.delayed)
    except PolygonError as error:
        raise VenueError(str(error)) from error
    if venue_clock is not None:
        clock = _agreed(venue_clock, clock)
    since_ns = None if wish.past is None else wish.past.until_ns
    asks = any(name.startswith("options.") for name in wish.names)
    options = options_source(settings, rest, subjects.symbols, clock) if asks else None
    async with (
        rest.http,
        polygon_stream(settings, subjects.channels, heard) as stream,
        PolygonFeed(
            rest, stream, subjects, clock, since_ns=since_ns, options=options, signals=wish.signals
        ) as feed,
    ):
        yield feed


async def polygon_past(
    settings: Settings, symbols: Collection[str], since_ns: int, clock: Callable[[], int]
) -> PastBars:
    """The minute bars of these symbols up to now, by ``clock`` (UTC nanoseconds)."""
    from connectors.past import read_past
    from connectors.polygon.errors import PolygonError
    from connectors.polygon.feed import SETTLE_NS
    from connectors.polygon.history import read_bars

    rest = polygon_rest(settings)
    async with rest.http:

        async def read(symbol: str, from_ns: int, to_ns: int) -> list[Bar]:
            return await read_bars(rest, symbol, from_ns, to_ns)

        return await read_past(read, symbols, since_ns, clock, SETTLE_NS, PolygonError)


def _agreed(venue: MarketClock, vendor: MarketClock) -> MarketClock:
    """The venue's clock, if the vendor's shows the same: with two times in one run prices would be old, or not yet."""
    apart = abs(venue.now_ns() - vendor.now_ns()) / NANOS
    if venue.speed != vendor.speed or apart > CLOCKS_APART_SECONDS * max(venue.speed, 1.0):
        raise VenueError(
            f"the practice Polygon's clock is {apart:.0f} s away from the venue's, or runs at another speed "
            f"({vendor.speed:g} and {venue.speed:g}): start the venue with --clock {{the practice Polygon's address}}"
        )
    return venue


def options_source(
    settings: Settings, rest: PolygonRest, symbols: Collection[str], clock: MarketClock
) -> OptionsSource:
    """The facts ``options.*`` of these symbols, as a source of signals."""
    import asyncio

    from connectors.polygon.poller import OptionsSettings, OptionsSource

    polygon = settings.polygon
    looks = OptionsSettings(float(polygon.options_interval_seconds), polygon.options_days)

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / clock.speed)

    return OptionsSource(rest, symbols, looks, clock.now_ns, sleep)


def market_data(settings: Settings) -> MarketDataStore:
    """The ticks and bars of the settings' store, made where it is not there yet."""
    from engine.cli.stores import store_of
    from state.marketdata import open_market_data
    from state.place import MARKET, sibling

    return open_market_data(sibling(store_of(settings), MARKET))


def symbols_of(words: Sequence[str] | None, settings: Settings) -> list[str]:
    """The vendor's tickers of ``--symbols``, else of the settings."""
    from connectors.polygon.tickers import ticker_of

    given = [word.strip() for text in words or [] for word in text.split(",") if word.strip()]
    if words is not None and not given:
        raise UserError("--symbols is given and names none")
    return list(dict.fromkeys(ticker_of(symbol) for symbol in given or settings.polygon.symbols))


def vendor_failed(error: Exception) -> UserError:
    """What failed at the vendor is an answer for the user."""
    return UserError(str(error), ExitCode.VENUE)
