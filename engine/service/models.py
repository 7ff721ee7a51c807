"""Bodies that the service takes, and the shapes of its answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST = Decimal(10) ** 12
Symbol = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[!-~]+$", examples=["AAPL"])]
Quantity = Annotated[Decimal, Field(gt=0, lt=MOST, description="Units, whole lots.", examples=[1])]
Price = Annotated[Decimal, Field(gt=0, lt=MOST, description="Dollars a unit.", examples=[235.10])]
StopShare = Annotated[Decimal, Field(gt=0, lt=1, description="Distance of the stop as a share: 0.01 is 1%.")]
TargetShare = Annotated[Decimal, Field(gt=0, lt=100, description="Distance of the target as a share: 0.02 is 2%.")]
SideName = Literal["buy", "sell"]


class Body(BaseModel):
    """A body of a request: nothing but its fields."""

    model_config = ConfigDict(extra="forbid")


class OrderBody(Body):
    """An order that opens."""

    symbol: Symbol
    side: SideName = "buy"
    qty: Quantity
    type: Literal["market", "limit"] = "market"
    price: Price | None = Field(default=None, description="The limit, for type limit alone.")

    @model_validator(mode="after")
    def _price_goes_with_limit(self) -> Self:
        if self.type == "limit" and self.price is None:
            raise ValueError("type limit needs a price")
        if self.type == "market" and self.price is not None:
            raise ValueError("type market takes no price; say type limit, or leave the price out")
        return self


class DryRun(OrderBody):
    """What would become of this order?"""

    stop_pct: StopShare | None = None
    tp_pct: TargetShare | None = None


class BracketBody(OrderBody):
    """An entry with its stop, and a target where one is named."""

    stop_pct: StopShare
    tp_pct: TargetShare | None = None
    force: bool = Field(
        default=False,
        description="Guards and sessions do not stop it. Halts and the hard limits of packs do. Wants the scope force.",
    )


class HaltBody(Body):
    """Why entries stop."""

    reason: str = Field(default="", max_length=500)


class Loose(BaseModel):
    """An answer with fields of its own beside those named."""

    model_config = ConfigDict(extra="allow")


class Health(Loose):
    status: Literal["ok", "degraded"]
    engine: str = Field(description="Version.")


class WishAnswer(Loose):
    """What the engine made of a wish."""

    request: str = Field(description="Its id, for GET /requests/{id}.")
    state: str = Field(description="done, taken (its answer is still to come), withdrawn, lost.")
    verdict: str | None = Field(default=None, description="fired, blocked, refused or unknown.")
    guard: str | None = Field(default=None, description="What stood in the way.")
    reason: str | None = None
    guards: dict[str, str] | None = Field(default=None, description="What each guard said of the order.")
    orders: list[dict[str, Any]] = Field(default=[], description="Orders that were, or would be, wanted or taken off.")


class BracketPreview(BaseModel):
    """A bracket before it is placed; money in dollars."""

    symbol: str
    side: SideName
    qty: str
    price: str
    price_from: Literal["given", "market"]
    stop: str | None
    target: str | None
    notional: str
    loss_at_stop: str | None
    gain_at_target: str | None


class RiskPreview(Loose):
    """What guards say of an order, and roughly what it costs."""

    symbol: str
    qty: str
    price: str
    notional: str
    allowed: bool
    guard: str | None = None
    reason: str | None = None
    guards: dict[str, str] | None = None
