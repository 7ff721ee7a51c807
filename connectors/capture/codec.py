"""What a venue brings along for its captures: how a session begins, its records, and what they are to a run.

Which venue it is stands in the head of each session; whoever reads a capture asks for the codec of that name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple, Protocol, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.capture.packing import Readers, SessionError, Told
from engine.market.inputs import MarketInput
from engine.market.instrument import Instrument

KALSHI: Final = "kalshi"
TRADIER: Final = "tradier"
Row = dict[str, Any]


class Said(BaseModel):
    """A part of what is kept as JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Head(Said):
    """How a session began. ``exchange``: which of the venue's environments; ``by``: the run or command that captured
    it; ``created_ns``: UTC nanoseconds."""

    venue: str
    exchange: str
    created_ns: int
    engine: str
    by: str

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """What was followed, as what can be ordered."""
        raise NotImplementedError

    @property
    def taker_rates(self) -> Mapping[str, Decimal]:
        """What takers of contracts were charged, where that was told; empty for anything but contracts."""
        return {}

    @property
    def pace(self) -> float:
        """How fast the time of a practice venue ran; 1 at any other."""
        return 1.0

    def encode(self) -> bytes:
        return self.model_dump_json().encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """SessionError names the first field that is wrong."""
        return decoded(cls, data)


class Maker(NamedTuple):
    """Who captures: which of the venue's environments, which version, which run or command."""

    exchange: str
    engine: str
    by: str


class Player(Protocol):
    """One session, heard again."""

    def take(self, record: Any) -> None:
        """Something that was heard."""
        ...

    def tell(self, told: Told, time_ns: int) -> list[MarketInput]:
        """What reached the run when it was told, at ``time_ns``."""
        ...

    def hush(self, told: Told, time_ns: int) -> list[MarketInput]:
        """The same where only what comes later is wanted: what must have been seen of the time before, and no tick."""
        ...

    def wanted(self) -> None:
        """From the next time on everything is wanted: tell anew how things stand."""
        ...

    def broken_off(self, time_ns: int) -> list[MarketInput]:
        """The session is over and another follows: what moved while nobody listened is unknown."""
        ...


class Seen(NamedTuple):
    """What one record is to whoever counts. ``symbol``: whose it is, empty for nobody's. ``down``: whether the stream
    was lost with it, or is back; None for anything else. ``gap``: why something may be missing at ``time_ns``."""

    kind: str
    symbol: str = ""
    time_ns: int = 0
    down: bool | None = None
    gap: str = ""


class Table(Protocol):
    """Makes rows of records, for one session after the other."""

    def rows(self, record: Any) -> Iterator[tuple[str, Row]]:
        """The rows of a head or a record, each with its kind; ``time_ns`` is in all of them."""
        ...


class Codec(NamedTuple):
    """``player`` gets the symbols and the facts that are wanted, and the player of the session before, if any.
    ``seen`` is asked about records that only this venue has; None is nothing to count. ``schemas``: Arrow's, by kind.
    """

    head: type[Head]
    readers: Readers
    player: Callable[[Any, Collection[str], Collection[str], Player | None], Player]
    seen: Callable[[Any], Seen | None]
    schemas: Callable[[], Mapping[str, Any]]
    table: Callable[[], Table]


def codec_of(venue: str) -> Codec:
    """The codec of the venue that a head names; SessionError for a venue that this engine does not know."""
    if venue == KALSHI:
        from connectors.capture.kalshi import CODEC

        return CODEC
    if venue == TRADIER:
        from connectors.capture.bars import CODEC as BARS

        return BARS
    raise SessionError(f"venue: it was captured at {venue!r}, which this engine does not know; a newer one may")


def read_head(data: bytes) -> tuple[Head, Codec]:
    """The head of a session and the codec of its venue. SessionError says what is wrong."""
    codec = codec_of(str(_object(data).get("venue")))
    return codec.head.decode(data), codec


S = TypeVar("S", bound=Said)


def decoded(model: type[S], data: bytes) -> S:
    """SessionError names the first field that is wrong."""
    try:
        return model.model_validate(_object(data))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise SessionError(f"{place}: {first['msg']}") from None


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError as error:
        raise SessionError(f"it is no JSON ({error})") from None
    if not isinstance(found, dict):
        raise SessionError("it is no JSON object")
    return found
