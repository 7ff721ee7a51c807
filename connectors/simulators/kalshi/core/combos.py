"""Combos: markets made on demand from a collection, each a bet that all its legs come out as chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connectors.simulators.kalshi.core.errors import VenueError
from connectors.simulators.kalshi.core.floor import Floor
from connectors.simulators.kalshi.core.grid import STRUCTURES
from connectors.simulators.kalshi.core.lifecycle import Lifecycle
from connectors.simulators.kalshi.core.model import Event, Leg, Market, MarketStatus
from connectors.simulators.kalshi.core.notices import EventListed
from connectors.simulators.kalshi.core.units import NANOS, PRICE_ONE

SETTLEMENT_TIMER_NS = 60 * NANOS


@dataclass(frozen=True, slots=True)
class Member:
    """An event whose markets may be legs; ``most`` None is no limit."""

    event_ticker: str
    yes_only: bool = False
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Collection:
    """``least`` and ``most`` are how many legs a combo has. ``ordered``: the same legs in another order differ."""

    ticker: str
    series_ticker: str
    title: str
    description: str
    open_ns: int
    close_ns: int
    members: tuple[Member, ...]
    least: int
    most: int
    ordered: bool = False
    structure: str = "center_deci_edge_centi_cent"


class Combos:
    def __init__(self, floor: Floor, life: Lifecycle) -> None:
        self.floor = floor
        self.life = life
        self.collections: dict[str, Collection] = {}
        self._waiting: dict[str, dict[str, None]] = {}  # combos that wait for a leg, by the leg's market
        floor.on_settled.append(self._leg_settled)

    def list(self, collection: Collection) -> None:
        if collection.series_ticker not in self.floor.series:
            raise VenueError(404, "not_found", f"series {collection.series_ticker} of {collection.ticker}")
        for member in collection.members:
            if member.event_ticker not in self.floor.events:
                raise VenueError(404, "not_found", f"event {member.event_ticker} of {collection.ticker}")
        if collection.structure not in STRUCTURES:
            raise VenueError(400, "invalid_parameters", f"price_level_structure {collection.structure}")
        self.collections[collection.ticker] = collection

    def find(self, ticker: str) -> Collection:
        found = self.collections.get(ticker)
        if found is None:
            raise VenueError(404, "not_found")
        return found

    def create(self, collection: Collection, legs: Sequence[Leg]) -> tuple[Market, bool]:
        """The combo of these legs, and whether it is new."""
        self._check(collection, legs)
        chosen = tuple(legs if collection.ordered else sorted(legs, key=lambda leg: leg.ticker))
        event = self._event(collection, chosen)
        words = [f"{leg.ticker} {leg.side}" for leg in chosen]
        ticker = f"{event.ticker}-{self._code('combo', event.ticker, *words)[:11]}"
        found = self.floor.markets.get(ticker)
        if found is not None:
            return found, False
        market = self._market(collection, event, ticker, chosen)
        for leg in chosen:
            self._waiting.setdefault(leg.ticker, {})[ticker] = None
        return market, True

    def value(self, market: Market) -> int | None:
        """What one YES contract pays in 1/10000 dollar by the legs settled so far; None while that is open."""
        total, complete = PRICE_ONE, True
        for leg in market.legs:
            settled = self.floor.markets[leg.ticker]
            if settled.status is not MarketStatus.FINALIZED or settled.value is None:
                complete = False
                continue
            pays = settled.value if leg.side == "yes" else PRICE_ONE - settled.value
            total = total * pays // PRICE_ONE
        return total if complete or not total else None

    def _code(self, *words: str) -> str:
        return self.floor.ids.of(*words).replace("-", "").upper()

    def _check(self, collection: Collection, legs: Sequence[Leg]) -> None:
        if not collection.open_ns <= self.floor.now < collection.close_ns:
            raise _invalid("the collection is not open")
        if not collection.least <= len(legs) <= collection.most:
            raise _invalid(f"a combo has {collection.least} to {collection.most} markets")
        if len({leg.ticker for leg in legs}) < len(legs):
            raise _invalid("a market is there twice")
        members = {member.event_ticker: member for member in collection.members}
        for leg in legs:
            market, member = self.floor.markets.get(leg.ticker), members.get(leg.event_ticker)
            if market is None or market.event_ticker != leg.event_ticker or member is None:
                raise _invalid(f"{leg.ticker} of {leg.event_ticker} is not in the collection")
            if market.over:
                raise _invalid(f"{leg.ticker} is {market.status}")
            if member.yes_only and leg.side != "yes":
                raise _invalid(f"{leg.event_ticker} takes the side yes only")
        for member in members.values():
            count = sum(leg.event_ticker == member.event_ticker for leg in legs)
            if not (member.least or 0) <= count <= (len(legs) if member.most is None else member.most):
                raise _invalid(f"{count} markets of {member.event_ticker}")

    def _event(self, collection: Collection, legs: tuple[Leg, ...]) -> Event:
        code = self._code("combos", collection.ticker, *dict.fromkeys(leg.event_ticker for leg in legs))
        ticker = f"{collection.series_ticker}-S{code[:12]}"
        found = self.floor.events.get(ticker)
        if found is not None:
            return found
        series = self.floor.series[collection.series_ticker]
        info = {"title": collection.title, "sub_title": "", "settlement_sources": []}
        event = Event(ticker, series.ticker, series.shard, self.floor.now, info, collection=collection.ticker)
        self.floor.events[ticker] = event
        self.floor.notices.append(EventListed(ticker, self.floor.now))
        return event

    def _market(self, collection: Collection, event: Event, ticker: str, legs: tuple[Leg, ...]) -> Market:
        now, floor = self.floor.now, self.floor
        parts = [floor.markets[leg.ticker] for leg in legs]
        close = max(part.close_ns for part in parts)
        title = ",".join(f"{leg.side} {part.info['yes_sub_title']}" for leg, part in zip(legs, parts, strict=True))
        info: dict[str, Any] = {
            "market_type": "binary", "yes_sub_title": title, "no_sub_title": title,
            "rules_primary": "If all legs come out as chosen, the market resolves to Yes.", "rules_secondary": "",
            "expiration_value": "", "notional_value_dollars": "1.0000", "settlement_bounds_type": "default",
            "latest_expiration_time": None,
        }  # fmt: skip
        return Market(
            ticker, floor.ids.of("market", ticker), event.ticker, event.shard, now, now, now, close,
            SETTLEMENT_TIMER_NS, True, collection.structure, STRUCTURES[collection.structure], info,
            status=MarketStatus.ACTIVE, legs=legs, collection=collection.ticker,
        )  # fmt: skip

    def _leg_settled(self, leg: Market) -> None:
        for ticker in self._waiting.pop(leg.ticker, ()):
            market = self.floor.markets[ticker]
            value = self.value(market)
            if value is None or market.status not in _UNDETERMINED:
                continue
            if value in (0, PRICE_ONE):
                self.life.determine(market, "yes" if value else "no")
            else:
                self.life.determine(market, "scalar", value)


_UNDETERMINED = (MarketStatus.ACTIVE, MarketStatus.INACTIVE, MarketStatus.CLOSED)


def _invalid(details: str) -> VenueError:
    return VenueError(400, "invalid_parameters", details)
