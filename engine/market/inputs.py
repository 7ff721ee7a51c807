"""Everything that reaches a run from outside, as one sequence: what a journal keeps and a replay is fed with.

The rules, their parameters and these inputs determine every decision. Time is in the ticks.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from engine.market.events import Tick
from engine.market.orders import BrokerReport

FOREVER_NS: Final = 2**63 - 1
OPERATOR: Final = "halt"  # who stopped entries, where it was a person


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


Input = Tick | History | Reported | Halted | Resumed


class InputLog(Protocol):
    """Keeps inputs in the order in which they are told, before anything is decided on them."""

    def input(self, item: Input) -> None: ...
