"""Asks Kalshi what only Kalshi knows. It reads and never writes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from connectors.kalshi.client import KalshiRest
from connectors.kalshi.errors import ClockSkewError, KalshiError, NotAuthorized
from connectors.kalshi.hosts import Environment, Hosts, loopback_hosts, venue_hosts
from connectors.kalshi.http import Timeouts
from connectors.kalshi.models.markets import MarketStatus
from connectors.kalshi.rest.markets import MarketFilter
from connectors.kalshi.sign import KeyFileError, Signer, load_signer
from engine.cli.checks.check import VenueSilent
from engine.settings.venues import KalshiSettings

PATIENCE = Timeouts(connect=3.0, answer=5.0)
TICKERS_AT_ONCE = 100
CLOCK_MEND = "put this machine's clock right (NTP); no key counts before"

Answer = TypeVar("Answer")


class KalshiProbe:
    """A `VenueProbe`. ``signer`` None: there is no usable key, so only public things can be asked."""

    name = "kalshi"

    def __init__(self, hosts: Hosts, signer: Signer | None, subaccount: int = 0) -> None:
        self.address = hosts.rest
        self._hosts, self._signer, self._subaccount = hosts, signer, subaccount

    def clock_ahead_seconds(self) -> float:
        return self._ask(_clock)

    def key_problem(self) -> str | None:
        if self._signer is None:
            raise VenueSilent("there is no usable key to ask with")

        async def balance(venue: KalshiRest) -> str | None:
            try:
                await venue.portfolio.balance(subaccount=self._subaccount)
            except ClockSkewError as error:
                raise VenueSilent(f"{error}", CLOCK_MEND) from None
            except NotAuthorized as error:
                return str(error)
            return None

        return self._ask(balance)

    def tradable(self, symbols: Sequence[str]) -> Mapping[str, bool]:
        async def listed(venue: KalshiRest) -> dict[str, bool]:
            found = {}
            for start in range(0, len(symbols), TICKERS_AT_ONCE):
                wanted = MarketFilter(tickers=tuple(symbols[start : start + TICKERS_AT_ONCE]))
                async for market in venue.markets.markets(wanted):
                    found[market.ticker] = market.status is MarketStatus.ACTIVE
            return found

        return self._ask(listed)

    def _ask(self, question: Callable[[KalshiRest], Awaitable[Answer]]) -> Answer:
        async def asked() -> Answer:
            async with KalshiRest(self._hosts, self._signer, timeouts=PATIENCE) as venue:
                return await question(venue)

        try:
            return asyncio.run(asked())
        except KalshiError as error:
            raise VenueSilent(str(error)) from None


async def _clock(venue: KalshiRest) -> float:
    try:
        return await venue.check_clock()
    except ClockSkewError:
        if venue.http.skew_seconds is None:
            raise
        return venue.http.skew_seconds


def probe_of(settings: KalshiSettings) -> KalshiProbe:
    """The venue that the settings name, or the practice exchange in its place. Raises HostError."""
    if settings.base_url is not None:
        hosts = loopback_hosts(settings.base_url)
    else:
        hosts = venue_hosts(Environment(settings.environment))
    return KalshiProbe(hosts, _signer(settings), settings.subaccount)


def _signer(settings: KalshiSettings) -> Signer | None:
    """None for a key that cannot be used; why, is the subject of another check."""
    if settings.api_key_id is None or settings.private_key_path is None:
        return None
    try:
        return load_signer(settings.api_key_id.get_secret_value(), settings.private_key_path)
    except KeyFileError:
        return None

