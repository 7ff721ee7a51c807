"""What Tradier's market data and accounts say. Prices are dollars a unit, times UTC nanoseconds, None is not told."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

from connectors.tradier.shapes import Fields

NEW_YORK = ZoneInfo("America/New_York")
ROUND_LOT = 100  # Tradier tells sizes of equities in hundreds
OPTION = "option"


class Greeks(NamedTuple):
    """From a third party, refreshed about hourly: see ``updated_at``. ``iv`` are yearly volatilities."""

    delta: Decimal | None
    gamma: Decimal | None
    theta: Decimal | None
    vega: Decimal | None
    rho: Decimal | None
    phi: Decimal | None
    bid_iv: Decimal | None
    mid_iv: Decimal | None
    ask_iv: Decimal | None
    smv_vol: Decimal | None
    updated_at: str

    @classmethod
    def of(cls, told: Fields) -> Self:
        return cls(
            told.maybe("delta"), told.maybe("gamma"), told.maybe("theta"), told.maybe("vega"), told.maybe("rho"),
            told.maybe("phi"), told.maybe("bid_iv"), told.maybe("mid_iv"), told.maybe("ask_iv"), told.maybe("smv_vol"),
            told.text("updated_at", ""),
        )  # fmt: skip


class Contract(NamedTuple):
    """What an option is, beside its quote. ``type`` is put or call."""

    underlying: str
    root: str
    strike: Decimal
    type: str
    expiration: date
    expiration_type: str
    size: int
    open_interest: int | None
    greeks: Greeks | None


class Quoted(NamedTuple):
    """A quote by REST. Sizes are units (contracts of an option); before the open there is no open, high and low."""

    symbol: str
    type: str
    exchange: str
    last: Decimal | None
    bid: Decimal | None
    bid_size: Decimal | None
    ask: Decimal | None
    ask_size: Decimal | None
    open: Decimal | None
    high: Decimal | None
    low: Decimal | None
    close: Decimal | None
    previous_close: Decimal | None
    volume: Decimal | None
    bid_ns: int | None
    ask_ns: int | None
    trade_ns: int | None
    contract: Contract | None = None

    @classmethod
    def of(cls, told: Fields) -> Self:
        kind = told.text("type", "")
        unit = 1 if kind == OPTION else ROUND_LOT
        bid, ask = told.maybe("bidsize"), told.maybe("asksize")
        return cls(
            told.text("symbol"), kind, told.text("exch", ""), told.maybe("last"), told.maybe("bid"),
            None if bid is None else bid * unit, told.maybe("ask"), None if ask is None else ask * unit,
            told.maybe("open"), told.maybe("high"), told.maybe("low"), told.maybe("close"), told.maybe("prevclose"),
            told.maybe("volume"), told.ms("bid_date"), told.ms("ask_date"), told.ms("trade_date"),
            _contract(told) if kind == OPTION else None,
        )  # fmt: skip


def _contract(told: Fields) -> Contract:
    greeks, interest = told.under("greeks"), told.maybe("open_interest")
    return Contract(
        told.text("underlying", ""), told.text("root_symbol", ""), told.decimal("strike"), told.text("option_type"),
        told.day("expiration_date"), told.text("expiration_type", ""), int(told.maybe("contract_size") or 100),
        None if interest is None else int(interest), Greeks.of(greeks) if greeks is not None else None,
    )  # fmt: skip


class Sale(NamedTuple):
    """A bar of time and sales (its start), or a tick, which has a price and no open. ``vwap`` of the bar alone."""

    start_ns: int
    price: Decimal | None
    open: Decimal | None
    high: Decimal | None
    low: Decimal | None
    close: Decimal | None
    volume: Decimal | None
    vwap: Decimal | None

    @classmethod
    def of(cls, told: Fields) -> Self:
        stamp = told.maybe("timestamp")
        start = int(stamp) * 1_000_000_000 if stamp else new_york_ns(told, "time")
        names = ("price", "open", "high", "low", "close", "volume", "vwap")
        return cls(start, *(told.maybe(name) for name in names))


class Day(NamedTuple):
    """A bar of a day, a week or a month; adjusted for splits and not for dividends."""

    date: date
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal

    @classmethod
    def of(cls, told: Fields) -> Self:
        names = ("open", "high", "low", "close", "volume")
        return cls(told.day("date"), *(told.decimal(name) for name in names))


class MarketClock(NamedTuple):
    """``state`` is premarket, open, postmarket or closed; ``next_change`` HH:MM in New York."""

    date: date
    state: str
    description: str
    time_ns: int
    next_change: str
    next_state: str

    @classmethod
    def of(cls, told: Fields) -> Self:
        return cls(
            told.day("date"), told.text("state"), told.text("description", ""),
            told.integer("timestamp") * 1_000_000_000, told.text("next_change", ""), told.text("next_state", ""),
        )  # fmt: skip


class Session(NamedTuple):
    """From and to, UTC nanoseconds."""

    start_ns: int
    end_ns: int


class MarketDay(NamedTuple):
    """A day of the calendar; a closed day has no sessions."""

    date: date
    status: str
    description: str
    premarket: Session | None
    open: Session | None
    postmarket: Session | None

    @classmethod
    def of(cls, told: Fields) -> Self:
        day, names = told.day("date"), ("premarket", "open", "postmarket")
        sessions = (_session(day, told.under(name)) for name in names)
        return cls(day, told.text("status"), told.text("description", ""), *sessions)


def _session(day: date, told: Fields | None) -> Session | None:
    if told is None:
        return None
    return Session(*(wall_ns(told, name, f"{day}T{told.text(name)}") for name in ("start", "end")))


class Expiration(NamedTuple):
    """A date on which options expire; ``strikes`` only where they were asked for."""

    date: date
    contract_size: int | None
    type: str
    strikes: tuple[Decimal, ...]


class BrokerageAccount(NamedTuple):
    """One account of a profile. ``type`` is cash, margin or pdt."""

    number: str
    type: str
    classification: str
    status: str
    option_level: int | None
    day_trader: bool

    @classmethod
    def of(cls, told: Fields) -> Self:
        level = told.maybe("option_level")
        return cls(
            told.text("account_number"), told.text("type", ""), told.text("classification", ""),
            told.text("status", ""), None if level is None else int(level), told.flag("day_trader"),
        )  # fmt: skip


class Profile(NamedTuple):
    """Who the token belongs to."""

    id: str
    name: str
    accounts: tuple[BrokerageAccount, ...]


class Balances(NamedTuple):
    """Money of an account. ``stock_power``, ``option_power``: what may be spent on either."""

    account: str
    type: str
    total_equity: Decimal
    total_cash: Decimal
    market_value: Decimal
    open_pl: Decimal
    close_pl: Decimal
    pending_orders: int
    stock_power: Decimal | None
    option_power: Decimal | None
    uncleared: Decimal

    @classmethod
    def of(cls, told: Fields) -> Self:
        kind = told.text("account_type")
        sub = told.under(kind) or told
        cash = sub.maybe("cash_available")
        zero = Decimal(0)
        return cls(
            told.text("account_number"), kind, told.decimal("total_equity"), told.decimal("total_cash"),
            told.maybe("market_value") or zero, told.maybe("open_pl") or zero, told.maybe("close_pl") or zero,
            int(told.maybe("pending_orders_count") or 0), sub.maybe("stock_buying_power") if cash is None else cash,
            sub.maybe("option_buying_power") if cash is None else cash, told.maybe("uncleared_funds") or zero,
        )  # fmt: skip


class Position(NamedTuple):
    """``quantity`` below zero is short; ``cost`` is of all of it together, signed as it is."""

    id: str
    symbol: str
    quantity: Decimal
    cost: Decimal
    acquired_ns: int

    @classmethod
    def of(cls, told: Fields) -> Self:
        return cls(
            told.text("id", ""), told.text("symbol"), told.decimal("quantity"), told.decimal("cost_basis"),
            told.instant("date_acquired"),
        )  # fmt: skip


class Closed(NamedTuple):
    """A position that was closed; filled by a nightly batch."""

    symbol: str
    quantity: Decimal
    cost: Decimal
    proceeds: Decimal
    gain: Decimal
    opened: date
    closed: date
    term: int

    @classmethod
    def of(cls, told: Fields) -> Self:
        return cls(
            told.text("symbol"), told.decimal("quantity"), told.decimal("cost"), told.decimal("proceeds"),
            told.decimal("gain_loss"), told.day("open_date"), told.day("close_date"), int(told.maybe("term") or 0),
        )  # fmt: skip


class Entry(NamedTuple):
    """An event of the account's history; filled by a nightly batch, without times of day and order ids."""

    date: date
    type: str
    amount: Decimal
    symbol: str
    description: str
    quantity: Decimal | None
    price: Decimal | None
    commission: Decimal | None

    @classmethod
    def of(cls, told: Fields) -> Self:
        kind = told.text("type")
        more = told.under(kind) or told
        return cls(
            told.day("date"), kind, told.decimal("amount"), more.text("symbol", ""), more.text("description", ""),
            more.maybe("quantity"), more.maybe("price"), more.maybe("commission"),
        )  # fmt: skip


def new_york_ns(told: Fields, name: str) -> int:
    """UTC nanoseconds of a New York wall time without an offset."""
    return wall_ns(told, name, told.text(name))


def wall_ns(told: Fields, name: str, text: str) -> int:
    """As ``new_york_ns``, of a text that was put together."""
    try:
        wall = datetime.fromisoformat(text)
    except ValueError:
        raise told.bad(name, f"is {text!r} and no time") from None
    return int(wall.replace(tzinfo=NEW_YORK).timestamp()) * 1_000_000_000
