"""Requests for quotes: ask, quote, accept, confirm. Nothing of this lags behind."""

from __future__ import annotations

from connectors.simulators.kalshi import render, render_requests
from connectors.simulators.kalshi.call import Body, Call
from connectors.simulators.kalshi.core.errors import VenueError
from connectors.simulators.kalshi.core.request import Quote, Rfq
from connectors.simulators.kalshi.core.units import COUNT_ONE, MONEY_ONE, UnitError, parse_money, parse_price
from connectors.simulators.kalshi.paging import needs_cursor, page
from connectors.simulators.kalshi.venue import Venue
from connectors.simulators.request import Reply

CENTICENTS = 10_000  # of a dollar


def own_id(venue: Venue, call: Call) -> Reply:
    return Reply(200, {"communications_id": render_requests.communications_id(call.user)})


# Requests


def rfqs(venue: Venue, call: Call) -> Reply:
    status, event, ticker = call.text("status"), call.text("event_ticker"), call.text("market_ticker")
    creator = _user_filter(call, "user_filter", "creator_user_id")
    number = call.subaccount()
    found = [
        r
        for r in venue.exchange.requests.rfqs.values()
        if status in (None, r.status)
        and ticker in (None, r.ticker)
        and event in (None, venue.floor.markets[r.ticker].event_ticker)
        and (number is None or (r.user == call.user and r.subaccount == number))
        and creator in (None, r.user)
    ]
    cursor = needs_cursor(call.text("cursor"))
    shown, following = page(found, lambda r: (r.created_ns, r.rfq_id), call.limit(100, 100), cursor)
    listed = [render_requests.rfq(r, venue.floor.markets, call.user) for r in shown]
    return Reply(200, {"rfqs": listed, "cursor": following})


def rfq(venue: Venue, call: Call) -> Reply:
    found = venue.exchange.requests.rfq(call.path["rfq_id"])
    return Reply(200, {"rfq": render_requests.rfq(found, venue.floor.markets, call.user)})


def create_rfq(venue: Venue, call: Call) -> Reply:
    body = call.body()
    _members_only(body)
    ticker = body.required("market_ticker")
    if not isinstance(body.values.get("rest_remainder"), bool):
        raise body.bad("rest_remainder", "required")
    venue.exchange.advance(call.now)
    now = venue.floor.now
    wanted = Rfq(
        venue.floor.ids(), call.user, body.subaccount(), ticker, _contracts(body), _cost(body),
        body.flag("target_cost_excludes_fees"), body.flag("rest_remainder"), body.flag("obscure_creator_id"), now, now,
    )  # fmt: skip
    venue.exchange.requests.ask(wanted, body.flag("replace_existing"))
    return Reply(201, {"id": wanted.rfq_id})


def delete_rfq(venue: Venue, call: Call) -> Reply:
    venue.exchange.advance(call.now)
    venue.exchange.requests.withdraw_rfq(call.user, call.path["rfq_id"])
    return Reply(204, None)


def _contracts(body: Body) -> int:
    whole, exact = body.integer("contracts", 0), body.optional_count("contracts_fp")
    if whole and exact is not None and whole * COUNT_ONE != exact:
        raise VenueError(400, "invalid_parameters", "contracts and contracts_fp differ")
    return exact if exact is not None else (whole or 0) * COUNT_ONE


def _cost(body: Body) -> int:
    old, text = body.integer("target_cost_centi_cents", 0), body.text("target_cost_dollars")
    if text is None:
        return (old or 0) * (MONEY_ONE // CENTICENTS)
    try:
        return parse_money(text)
    except UnitError:
        raise VenueError(400, "invalid_parameters", "target_cost_dollars is no amount") from None


def _members_only(body: Body) -> None:
    if body.text("subtrader_id"):
        raise VenueError(400, "invalid_parameters", "subtrader_id is for FCM members only")


# Quotes


def quotes(venue: Venue, call: Call) -> Reply:
    """Those that the caller made, and those on the caller's requests."""
    requests = venue.exchange.requests
    status, rfq_id = call.text("status"), call.text("rfq_id")
    creator = _user_filter(call, "user_filter", "quote_creator_user_id")
    asker = _user_filter(call, "rfq_user_filter", "rfq_creator_user_id")
    low, high = call.time("min_ts"), call.time("max_ts")
    found = [
        q
        for q in requests.quotes.values()
        if call.user in (q.user, requests.rfqs[q.rfq_id].user)
        and status in (None, q.status)
        and rfq_id in (None, q.rfq_id)
        and creator in (None, q.user)
        and asker in (None, requests.rfqs[q.rfq_id].user)
        and (low is None or q.updated_ns > low)
        and (high is None or q.updated_ns < high)
    ]
    cursor = needs_cursor(call.text("cursor"))
    shown, following = page(found, lambda q: (q.created_ns, q.quote_id), call.limit(500, 500), cursor)
    return Reply(200, {"quotes": [_shown(venue, call, q) for q in shown], "cursor": following})


def quote(venue: Venue, call: Call) -> Reply:
    found = venue.exchange.requests.quote(call.path["quote_id"], call.user, call.path.get("rfq_id"))
    return Reply(200, {"quote": _shown(venue, call, found)})


def _shown(venue: Venue, call: Call, found: Quote) -> render.Json:
    return render_requests.quote(found, venue.exchange.requests.rfqs[found.rfq_id], call.user)


def create_quote(venue: Venue, call: Call) -> Reply:
    body = call.body()
    rfq_id = body.required("rfq_id")
    if not isinstance(body.values.get("rest_remainder"), bool):
        raise body.bad("rest_remainder", "required")
    venue.exchange.advance(call.now)
    now = venue.floor.now
    wanted = Quote(
        venue.floor.ids(), rfq_id, call.user, body.subaccount(), "", _bid(body, "yes_bid"), _bid(body, "no_bid"), 0, 0,
        body.flag("rest_remainder"), body.flag("post_only"), now, now,
    )  # fmt: skip
    venue.exchange.requests.bid(wanted)
    return Reply(201, {"id": wanted.quote_id})


def _bid(body: Body, name: str) -> int:
    try:
        price = parse_price(body.required(name))
    except UnitError:
        raise VenueError(400, "invalid_parameters", f"{name} is no price") from None
    if price < 0:
        raise VenueError(400, "invalid_parameters", f"{name} is below zero")
    return price


def accept(venue: Venue, call: Call) -> Reply:
    body = call.body()
    side = body.required("accepted_side")
    if side not in ("yes", "no"):
        raise body.bad("accepted_side", "oneof")
    venue.exchange.advance(call.now)
    venue.exchange.requests.accept(call.user, call.path["quote_id"], side, call.path.get("rfq_id"))
    return Reply(204, None)


def confirm(venue: Venue, call: Call) -> Reply:
    venue.exchange.advance(call.now)
    venue.exchange.requests.confirm(call.user, call.path["quote_id"], call.path.get("rfq_id"))
    return Reply(204, None)


def delete_quote(venue: Venue, call: Call) -> Reply:
    venue.exchange.advance(call.now)
    venue.exchange.requests.withdraw_quote(call.user, call.path["quote_id"], call.path.get("rfq_id"))
    return Reply(204, None)


def _user_filter(call: Call, name: str, older: str) -> str | None:
    return call.user if call.choice(name, ("self",)) else call.text(older)
