"""Public endpoints: exchange, series, events, markets, books, trades, candlesticks, fee changes, what is archived."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.simulators.kalshi import render
from connectors.simulators.kalshi.call import Call
from connectors.simulators.kalshi.core.errors import VenueError, not_found
from connectors.simulators.kalshi.core.model import Event, Market, MarketStatus, Series, Trade
from connectors.simulators.kalshi.core.units import NANOS, show_count, show_time
from connectors.simulators.kalshi.paging import page
from connectors.simulators.kalshi.rest.archive import Cutoff, cutoff
from connectors.simulators.kalshi.venue import Venue
from connectors.simulators.request import Reply

STATUS = {
    "unopened": (MarketStatus.INITIALIZED,),
    "open": (MarketStatus.ACTIVE,),
    "paused": (MarketStatus.INACTIVE,),
    "closed": (MarketStatus.CLOSED, MarketStatus.DETERMINED, MarketStatus.DISPUTED, MarketStatus.AMENDED),
    "settled": (MarketStatus.FINALIZED,),
}
# Which status filters go with which time filters; "" is no status filter.
_TIMES = {
    "created": ("unopened", "open", ""), "close": ("closed", ""), "settled": ("settled", ""), "updated": ("",),
}  # fmt: skip
_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_YEAR_NS = 365 * 86_400 * NANOS


def status(venue: Venue, call: Call) -> Reply:
    shards = venue.floor.shards
    body: dict[str, Any] = {
        "exchange_active": shards[0].active,
        "trading_active": shards[0].trading,
        "intra_exchange_transfers_active": shards[0].active,
        "exchange_index_statuses": [
            {
                "exchange_index": index,
                "description": f"practice shard {index}",
                "exchange_active": shard.active,
                "trading_active": shard.trading,
                "intra_exchange_transfers_active": shard.active,
            }
            for index, shard in enumerate(shards)
        ],
    }
    resume = venue.resume_time()
    if resume is not None:
        body["exchange_estimated_resume_time"] = show_time(resume)
    return Reply(200, body)


def schedule(venue: Venue, call: Call) -> Reply:
    """Around the clock but for the weekly maintenance, when there is one."""
    whole, weekly = [{"open_time": "00:00", "close_time": "00:00"}], venue.upkeep.weekly
    thursday = [{"open_time": "00:00", "close_time": "03:00"}, {"open_time": "05:00", "close_time": "00:00"}]
    hours: dict[str, Any] = {day: thursday if weekly and day == "thursday" else whole for day in _WEEK}
    hours |= {"start_time": show_time(call.now - _YEAR_NS), "end_time": show_time(call.now + _YEAR_NS)}
    windows = [
        {"start_datetime": show_time(w.start_ns), "end_datetime": show_time(w.end_ns)}
        for w in venue.upkeep.coming(call.now)
    ]
    return Reply(200, {"schedule": {"standard_hours": [hours], "maintenance_windows": windows}})


def user_data_timestamp(venue: Venue, call: Call) -> Reply:
    venue.published.catch_up(call.now)
    return Reply(200, {"as_of_time": show_time(venue.published.as_of_ns)})


# Series


def series_list(venue: Venue, call: Call) -> Reply:
    category, tags, since = call.text("category"), call.csv("tags"), call.time("min_updated_ts")
    found = [
        s
        for s in venue.floor.series.values()
        if (category is None or category in s.info["categories"])
        and (tags is None or set(tags) & set(s.info["tags"] or ()))
        and (since is None or s.updated_ns > since)
    ]
    return Reply(200, {"series": [_series(venue, call, s) for s in found]})


def series(venue: Venue, call: Call) -> Reply:
    found = venue.floor.series.get(call.path["series_ticker"])
    if found is None:
        raise not_found()
    return Reply(200, {"series": _series(venue, call, found)})


def _series(venue: Venue, call: Call, found: Series) -> render.Json:
    shown = render.series(found)
    if call.flag("include_volume"):
        members = [m for m in venue.floor.markets.values() if _series_of(venue, m) == found.ticker]
        shown["volume_fp"] = show_count(sum(m.volume for m in members))
    return shown


def _series_of(venue: Venue, market: Market) -> str:
    return venue.floor.events[market.event_ticker].series_ticker


def series_fee_changes(venue: Venue, call: Call) -> Reply:
    """None are ever scheduled here."""
    return Reply(200, {"series_fee_change_arr": []})


def event_fee_changes(venue: Venue, call: Call) -> Reply:
    call.limit(100, 1000)
    return Reply(200, {"event_fee_changes": [], "cursor": ""})


# Events


def events(venue: Venue, call: Call) -> Reply:
    wanted = call.choice("status", ("unopened", "open", "closed", "settled"))
    tickers, of_series = call.csv("tickers"), call.text("series_ticker")
    close, updated = call.time("min_close_ts"), call.time("min_updated_ts")
    found = []
    for event in venue.floor.events.values():
        members = _members(venue, event)
        if (
            not event.collection
            and (wanted is None or any(m.status in STATUS[wanted] for m in members))
            and (tickers is None or event.ticker in tickers)
            and (of_series is None or event.series_ticker == of_series)
            and (close is None or any(m.close_ns > close for m in members))
            and (updated is None or event.updated_ns > updated)
        ):
            found.append(event)
    shown, cursor = page(found, lambda e: (0, e.ticker), call.limit(200, 200), call.text("cursor"), newest_first=False)
    nested = bool(call.flag("with_nested_markets"))
    return Reply(200, {"events": [_event(venue, call, e, nested) for e in shown], "cursor": cursor})


def multivariate_events(venue: Venue, call: Call) -> Reply:
    """The events of combos, newest first."""
    of_series, collection, tickers = call.text("series_ticker"), call.text("collection_ticker"), call.csv("tickers")
    if of_series is not None and collection is not None:
        raise VenueError(400, "invalid_parameters", "collection_ticker cannot be used together with series_ticker")
    found = [
        e
        for e in venue.floor.events.values()
        if e.collection
        and of_series in (None, e.series_ticker)
        and collection in (None, e.collection)
        and (tickers is None or e.ticker in tickers)
    ]
    shown, cursor = page(found, lambda e: (e.updated_ns, e.ticker), call.limit(100, 200), call.text("cursor"))
    nested = bool(call.flag("with_nested_markets"))
    return Reply(200, {"events": [_event(venue, call, e, nested) for e in shown], "cursor": cursor})


def event(venue: Venue, call: Call) -> Reply:
    found = _find_event(venue, call.path["event_ticker"])
    nested, bare = bool(call.flag("with_nested_markets")), bool(call.flag("exclude_markets"))
    if nested and bare:
        raise VenueError(400, "invalid_parameters", "exclude_markets cannot be combined with with_nested_markets")
    members = [] if nested or bare else _members(venue, found)
    body = {"event": _event(venue, call, found, nested), "markets": _markets(venue, call, members)}
    return Reply(200, body)


def event_metadata(venue: Venue, call: Call) -> Reply:
    found = _find_event(venue, call.path["event_ticker"])
    details = [{"market_ticker": m.ticker, "image_url": "", "color_code": "#000000"} for m in _members(venue, found)]
    body = {"image_url": "", "market_details": details, "settlement_sources": found.info["settlement_sources"] or []}
    return Reply(200, body)


def _find_event(venue: Venue, ticker: str) -> Event:
    found = venue.floor.events.get(ticker)
    if found is None:
        raise not_found()
    return found


def _members(venue: Venue, event: Event) -> list[Market]:
    return [m for m in venue.floor.markets.values() if m.event_ticker == event.ticker]


def _event(venue: Venue, call: Call, found: Event, nested: bool) -> render.Json:
    shown = render.event(found)
    if nested:
        shown["markets"] = _markets(venue, call, _members(venue, found))
    return shown


# Markets


def markets(venue: Venue, call: Call) -> Reply:
    return _market_page(venue, call, historical=False)


def historical_markets(venue: Venue, call: Call) -> Reply:
    return _market_page(venue, call, historical=True)


def _market_page(venue: Venue, call: Call, historical: bool) -> Reply:
    archive = cutoff(call.now)
    found = [m for m in _filtered(venue, call) if archive.has_market(m) == historical]
    limit = call.limit(100, 1000, low=0)
    shown, cursor = page(found, lambda m: (m.created_ns, m.ticker), limit or 100, call.text("cursor"))
    return Reply(200, {"markets": _markets(venue, call, shown), "cursor": cursor})


def _filtered(venue: Venue, call: Call) -> Iterable[Market]:
    wanted = call.choice("status", tuple(STATUS))
    tickers = call.csv("tickers")
    of_event, of_series = call.text("event_ticker"), call.text("series_ticker")
    combos = call.choice("mve_filter", ("only", "exclude"))
    spans = _spans(call, wanted or "")
    for market in venue.floor.markets.values():
        if combos is not None and bool(market.legs) != (combos == "only"):
            continue
        if wanted is not None and market.status not in STATUS[wanted]:
            continue
        if tickers is not None and market.ticker not in tickers:
            continue
        if of_event is not None and market.event_ticker != of_event:
            continue
        if of_series is not None and _series_of(venue, market) != of_series:
            continue
        if all(_within(market, name, low, high) for name, low, high in spans):
            yield market


def _spans(call: Call, wanted: str) -> list[tuple[str, int | None, int | None]]:
    """The time filter in use: at most one kind, and only beside the status filters that go with it."""
    spans = []
    for name, allowed in _TIMES.items():
        low, high = call.time(f"min_{name}_ts"), call.time(f"max_{name}_ts")
        if low is None and high is None:
            continue
        if wanted not in allowed:
            raise VenueError(400, "invalid_parameters", f"{name} time filters cannot be used with status {wanted}")
        spans.append((name, low, high))
    if len(spans) > 1:
        raise VenueError(400, "invalid_parameters", "only one kind of time filter can be used")
    return spans


def _within(market: Market, name: str, low: int | None, high: int | None) -> bool:
    time_ns = {
        "created": market.created_ns, "close": market.close_ns, "settled": market.settled_ns,
        "updated": market.updated_ns,
    }[name]  # fmt: skip
    return time_ns is not None and (low is None or time_ns > low) and (high is None or time_ns <= high)


def market(venue: Venue, call: Call) -> Reply:
    found = venue.floor.markets.get(call.path["ticker"])
    if found is None:
        raise not_found()
    return Reply(200, {"market": render.market(found, venue.floor.markets, venue.candles, call.now)})


def historical_market(venue: Venue, call: Call) -> Reply:
    found = venue.floor.markets.get(call.path["ticker"])
    if found is None or not cutoff(call.now).has_market(found):
        raise not_found()
    return market(venue, call)


def _markets(venue: Venue, call: Call, found: Iterable[Market]) -> list[render.Json]:
    return [render.market(m, venue.floor.markets, venue.candles, call.now) for m in found]


def orderbook(venue: Venue, call: Call) -> Reply:
    found = venue.floor.markets.get(call.path["ticker"])
    if found is None:
        raise not_found()
    depth = call.integer("depth", -1, 100) or 0
    return Reply(200, {"orderbook_fp": render.orderbook(found, max(depth, 0))})


def orderbooks(venue: Venue, call: Call) -> Reply:
    tickers = call.query.get("tickers") or []
    if not tickers:
        raise call.bad("tickers", "required")
    if len(tickers) > 100:
        raise call.bad("tickers", "max")
    found = [venue.floor.markets[ticker] for ticker in tickers if ticker in venue.floor.markets]
    return Reply(200, {"orderbooks": [{"ticker": m.ticker, "orderbook_fp": render.orderbook(m)} for m in found]})


# Trades


def trades(venue: Venue, call: Call) -> Reply:
    return _trade_page(venue, call, cutoff(call.now), historical=False)


def historical_trades(venue: Venue, call: Call) -> Reply:
    return _trade_page(venue, call, cutoff(call.now), historical=True)


def _trade_page(venue: Venue, call: Call, archive: Cutoff, historical: bool) -> Reply:
    ticker, low, high = call.text("ticker"), call.time("min_ts"), call.time("max_ts")
    found: Iterable[Trade] = (
        t
        for t in venue.floor.trades
        if (ticker is None or t.ticker == ticker)
        and (low is None or t.time_ns >= low)
        and (high is None or t.time_ns < high)
        and (t.time_ns < archive.trades_ns) == historical
    )
    blocks = call.flag("is_block_trade")
    found = found if blocks is None else (t for t in found if t.block == blocks)
    limit = call.limit(100, 1000, low=0)
    shown, cursor = page(found, lambda t: (t.time_ns, t.trade_id), limit or 100, call.text("cursor"))
    return Reply(200, {"trades": [render.trade(t) for t in shown], "cursor": cursor})
