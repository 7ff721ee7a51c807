"""What a tick wants done, and the record of why."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from engine.market.orders import Order


@dataclass(frozen=True, slots=True)
class Place:
    """Send these orders together: an entry with its bracket, or one exit."""

    orders: tuple[Order, ...]

    def canonical(self) -> str:
        return "+".join(
            f"{o.side}/{o.quantity.normalize():f}/{o.symbol}/{o.type}/{_price(o.limit)}/{_price(o.stop)}/{o.leg}"
            for o in self.orders
        )


@dataclass(frozen=True, slots=True)
class Cancel:
    """Take these resting orders off the market."""

    client_ids: tuple[str, ...]

    def canonical(self) -> str:
        return "cancel/" + "/".join(self.client_ids)


@dataclass(frozen=True, slots=True)
class Replace:
    """Move a resting stop."""

    client_id: str
    stop: Decimal

    def canonical(self) -> str:
        return f"replace/{self.client_id}/{_price(self.stop)}"


Action = Place | Cancel | Replace


def _price(value: Decimal | None) -> str:
    return "-" if value is None else f"{value.normalize():f}"


class Verdict(StrEnum):
    """What became of a rule at a tick."""

    FIRED = "fired"
    SILENT = "silent"
    UNKNOWN = "unknown"
    BLOCKED = "blocked"
    COOLING = "cooling"


@dataclass(slots=True)
class Decision:
    """One rule's verdict that had or would have had an effect.

    ``guard`` names what blocked it; ``guards`` holds every guard's verdict for the trace. ``values`` is a copy of
    the symbol's node values at that moment, kept when traces are kept. ``request``: the id of the person's wish that
    this answers; ``wanted`` what a dry run would have ordered.
    """

    time_ns: int
    rule: str
    strategy: str
    symbol: str
    verdict: Verdict
    actions: tuple[Action, ...] = ()
    guard: str = ""
    reason: str = ""
    guards: dict[str, str] = field(default_factory=dict)
    trigger_symbol: str = ""
    values: Any = None
    request: str = ""
    wanted: tuple[Order, ...] = ()

    @property
    def orders(self) -> list[Order]:
        return [o for a in self.actions if isinstance(a, Place) for o in a.orders]

    def canonical(self) -> str:
        """One line that names the decision completely; ``decisions_sha256`` is taken over these lines."""
        actions = ";".join(a.canonical() for a in self.actions)
        return f"{self.time_ns}|{self.rule}|{self.strategy}|{self.symbol}|{self.verdict}|{self.guard}|{actions}\n"


class DecisionHash:
    """The running ``decisions_sha256`` of a run."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, decision: Decision) -> None:
        self._hash.update(decision.canonical().encode())

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def client_id(ruleset_sha: str, rule: str, symbol: str, time_ns: int, leg: str) -> str:
    """A client order id derived from what the order is, so that sending it twice cannot make two orders."""
    text = f"{ruleset_sha}|{rule}|{symbol}|{time_ns}|{leg}"
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
