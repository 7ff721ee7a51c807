"""The kinds of fields in the venue's answers, and how one is refused.

Money and counts come as text and become Decimal; a JSON number in their place is an error, because it might be cents.
Times become UTC nanoseconds. Words of a closed list that we have not heard of become its UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationError

from connectors.kalshi.errors import BadAnswer
from connectors.kalshi.prices import NoPrice, YesPrice, parse_decimal

NANOS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Answer(BaseModel):
    """Base of everything that the venue sends."""

    model_config = ConfigDict(extra="ignore", frozen=True, arbitrary_types_allowed=True)


def _dollars(value: object) -> Decimal:
    return value if isinstance(value, Decimal) else parse_decimal(value, "an amount of dollars")


def _count(value: object) -> Decimal:
    return value if isinstance(value, Decimal) else parse_decimal(value, "a count of contracts")


def _yes(value: object) -> YesPrice:
    return value if isinstance(value, YesPrice) else YesPrice(parse_decimal(value, "a price"))


def _no(value: object) -> NoPrice:
    return value if isinstance(value, NoPrice) else NoPrice(parse_decimal(value, "a price"))


def instant_ns(value: object) -> int:
    """An RFC 3339 time with zone as UTC nanoseconds."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise ValueError(f"a time must be text such as 2026-11-21T15:00:00Z, not {type(value).__name__}")
    found = datetime.fromisoformat(value)
    if found.tzinfo is None:
        raise ValueError(f"the time {value!r} has no zone")
    since = found - _EPOCH
    return (since.days * 86_400 + since.seconds) * NANOS + since.microseconds * 1_000


def _number(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    raise ValueError(f"a number is needed, not {type(value).__name__}")


Dollars = Annotated[Decimal, BeforeValidator(_dollars)]
Contracts = Annotated[Decimal, BeforeValidator(_count)]
Yes = Annotated[YesPrice, PlainValidator(_yes)]
No = Annotated[NoPrice, PlainValidator(_no)]
Instant = Annotated[int, BeforeValidator(instant_ns)]
Number = Annotated[Decimal, BeforeValidator(_number)]
Shard = Annotated[int, Field(ge=0)]

E = TypeVar("E", bound=StrEnum)


def open_list(words: type[E]) -> Callable[[object], E]:
    """A validator for a list of words that may grow: what is not in ``words`` becomes its member UNKNOWN."""

    def known(value: object) -> E:
        if not isinstance(value, str):
            raise ValueError(f"text is needed, not {type(value).__name__}")
        return words(value) if value in set(words) else words("unknown")

    return known


class BookSide(StrEnum):
    """BID buys YES (sells NO), ASK sells YES (buys NO)."""

    BID = "bid"
    ASK = "ask"


class Outcome(StrEnum):
    """The side of a market that someone is positioned for."""

    YES = "yes"
    NO = "no"


class OrderStatus(StrEnum):
    """A partly filled order is RESTING with a fill count above 0; what is left of an IOC order is CANCELED."""

    RESTING = "resting"
    CANCELED = "canceled"
    EXECUTED = "executed"
    UNKNOWN = "unknown"


Status = Annotated[OrderStatus, BeforeValidator(open_list(OrderStatus))]

M = TypeVar("M", bound=BaseModel)


def parse(model: type[M], found: Any, request: str) -> M:
    """``found`` as ``model``; BadAnswer names ``request`` and every field that is missing or wrong."""
    try:
        return model.model_validate(found)
    except ValidationError as error:
        raise BadAnswer(f"{request}: {field_errors(error)}", body=str(found)) from None


def field_errors(error: ValidationError) -> str:
    """The wrong fields of an answer in words, the first three of them."""
    words: dict[str, str] = {}
    for one in error.errors(include_url=False, include_input=False):
        # A field that may be null adds the alternative it failed on, such as "function-before[...]", to its place.
        steps = [str(step) for step in one["loc"] if "[" not in str(step) and step != "none"]
        place = ".".join(steps) or "the answer"
        missing = one["type"] == "missing"
        words.setdefault(place, f"the field `{place}` is missing" if missing else f"`{place}`: {one['msg']}")
    return "; ".join(list(words.values())[:3])
