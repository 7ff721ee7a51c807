"""The venue's JSON objects for requests for quotes, quotes, and block trade proposals."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from connectors.simulators.kalshi import render
from connectors.simulators.kalshi.core.blocks import Proposal
from connectors.simulators.kalshi.core.model import Market
from connectors.simulators.kalshi.core.request import Quote, Rfq
from connectors.simulators.kalshi.core.units import show_balance, show_count, show_price, show_time

NOBODY = sha256(b"").hexdigest()  # shown for whoever obscured the creator of a request


def communications_id(user: str) -> str:
    """The pseudonym under which a user asks and quotes."""
    return sha256(f"communications {user}".encode()).hexdigest()


def creator_id(r: Rfq, user: str) -> str:
    return NOBODY if r.obscured and r.user != user else communications_id(r.user)


def _times(**times: int | None) -> render.Json:
    return {name: show_time(time_ns) for name, time_ns in times.items() if time_ns is not None}


def rfq(r: Rfq, markets: Mapping[str, Market], user: str) -> render.Json:
    market = markets[r.ticker]
    shown: render.Json = {
        "id": r.rfq_id,
        "creator_id": creator_id(r, user),
        "market_ticker": r.ticker,
        "contracts_fp": show_count(r.count),
        "status": r.status,
        "rest_remainder": r.rest,
        **_times(created_ts=r.created_ns, updated_ts=r.updated_ns, cancelled_ts=r.closed_ns),
    }
    if r.cost:
        shown |= {"target_cost_dollars": show_balance(r.cost), "target_cost_excludes_fees": r.cost_excludes_fees}
    if market.legs:
        shown |= {"mve_collection_ticker": market.collection, "mve_selected_legs": render.legs(market, markets)}
    if r.reason:
        shown["cancellation_reason"] = r.reason
    if r.user == user:
        shown |= {"creator_user_id": r.user, "creator_subaccount": r.subaccount}
    return shown


def quote(q: Quote, r: Rfq, user: str) -> render.Json:
    """As one of the two sees it; orders, subaccounts and user ids of the other one stay out."""
    shown: render.Json = {
        "id": q.quote_id,
        "rfq_id": q.rfq_id,
        "creator_id": communications_id(q.user),
        "rfq_creator_id": creator_id(r, user),
        "market_ticker": q.ticker,
        "contracts_fp": show_count(r.count),
        "yes_bid_dollars": show_price(q.yes_bid),
        "no_bid_dollars": show_price(q.no_bid),
        "yes_contracts_fp": show_count(q.yes_count),
        "no_contracts_fp": show_count(q.no_count),
        "status": q.status,
        "rest_remainder": q.rest,
        **_times(
            created_ts=q.created_ns, updated_ts=q.updated_ns, accepted_ts=q.accepted_ns, confirmed_ts=q.confirmed_ns,
            executed_ts=q.executed_ns, cancelled_ts=q.cancelled_ns,
        ),
    }  # fmt: skip
    if q.accepted_side:
        shown["accepted_side"] = q.accepted_side
    if q.reason:
        shown["cancellation_reason"] = q.reason
    if r.cost:
        shown |= {"rfq_target_cost_dollars": show_balance(r.cost), "target_cost_excludes_fees": r.cost_excludes_fees}
    if q.user == user:
        shown |= {"creator_user_id": q.user, "creator_subaccount": q.subaccount, "post_only": q.post_only}
        shown |= {"creator_order_id": q.maker_order[0]} if q.maker_order[0] else {}
    if r.user == user:
        shown |= {"rfq_creator_user_id": r.user, "rfq_creator_subaccount": r.subaccount}
        shown |= {"rfq_creator_order_id": q.taker_order[0]} if q.taker_order[0] else {}
    return shown


def proposal(p: Proposal, user: str) -> render.Json:
    """Each of the two sees only itself by name."""
    buys, sells = user == p.buyer, user == p.seller
    return {
        "id": p.proposal_id,
        "proposer_user_id": p.proposer,
        "buyer_user_id": p.buyer if buys else "",
        "seller_user_id": p.seller if sells else "",
        "market_ticker": p.ticker,
        "price_centi_cents": p.price,
        "centicount": p.count,
        "maker_side": p.maker_side,
        "expiration_ts": show_time(p.expiration_ns),
        "status": p.status,
        "created_ts": show_time(p.created_ns),
        "updated_ts": show_time(p.updated_ns),
        "buyer_accepted": p.buyer_accepted_ns is not None,
        "seller_accepted": p.seller_accepted_ns is not None,
        **_times(
            buyer_accepted_ts=p.buyer_accepted_ns, seller_accepted_ts=p.seller_accepted_ns, executed_ts=p.executed_ns
        ),
        **({"buyer_order_id": p.buyer_order} if p.buyer_order and buys else {}),
        **({"seller_order_id": p.seller_order} if p.seller_order and sells else {}),
    }
