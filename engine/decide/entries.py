"""Strategies whose trigger fired and whose conditions are true become wanted orders, or reasons why not."""

from __future__ import annotations

from decimal import Decimal

from engine.decide.actions import Decision, Place, Verdict
from engine.decide.context import Context
from engine.decide.exits import close_position
from engine.decide.guards import Judgement, judge
from engine.decide.portfolio import Pending
from engine.decide.sizing import decimal, limit_price, lots, stop_price
from engine.decide.symbol import SymbolState
from engine.market.events import NANOS
from engine.market.instrument import round_quantity
from engine.market.orders import Leg, Order, OrderType, Side
from engine.plan.plan import execution_symbol
from engine.ruleset.rules import Entry, Pack, Strategy


class Refused(Exception):
    """An entry that cannot become an order: the verdict, what stood in the way, and why."""

    def __init__(self, verdict: Verdict, guard: str, reason: str) -> None:
        super().__init__(reason)
        self.verdict, self.guard, self.reason = verdict, guard, reason


def enter(context: Context, strategy: Strategy, trigger: SymbolState) -> None:
    """The strategy's conditions are true on ``trigger``: decide, record, and expect the order."""
    pack = context.plan.packs[strategy.key]
    symbol = execution_symbol(pack, strategy, trigger.symbol)
    key, now_ns = strategy.key, context.now_ns
    decision = Decision(now_ns, key, key, symbol, Verdict.FIRED, trigger_symbol=trigger.symbol)
    try:
        state = tradable(context, symbol)
        _may_enter(context, strategy, trigger, symbol)
        pending = _order(context, strategy, trigger, state, decision)
    except Refused as refused:
        decision.verdict, decision.guard, decision.reason = refused.verdict, refused.guard, refused.reason
        context.note(decision, trigger)
        return
    decision.actions = (Place((pending.order, *pending.legs)),)
    _start_cooldown(context, strategy, trigger)
    context.portfolio.expect_entry(pending)
    context.count_entry(strategy.pack, symbol)
    context.note(decision, trigger)


def tradable(context: Context, symbol: str) -> SymbolState:
    """The symbol as of now; Refused where it cannot be ordered."""
    state = context.states.get(symbol)
    if state is None:
        raise Refused(Verdict.BLOCKED, "market", f"there is no market data for {symbol}")
    if not state.instrument.tradable:
        raise Refused(Verdict.BLOCKED, "market", f"{symbol} is an index and cannot be ordered; map it to a proxy")
    if state.last != state.last:
        raise Refused(Verdict.UNKNOWN, "market", f"no price of {symbol} is known yet")
    context.bring_up_to_date(symbol)
    return state


def _may_enter(context: Context, strategy: Strategy, trigger: SymbolState, symbol: str) -> None:
    """Cooldown, sessions and their limits, halts: everything that needs no order to be judged."""
    pending = context.portfolio.pending
    if pending and context.order_id(strategy.key, symbol, Leg.ENTRY) in pending:
        raise Refused(Verdict.BLOCKED, "same order", f"another trigger has just ordered {symbol} for this strategy")
    until = context.cooling.get((strategy.key, trigger.symbol), 0)
    if context.now_ns < until:
        left = (until - context.now_ns) // NANOS
        raise Refused(Verdict.COOLING, "cooldown", f"{left} s of its cooldown are left")
    halt = context.halted(strategy.pack)
    if halt is not None:
        raise Refused(Verdict.BLOCKED, halt.guard, f"halted: {halt.reason}")
    windows = context.windows[strategy.pack]
    refusal = windows.refusal(strategy.key)
    if refusal:
        raise Refused(Verdict.BLOCKED, "session", refusal)
    within_limits(context, strategy.pack, symbol)


