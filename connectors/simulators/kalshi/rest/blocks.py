"""Block trade proposals."""

from __future__ import annotations

from connectors.simulators.kalshi import render_requests
from connectors.simulators.kalshi.auth import need_subaccount
from connectors.simulators.kalshi.call import Body, Call
from connectors.simulators.kalshi.core.blocks import Proposal
from connectors.simulators.kalshi.core.errors import VenueError
from connectors.simulators.kalshi.core.units import UnitError, parse_time
from connectors.simulators.kalshi.paging import page
from connectors.simulators.kalshi.venue import Venue
from connectors.simulators.request import Reply


def proposals(venue: Venue, call: Call) -> Reply:
    status, ticker = call.text("status"), call.text("market_ticker")
    found = [
        p for p in venue.exchange.blocks.of(call.user) if status in (None, p.status) and ticker in (None, p.ticker)
    ]
    shown, cursor = page(found, lambda p: (p.created_ns, p.proposal_id), call.limit(100, 100), call.text("cursor"))
    listed = [render_requests.proposal(p, call.user) for p in shown]
    return Reply(200, {"block_trade_proposals": listed, "cursor": cursor})


def propose(venue: Venue, call: Call) -> Reply:
    body = call.body()
    for name in ("buyer_subtrader_id", "seller_subtrader_id"):
        if body.text(name):
            raise VenueError(400, "invalid_parameters", f"{name} is for FCM members only")
    buyer, seller, ticker = (body.required(name) for name in ("buyer_user_id", "seller_user_id", "market_ticker"))
    price, count = _positive(body, "price_centi_cents"), _positive(body, "centicount")
    side = body.required("maker_side")
    if side not in ("yes", "no"):
        raise body.bad("maker_side", "oneof")
    try:
        expiration = parse_time(body.required("expiration_ts"))
    except UnitError as error:
        raise VenueError(400, "invalid_parameters", str(error)) from None
    venue.exchange.advance(call.now)
    now = venue.floor.now
    wanted = Proposal(
        venue.floor.ids(), call.user, buyer, body.integer("buyer_subaccount", 0, 63) or 0, seller,
        body.integer("seller_subaccount", 0, 63) or 0, ticker, price, count, side, expiration, now, now,
    )  # fmt: skip
    venue.exchange.blocks.propose(wanted)
    return Reply(201, {"block_trade_proposal_id": wanted.proposal_id})


def accept(venue: Venue, call: Call) -> Reply:
    body = call.body() if call.raw.strip() else Body({}, call.operation, call.key)
    if body.text("subtrader_id"):
        raise VenueError(400, "invalid_parameters", "subtrader_id is for FCM members only")
    assert call.key is not None
    number = need_subaccount(call.key, body.integer("subaccount", 0, 63))
    venue.exchange.advance(call.now)
    venue.exchange.blocks.accept(call.user, call.path["block_trade_proposal_id"], number)
    return Reply(204, None)


def _positive(body: Body, name: str) -> int:
    value = body.integer(name, 1)
    if value is None:
        raise body.bad(name, "required")
    return value
