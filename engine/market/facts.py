"""What a connector publishes: a manifest of facts, checked by lint and printed by ``engine facts``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """Whose fact it is, which also says when its value moves."""

    BAR = "bar"  # of a symbol and timeframe, at each bar close
    QUOTE = "quote"  # of a symbol, at each quote
    CLOCK = "clock"  # at each tick
    SIGNAL = "signal"  # of a symbol, when its connector observes it
    INSTRUMENT = "instrument"  # of a symbol, constant during a run
    POSITION = "position"  # of one strategy's position in a symbol
    PORTFOLIO = "portfolio"  # of the account as a whole
    ORDER = "order"  # of the wanted order that a guard judges
    STATS = "stats"  # of closed trades, for gates


@dataclass(frozen=True, slots=True)
class FactSpec:
    """One fact. ``kind`` is a type of the rule language by name; ``known`` says in words when the value becomes known.

    ``settlement``: published only when a market has settled, so that no trading decision may read it.
    ``live``: a stale value does harm, so entries that read it want a guard on its age (AT405).
    """

    name: str
    kind: str
    scope: Scope
    about: str
    known: str
    nullable: bool = False
    unit: str = ""
    settlement: bool = False
    live: bool = False


Manifest = tuple[FactSpec, ...]
