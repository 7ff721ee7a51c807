"""What is listed: series, events and markets in the shapes of the venue's own answers, from a file or made up.

A document has ``markets`` and may have ``series``, ``events`` and ``collections``; what is missing is filled in from
the tickers. A market may carry an ``orderbook_fp`` as GET orderbook answers it: the house puts that on the book.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from connectors.simulators.kalshi.core.combos import Collection, Member
from connectors.simulators.kalshi.core.errors import VenueError
from connectors.simulators.kalshi.core.exchange import Exchange
from connectors.simulators.kalshi.core.grid import STRUCTURES, Grid, PriceRange
from connectors.simulators.kalshi.core.model import Event, Market, MarketStatus, Series
from connectors.simulators.kalshi.core.order import ASK, BID, NewOrder
from connectors.simulators.kalshi.core.units import (
    NANOS,
    PRICE_ONE,
    UnitError,
    parse_count,
    parse_price,
    parse_time,
)

HOUSE = "00000000-0000-5000-8000-000000000001"  # the user whose orders open the books
Document = Mapping[str, Any]

_DAY = 86_400 * NANOS
_YEAR = 365 * _DAY
_STARTABLE = (MarketStatus.INITIALIZED, MarketStatus.ACTIVE, MarketStatus.INACTIVE)
# Shown as the exchange keeps them; all other fields of a market, event or series are shown as the file has them.
_MARKET_OWN = frozenset((
    "ticker", "event_ticker", "created_time", "updated_time", "open_time", "close_time", "settlement_timer_seconds",
    "can_close_early", "status", "result", "price_level_structure", "price_ranges", "exchange_index",
    "fee_waiver_expiration_time", "orderbook_fp", "yes_bid_dollars", "yes_ask_dollars", "no_bid_dollars",
    "no_ask_dollars", "yes_bid_size_fp", "yes_ask_size_fp", "last_price_dollars", "volume_fp", "volume_24h_fp",
    "open_interest_fp", "previous_yes_bid_dollars", "previous_yes_ask_dollars", "previous_price_dollars",
    "settlement_value_dollars", "settlement_ts", "practice_result",
))  # fmt: skip
_EVENT_OWN = frozenset((
    "event_ticker", "series_ticker", "exchange_index", "markets", "fee_type_override", "fee_multiplier_override",
    "last_updated_ts", "collateral_return_type", "mutually_exclusive", "available_on_brokers",
))  # fmt: skip
_SERIES_OWN = frozenset((
    "ticker", "fee_type", "fee_multiplier", "exchange_index", "last_updated_ts", "volume_fp",
))  # fmt: skip


class ScenarioError(ValueError):
    """A file of markets that cannot be used. The text names the file, the entry and the mend."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Where simulated prices start: the market's mid or last price in its document, in 1/10000 dollar."""

    ticker: str
    price: int


def read_scenario(path: Path) -> Document:
    """A JSON or YAML file. Raises ScenarioError."""
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ScenarioError(f"{path}: cannot be read as JSON or YAML: {' '.join(str(error).split())}") from None
    if not isinstance(document, dict) or not isinstance(document.get("markets"), list):
        raise ScenarioError(f"{path}: has no list `markets`; write markets as GET /markets answers them")
    return document


def together(documents: Sequence[Document]) -> Document:
    """Several documents as one. A series that more than one has is listed once, as the first has it."""
    lists = {
        name: [entry for document in documents for entry in document.get(name, ())]
        for name in ("series", "events", "markets", "collections")
    }
    once: dict[str, Any] = {}
    for entry in lists["series"]:
        once.setdefault(entry["ticker"], entry)
    return {**lists, "series": list(once.values())}


def list_scenario(exchange: Exchange, document: Document, now: int, origin: str = "markets") -> list[Opening]:
    """List everything in a document. Raises ScenarioError naming ``origin`` and the entry."""
    if HOUSE not in exchange.accounts.users:
        exchange.open_user(HOUSE, trusted=True)
    openings = []
    try:
        for entry in document.get("series", ()):
            exchange.list_series(_series(entry, now))
        for entry in document.get("events", ()):
            _need_series(exchange, entry.get("series_ticker") or _series_of(entry["event_ticker"]), entry, now)
            exchange.list_event(_event(exchange, entry, now), now)
        for entry in document["markets"]:
            _need_event(exchange, entry, now)
            market = _market(exchange, entry, now)
            exchange.list_market(market, now)
            _open_book(exchange, entry, now)
            openings.append(Opening(market.ticker, _opening_price(entry)))
        for entry in document.get("collections", ()):
            exchange.combos.list(_collection(entry, now))
    except (KeyError, TypeError, AttributeError, UnitError, ValueError, VenueError) as error:
        names = ("ticker", "event_ticker", "collection_ticker")
        name = next((entry[n] for n in names if n in entry), None) if isinstance(entry, dict) else entry
        said = f"has no {error}" if isinstance(error, KeyError) else str(error)
        raise ScenarioError(f"{origin}: {name}: {said}") from None
    return openings


def _series_of(event_ticker: str) -> str:
    return event_ticker.split("-", 1)[0]


def _series(entry: Document, now: int) -> Series:
    info = {
        "frequency": "custom", "title": entry["ticker"], "category": "Practice", "categories": [], "tags": [],
        "settlement_sources": [], "contract_url": "", "contract_terms_url": "", "additional_prohibitions": [],
        **_rest(entry, _SERIES_OWN),
    }  # fmt: skip
    multiplier = Fraction(str(entry.get("fee_multiplier", 1)))
    fee_type = entry.get("fee_type", "quadratic")
    return Series(entry["ticker"], fee_type, multiplier, int(entry.get("exchange_index", 0)), now, info)


