"""What a market tells us, in the order it became known.

All times are UTC nanoseconds since the epoch (``int``), as in the flat files. A source groups events by the
instant at which they became *known*: a minute bar that starts at 09:30 is known at 09:31.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

NANOS = 1_000_000_000
OPEN_SHARE = 20  # what happens within this part of a bar counts as at its open
SETTLEMENT = "market.settlement"  # the fact of what one contract paid: whoever holds the market hears of it


class Bar(NamedTuple):
    """One closed bar of one symbol. Prices are per unit; ``volume`` is None where the venue has none (indices)."""

    symbol: str
    start_ns: int
    seconds: int
    open: float
    high: float
    low: float
    close: float
    volume: float | None

    @property
    def known_ns(self) -> int:
        """The instant the bar is complete."""
        return self.start_ns + self.seconds * NANOS

    @property
    def open_until_ns(self) -> int:
        """The last instant that counts as at its open: the whole range of the bar comes after."""
        return self.start_ns + self.seconds * NANOS // OPEN_SHARE


class Quote(NamedTuple):
    """Best bid and ask at one instant. A missing side is None, never zero."""

    symbol: str
    time_ns: int
    bid: float | None
    bid_size: float | None
    ask: float | None
    ask_size: float | None


class Observation(NamedTuple):
    """One value of a named fact from a signal connector (``alpha.fair``, ``options.volume``).

    ``value`` None means unknown; ``reason`` then says why in words.
    """

    symbol: str
    time_ns: int
    name: str
    value: float | str | bool | None
    reason: str = ""


MarketEvent = Bar | Quote | Observation


class Tick(NamedTuple):
    """Everything that became known at one instant, in arrival order."""

    time_ns: int
    events: Sequence[MarketEvent]


def later(time_ns: int, before_ns: int) -> int:
    """``time_ns``, or just after ``before_ns`` where a clock stood still or went back: time of ticks only rises."""
    return max(time_ns, before_ns + 1)


class MarketSource(Protocol):
    """Where market events come from: replayed files, a simulator, a live feed."""

    def ticks(self) -> Iterator[Tick]:
        """Yield ticks in strictly increasing time; raise SourceError on bad input, naming file, line and field."""
        ...


class SourceError(Exception):
    """Market data that cannot be used. The text names the file or venue, the line and field, and the mend."""
