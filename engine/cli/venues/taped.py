"""A feed of bars that is captured while it is listened to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from engine.cli.venues.port import LiveFeed
from engine.market.events import MarketEvent
from engine.market.venue import Batch

if TYPE_CHECKING:
    from connectors.capture.bars.tape import FeedTape


class TapedFeed:
    """Implements ``LiveFeed``: that of ``feed``, and ``tape`` keeps what is told before whoever asked gets it."""

    def __init__(self, feed: LiveFeed, tape: FeedTape) -> None:
        self._feed, self._tape = feed, tape

    async def batch(self) -> Batch:
        """As the feed."""
        batch = await self._feed.batch()
        self._tape.batch(batch)
        return batch

    def pulse(self, now_ns: int) -> Sequence[MarketEvent]:
        """As the feed."""
        events = self._feed.pulse(now_ns)
        self._tape.pulse(now_ns, events)
        return events

    def behind(self) -> bool:
        """As the feed."""
        behind = self._feed.behind()
        self._tape.behind(behind)
        return behind

    @property
    def taker_rates(self) -> Mapping[str, Decimal]:
        return self._feed.taker_rates

    def known(self) -> bool:
        return self._feed.known()

    def whole(self, now_ns: int) -> Sequence[MarketEvent]:
        return self._feed.whole(now_ns)

    async def keep_terms(self, tell: Callable[[str], None]) -> None:
        await self._feed.keep_terms(tell)
