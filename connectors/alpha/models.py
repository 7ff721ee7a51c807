"""What a signal file says, said once: reader, writer and the published schema follow these models."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, model_validator

from engine.market.events import NANOS

TICKER_PATTERN = r"^[A-Z0-9]+(-[A-Z0-9.]+)+$"
VERSION = 1

Instant = Annotated[
    AwareDatetime,
    PlainSerializer(lambda moment: iso(moment), return_type=str),
    Field(description="ISO 8601 with its zone, such as 2026-11-21T10:00:00Z."),
]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Signal(_Strict):
    """What somebody thinks that one market is worth."""

    ticker: str = Field(pattern=TICKER_PATTERN, description="Ticker of a market, such as KXATPMATCH-26SEP11ZVEKHA-ZVE.")
    fair_yes_probability: float = Field(gt=0, lt=1, description="Fair probability of YES, between 0 and 1.")
    confidence: float = Field(ge=0, le=1, description="How much its maker trusts it: 0 not at all, 1 wholly.")
    as_of: Instant = Field(description="When it became known. It is not believed before.")
    expiry: Instant = Field(description="When it ceases to count.")
    source: str = Field(min_length=1, max_length=80, description="Who or what made it.")
    said_yes_probability: float | None = Field(
        default=None, gt=0, lt=1, description="What its maker said, where outcomes have corrected the fair probability."
    )

    @model_validator(mode="after")
    def _expires_later(self) -> Self:
        if self.expiry <= self.as_of:
            raise ValueError("expiry must be later than as_of")
        return self

    @property
    def said(self) -> float:
        """The probability of YES as its maker said it, before any correction."""
        return self.fair_yes_probability if self.said_yes_probability is None else self.said_yes_probability

    @property
    def as_of_ns(self) -> int:
        """UTC nanoseconds."""
        return nanos(self.as_of)

    @property
    def expiry_ns(self) -> int:
        """UTC nanoseconds."""
        return nanos(self.expiry)


class SignalFile(_Strict):
    """The whole file: each market at most once."""

    version: Literal[1] = Field(description="Of this format.")
    generated_at: Instant = Field(description="When the file was made.")
    signals: list[Signal] = Field(description="One for each market.")


def nanos(moment: datetime) -> int:
    """UTC nanoseconds of a moment with a zone, to the microsecond."""
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * NANOS + since.microseconds * 1_000


def moment_of(time_ns: int) -> datetime:
    """The moment of UTC nanoseconds, to the microsecond."""
    return datetime.fromtimestamp(time_ns // NANOS, UTC).replace(microsecond=time_ns % NANOS // 1_000)


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC, with `Z`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
