"""What runs over recorded data are put together from; the command line provides it, because connectors live outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from engine.decide.tick import VenueFacts
from engine.market.calendar import TradingCalendar
from engine.market.instrument import Instrument
from engine.market.orders import Broker
from engine.research.columns.terms import FillTerms
from engine.ruleset.rules import Ruleset


class SetParts(Protocol):
    """What every set has in common; ``engine.cli.assemble.Assembly`` is one. Must pickle to be sent to workers."""

    @property
    def ruleset(self) -> Ruleset: ...
    @property
    def plan_symbols(self) -> Sequence[str]:
        """The symbols of the plan, in the order in which they are looked at."""
        ...

    @property
    def parameters(self) -> Mapping[str, float]:
        """Values by key that hold for every set, beside the rules' defaults; a set's own go before them."""
        ...

    @property
    def instruments(self) -> Mapping[str, Instrument]: ...
    @property
    def calendars(self) -> Mapping[str, TradingCalendar]: ...
    @property
    def cash(self) -> Decimal:
        """Cash at the start (money)."""
        ...

    @property
    def timezone(self) -> str:
        """IANA name of the zone whose days the equity statistics count."""
        ...

    def venue_facts(self) -> VenueFacts: ...
    def broker(self, fills: str) -> Broker:
        """A fresh paper broker with the fill assumption ``pessimistic``, ``central`` or ``optimistic``."""
        ...

    def fill_terms(self, fills: str) -> FillTerms:
        """How that broker fills and what it charges."""
        ...
