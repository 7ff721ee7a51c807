"""What an account reads: orders, queue positions, fills, positions, settlements. All but the queue lag behind."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.simulators.kalshi import render
from connectors.simulators.kalshi.call import Call
from connectors.simulators.kalshi.core.errors import VenueError, not_found
from connectors.simulators.kalshi.core.model import Fill, Position
from connectors.simulators.kalshi.core.order import Order
from connectors.simulators.kalshi.core.units import show_count
from connectors.simulators.kalshi.paging import page
from connectors.simulators.kalshi.rest.archive import cutoff
from connectors.simulators.kalshi.venue import Venue
from connectors.simulators.request import Reply

STATUSES = ("resting", "canceled", "executed")
MOST = 1000


# Orders


def orders(venue: Venue, call: Call) -> Reply:
    return _order_page(venue, call, historical=False)


def historical_orders(venue: Venue, call: Call) -> Reply:
    return _order_page(venue, call, historical=True)


def _order_page(venue: Venue, call: Call, historical: bool) -> Reply:
    archive = cutoff(call.now).orders_ns
    status = call.choice("status", STATUSES)
    events = call.csv("event_ticker", 100)
    ticker, number, shard = call.text("ticker"), call.subaccount(), call.integer("exchange_index")
    low, high = call.time("min_ts"), call.time("max_ts")
    found = [
        o
        for o in venue.published.portfolio(call.user, call.now).orders.values()
        if (status is None or o.status == status)
        and (ticker is None or o.ticker == ticker)
        and (events is None or venue.floor.markets[o.ticker].event_ticker in events)
        and number in (None, o.subaccount)
        and shard in (None, o.shard)
        and (low is None or o.created_ns >= low)
        and (high is None or o.created_ns <= high)
        and (not o.resting and o.updated_ns < archive) == historical
    ]
    shown, cursor = page(found, lambda o: (o.created_ns, o.order_id), call.limit(100, MOST), call.text("cursor"))
    return Reply(200, {"orders": [render.order(o) for o in shown], "cursor": cursor})


def order(venue: Venue, call: Call) -> Reply:
    found = venue.published.portfolio(call.user, call.now).orders.get(call.path["order_id"])
    if found is None or call.subaccount() not in (None, found.subaccount):
        raise not_found()
    return Reply(200, {"order": render.order(found)})


def queue_positions(venue: Venue, call: Call) -> Reply:
    tickers, event = call.csv("market_tickers"), call.text("event_ticker")
    if tickers is None and event is None:
        raise VenueError(400, "invalid_parameters", "market_tickers or event_ticker is required")
    number = call.subaccount() or 0
    shown = [
        {"order_id": o.order_id, "market_ticker": o.ticker, "queue_position_fp": _queue(venue, o)}
        for (user, subaccount, ticker), resting in venue.exchange.accounts.resting.items()
        if (user, subaccount) == (call.user, number)
        and (tickers is None or ticker in tickers)
        and (event is None or venue.floor.markets[ticker].event_ticker == event)
        for o in resting.values()
    ]
    return Reply(200, {"queue_positions": shown})


def queue_position(venue: Venue, call: Call) -> Reply:
    found = venue.floor.orders.get(call.path["order_id"])
    if found is None or found.user != call.user or not found.resting:
        raise not_found()
    if call.subaccount() not in (None, found.subaccount):
        raise not_found()
    return Reply(200, {"queue_position_fp": _queue(venue, found)})


def _queue(venue: Venue, found: Order) -> str:
    return show_count(venue.exchange.queue_position(found.user, found.order_id))


# Fills


def fills(venue: Venue, call: Call) -> Reply:
    return _fill_page(venue, call, historical=False)


def historical_fills(venue: Venue, call: Call) -> Reply:
    return _fill_page(venue, call, historical=True)


def _fill_page(venue: Venue, call: Call, historical: bool) -> Reply:
    archive = cutoff(call.now).trades_ns
    tickers, order_id = call.csv("ticker", 100), call.text("order_id")
    number, shard = call.subaccount(), call.integer("exchange_index")
    low, high = call.time("min_ts"), call.time("max_ts")
    found: Iterable[Fill] = (
        f
        for f in venue.published.portfolio(call.user, call.now).fills
        if (tickers is None or f.ticker in tickers)
        and order_id in (None, f.order_id)
        and number in (None, f.subaccount)
        and shard in (None, f.shard)
        and (low is None or f.time_ns >= low)
        and (high is None or f.time_ns <= high)
        and (f.time_ns < archive) == historical
    )
    shown, cursor = page(found, lambda f: (f.time_ns, f.trade_id), call.limit(100, MOST), call.text("cursor"))
    return Reply(200, {"fills": [render.fill(f) for f in shown], "cursor": cursor})


# Positions


def positions(venue: Venue, call: Call) -> Reply:
    state = call.choice("settlement_status", ("unsettled", "settled", "all")) or "unsettled"
    return _position_page(venue, call, state, historical=False)


def historical_positions(venue: Venue, call: Call) -> Reply:
    return _position_page(venue, call, "settled", historical=True)


def _position_page(venue: Venue, call: Call, state: str, historical: bool) -> Reply:
    archive = cutoff(call.now).markets_ns
    filters = call.csv("count_filter") or []
    if not set(filters) <= {"position", "total_traded"}:
        raise call.bad("count_filter", "oneof")
    ticker, event, shard = call.text("ticker"), call.text("event_ticker"), call.integer("exchange_index")
    number = call.subaccount() or 0
    found = [
        p
        for p in venue.published.portfolio(call.user, call.now).positions.values()
        if p.subaccount == number
        and ticker in (None, p.ticker)
        and event in (None, p.event_ticker)
        and shard in (None, p.shard)
        and (state == "all" or p.settled == (state == "settled"))
        and (p.settled and p.updated_ns < archive) == historical
        and _counts(p, filters)
    ]
    shown, cursor = page(found, lambda p: (0, p.ticker), call.limit(100, MOST), call.text("cursor"), newest_first=False)
    body = {
        "market_positions": [render.market_position(p) for p in shown],
        "event_positions": render.event_positions(shown),
        "cursor": cursor,
    }
    return Reply(200, body)


def _counts(position: Position, filters: list[str]) -> bool:
    return (
        not filters
        or ("position" in filters and position.count != 0)
        or ("total_traded" in filters and position.traded != 0)
    )


def settlements(venue: Venue, call: Call) -> Reply:
    archive = cutoff(call.now).markets_ns
    ticker, event, number = call.text("ticker"), call.text("event_ticker"), call.subaccount()
    low, high = call.time("min_ts"), call.time("max_ts")
    found = [
        s
        for s in venue.published.portfolio(call.user, call.now).settlements
        if ticker in (None, s.ticker)
        and event in (None, s.event_ticker)
        and number in (None, s.subaccount)
        and (low is None or s.time_ns >= low)
        and (high is None or s.time_ns <= high)
        and s.time_ns >= archive
    ]
    key = call.limit(100, MOST), call.text("cursor")
    shown, cursor = page(found, lambda s: (s.time_ns, f"{s.ticker} {s.subaccount}"), *key)
    return Reply(200, {"settlements": [render.settlement(s) for s in shown], "cursor": cursor})
