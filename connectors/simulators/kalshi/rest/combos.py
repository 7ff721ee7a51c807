"""Collections of multivariate events, and the combos made from them."""

from __future__ import annotations

from connectors.simulators.kalshi import render
from connectors.simulators.kalshi.call import Body, Call
from connectors.simulators.kalshi.core.combos import Collection, Member
from connectors.simulators.kalshi.core.grid import STRUCTURES
from connectors.simulators.kalshi.core.model import Leg
from connectors.simulators.kalshi.core.units import show_time
from connectors.simulators.kalshi.paging import page
from connectors.simulators.kalshi.venue import Venue
from connectors.simulators.request import Reply


def collections(venue: Venue, call: Call) -> Reply:
    status = call.choice("status", ("unopened", "open", "closed"))
    event, series = call.text("associated_event_ticker"), call.text("series_ticker")
    found = [
        c
        for c in venue.exchange.combos.collections.values()
        if (status is None or status == _status(c, call.now))
        and (event is None or any(m.event_ticker == event for m in c.members))
        and series in (None, c.series_ticker)
    ]
    key = call.limit(200, 200), call.text("cursor")
    shown, cursor = page(found, lambda c: (c.open_ns, c.ticker), *key)
    return Reply(200, {"multivariate_contracts": [_collection(venue, c) for c in shown], "cursor": cursor})


def _status(found: Collection, now: int) -> str:
    if now < found.open_ns:
        return "unopened"
    return "open" if now < found.close_ns else "closed"


def collection(venue: Venue, call: Call) -> Reply:
    found = venue.exchange.combos.find(call.path["collection_ticker"])
    return Reply(200, {"multivariate_contract": _collection(venue, found)})


def _collection(venue: Venue, found: Collection) -> render.Json:
    return {
        "collection_ticker": found.ticker,
        "series_ticker": found.series_ticker,
        "exchange_index": venue.floor.series[found.series_ticker].shard,
        "title": found.title,
        "description": found.description,
        "open_date": show_time(found.open_ns),
        "close_date": show_time(found.close_ns),
        "associated_events": [_member(member) for member in found.members],
        "associated_event_tickers": [member.event_ticker for member in found.members],
        "is_ordered": found.ordered,
        "is_single_market_per_event": all(member.most == 1 for member in found.members),
        "is_all_yes": all(member.yes_only for member in found.members),
        "size_min": found.least,
        "size_max": found.most,
        "functional_description": "yes if every selected market resolves to its selected side, else no",
        "price_level_structure": found.structure,
        "price_ranges": render.price_ranges(STRUCTURES[found.structure]),
    }


def _member(member: Member) -> render.Json:
    return {
        "ticker": member.event_ticker,
        "is_yes_only": member.yes_only,
        "size_min": member.least,
        "size_max": member.most,
        "active_quoters": [],
    }


def create(venue: Venue, call: Call) -> Reply:
    body = call.body()
    legs = [_leg(item) for item in body.objects("selected_markets")]
    made = venue.exchange.create_combo(call.path["collection_ticker"], legs, call.now)
    shown: render.Json = {"event_ticker": made.event_ticker, "market_ticker": made.ticker}
    if body.flag("with_market_payload"):
        shown["market"] = render.market(made, venue.floor.markets, venue.candles, call.now)
    return Reply(200, shown)


def _leg(body: Body) -> Leg:
    event, ticker, side = (body.required(name) for name in ("event_ticker", "market_ticker", "side"))
    if side not in ("yes", "no"):
        raise body.bad("side", "oneof")
    return Leg(event, ticker, side)
