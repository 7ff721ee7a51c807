"""Prices from a vendor and the account from a venue, as one feed: for a venue whose own market data is not wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from types import TracebackType
from typing import Self

from engine.cli.venues.port import LiveFeed
from engine.market.events import MarketEvent
from engine.market.venue import Batch, Feed, LinkDown, LinkUp, News


class JoinedFeed:
    """Implements ``LiveFeed``. ``market`` tells events and ``account`` the news of our orders; the link is up when both
    are, since a run that sees no prices must not enter, and one that sees no fills must read the account again.

    ``clock`` gives UTC nanoseconds, and is the clock of both. Use as ``async with``, inside theirs.
    """

    def __init__(self, market: LiveFeed, account: Feed, clock: Callable[[], int]) -> None:
        self._market, self._clock = market, clock
        self._feeds: Mapping[str, Feed] = {"prices": market, "account": account}
        self._up = dict.fromkeys(self._feeds, False)
        self._asked: dict[str, asyncio.Task[Batch]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._asked.values():
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)

    async def batch(self) -> Batch:
        """The next of either. The other goes on being waited for, so that nothing of it is lost."""
        for name, feed in self._feeds.items():
            if name not in self._asked:
                self._asked[name] = asyncio.create_task(feed.batch())
        await asyncio.wait(self._asked.values(), return_when=asyncio.FIRST_COMPLETED)
        name = next(name for name, task in self._asked.items() if task.done())
        told = self._asked.pop(name).result()
        news = [heard for one in told.news for heard in self._heard(name, one)]
        return Batch(max(told.time_ns, self._clock()), told.events, news)

    def _heard(self, name: str, news: News) -> list[News]:
        if not isinstance(news, LinkUp | LinkDown):
            return [news]
        was_up = all(self._up.values())
        self._up[name] = isinstance(news, LinkUp)
        if isinstance(news, LinkDown):
            return [news] if was_up else []
        return [news] if all(self._up.values()) else []

    @property
    def taker_rates(self) -> Mapping[str, Decimal]:
        return self._market.taker_rates

    def pulse(self, now_ns: int) -> Sequence[MarketEvent]:
        return self._market.pulse(now_ns)

    def known(self) -> bool:
        return self._market.known()

    def behind(self) -> bool:
        return self._market.behind()

    def whole(self, now_ns: int) -> Sequence[MarketEvent]:
        return self._market.whole(now_ns)

    async def keep_terms(self, tell: Callable[[str], None]) -> None:
        await self._market.keep_terms(tell)