def within_limits(context: Context, pack: str, symbol: str) -> None:
    """Refused where a limit of the open session windows of a pack is reached. They count what is the pack's own, and
    what a person holds or has ordered of its symbols."""
    portfolio, entries, sessions = context.portfolio, context.entries_in_window, context.windows[pack].open
    if not sessions:
        return
    held = [other for strategy, other in portfolio.held if context.counts_for(pack, strategy, other)]
    orders = [p.order for p in portfolio.pending.values()]
    ordered = [o.symbol for o in orders if context.counts_for(pack, o.strategy, o.symbol)]
    used = {
        "positions": len(held) + len(ordered),
        "positions_per_symbol": held.count(symbol) + ordered.count(symbol),
        "orders": len(ordered),
    }
    for session in sessions:
        used["entries"] = sum(n for (other, _), n in entries.items() if other == session.key)
        used["entries_per_symbol"] = entries.get((session.key, symbol), 0)
        for name, limit in session.limits.items():
            if used[name] >= limit:
                words = f"the limit of {session.name}, {limit:g} {name.replace('_', ' ')}, is reached"
                raise Refused(Verdict.BLOCKED, "session", words)


def _start_cooldown(context: Context, strategy: Strategy, trigger: SymbolState) -> None:
    cooldown = strategy.cooldown_for(trigger.symbol)
    if cooldown is not None:
        seconds = context.value(trigger, cooldown, strategy.key)
        context.cooling[strategy.key, trigger.symbol] = context.now_ns + int(seconds * NANOS)


def _order(
    context: Context, strategy: Strategy, trigger: SymbolState, state: SymbolState, decision: Decision
) -> Pending:
    """Size, price and judge; the entry with its bracket."""
    entry = strategy.entry_for(trigger.symbol)
    order = _sized(context, strategy, entry, state)
    reference = float(order.limit or order.stop or state.mid)
    most = within_pack_limits(context, context.plan.packs[strategy.key], order, state, reference)
    order = _with_quantity(order, most, state)
    stop, target = _bracket_prices(context, strategy, entry, state, reference)
    judgement = _judge(context, strategy, state, order, reference, stop)
    decision.guards = judgement.verdicts
    for guard in judgement.effects:
        for held in context.carry_out(guard, state):
            close_position(context, held, guard.key, guard.action.reason, judged=False)
    if judgement.blocked_by:
        raise Refused(Verdict.BLOCKED, judgement.blocked_by, judgement.reason)
    order = _with_quantity(order, judgement.quantity, state)
    program = state.memory.program
    values = tuple(float(state.v[read]) for read, _ in program.captures.get(strategy.key, ()))
    legs = _legs(context, order, state, stop, target)
    return Pending(order, legs, values, trigger.symbol, price=reference)


def _number(context: Context, state: SymbolState, term: object, owner: str, what: str) -> float:
    value = context.value(state, term, owner)  # type: ignore[arg-type]
    if value != value:
        raise Refused(Verdict.UNKNOWN, what, f"its {what} is unknown")
    return value


def _sized(context: Context, strategy: Strategy, entry: Entry, state: SymbolState) -> Order:
    key, instrument = strategy.key, state.instrument
    quantity = lots(_number(context, state, entry.size, key, "size"), instrument)
    if quantity <= 0:
        raise Refused(Verdict.BLOCKED, "size", "its size rounds down to nothing")
    limit = stop = None
    if entry.limit is not None:
        limit = limit_price(_number(context, state, entry.limit, key, "limit"), entry.side, instrument)
    if entry.stop is not None:
        stop = stop_price(_number(context, state, entry.stop, key, "stop"), instrument)
    expires = None
    if entry.within is not None:
        expires = context.now_ns + int(_number(context, state, entry.within, key, "time limit") * NANOS)
    for price in (limit, stop):
        if price is not None and price <= 0:
            raise Refused(Verdict.BLOCKED, "price", "its price is not above zero")
    return Order(
        context.order_id(key, state.symbol, Leg.ENTRY), state.symbol, entry.side, quantity, _type(limit, stop),
        Leg.ENTRY, key, key, context.now_ns, limit, stop, expires_ns=expires, fallback_market=entry.fallback_market,
    )  # fmt: skip


def _type(limit: Decimal | None, stop: Decimal | None) -> OrderType:
    if stop is not None:
        return OrderType.STOP if limit is None else OrderType.STOP_LIMIT
    return OrderType.MARKET if limit is None else OrderType.LIMIT


