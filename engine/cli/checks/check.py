"""What a check says, and what it asks of a venue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Outcome(StrEnum):
    """UNKNOWN: it could not be looked at. That is not OK, but nothing is known to be wrong either."""

    OK = "ok"
    UNKNOWN = "unknown"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what was found, and unless it is well, what to do about it."""

    name: str
    outcome: Outcome
    found: str
    mend: str = ""

    def to_json(self) -> dict[str, str]:
        return {"check": self.name, "outcome": self.outcome.value, "found": self.found, "mend": self.mend}


class VenueSilent(Exception):
    """The venue cannot be reached or does not answer sensibly, so what was asked stays unknown; ``mend`` says what
    would change that."""

    def __init__(self, message: str, mend: str = "try again when it does") -> None:
        super().__init__(message)
        self.mend = mend


class VenueProbe(Protocol):
    """What a venue's connector answers a doctor. Every call may raise VenueSilent, and must not wait for long.

    ``name`` is shown; ``address`` is what would be spoken to.
    """

    name: str
    address: str

    def clock_ahead_seconds(self) -> float:
        """How far this machine's clock is ahead of the venue's (negative: behind)."""
        ...

    def key_problem(self) -> str | None:
        """Why the venue does not accept the key; None when it does."""
        ...

    def tradable(self, symbols: Sequence[str]) -> Mapping[str, bool]:
        """For each symbol whether the venue lists it and it may be traded now; one it has never heard of is absent."""
        ...


def ok(name: str, found: str) -> Check:
    return Check(name, Outcome.OK, found)


def warn(name: str, found: str, mend: str) -> Check:
    return Check(name, Outcome.WARN, found, mend)


def fail(name: str, found: str, mend: str) -> Check:
    return Check(name, Outcome.FAIL, found, mend)


def unknown(name: str, found: str, mend: str) -> Check:
    return Check(name, Outcome.UNKNOWN, found, mend)
