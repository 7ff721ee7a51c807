"""What the practice venue takes, and with which words it refuses the rest: forms in, orders out. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation

from connectors.simulators.tradier.core.orders import ZERO, BadRequest, Order, Refused

CLASSES = ("equity", "option", "multileg", "combo", "oto", "oco", "otoco")
TYPES = ("market", "limit", "stop", "stop_limit")
SPREADS = ("market", "debit", "credit", "even")
DURATIONS = ("day", "gtc", "pre", "post")
EQUITY_SIDES = ("buy", "buy_to_cover", "sell", "sell_short")
OPTION_SIDES = ("buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close")
OCC = re.compile(r"[A-Z]{1,6}\d{6}[CP]\d{8}")
MOST = 10_000_000
Form = Mapping[str, str]


def check_tag(tag: str) -> None:
    """Letters, digits and -, at most 255."""
    if not re.fullmatch(r"[A-Za-z0-9-]*", tag):
        raise BadRequest("Invalid parameter, tag: contains invalid characters.")
    if len(tag) > 255:
        raise BadRequest("Invalid parameter, tag: contains more than 255 characters.")


def parse(form: Form, ids: Iterator[int], now_ns: int) -> Order:
    """The order, with its legs, that a form asks for. Raises BadRequest or Refused."""
    kind = _choice(form, "class", CLASSES)
    check_tag(form.get("tag", ""))
    if kind in ("equity", "option"):
        order = _single(form, "", kind, _choice(form, "duration", DURATIONS), next(ids), now_ns)
    elif kind in ("multileg", "combo"):
        order = _spread(form, kind, ids, now_ns)
    else:
        order = _advanced(form, kind, ids, now_ns)
    order.tag = form.get("tag", "")
    return order


def _single(form: Form, suffix: str, kind: str, duration: str, number: int, now_ns: int) -> Order:
    option = form.get(f"option_symbol{suffix}", "").upper()
    kind = "option" if option else "equity" if kind not in ("equity", "option") else kind
    if kind == "option" and not OCC.fullmatch(option):
        raise BadRequest(f"Invalid parameter, option_symbol{suffix}: is not a valid option symbol.")
    order = Order(
        number, kind, duration, now_ns, now_ns, symbol=_text(form, f"symbol{suffix}").upper(), option=option,
        type=_choice(form, f"type{suffix}", TYPES),
        side=_choice(form, f"side{suffix}", OPTION_SIDES if option else EQUITY_SIDES),
        quantity=_quantity(form, f"quantity{suffix}"),
    )  # fmt: skip
    if order.type in ("limit", "stop_limit"):
        order.price = _price(form, f"price{suffix}")
    if order.type in ("stop", "stop_limit"):
        order.stop = _price(form, f"stop{suffix}")
    if duration in ("pre", "post") and order.type != "limit":
        raise BadRequest("Invalid parameter, type: only limit orders are accepted for extended hours.")
    if order.type == "market" and duration == "gtc":
        raise Refused("MarketOrderIsGtc")
    if order.side == "sell_short" and duration == "gtc":
        raise Refused("ShortOrderIsGtc")
    return order


def _spread(form: Form, kind: str, ids: Iterator[int], now_ns: int) -> Order:
    duration, type_ = _choice(form, "duration", DURATIONS), _choice(form, "type", SPREADS)
    parent = Order(next(ids), kind, duration, now_ns, now_ns, symbol=_text(form, "symbol").upper(), type=type_)
    parent.price = _price(form, "price") if type_ in ("debit", "credit") else None
    numbers = [n for n in range(4) if f"side[{n}]" in form]
    if len(numbers) < 2:
        raise BadRequest("Invalid parameter, side: at least two legs are required.")
    for n in numbers:
        option = form.get(f"option_symbol[{n}]", "").upper()
        if option and not OCC.fullmatch(option):
            raise BadRequest(f"Invalid parameter, option_symbol[{n}]: is not a valid option symbol.")
        if not option and kind == "multileg":
            raise BadRequest(f"Invalid parameter, option_symbol[{n}]: is required.")
        side = _choice(form, f"side[{n}]", OPTION_SIDES if option else EQUITY_SIDES)
        parent.legs.append(Order(
            next(ids), "option" if option else "equity", duration, now_ns, now_ns, symbol=parent.symbol, option=option,
            type=type_, side=side, quantity=_quantity(form, f"quantity[{n}]"), price=parent.price, parent=parent,
        ))  # fmt: skip
    parent.quantity = min(leg.quantity for leg in parent.legs)
    parent.side = "buy" if type_ == "debit" else "sell" if type_ == "credit" else parent.legs[0].side.partition("_")[0]
    return parent


def _advanced(form: Form, kind: str, ids: Iterator[int], now_ns: int) -> Order:
    count = 3 if kind == "otoco" else 2
    durations = [form.get(f"duration[{n}]") or form.get("duration", "") for n in range(count)]
    if "duration" in form and any(f"duration[{n}]" in form for n in range(count)):
        raise BadRequest("Invalid parameter, duration: use either duration or duration[index].")
    for duration in durations:
        if duration not in DURATIONS:
            raise BadRequest(f"Invalid parameter, duration: {duration or 'is required'}.")
    parent = Order(next(ids), kind, durations[0], now_ns, now_ns)
    legs = [_single(form, f"[{n}]", "", durations[n], next(ids), now_ns) for n in range(count)]
    for leg in legs:
        leg.parent = parent
    parent.legs = legs
    if kind != "oco" and legs[0].type == "market":
        raise Refused("OtoFirstLegIsMarketNotAllowed")
    pair = legs[-2:] if kind != "oto" else []
    if pair:
        _pair(*pair)
    for leg in legs[1:] if kind != "oco" else []:
        leg.asleep = True
    return parent


def _pair(first: Order, second: Order) -> None:
    if first.name != second.name or first.type == second.type:
        raise BadRequest("Invalid parameter, type: OCO legs must have the same symbol and different types.")
    if "market" in (first.type, second.type):
        raise Refused("OtoOcoMarketNotAllowed")
    if first.buys != second.buys:
        raise Refused("OcoOrderWithOppositeLegs")
    if first.duration != second.duration:
        raise Refused("OcoExpirationTypeNotTheSame")


def _text(form: Form, name: str) -> str:
    value = form.get(name, "").strip()
    if not value:
        raise BadRequest(f"Invalid parameter, {name}: is required.")
    return value


def _choice(form: Form, name: str, choices: tuple[str, ...]) -> str:
    value = _text(form, name).lower()
    if value not in choices:
        raise BadRequest(f"Invalid parameter, {name}: {value}.")
    return value


def _quantity(form: Form, name: str) -> Decimal:
    text = _text(form, name)
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise BadRequest(f"Invalid parameter, {name}: {text}.") from None
    if not number.is_finite() or number != number.to_integral_value():
        raise BadRequest(f"Invalid parameter, {name}: {text}.")
    if not 1 <= number <= MOST:
        raise Refused("IncorrectOrderQuantity")
    return number


def _price(form: Form, name: str) -> Decimal:
    return price_of(_text(form, name), name)


def price_of(text: str, name: str) -> Decimal:
    """A price of a form: above zero, cents, or a hundredth of them below a dollar."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise BadRequest(f"Invalid parameter, {name}: {text}.") from None
    if not number.is_finite() or number <= ZERO:
        raise BadRequest(f"Invalid parameter, {name}: {text}.")
    step = Decimal("0.01") if number >= 1 else Decimal("0.0001")
    if number % step:
        raise Refused("OrderPriceIsInvalid")
    return number
