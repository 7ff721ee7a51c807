"""The ``msg`` of each websocket message."""

from __future__ import annotations

from typing import Any

from connectors.simulators.kalshi import render
from connectors.simulators.kalshi.core.floor import Floor
from connectors.simulators.kalshi.core.model import Fill, Market, Position, Trade
from connectors.simulators.kalshi.core.notices import (
    BookChanged,
    EventFeeChanged,
    EventListed,
    GroupChanged,
    MarketChanged,
)
from connectors.simulators.kalshi.core.order import ASK, BID, Order
from connectors.simulators.kalshi.core.units import (
    MILLIS,
    MONEY_ONE,
    NANOS,
    PRICE_ONE,
    parse_time,
    show_count,
    show_money,
    show_price,
    show_time_ms,
)

Message = dict[str, Any]


def snapshot(market: Market, yes_price: bool) -> Message:
    """A side without orders has no key."""
    msg: Message = {"market_ticker": market.ticker, "market_id": market.market_id, "clock": market.clock}
    for name, side in (("yes_dollars_fp", BID), ("no_dollars_fp", ASK)):
        levels = render.levels(market, side, yes_price)
        if levels:
            msg[name] = levels
    return msg


def delta(change: BookChanged, market_id: str, yes_price: bool, user: str) -> Message:
    """``client_order_id`` and ``subaccount`` only for the user whose order made the change."""
    price = change.price if change.side == BID or yes_price else PRICE_ONE - change.price
    msg: Message = {
        "market_ticker": change.ticker,
        "market_id": market_id,
        "clock": change.clock,
        "price_dollars": show_price(price),
        "delta_fp": show_count(change.delta),
        "side": "yes" if change.side == BID else "no",
        "ts": show_time_ms(change.time_ns),
        "ts_ms": change.time_ns // MILLIS,
    }
    if change.cause.user == user:
        if change.cause.client_order_id:
            msg["client_order_id"] = change.cause.client_order_id
        if change.cause.subaccount:
            msg["subaccount"] = change.cause.subaccount
    return msg


def ticker(market: Market) -> Message:
    """Without the times, so that it can be compared with the last one."""
    quotes = render.quotes(market)
    return {
        "market_id": market.market_id,
        "market_ticker": market.ticker,
        "price_dollars": show_price(market.last_price),
        "yes_bid_dollars": quotes["yes_bid_dollars"],
        "yes_ask_dollars": quotes["yes_ask_dollars"],
        "yes_bid_size_fp": quotes["yes_bid_size_fp"],
        "yes_ask_size_fp": quotes["yes_ask_size_fp"],
        "volume_fp": show_count(market.volume),
        "open_interest_fp": show_count(market.open_interest),
        "dollar_volume": market.dollar_volume // MONEY_ONE,
        "dollar_open_interest": market.open_interest * market.last_price // MONEY_ONE,
        "last_trade_size_fp": show_count(market.last_count),
    }


