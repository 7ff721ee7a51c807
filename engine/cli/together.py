"""Which options go together, verb by verb: an option that would be ignored is refused, with the mend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.cli.errors import UserError


class Needs(NamedTuple):
    """``option`` means nothing without ``other``."""

    option: str
    other: str
    why: str

    def broken(self, given: Mapping[str, bool]) -> str | None:
        wrong = given[self.option] and not given[self.other]
        return f"{self.option} {self.why}: add {self.other}, or leave it out" if wrong else None


class Excludes(NamedTuple):
    """``option`` means nothing, or two things at once, beside ``other``."""

    option: str
    other: str
    why: str

    def broken(self, given: Mapping[str, bool]) -> str | None:
        return f"{self.option} and {self.other}: {self.why}" if given[self.option] and given[self.other] else None


Together = Sequence[Needs | Excludes]

_OWN_MARKET = "a venue's market is live and in its own time; leave {} out"
RUN: Together = (
    Excludes("--paper", "--live", "orders go to the paper broker or to the venue; give one of them"),
    Excludes("--dry-run", "--live", "a dry run sends no order; give one of them"),
    Excludes("--dry-run", "--capture", "a replay would fill what a dry run leaves; leave --capture out"),
    Needs("--live", "--venue kalshi", "needs the venue that takes the orders"),
    Needs("--yes-i-accept-real-orders", "--live", "is a consent to real orders"),
    Needs("--fuse", "--live", "is a fuse at the venue, for orders that go there"),
    Needs("--exchange", "--venue kalshi", "says which exchange the venue is"),
    Needs("--capture", "--venue kalshi", "keeps what a venue's feed tells"),
    Excludes("--capture", "--once", "a capture is of a run that goes on; leave --once out"),
    *(
        Excludes(option, "--venue", _OWN_MARKET.format(option))
        for option in ("--source", "--data", "--speed", "--interval", "--from", "--to")
    ),
    Needs("--data", "--source replay", "is the folder of a replay"),
    Needs("--to", "--source replay", "is the last day of a replay; a simulated market has market.days"),
    Excludes("--speed", "--interval", "both say how fast it goes; give one of them"),
    *(
        Excludes(option, "--once", f"one look at the market takes no time; leave {option} out")
        for option in ("--speed", "--interval")
    ),
)
FEE: Together = (Needs("--exchange", "--series", "says whom to ask about a series"),)
SIMULATE: Together = (
    Needs("--speed", "--replay", "says how fast a tape plays"),
)


def check(rules: Together, given: Mapping[str, bool]) -> None:
    """Raise UserError for the first of ``rules`` that is broken; ``given``: which options, also by settings, are."""
    for rule in rules:
        told = rule.broken(given)
        if told is not None:
            raise UserError(told)


def not_empty(option: str, values: Sequence[str] | None) -> None:
    """Raise UserError for an option that is given and names nothing."""
    if values is not None and not any(part.strip() for text in values for part in text.split(",")):
        raise UserError(f"{option} is given and names none; name some, or leave it out")
