"""Orders as Tradier takes them (forms) and as it lists them (trees of orders with legs)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple, Self

from connectors.tradier.shapes import Fields, many

TAG = re.compile(r"[A-Za-z0-9-]{1,255}")
FINAL = frozenset({"filled", "canceled", "expired", "rejected", "error"})
LEGS_MOST = 4


class Class(StrEnum):
    """How many orders one request makes, and how they hang together."""

    EQUITY = "equity"
    OPTION = "option"
    MULTILEG = "multileg"
    COMBO = "combo"
    OTO = "oto"
    OCO = "oco"
    OTOCO = "otoco"


class Type(StrEnum):
    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    DEBIT = "debit"
    CREDIT = "credit"
    EVEN = "even"


class Action(StrEnum):
    """Equities: buy, buy_to_cover, sell, sell_short. Options: the four others."""

    BUY = "buy"
    BUY_TO_COVER = "buy_to_cover"
    SELL = "sell"
    SELL_SHORT = "sell_short"
    BUY_TO_OPEN = "buy_to_open"
    BUY_TO_CLOSE = "buy_to_close"
    SELL_TO_OPEN = "sell_to_open"
    SELL_TO_CLOSE = "sell_to_close"

    @property
    def buys(self) -> bool:
        return self.value.startswith("buy")


class Duration(StrEnum):
    DAY = "day"
    GTC = "gtc"
    PRE = "pre"
    POST = "post"


EQUITY_ACTIONS = frozenset({Action.BUY, Action.BUY_TO_COVER, Action.SELL, Action.SELL_SHORT})


@dataclass(frozen=True, slots=True)
class Part:
    """One order: of an equity, or with ``option`` (OCC symbol without spaces) of an option on ``symbol``."""

    symbol: str
    side: Action
    quantity: int
    type: Type = Type.MARKET
    price: Decimal | None = None
    stop: Decimal | None = None
    duration: Duration = Duration.DAY
    option: str = ""

    def __post_init__(self) -> None:
        """ValueError for what Tradier could not take in any market."""
        _must(self.quantity >= 1, f"quantity {self.quantity} is not at least one whole share or contract")
        equity = self.side in EQUITY_ACTIONS
        _must(equity != bool(self.option), f"{self.side} and option {self.option!r} do not go together")
        limited = self.type in (Type.LIMIT, Type.STOP_LIMIT, Type.DEBIT, Type.CREDIT)
        _must((self.price is not None) == limited, f"a {self.type} order {'needs a' if limited else 'has no'} price")
        stopped = self.type in (Type.STOP, Type.STOP_LIMIT)
        _must((self.stop is not None) == stopped, f"a {self.type} order {'needs a' if stopped else 'has no'} stop")
        _must(self.type is not Type.MARKET or self.duration is not Duration.GTC, "a market order cannot be gtc")
        extended = self.duration in (Duration.PRE, Duration.POST)
        _must(not extended or self.type is Type.LIMIT, "outside regular hours only limit orders are taken")

    def fields(self, suffix: str = "") -> dict[str, str]:
        """Its form fields without the duration, each with ``suffix``."""
        told = {
            "symbol": self.symbol, "option_symbol": self.option, "side": self.side.value,
            "quantity": str(self.quantity), "type": self.type.value,
            "price": "" if self.price is None else _plain(self.price),
            "stop": "" if self.stop is None else _plain(self.stop),
        }  # fmt: skip
        return {name + suffix: value for name, value in told.items() if value}


class OptionLeg(NamedTuple):
    """A leg of a multileg or combo order; ``option`` is empty for the shares of a combo."""

    side: Action
    quantity: int
    option: str = ""


def single(part: Part, tag: str = "") -> dict[str, str]:
    """The form of one order."""
    kind = Class.OPTION if part.option else Class.EQUITY
    return {"class": kind.value, **part.fields(), "duration": part.duration.value, **_tag(tag)}


def multileg(
    symbol: str, legs: Sequence[OptionLeg], kind: Type, price: Decimal | None, duration: Duration, tag: str = ""
) -> dict[str, str]:
    """The form of a spread of up to four legs, at market or for a debit, a credit or even money in all."""
    _must(2 <= len(legs) <= LEGS_MOST, f"{len(legs)} legs: a multileg order has two to four")
    _must(kind in (Type.MARKET, Type.DEBIT, Type.CREDIT, Type.EVEN), f"a multileg order cannot be {kind}")
    _must((price is not None) == (kind in (Type.DEBIT, Type.CREDIT)), f"price {price} does not go with {kind}")
    shares = [leg for leg in legs if not leg.option]
    _must(len(shares) <= 1, "only one leg of a combo can be shares")
    form = {"class": (Class.COMBO if shares else Class.MULTILEG).value, "symbol": symbol, "type": kind.value}
    form |= {"duration": duration.value} | ({"price": _plain(price)} if price is not None else {})
    for number, leg in enumerate(legs):
        form |= {f"side[{number}]": leg.side.value, f"quantity[{number}]": str(leg.quantity)}
        form |= {f"option_symbol[{number}]": leg.option} if leg.option else {}
    return form | _tag(tag)


def oto(first: Part, second: Part, tag: str = "") -> dict[str, str]:
    """The form of an order whose fill sends another."""
    _must(first.type is not Type.MARKET, "the first order of an OTO cannot be at market: give it a limit")
    return _advanced(Class.OTO, (first, second), tag)


def oco(first: Part, second: Part, tag: str = "") -> dict[str, str]:
    """The form of two orders of which one cancels the other."""
    _pair(first, second)
    return _advanced(Class.OCO, (first, second), tag)


def otoco(entry: Part, first: Part, second: Part, tag: str = "") -> dict[str, str]:
    """The form of a bracket: an entry whose fill sends two orders of which one cancels the other."""
    _must(entry.type is not Type.MARKET, "the entry of a bracket cannot be at market: give it a limit")
    _pair(first, second)
    return _advanced(Class.OTOCO, (entry, first, second), tag)


def _pair(first: Part, second: Part) -> None:
    _must((first.symbol, first.option) == (second.symbol, second.option), "the two orders must be of one symbol")
    _must(first.type is not second.type, "the two orders must be of different types")
    _must(Type.MARKET not in (first.type, second.type), "neither of the two can be at market")
    _must(first.side.buys == second.side.buys, "the two orders must trade in one direction")
    _must(first.duration is second.duration, "the two orders must last equally long")


def _advanced(kind: Class, parts: Sequence[Part], tag: str) -> dict[str, str]:
    form = {"class": kind.value}
    durations = {part.duration for part in parts}
    if len(durations) == 1:
        form["duration"] = parts[0].duration.value
    for number, part in enumerate(parts):
        form |= part.fields(f"[{number}]")
        form |= {f"duration[{number}]": part.duration.value} if len(durations) > 1 else {}
    return form | _tag(tag)


def _tag(tag: str) -> dict[str, str]:
    _must(not tag or TAG.fullmatch(tag) is not None, f"tag {tag!r}: 1 to 255 letters, digits and -")
    return {"tag": tag} if tag else {}


def _plain(price: Decimal) -> str:
    return f"{price:f}"


def _must(good: bool, words: str) -> None:
    if not good:
        raise ValueError(words)


@dataclass(frozen=True, slots=True)
class Listed:
    """An order as Tradier lists it. A parent may say nothing but its class, status and tag: then ``type``, ``symbol``
    and ``side`` are empty, and its legs say it. ``average`` is 0 until Tradier has it, which may be after the fill."""

    id: str
    order_class: str
    status: str
    tag: str
    created_ns: int
    changed_ns: int
    symbol: str = ""
    option: str = ""
    type: str = ""
    side: str = ""
    duration: str = ""
    reason: str = ""
    quantity: Decimal = Decimal(0)
    executed: Decimal = Decimal(0)
    average: Decimal = Decimal(0)
    price: Decimal | None = None
    stop: Decimal | None = None
    legs: tuple[Listed, ...] = ()

    @classmethod
    def of(cls, told: Fields) -> Self:
        created = told.instant("create_date")
        zero = Decimal(0)
        return cls(
            told.text("id"), told.text("class"), told.text("status"), told.text("tag", ""), created,
            told.instant("transaction_date") if told.has("transaction_date") else created, told.text("symbol", ""),
            told.text("option_symbol", ""), told.text("type", ""), told.text("side", ""), told.text("duration", ""),
            told.text("reason_description", ""), told.maybe("quantity") or zero, told.maybe("exec_quantity") or zero,
            told.maybe("avg_fill_price") or zero, told.maybe("price"), told.maybe("stop_price"),
            tuple(cls.of(_leg(leg, told, i)) for i, leg in enumerate(many(told.raw.get("leg"), f"{told.where}.leg"))),
        )  # fmt: skip

    @property
    def over(self) -> bool:
        return self.status in FINAL

    def all(self) -> Iterator[Listed]:
        """This order and everything below it."""
        yield self
        for leg in self.legs:
            yield from leg.all()


def _leg(raw: dict[str, Any], parent: Fields, number: int) -> Fields:
    """A leg with what it may leave to its parent."""
    names = ("create_date", "class")
    inherited = {str(name): parent.raw[name] for name in names if name in parent.raw and name not in raw}
    return Fields({**raw, **inherited}, f"{parent.where}.leg[{number}]")


class Acknowledged(NamedTuple):
    """Tradier took a request: ``id`` of the (parent) order."""

    id: str
    status: str
    partner_id: str


class Preview(NamedTuple):
    """What an order would come to. ``good``: Tradier would take it."""

    good: bool
    status: str
    cost: Decimal | None
    order_cost: Decimal | None
    commission: Decimal
    fees: Decimal
    margin_change: Decimal
    day_trades: int | None

    @classmethod
    def of(cls, told: Fields) -> Self:
        trades, zero = told.maybe("day_trades"), Decimal(0)
        return cls(
            told.flag("result") or (not told.has("result") and told.text("status", "") == "ok"),
            told.text("status", ""), told.maybe("cost"), told.maybe("order_cost"), told.maybe("commission") or zero,
            told.maybe("fees") or zero, told.maybe("margin_change") or zero, None if trades is None else int(trades),
        )  # fmt: skip
