"""The ``msg`` of messages about requests for quotes."""

from __future__ import annotations

from connectors.simulators.kalshi import render, render_requests
from connectors.simulators.kalshi.core.floor import Floor
from connectors.simulators.kalshi.core.notices import RequestChanged
from connectors.simulators.kalshi.core.request import Quote, Rfq
from connectors.simulators.kalshi.core.units import show_balance, show_count, show_price, show_time
from connectors.simulators.kalshi.stream.frames import Message


def message(change: RequestChanged, floor: Floor, user: str) -> Message:
    """As ``user`` sees it: each of the two sees its own order and its own subaccount."""
    rfq, quote = change.rfq, change.quote
    if quote is None:
        return _request(change, rfq, floor, user)
    both = {
        "quote_id": quote.quote_id,
        "rfq_id": rfq.rfq_id,
        "quote_creator_id": render_requests.communications_id(quote.user),
        "rfq_creator_id": render_requests.creator_id(rfq, user),
        "market_ticker": rfq.ticker,
    }
    mine = quote.subaccount if quote.user == user else rfq.subaccount
    msg = both | ({"subaccount": mine} if mine else {})
    if change.event_type == "quote_executed":
        order_id, client_order_id = quote.maker_order if quote.user == user else quote.taker_order
        executed = show_time(change.time_ns)
        return msg | {"order_id": order_id, "client_order_id": client_order_id, "executed_ts": executed}
    msg |= {"event_ticker": floor.markets[rfq.ticker].event_ticker} | _offer(rfq, quote)
    if change.event_type == "quote_created":
        return msg | {"created_ts": show_time(quote.created_ns)}
    return msg | {"accepted_side": quote.accepted_side, "contracts_accepted_fp": show_count(quote.count)}


def _offer(rfq: Rfq, quote: Quote) -> Message:
    msg = {
        "yes_bid_dollars": show_price(quote.yes_bid),
        "no_bid_dollars": show_price(quote.no_bid),
        "yes_contracts_offered_fp": show_count(quote.yes_count),
        "no_contracts_offered_fp": show_count(quote.no_count),
    }
    return msg | ({"rfq_target_cost_dollars": show_balance(rfq.cost)} if rfq.cost else {})


def _request(change: RequestChanged, rfq: Rfq, floor: Floor, user: str) -> Message:
    market = floor.markets[rfq.ticker]
    msg: Message = {
        "id": rfq.rfq_id,
        "creator_id": render_requests.creator_id(rfq, user),
        "market_ticker": rfq.ticker,
        "event_ticker": market.event_ticker,
    }
    if rfq.cost:
        msg["target_cost_dollars"] = show_balance(rfq.cost)
    else:
        msg["contracts_fp"] = show_count(rfq.count)
    if change.event_type == "rfq_deleted":
        return msg | {"deleted_ts": show_time(change.time_ns)}
    if market.legs:
        msg |= {"mve_collection_ticker": market.collection, "mve_selected_legs": render.legs(market, floor.markets)}
    return msg | {"created_ts": show_time(rfq.created_ns)}
