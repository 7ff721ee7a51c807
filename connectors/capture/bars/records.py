"""What a capture of a feed of bars keeps beside what every venue has. Prices and sizes are floats, as for rules."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final, NamedTuple

from connectors.capture.packing import Namer, Readers
from engine.market.events import Bar, Quote


class Kind(IntEnum):
    """The first element of a record."""

    BAR = 20
    QUOTE = 21
    PAST = 22
    LINK = 23
    SILENCE = 24
    BEHIND = 25
    HEARD = 26


class PastEnds(NamedTuple):
    """The bars since the session's begin were of the time before it, and go up to ``until_ns``; ``missing``: symbols of
    which they could not be read, and why."""

    time_ns: int
    until_ns: int
    missing: Mapping[str, str]


class Link(NamedTuple):
    """The stream is up, or down, and then why."""

    time_ns: int
    up: bool
    reason: str


class Silence(NamedTuple):
    """Something of the market was missed: of a symbol for good its bars, without one a message."""

    time_ns: int
    symbol: str
    reason: str


class Behind(NamedTuple):
    """Whether bars of a break are still to come, from now on."""

    time_ns: int
    behind: bool


class Heard(NamedTuple):
    """A message or an answer as it came; ``source`` says over which stream, or to which request."""

    time_ns: int
    source: str
    text: str


def _quote(time_ns: int, said: list[Any], name: Namer) -> Quote:
    return Quote(name(said[2]), time_ns + said[3], *said[4:8])


READERS: Final[Readers] = {
    Kind.BAR: lambda time_ns, said, name: Bar(name(said[2]), *said[3:10]),
    Kind.QUOTE: _quote,
    Kind.PAST: lambda time_ns, said, name: PastEnds(time_ns, said[2], said[3]),
    Kind.LINK: lambda time_ns, said, name: Link(time_ns, said[2], said[3]),
    Kind.SILENCE: lambda time_ns, said, name: Silence(time_ns + said[2], name(said[3]), said[4]),
    Kind.BEHIND: lambda time_ns, said, name: Behind(time_ns, said[2]),
    Kind.HEARD: lambda time_ns, said, name: Heard(time_ns, name(said[2]), said[3]),
}
