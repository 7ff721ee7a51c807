"""Keeps what a feed of bars tells, when it tells it, and what it heard. Of the account nothing comes by here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Literal

from connectors.capture.bars.head import FeedHead
from connectors.capture.bars.records import Kind
from connectors.capture.writer import CaptureWriter
from engine.market.events import Bar, MarketEvent, Quote
from engine.market.instrument import Instrument
from engine.market.venue import Batch, LinkDown, LinkUp, Missed, News, PastBars, Unheard


class FeedTape:
    """One session of a capture, from its head on."""

    def __init__(
        self, writer: CaptureWriter, prices: Literal["tradier", "polygon"], speed: float,
        instruments: Collection[Instrument],
    ) -> None:  # fmt: skip
        self._writer, self._name = writer, writer.packer.name
        self._behind: bool | None = None
        self._told_ns = writer.now_ns()
        writer.counts |= dict.fromkeys(("bars", "quotes", "signals", "heard"), 0)
        writer.begin(lambda maker, now: FeedHead.of(maker, now, prices, speed, instruments).encode())

    def past(self, past: PastBars) -> None:
        """The bars of the time before, as they were read."""
        for bar in past.bars:
            self._bar(self._told_ns, bar)
        self._writer.add(Kind.PAST, self._told_ns, past.until_ns, dict(past.missing))

    def batch(self, batch: Batch) -> None:
        """What the feed tells now."""
        self._told_ns = batch.time_ns
        for news in batch.news:
            self._news(batch.time_ns, news)
        self._events(batch.time_ns, batch.events)
        self._writer.told(batch.time_ns)

    def pulse(self, now_ns: int, events: Sequence[MarketEvent]) -> None:
        """What it tells because time has passed."""
        self._told_ns = now_ns
        self._events(now_ns, events)
        self._writer.pulse(now_ns)

    def behind(self, behind: bool) -> None:
        """Whether bars of a break are still to come; kept where it changes."""
        if behind != self._behind:
            self._behind = behind
            self._writer.add(Kind.BEHIND, self._told_ns, behind)

    def heard(self, source: str, text: str) -> None:
        """A message or an answer, as it came."""
        self._writer.counts["heard"] += 1
        with self._writer.safely():
            self._writer.packer.add(Kind.HEARD, self._writer.now_ns(), self._name(source), text)

    def _events(self, now_ns: int, events: Iterable[MarketEvent]) -> None:
        for event in events:
            if isinstance(event, Bar):
                self._bar(now_ns, event)
                self._writer.counts["bars"] += 1
            elif isinstance(event, Quote):
                self._writer.counts["quotes"] += 1
                self._writer.add(
                    Kind.QUOTE, now_ns, self._name(event.symbol), event.time_ns - now_ns, event.bid, event.bid_size,
                    event.ask, event.ask_size,
                )  # fmt: skip
            else:
                self._writer.signals((event,))

    def _bar(self, now_ns: int, bar: Bar) -> None:
        self._writer.add(Kind.BAR, now_ns, self._name(bar.symbol), *bar[1:])

    def _news(self, now_ns: int, news: News) -> None:
        if isinstance(news, LinkUp | LinkDown):
            self._writer.add(Kind.LINK, now_ns, isinstance(news, LinkUp), getattr(news, "reason", ""))
        elif isinstance(news, Unheard | Missed):
            symbol = news.symbol if isinstance(news, Unheard) else ""
            self._writer.add(Kind.SILENCE, now_ns, news.time_ns - now_ns, self._name(symbol), news.reason)