def timed(msg: Message, time_ns: int) -> Message:
    """A ticker with its three times."""
    return {**msg, "ts": time_ns // NANOS, "ts_ms": time_ns // MILLIS, "time": show_time_ms(time_ns)}


def trade(t: Trade) -> Message:
    outcome = "yes" if t.taker_side == BID else "no"
    return {
        "trade_id": t.trade_id,
        "market_ticker": t.ticker,
        **render.both_prices(t.price),
        "count_fp": show_count(t.count),
        "taker_side": outcome,
        "taker_outcome_side": outcome,
        "taker_book_side": t.taker_side,
        "is_block_trade": t.block,
        "ts": t.time_ns // NANOS,
        "ts_ms": t.time_ns // MILLIS,
    }


def fill(f: Fill) -> Message:
    direction = render.direction(f.side)
    msg: Message = {
        "trade_id": f.trade_id,
        "order_id": f.order_id,
        "market_ticker": f.ticker,
        "exchange_index": f.shard,
        "is_taker": f.is_taker,
        **direction,
        "purchased_side": direction["outcome_side"],
        "yes_price_dollars": show_price(f.price),
        "count_fp": show_count(f.count),
        "fee_cost": show_money(f.fee),
        "post_position_fp": show_count(f.position),
        "ts": f.time_ns // NANOS,
        "ts_ms": f.time_ns // MILLIS,
    }
    if f.client_order_id:
        msg["client_order_id"] = f.client_order_id
    if f.subaccount:
        msg["subaccount"] = f.subaccount
    return msg


def user_order(o: Order) -> Message:
    shown = render.order(o)
    dropped = ("no_price_dollars", "action", "type", "expiration_time", "cancel_order_on_pause")
    msg: Message = {name: value for name, value in shown.items() if name not in dropped}
    msg["is_yes"] = shown["side"] == "yes"
    msg["created_time"] = show_time_ms(o.created_ns)
    msg["created_ts_ms"] = o.created_ns // MILLIS
    msg["last_update_time"] = show_time_ms(o.updated_ns)
    msg["last_updated_ts_ms"] = o.updated_ns // MILLIS
    if o.expiration_ns is not None:
        msg["expiration_time"] = show_time_ms(o.expiration_ns)
        msg["expiration_ts_ms"] = o.expiration_ns // MILLIS
    if o.reason is not None:
        msg["last_update_reason"] = o.reason
    return msg


def market_position(p: Position) -> Message:
    msg: Message = {
        "user_id": p.user,
        "market_ticker": p.ticker,
        "position_fp": show_count(p.count),
        "position_cost_dollars": show_money(p.cost),
        "realized_pnl_dollars": show_money(p.realized),
        "fees_paid_dollars": show_money(p.fees),
        "position_fee_cost_dollars": show_money(p.fees),
        "volume_fp": show_count(p.volume),
    }
    return msg | ({"subaccount": p.subaccount} if p.subaccount else {})


def lifecycle(change: MarketChanged, floor: Floor) -> Message:
    msg: Message = {"event_type": change.event_type, "market_ticker": change.ticker, **change.fields}
    if change.event_type == "created":
        msg["additional_metadata"] = _metadata(floor.markets[change.ticker])
    return msg


# The steps of a combo's life that its channel tells, and the fields of them that it has.
COMBO_STEPS = ("created", "activated", "deactivated", "close_date_updated", "determined", "settled")
_COMBO_OMITS = ("price_ranges",)


def combo_lifecycle(change: MarketChanged, floor: Floor) -> Message:
    return {name: value for name, value in lifecycle(change, floor).items() if name not in _COMBO_OMITS}


def _metadata(market: Market) -> Message:
    info = market.info
    expected = info.get("expected_expiration_time")
    title = info.get("title") or info["yes_sub_title"]
    return {
        "name": info["yes_sub_title"],
        "title": title,
        "yes_sub_title": info["yes_sub_title"],
        "no_sub_title": info["no_sub_title"],
        "rules_primary": info["rules_primary"],
        "rules_secondary": info["rules_secondary"],
        "can_close_early": market.can_close_early,
        "event_ticker": market.event_ticker,
        "expected_expiration_ts": (parse_time(expected) if expected else market.close_ns) // NANOS,
    }


def event_lifecycle(listed: EventListed, floor: Floor) -> Message:
    event = floor.events[listed.event_ticker]
    return {
        "event_ticker": event.ticker,
        "exchange_index": event.shard,
        "title": event.info["title"],
        "subtitle": event.info["sub_title"],
        "collateral_return_type": event.collateral_return_type,
        "series_ticker": event.series_ticker,
    }


def event_fee(change: EventFeeChanged) -> Message:
    return {
        "event_ticker": change.event_ticker,
        "fee_type_override": change.fee_type,
        "fee_multiplier_override": change.multiplier,
    }


def group(change: GroupChanged) -> Message:
    msg: Message = {
        "event_type": change.event_type,
        "order_group_id": change.group_id,
        "ts_ms": change.time_ns // MILLIS,
    }
    if change.contracts_limit is not None:
        msg["contracts_limit_fp"] = show_count(change.contracts_limit)
    return msg
