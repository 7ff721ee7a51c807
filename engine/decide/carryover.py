"""What the rules must not forget when a process ends: cooldowns, the day's entries and result, which exits have acted,
how far a price had gone. Plain JSON values; money and quantities as text, so that nothing is rounded.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any, get_type_hints

from engine.decide.context import Context
from engine.decide.portfolio import Held, Pending, Portfolio, PositionKey
from engine.market.orders import Order
from engine.market.position import Position

_ORDER = get_type_hints(Order)
_POSITION = {field.name: get_type_hints(Position)[field.name] for field in fields(Position)}


VERSION = 2  # of what is told; to be raised whenever a field comes, goes or changes its meaning


def told(context: Context) -> dict[str, Any]:
    """Everything, as of the last tick. What is over (a cooldown that has ended) is left out."""
    portfolio, now_ns = context.portfolio, context.now_ns
    return {
        "version": VERSION,
        "now_ns": now_ns,
        "cooling": [[*key, until] for key, until in sorted(context.cooling.items()) if until > now_ns],
        "intervals": [[*key, number] for key, number in sorted(context.last_interval.items())],
        "entries_in_window": [[*key, count] for key, count in sorted(context.entries_in_window.items())],
        "cash": str(portfolio.cash),
        "initial_cash": str(portfolio.initial_cash),
        "realised": str(portfolio.realised),
        "realised_at_day_start": str(portfolio.realised_at_day_start),
        "equity_at_day_start": portfolio.equity_at_day_start,
        "peak_equity": portfolio.peak_equity,
        "entries_today": dict(sorted(portfolio.entries_today.items())),
        "entered_today": portfolio.entered_today,
        "held": [_held(held) for _, held in sorted(portfolio.held.items())],
        "pending": [_pending(pending) for pending in portfolio.pending.values()],
    }


def positions(said: Mapping[str, Any]) -> list[PositionKey]:
    """What was held, by (strategy, symbol)."""
    return [(kept["position"]["strategy"], kept["position"]["symbol"]) for kept in said["held"]]


def take_memory(context: Context, said: Mapping[str, Any]) -> None:
    """What the rules remember; positions and money apart."""
    context.now_ns = said["now_ns"]
    context.cooling.update({(strategy, symbol): until for strategy, symbol, until in said["cooling"]})
    context.last_interval.update({(strategy, symbol): number for strategy, symbol, number in said["intervals"]})
    context.entries_in_window.update({(session, symbol): n for session, symbol, n in said["entries_in_window"]})
    portfolio = context.portfolio
    portfolio.forget_today()
    portfolio.entries_today.update(said["entries_today"])
    portfolio.entered_today = said["entered_today"]
    for kept in said["pending"]:
        pending = portfolio.pending.get(kept["order"]["client_id"])
        if pending is not None:
            pending.price = kept["price"]
    portfolio.version += 1


def take_results(portfolio: Portfolio, said: Mapping[str, Any], moved: Decimal, missed: Decimal) -> None:
    """The account's results so far. ``moved``: money that came or went since, which is no result, and is in the
    portfolio's cash; ``missed``: profit after fees (money) that was realised since.
    """
    portfolio.initial_cash = Decimal(said["initial_cash"]) + moved
    portfolio.realised = Decimal(said["realised"]) + missed
    portfolio.realised_at_day_start = Decimal(said["realised_at_day_start"])
    portfolio.equity_at_day_start = said["equity_at_day_start"] + float(moved)
    portfolio.peak_equity = said["peak_equity"] * _grown(portfolio.equity(), float(moved))
    portfolio.version += 1


def _grown(equity: float, moved: float) -> float:
    """How many times what it was an account is by what came or went: its peak goes along, so that the fall from it is
    the same share of it as before. Added instead, a withdrawal would deepen it, and a deposit heal it."""
    before = equity - moved
    return equity / before if moved and before > 0 < equity else 1.0


def take_positions(portfolio: Portfolio, said: Mapping[str, Any], mine: Collection[PositionKey]) -> None:
    """Cash, positions and entries under way, where the broker of before is still there. ``mine``: see ``looks_after``
    of the decider; others are left to their protective orders."""
    portfolio.set_cash(Decimal(said["cash"]))
    for kept in said["held"]:
        held = _held_again(kept)
        key = (held.position.strategy, held.position.symbol)
        if key in mine:
            portfolio.held[key] = held
    for kept in said["pending"]:
        pending = _pending_again(kept)
        if (pending.order.strategy, pending.order.symbol) in mine:
            portfolio.pending[pending.order.client_id] = pending
    portfolio.version += 1


def take_notes(portfolio: Portfolio, said: Mapping[str, Any]) -> None:
    """What was known of positions that are still the same: best and worst price, age in bars, exits that have acted."""
    for kept in said["held"]:
        before = _held_again(kept)
        held = portfolio.held.get((before.position.strategy, before.position.symbol))
        if held is not None and held.position.opened_ns == before.position.opened_ns:
            held.high, held.low = max(held.high, before.high), min(held.low, before.low)
            held.bars, held.last = before.bars, before.last
            held.fired, held.trailing = before.fired, before.trailing


def _held(held: Held) -> dict[str, Any]:
    position = held.position
    return {
        "position": {name: _text(getattr(position, name)) for name in _POSITION},
        "last": held.last, "high": held.high, "low": held.low, "bars": held.bars,
        "trigger_symbol": held.trigger_symbol,
        "legs": [_order(order) for order in held.legs.values()],
        "exiting": [_order(order) for order in held.exiting.values()],
        "entry_values": _numbers(held.entry_values),
        "fired": sorted(held.fired), "trailing": sorted(held.trailing),
    }  # fmt: skip


def _held_again(kept: Mapping[str, Any]) -> Held:
    position = Position(**{name: _value(kept["position"][name], kind) for name, kind in _POSITION.items()})
    held = Held(
        position, kept["last"], high=kept["high"], low=kept["low"], bars=kept["bars"],
        trigger_symbol=kept["trigger_symbol"], legs=_by_id(kept["legs"]), exiting=_by_id(kept["exiting"]),
        entry_values=_numbers_again(kept["entry_values"]), fired=set(kept["fired"]), trailing=set(kept["trailing"]),
    )  # fmt: skip
    held.refresh()
    return held


def _pending(pending: Pending) -> dict[str, Any]:
    return {
        "order": _order(pending.order), "legs": [_order(leg) for leg in pending.legs],
        "entry_values": _numbers(pending.entry_values), "trigger_symbol": pending.trigger_symbol,
        "started": pending.started, "price": pending.price, "filled": str(pending.filled),
    }  # fmt: skip


def _pending_again(kept: Mapping[str, Any]) -> Pending:
    legs = tuple(_order_again(leg) for leg in kept["legs"])
    values = _numbers_again(kept["entry_values"])
    return Pending(
        _order_again(kept["order"]), legs, values, kept["trigger_symbol"], kept["started"], kept["price"],
        Decimal(kept["filled"]),
    )  # fmt: skip


def _order(order: Order) -> dict[str, Any]:
    return {name: _text(value) for name, value in order._asdict().items()}


def _order_again(kept: Mapping[str, Any]) -> Order:
    return Order(**{name: _value(kept[name], kind) for name, kind in _ORDER.items()})


def _by_id(kept: Iterable[Mapping[str, Any]]) -> dict[str, Order]:
    orders = [_order_again(order) for order in kept]
    return {order.client_id: order for order in orders}


def _text(value: Any) -> Any:
    """A Decimal becomes text; enumerations of text are text already."""
    return str(value) if isinstance(value, Decimal) else value


def _value(kept: Any, kind: Any) -> Any:
    """``kind``: the field's type, of which None says nothing."""
    kinds = [part for part in getattr(kind, "__args__", (kind,)) if part is not type(None)]
    return kept if kept is None else kinds[0](kept)


def _numbers(values: Iterable[float]) -> list[float | None]:
    """JSON has no NaN; None stands for it."""
    return [None if value != value else value for value in values]


def _numbers_again(kept: Iterable[float | None]) -> tuple[float, ...]:
    return tuple(math.nan if value is None else value for value in kept)
