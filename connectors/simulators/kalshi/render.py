"""The venue's JSON objects for orders, fills, positions, settlements, trades, series, events and markets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.simulators.kalshi.candles import Candle, Candles
from connectors.simulators.kalshi.core.grid import Grid
from connectors.simulators.kalshi.core.model import (
    Event,
    Fill,
    Market,
    Position,
    Series,
    Settlement,
    Trade,
)
from connectors.simulators.kalshi.core.order import ASK, BID, Order
from connectors.simulators.kalshi.core.units import (
    CENT,
    COUNT_ONE,
    NANOS,
    PRICE_ONE,
    show_count,
    show_money,
    show_price,
    show_time,
)

Json = dict[str, Any]
_DAY = 86_400
NOTHING = "0.00"


def direction(side: str) -> Json:
    """The four ways in which the venue says bid or ask. Selling YES reads back as sell and yes."""
    bid = side == BID
    return {
        "side": "yes",
        "action": "buy" if bid else "sell",
        "outcome_side": "yes" if bid else "no",
        "book_side": side,
    }


def both_prices(price: int) -> Json:
    return {"yes_price_dollars": show_price(price), "no_price_dollars": show_price(PRICE_ONE - price)}


def order(o: Order) -> Json:
    shown = {
        "order_id": o.order_id,
        "user_id": o.user,
        "client_order_id": o.client_order_id,
        "ticker": o.ticker,
        **direction(o.side),
        "type": "limit",
        "status": o.status,
        **both_prices(o.price),
        "initial_count_fp": show_count(o.initial),
        "fill_count_fp": show_count(o.filled),
        "remaining_count_fp": show_count(o.remaining),
        "taker_fill_cost_dollars": show_money(o.taker_cost),
        "maker_fill_cost_dollars": show_money(o.maker_cost),
        "taker_fees_dollars": show_money(o.taker_fees),
        "maker_fees_dollars": show_money(o.maker_fees),
        "created_time": show_time(o.created_ns),
        "last_update_time": show_time(o.updated_ns),
        "self_trade_prevention_type": o.self_trade_prevention,
        "subaccount_number": o.subaccount,
        "exchange_index": o.shard,
    }
    if o.expiration_ns is not None:
        shown["expiration_time"] = show_time(o.expiration_ns)
    if o.group_id is not None:
        shown["order_group_id"] = o.group_id
    if o.cancel_on_pause:
        shown["cancel_order_on_pause"] = True
    return shown


def fill(f: Fill) -> Json:
    return {
        "fill_id": f.trade_id,
        "trade_id": f.trade_id,
        "order_id": f.order_id,
        "ticker": f.ticker,
        "market_ticker": f.ticker,
        **direction(f.side),
        "count_fp": show_count(f.count),
        **both_prices(f.price),
        "is_taker": f.is_taker,
        "fee_cost": show_money(f.fee),
        "created_time": show_time(f.time_ns),
        "ts": f.time_ns // NANOS,
        "subaccount_number": f.subaccount,
        "exchange_index": f.shard,
    }


def trade(t: Trade) -> Json:
    outcome = "yes" if t.taker_side == BID else "no"
    return {
        "trade_id": t.trade_id,
        "ticker": t.ticker,
        "count_fp": show_count(t.count),
        **both_prices(t.price),
        "taker_side": outcome,
        "taker_outcome_side": outcome,
        "taker_book_side": t.taker_side,
        "created_time": show_time(t.time_ns),
        "is_block_trade": t.block,
    }


def market_position(p: Position) -> Json:
    return {
        "ticker": p.ticker,
        "exchange_index": p.shard,
        "total_traded_dollars": show_money(p.traded),
        "position_fp": show_count(p.count),
        "market_exposure_dollars": show_money(p.cost),
        "realized_pnl_dollars": show_money(p.realized),
        "fees_paid_dollars": show_money(p.fees),
        "last_updated_ts": show_time(p.updated_ns),
    }


def event_positions(positions: list[Position]) -> list[Json]:
    """One per event, in the order of first mention."""
    events: dict[str, list[Position]] = {}
    for position in positions:
        events.setdefault(position.event_ticker, []).append(position)
    return [
        {
            "event_ticker": ticker,
            "total_cost_dollars": show_money(sum(p.traded for p in members)),
            "total_cost_shares_fp": show_count(sum(p.volume for p in members)),
            "event_exposure_dollars": show_money(sum(p.cost for p in members)),
            "realized_pnl_dollars": show_money(sum(p.realized for p in members)),
            "fees_paid_dollars": show_money(sum(p.fees for p in members)),
        }
        for ticker, members in events.items()
    ]


def settlement(s: Settlement) -> Json:
    yes, no = max(0, s.count), max(0, -s.count)
    return {
        "ticker": s.ticker,
        "event_ticker": s.event_ticker,
        "exchange_index": s.shard,
        "market_result": s.result,
        "yes_count_fp": show_count(yes),
        "yes_total_cost_dollars": show_money(s.cost if yes else 0),
        "no_count_fp": show_count(no),
        "no_total_cost_dollars": show_money(s.cost if no else 0),
        "revenue": s.payment // CENT,
        "settled_time": show_time(s.time_ns),
        "fee_cost": show_money(s.fees),
        "value": s.value // COUNT_ONE,
    }


def series(s: Series) -> Json:
    return {
        **s.info,
        "ticker": s.ticker,
        "fee_type": s.fee_type,
        "fee_multiplier": float(s.fee_multiplier),
        "last_updated_ts": show_time(s.updated_ns),
        "exchange_index": s.shard,
    }


def event(e: Event) -> Json:
    shown = {
        **e.info,
        "event_ticker": e.ticker,
        "series_ticker": e.series_ticker,
        "collateral_return_type": e.collateral_return_type,
        "mutually_exclusive": e.collateral_return_type == "MECNET",
        "last_updated_ts": show_time(e.updated_ns),
        "exchange_index": e.shard,
    }
    if e.fee_type_override is not None:
        shown["fee_type_override"] = e.fee_type_override
    if e.fee_multiplier_override is not None:
        shown["fee_multiplier_override"] = float(e.fee_multiplier_override)
    return shown


def legs(m: Market, markets: Mapping[str, Market]) -> list[Json]:
    """The parts of a combo; what a YES of each pays once that is known."""
    shown = []
    for leg in m.legs:
        entry = {"event_ticker": leg.event_ticker, "market_ticker": leg.ticker, "side": leg.side}
        value = markets[leg.ticker].value
        shown.append(entry if value is None else {**entry, "yes_settlement_value_dollars": show_price(value)})
    return shown


def price_ranges(grid: Grid) -> list[Json]:
    return [
        {"start": show_price(band.start), "end": show_price(band.end), "step": show_price(band.step)} for band in grid
    ]


def market(m: Market, markets: Mapping[str, Market], candles: Candles, now: int) -> Json:
    day_ago = now // NANOS - _DAY
    before = candles.before(m.ticker, day_ago)
    shown = {
        **m.info,
        "latest_expiration_time": m.info["latest_expiration_time"] or show_time(m.close_ns),
        "ticker": m.ticker,
        "event_ticker": m.event_ticker,
        "created_time": show_time(m.created_ns),
        "updated_time": show_time(m.updated_ns),
        "open_time": show_time(m.open_ns),
        "close_time": show_time(m.close_ns),
        "settlement_timer_seconds": m.settlement_timer_ns // NANOS,
        "status": m.status.value,
        **quotes(m),
        "last_price_dollars": show_price(m.last_price),
        "volume_fp": show_count(m.volume),
        "volume_24h_fp": show_count(candles.volume_since(m.ticker, day_ago)),
        "open_interest_fp": show_count(m.open_interest),
        "previous_yes_bid_dollars": show_price(before.bid.close if before is not None else 0),
        "previous_yes_ask_dollars": show_price(before.ask.close if before is not None else 0),
        "previous_price_dollars": show_price(_last_of(before)),
        "result": m.result,
        "can_close_early": m.can_close_early,
        "price_level_structure": m.structure,
        "price_ranges": price_ranges(m.grid),
        "exchange_index": m.shard,
    }
    if m.legs:
        shown |= {"mve_collection_ticker": m.collection, "mve_selected_legs": legs(m, markets)}
    if m.fee_waiver_ns:
        shown["fee_waiver_expiration_time"] = show_time(m.fee_waiver_ns)
    if m.value is not None:
        shown["settlement_value_dollars"] = show_price(m.value)
    if m.settled_ns is not None:
        shown["settlement_ts"] = show_time(m.settled_ns)
    return shown


def _last_of(candle: Candle | None) -> int:
    if candle is None:
        return 0
    return candle.price.close if candle.price is not None else candle.previous or 0


def quotes(m: Market) -> Json:
    """Best prices of both legs; an empty side is bid 0 or ask 1 dollar. A market never quoted shows both at 0."""
    bid = m.book.bid or 0
    nobody = PRICE_ONE if m.clock else 0
    ask = m.book.ask if m.book.ask is not None else nobody
    return {
        "yes_bid_dollars": show_price(bid),
        "yes_bid_size_fp": show_count(m.book.size_at_best(BID)),
        "yes_ask_dollars": show_price(ask),
        "yes_ask_size_fp": show_count(m.book.size_at_best(ASK)),
        "no_bid_dollars": show_price(PRICE_ONE - ask),
        "no_ask_dollars": show_price(PRICE_ONE - bid),
    }


def levels(m: Market, side: str, yes_price: bool = False, depth: int = 0) -> list[list[str]]:
    """Price and size of each level, prices ascending as shown, so that the best bid is the last.

    Asks are NO bids at one dollar less their price, unless ``yes_price`` keeps them on the YES scale.
    """
    shown = [(price, level.total) for price, level in m.book.side(side).best_first()]
    shown = shown[:depth] if depth else shown
    if side == ASK and not yes_price:
        shown = [(PRICE_ONE - price, total) for price, total in shown]
    return [[show_price(price), show_count(total)] for price, total in sorted(shown)]


def orderbook(m: Market, depth: int = 0) -> Json:
    return {"yes_dollars": levels(m, BID, depth=depth), "no_dollars": levels(m, ASK, depth=depth)}


def candlestick(c: Candle, historical: bool = False) -> Json:
    """Historical ones name the same fields without their units."""
    dollars, fixed = ("", "") if historical else ("_dollars", "_fp")
    price: Json = {f"{name}{dollars}": None for name in ("open", "low", "high", "close", "mean")}
    if c.price is not None:
        price = _span(c.price, dollars)
        price[f"mean{dollars}"] = show_price((2 * c.traded + c.volume) // (2 * c.volume))
    price[f"previous{dollars}"] = show_price(c.previous) if c.previous is not None else None
    return {
        "end_period_ts": c.end,
        "yes_bid": _span(c.bid, dollars),
        "yes_ask": _span(c.ask, dollars),
        "price": price,
        f"volume{fixed}": show_count(c.volume),
        f"open_interest{fixed}": show_count(c.open_interest),
    }


def _span(span: Any, suffix: str) -> Json:
    return {f"{name}{suffix}": show_price(getattr(span, name)) for name in ("open", "low", "high", "close")}