def _bracket_prices(
    context: Context, strategy: Strategy, entry: Entry, state: SymbolState, reference: float
) -> tuple[float | None, float | None]:
    """Stop and target; each must lie on its side of the entry price."""
    sign = entry.side.sign
    prices: list[float | None] = []
    for term, side, what in ((entry.bracket_stop, -1, "stop"), (entry.bracket_target, 1, "target")):
        if term is None:
            prices.append(None)
            continue
        price = _number(context, state, term, strategy.key, what)
        if (price - reference) * sign * side <= 0:
            raise Refused(Verdict.BLOCKED, "bracket", f"its {what} {price:g} is on the wrong side of {reference:g}")
        prices.append(price)
    return prices[0], prices[1]


def _judge(
    context: Context, strategy: Strategy, state: SymbolState, order: Order, reference: float, stop: float | None
) -> Judgement:
    held = context.portfolio.held.get((strategy.key, state.symbol))
    return judge(
        context.plan.guards_of(strategy.key, state.symbol), order, state, context.order_feeds[state.symbol], held,
        reference, stop, context.plan.texts,
    )  # fmt: skip


def within_pack_limits(context: Context, pack: Pack, order: Order, state: SymbolState, reference: float) -> Decimal:
    """What a pack's hard limits and its budget leave of an order's quantity, on what its owner holds and wants."""
    quantity = order.quantity
    if pack.max_quantity is None and pack.max_notional is None and pack.budget is None:
        return quantity
    held = context.portfolio.held.get((order.strategy, state.symbol))
    already = abs(held.quantity) if held is not None else 0.0
    already += context.portfolio.ordered(order.strategy, state.symbol)
    most = [m - already for m in (pack.max_quantity,) if m is not None]
    unit_cost = state.instrument.unit_cost(order.side is Side.BUY, reference)
    if pack.max_notional is not None and unit_cost > 0:
        most.append(pack.max_notional / unit_cost - already)
    if pack.budget is not None:
        most.append(_left_of_budget(context, pack.name, pack.budget, unit_cost, float(state.instrument.lot_size)))
    if not most:
        return quantity
    return min(quantity, decimal(max(min(most), 0.0)))


def _left_of_budget(context: Context, pack: str, budget: float, unit_cost: float, lot: float) -> float:
    """How many units what the pack does not tie up yet pays for, at the price of this moment."""
    if not unit_cost > 0:
        raise Refused(Verdict.UNKNOWN, "budget", "what a unit costs is unknown, so the pack's budget lets nothing by")
    left = budget - context.portfolio.exposure_of_pack(pack)
    units = round(left / unit_cost, 9)
    if units < lot:
        words = f"${max(left, 0.0):,.2f} is left of the pack's budget of ${budget:,.2f}"
        raise Refused(Verdict.BLOCKED, "budget", words)
    return units


def _with_quantity(order: Order, quantity: Decimal, state: SymbolState) -> Order:
    """The order in whole lots of at most ``quantity``."""
    if quantity == order.quantity:
        return order
    rounded = round_quantity(quantity, state.instrument.lot_size)
    if rounded <= 0:
        raise Refused(Verdict.BLOCKED, "size", "the caps leave nothing of its size")
    return order._replace(quantity=rounded)


def _legs(
    context: Context, order: Order, state: SymbolState, stop: float | None, target: float | None
) -> tuple[Order, ...]:
    """The bracket: protective orders that wake with the entry's fill and cancel one another."""
    legs: list[Order] = []
    side: Side = order.side.opposite
    group = order.client_id
    for leg, price in ((Leg.STOP, stop), (Leg.TARGET, target)):
        if price is None:
            continue
        on_grid = stop_price(price, state.instrument) if leg is Leg.STOP else limit_price(price, side, state.instrument)
        legs.append(Order(
            context.order_id(order.rule, state.symbol, leg), state.symbol, side, order.quantity,
            OrderType.STOP if leg is Leg.STOP else OrderType.LIMIT, leg, order.strategy, order.rule, context.now_ns,
            limit=on_grid if leg is Leg.TARGET else None, stop=on_grid if leg is Leg.STOP else None,
            parent=order.client_id, group=group,
        ))  # fmt: skip
    return tuple(legs)
