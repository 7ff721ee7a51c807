"""What other connectors than the venue tell the rules: signal files, leaderboards, predictions of matches.

A source has a name, which its facts begin with (``alpha.fair``). A strategy whose universe is a fact of the source
(``universe: alpha.listed``) looks at the markets that the source lists. All times are UTC nanoseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from engine.market.events import Observation


class MarketListing(NamedTuple):
    """A market as its venue describes it, in the venue's own words. ``starts_ns``: when what it is about begins, where
    the venue says so; ``yes``: what YES stands for, such as a player's name, and ``yes_id`` the venue's lasting id of
    it, empty where there is none."""

    ticker: str
    event: str
    series: str
    title: str
    yes: str
    rules: str
    open_ns: int
    close_ns: int
    expected_ns: int | None = None
    starts_ns: int | None = None
    yes_id: str = ""


class SignalSource(Protocol):
    """One source in one run, in this order: ``show``, ``tickers``, ``follow``, then ``pulse`` once a second.

    A source that fails tells why and lets its facts become unknown: its rules stop, the others go on. One whose method
    raises is asked no more in that run. When a run goes on as a new one with other markets, ``show`` begins again on
    the same object, in another event loop.
    """

    name: str
    series: Collection[str]  # whose open markets it wants to be shown; none where it knows its tickers itself

    def show(self, listed: Sequence[MarketListing], now_ns: int) -> None:
        """All open markets of ``series``, at the start and again while the run goes on."""
        ...

    @property
    def tickers(self) -> Collection[str]:
        """The markets that it lists."""
        ...

    def follow(self, symbols: Collection[str], tell: Callable[[str], None]) -> None:
        """From now on facts of these symbols are wanted; ``tell`` hears in words of what went wrong or changed."""
        ...

    @property
    def unseen(self) -> Collection[str]:
        """Markets that it lists and that are not followed: the run begins anew with them."""
        ...

    def pulse(self, now_ns: int) -> Sequence[Observation]:
        """What has become known by ``now_ns`` and was not told yet."""
        ...

    async def keep(self) -> None:
        """Work beside the run, such as asking a page again; goes on until it is cancelled."""
        ...


@runtime_checkable
class Prepared(Protocol):
    """What a source may have beside: one look at the market (``engine run --once``) waits for it a few seconds."""

    @property
    def ready(self) -> bool:
        """Whether its first answer is there, or is known not to come."""
        ...
