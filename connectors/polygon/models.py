"""The vendor's answers as types. Fields that plans or quiet contracts leave out are None; others are required."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from connectors.polygon.errors import BadAnswer


def _number(value: object) -> object:
    """JSON has numbers; a text or a truth value in place of one is a mistake."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("must be a number")
    return Decimal(value)


def _whole(value: object) -> object:
    """Counts come as 12 and as 12.0."""
    number = Decimal(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else None
    if number is None or number != number.to_integral_value():
        raise ValueError("must be a whole number")
    return int(number)


def _positive(value: Decimal) -> Decimal:
    if not value.is_finite() or value <= 0:
        raise ValueError("must be above zero")
    return value


Number = Annotated[Decimal, BeforeValidator(_number)]
Price = Annotated[Decimal, BeforeValidator(_number), AfterValidator(_positive)]
Amount = Annotated[Decimal, BeforeValidator(_number), Field(ge=0)]
Whole = Annotated[int, BeforeValidator(_whole)]
Model = TypeVar("Model", bound=BaseModel)


class Answer(BaseModel):
    """What the vendor adds is passed over; dates come as text."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Aggregate(Answer):
    """One window of trading; ``t`` is its start in epoch milliseconds. Indices have neither ``v`` nor ``n``."""

    o: Price
    h: Price
    l: Price  # noqa: E741 - the vendor's name
    c: Price
    t: Whole
    v: Amount | None = None
    n: Whole | None = None


class Day(Answer):
    """What a contract traded on the last day on which it did. ``last_updated`` is epoch nanoseconds."""

    volume: Amount | None = None
    last_updated: Whole | None = None


class Details(Answer):
    contract_type: Literal["call", "put", "other"]
    expiration_date: date
    strike_price: Price
    ticker: str


class Greeks(Answer):
    delta: Number | None = None
    gamma: Number | None = None
    theta: Number | None = None
    vega: Number | None = None


class LastQuote(Answer):
    bid: Amount | None = None
    ask: Amount | None = None
    bid_size: Amount | None = None
    ask_size: Amount | None = None
    last_updated: Whole | None = None


class Underlying(Answer):
    """``price`` of a share or ``value`` of an index."""

    ticker: str | None = None
    price: Amount | None = None
    value: Amount | None = None
    timeframe: str | None = None


class ContractSnapshot(Answer):
    """One contract of a chain. Implied volatility is a ratio per year; open interest is of the last close."""

    details: Details
    day: Day = Day()
    greeks: Greeks = Greeks()
    implied_volatility: Amount | None = None
    open_interest: Amount | None = None
    last_quote: LastQuote | None = None
    underlying_asset: Underlying = Underlying()


class Contract(Answer):
    """A contract as reference data has it."""

    ticker: str
    underlying_ticker: str
    contract_type: Literal["call", "put", "other"]
    expiration_date: date
    strike_price: Price
    shares_per_contract: Amount | None = None
    exercise_style: str | None = None


class TickerRecord(Answer):
    """A ticker as reference data has it."""

    ticker: str
    name: str = ""
    market: str
    type: str | None = None
    active: bool = True
    primary_exchange: str | None = None


class MarketStatus(Answer):
    """``market`` is open, closed or extended-hours; ``server_time`` is ISO with an offset."""

    market: str
    server_time: str = Field(alias="serverTime")
    exchanges: dict[str, str] = {}
    early_hours: bool | None = Field(default=None, alias="earlyHours")
    after_hours: bool | None = Field(default=None, alias="afterHours")


class Holiday(Answer):
    """A day on which an exchange is closed or closes early."""

    date: date
    exchange: str
    name: str
    status: str
    open: str | None = None
    close: str | None = None


class IndexSnapshot(Answer):
    """An index, or why it is not told: ``error`` is NOT_FOUND or NOT_ENTITLED."""

    ticker: str
    name: str = ""
    value: Amount | None = None
    error: str | None = None
    message: str | None = None


class LastNbbo(Answer):
    """Best bid (p, s) and offer (P, S) of a share; ``t`` is epoch nanoseconds."""

    bid: Amount | None = Field(default=None, alias="p")
    bid_size: Amount | None = Field(default=None, alias="s")
    ask: Amount | None = Field(default=None, alias="P")
    ask_size: Amount | None = Field(default=None, alias="S")
    time_ns: Whole = Field(alias="t")


def read(model: type[Model], found: Any, request: str, where: str = "results") -> Model:
    """``found`` as ``model``. BadAnswer names the field and what came."""
    try:
        return model.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join([where, *(str(step) for step in first["loc"])])
        words = first["msg"].removeprefix("Value error, ")
        came = "" if first["type"] == "missing" else f", not {str(first['input'])[:60]!r}"
        raise BadAnswer(f"{request}: {field}: {words}{came}") from None
