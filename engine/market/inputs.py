"""Everything that reaches a run from outside, as one sequence: what a journal keeps and a replay is fed with.

The rules, their parameters and these inputs determine every decision. Time is in the ticks.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple, Protocol, runtime_checkable

from engine.market.events import MarketSource, Tick
from engine.market.orders import BrokerReport, Side

FOREVER_NS: Final = 2**63 - 1
OPERATOR: Final = "halt"  # who stopped entries, where it was a person
MANUAL: Final = "service.manual"  # who owns what a person ordered: no strategy of any pack can have this name


class Asked(StrEnum):
    """What the broker was asked when it answered with a report."""

    EVENTS = "events"
    PLACE = "place"
    CANCEL = "cancel"
    REPLACE = "replace"
    HEARD = "heard"  # it told by itself, between two ticks


class History(NamedTuple):
    """A tick that was only taken in: the rules were not asked."""

    tick: Tick


class Past(NamedTuple):
    """Bars of the time before, or of a break, at the instant at which they were over: the programs take them in, and
    time does not go back."""

    tick: Tick


class Unseen(NamedTuple):
    """Bars of ``symbol`` in the session of ``time_ns`` were missed for good: what is counted from the session's open is
    unknown until the next one."""

    symbol: str
    time_ns: int
    reason: str


class Waits(NamedTuple):
    """From now on a bar of a higher timeframe waits so long (nanoseconds) after its end for minutes that are late."""

    nanos: int


class Reported(NamedTuple):
    """What the broker answered."""

    asked: Asked
    report: BrokerReport


class Halted(NamedTuple):
    """Entries are stopped until ``until_ns``. ``by``: a guard's key, or OPERATOR."""

    until_ns: int
    by: str
    reason: str


class Resumed(NamedTuple):
    """Halts are lifted: those ``by`` OPERATOR, or every one when it is empty."""

    by: str = ""


class Standing(NamedTuple):
    """What the kill switch says. ``operator``: why a person stopped entries, empty when none did; ``resumes``: how many
    halts have been lifted so far, so that a change can be seen; ``guards``: what guards of earlier runs still halt."""

    operator: str
    resumes: int
    guards: tuple[Halted, ...] = ()


class Wish(StrEnum):
    """What a person asks the engine that runs to do."""

    ENTER = "enter"  # one order that opens, with a bracket where ratios are given
    CANCEL = "cancel"  # take entry orders off the market
    FLATTEN = "flatten"  # the same, and close what is held


class Requested(NamedTuple):
    """A person's wish, taken by an engine between two ticks and answered at the next one.

    ``symbol`` empty means every one; ``orders`` empty every order. ``limit``: money per unit, None goes to the market.
    ``stop_ratio`` and ``target_ratio``: how far from the entry price the bracket stands, as shares of it. ``age_ns``:
    only orders that were wanted longer ago than that. ``dry``: decide and order nothing. ``force``: guards and sessions
    do not stop it; halts and the hard limits of packs still do. ``by``: who asked.
    """

    id: str
    wish: Wish
    by: str
    symbol: str = ""
    side: Side = Side.BUY
    quantity: Decimal = Decimal(0)
    limit: Decimal | None = None
    stop_ratio: Decimal | None = None
    target_ratio: Decimal | None = None
    orders: tuple[str, ...] = ()
    age_ns: int | None = None
    dry: bool = False
    force: bool = False


Aside = Past | Unseen | Waits
MarketInput = Tick | Aside  # what a feed gives a run, in the order in which the run meets it
Input = MarketInput | History | Reported | Halted | Resumed | Requested


@runtime_checkable
class InputSource(MarketSource, Protocol):
    """Recorded market data that knows more than its ticks: what was told of the past, missed or late."""

    def inputs(self) -> Iterator[MarketInput]:
        """All of it in order; raises SourceError on bad input."""
        ...


def everything_of(source: MarketSource) -> Iterator[MarketInput]:
    """All that a source has; of most these are ticks alone."""
    return source.inputs() if isinstance(source, InputSource) else source.ticks()


class InputLog(Protocol):
    """Keeps inputs in the order in which they are told, before anything is decided on them."""

    def input(self, item: Input) -> None: ...