def _need_series(exchange: Exchange, ticker: str, entry: Document, now: int) -> None:
    if ticker not in exchange.floor.series:
        exchange.list_series(_series({"ticker": ticker, "exchange_index": entry.get("exchange_index", 0)}, now))


def _event(exchange: Exchange, entry: Document, now: int) -> Event:
    ticker = entry["event_ticker"]
    series = exchange.floor.series[entry.get("series_ticker") or _series_of(ticker)]
    info = {"sub_title": "", "title": ticker, "settlement_sources": [], **_rest(entry, _EVENT_OWN)}
    event = Event(ticker, series.ticker, int(entry.get("exchange_index", series.shard)), now, info)
    event.collateral_return_type = entry.get("collateral_return_type", "")
    event.fee_type_override = entry.get("fee_type_override")
    if entry.get("fee_multiplier_override") is not None:
        event.fee_multiplier_override = Fraction(str(entry["fee_multiplier_override"]))
    return event


def _need_event(exchange: Exchange, entry: Document, now: int) -> None:
    ticker = entry["event_ticker"]
    if ticker not in exchange.floor.events:
        _need_series(exchange, _series_of(ticker), entry, now)
        exchange.list_event(_event(exchange, {"event_ticker": ticker}, now), now)


def _market(exchange: Exchange, entry: Document, now: int) -> Market:
    ticker = entry["ticker"]
    event = exchange.floor.events[entry["event_ticker"]]
    structure = entry.get("price_level_structure", "linear_cent")
    close = _time(entry, "close_time", now + _DAY)
    info = {
        "market_type": "binary", "yes_sub_title": ticker, "no_sub_title": ticker, "rules_primary": "",
        "rules_secondary": "", "expiration_value": "", "notional_value_dollars": "1.0000",
        "settlement_bounds_type": "default", "latest_expiration_time": entry.get("close_time"),
        **_rest(entry, _MARKET_OWN),
    }  # fmt: skip
    market = Market(
        ticker, exchange.floor.ids.of("market", ticker), event.ticker, event.shard, _time(entry, "created_time", now),
        _time(entry, "updated_time", now), _time(entry, "open_time", now), close,
        int(entry.get("settlement_timer_seconds", 60)) * NANOS, bool(entry.get("can_close_early", True)), structure,
        _grid(structure, entry.get("price_ranges")), info,
        _time(entry, "fee_waiver_expiration_time", 0), _status(entry),
    )  # fmt: skip
    market.destined = _destined(entry)
    if entry.get("last_price_dollars"):
        market.last_price = parse_price(entry["last_price_dollars"])
    return market


def _collection(entry: Document, now: int) -> Collection:
    members = tuple(
        Member(e["ticker"], bool(e.get("is_yes_only")), e.get("size_min"), e.get("size_max"))
        for e in entry["associated_events"]
    )
    return Collection(
        entry["collection_ticker"], entry["series_ticker"], entry.get("title", entry["collection_ticker"]),
        entry.get("description", ""), _time(entry, "open_date", now), _time(entry, "close_date", now + _YEAR), members,
        int(entry.get("size_min", 2)), int(entry.get("size_max", len(members))), bool(entry.get("is_ordered")),
        entry.get("price_level_structure", "center_deci_edge_centi_cent"),
    )  # fmt: skip


def _destined(entry: Document) -> str:
    result = entry.get("practice_result", "")
    if result not in ("", "yes", "no"):
        raise ScenarioError(f"practice_result {result} is none; use yes or no, or leave it out")
    return str(result)


def _status(entry: Document) -> MarketStatus:
    status = MarketStatus(entry.get("status", "initialized"))
    if status not in _STARTABLE:
        raise ScenarioError(f"status {status} cannot start here; use initialized, active or inactive")
    return status


def _time(entry: Document, name: str, default: int) -> int:
    return parse_time(entry[name]) if entry.get(name) else default


def _grid(structure: str, ranges: Sequence[Mapping[str, str]] | None) -> Grid:
    if ranges:
        return tuple(PriceRange(*(parse_price(band[name]) for name in ("start", "end", "step"))) for band in ranges)
    if structure not in STRUCTURES:
        raise ScenarioError(f"price_level_structure {structure} needs price_ranges")
    return STRUCTURES[structure]


def _rest(entry: Document, own: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in own}


def _open_book(exchange: Exchange, entry: Document, now: int) -> None:
    """The house's orders. A NO bid at q is an ask at one dollar less q."""
    book = entry.get("orderbook_fp") or {}
    for name, side in (("yes_dollars", BID), ("no_dollars", ASK)):
        for price_text, count_text in book.get(name, ()):
            price = parse_price(price_text)
            yes = price if side == BID else PRICE_ONE - price
            exchange.place(HOUSE, NewOrder(entry["ticker"], side, parse_count(count_text), yes), now)


def _opening_price(entry: Document) -> int:
    bid, ask = (parse_price(entry.get(f"yes_{name}_dollars") or "0") for name in ("bid", "ask"))
    if 0 < bid < ask < PRICE_ONE:
        return (bid + ask) // 2
    last = parse_price(entry.get("last_price_dollars") or "0")
    return last if 0 < last < PRICE_ONE else PRICE_ONE // 2
