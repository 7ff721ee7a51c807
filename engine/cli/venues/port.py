"""What a venue has to offer for the verbs to run on it: ``engine run --venue`` and all that look at the account.

A ``VenueKind`` says what is known before any key. A ``VenuePort`` is the venue as the settings have it, and connects to
nothing. While it is connected there is a ``VenueDesk``, which finds instruments and makes feeds and takers of orders. A
new venue is one module beside this one with all three, a name in ``engine.cli.venues``, and its table in the settings.
Market data and the account may come from two connectors: what the desk's feed reads is the port's own affair.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, Protocol

from engine.execute.recovery import RecoverySettings
from engine.market.events import MarketEvent, Observation
from engine.market.instrument import Instrument
from engine.market.signals import MarketListing
from engine.market.venue import Charges, Feed, PastBars, Venue
from engine.settings import Settings
from state import Mode

if TYPE_CHECKING:
    from connectors.capture.writer import CaptureWriter


class VenueConsents(NamedTuple):
    """What the settings of a venue consent to.

    ``table``: the name of their table; ``mock``: its word for the environment with mock money; ``practice``: a program
    on this machine stands in for the venue.
    """

    table: str
    environment: str
    mock: str
    execution_mode: str
    practice: bool


class FeedWish(NamedTuple):
    """What a run wants to hear.

    ``names``: the facts that its rules read; others need not be computed. ``account``: news of our own orders and
    fills. ``tape`` hears everything of the market, and nothing of the account. ``signals`` gives what other connectors
    have to tell; the feed asks it at every pulse. ``past``: the bars of the time before, where the feed goes on; None
    begins with those to come.
    """

    names: Collection[str]
    account: bool
    tape: CaptureWriter | None
    signals: Callable[[int], Sequence[Observation]]
    past: PastBars | None = None


class LiveFeed(Feed, Protocol):
    """A feed whose stream is open, and what a run asks of it beside its batches."""

    @property
    def taker_rates(self) -> Mapping[str, Decimal]:
        """What takers of contracts pay where that differs from the usual rate; empty for anything but contracts."""
        ...

    def pulse(self, now_ns: int) -> Sequence[MarketEvent]:
        """What has changed by the passing of time alone, and what is signalled; asked once a second."""
        ...

    def known(self) -> bool:
        """Whether every instrument has told its prices."""
        ...

    def behind(self) -> bool:
        """Whether bars of a break are still to come; False where there are no bars."""
        ...

    def whole(self, now_ns: int) -> Sequence[MarketEvent]:
        """All prices and facts as they are, whether they were told before or not."""
        ...

    async def keep_terms(self, tell: Callable[[str], None]) -> None:
        """Read again and again what the stream does not tell; goes on until it is cancelled."""
        ...


class Orders(Venue, Protocol):
    """The venue for orders, with what it does by itself to limit a run whose engine has died."""

    async def arm(self) -> None:
        """Make the venue's own safety for this run, where it has one and it was asked for. VenueError: do not trade."""
        ...

    async def disarm(self) -> None:
        """Remove it again; VenueError when it cannot be removed."""
        ...

    def leave(self) -> None:
        """The run ends: requests that wait for their turn are not sent and say so, and from now on only such go out as
        may go at once."""
        ...


class VenueDesk(Protocol):
    """A venue while it is connected. Every method raises VenueError when the venue cannot be read."""

    async def find(self, symbols: Collection[str]) -> dict[str, Instrument]:
        """Those of the symbols that the venue has, as what can be traded."""
        ...

    async def open_markets(self, series: Collection[str]) -> list[MarketListing]:
        """All open markets of these series; empty where the venue has no series."""
        ...

    @property
    def past_sessions(self) -> int:
        """How many sessions before today bars can be read of; 0 where nothing of the past can be read."""
        ...

    async def past(self, symbols: Collection[str], since_ns: int) -> PastBars:
        """The minute bars of these symbols that begin at ``since_ns`` or later, up to now. What cannot be read is said
        in the answer."""
        ...

    def feed(self, symbols: Collection[str], wish: FeedWish) -> AbstractAsyncContextManager[LiveFeed]:
        """A feed of symbols that were found; open while the context is."""
        ...

    async def charges(self, since_ns: int) -> Charges | None:
        """What the venue charged for trades since then and told afterwards; None where fills have their fees."""
        ...

    def orders(self, symbols: Collection[str], fuse: Decimal | None = None) -> Orders:
        """For orders in symbols that were found, or for what needs no list of them. ``fuse``: contracts matched within
        15 seconds that make the venue itself cancel all entries. What the account's lists say goes to the desk's feed,
        where it has one."""
        ...


class VenuePort(Protocol):
    """A venue as the settings have it.

    ``venue``: its name, as packs and ``--venue`` write it; ``place``: which of its environments, such as demo,
    production or practice; ``mode``: whose money that is, and so which store; ``account``: the name of its book there;
    ``address``: the host that is spoken to; ``speed``: how fast a practice venue's time runs.
    """

    @property
    def venue(self) -> str: ...

    @property
    def place(self) -> str: ...

    @property
    def mode(self) -> Mode: ...

    @property
    def account(self) -> str: ...

    @property
    def address(self) -> str: ...

    @property
    def speed(self) -> float: ...

    def recovery(self) -> RecoverySettings:
        """How the account is followed, and how long an order may be on its way."""
        ...

    def connected(self, *, reducing: bool = False) -> AbstractAsyncContextManager[VenueDesk]:
        """Connect, with the checks that come first (key, clock, limits); VenueError when one fails.

        ``reducing``: for what only takes risk away, which goes on with what is known and says what is not.
        """
        ...


class VenueKind(NamedTuple):
    """What is known of a venue before any key.

    ``consents``: what the settings consent to; ``port`` raises UserError where a key, a setting or a package is
    missing. ``has_fuse``: whether ``VenueDesk.orders`` takes one.
    """

    consents: Callable[[Settings], VenueConsents]
    port: Callable[[Settings], VenuePort]
    has_fuse: bool = False
