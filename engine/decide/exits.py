"""Exits run for each open position, most urgent first. They close, scale out, move stops and trail.

Protective orders are left alone when something is closed: every broker makes them give way to an exit for as long as it
is under way. So both together never sell more than is held, and where an exit ends unfilled the stop is there again.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from engine.decide.actions import Action, Cancel, Decision, Place, Replace, Verdict
from engine.decide.context import Context
from engine.decide.guards import judge
from engine.decide.portfolio import Held
from engine.decide.sizing import decimal, limit_price, lots, stop_price
from engine.decide.symbol import SymbolState
from engine.language.types import Kind
from engine.market.events import NANOS
from engine.market.orders import Leg, Order, OrderType
from engine.plan.ops import Group
from engine.plan.plan import exit_segment
from engine.ruleset.rules import Exit, UnknownPolicy


def run_exits(context: Context, held: Held, state: SymbolState) -> None:
    """Judge every exit of one position; the first that closes it wholly ends the round."""
    strategy = held.position.strategy
    rules = context.plan.exits[strategy]
    if not rules:
        return
    feed = context.position_feeds.get((strategy, state.symbol))
    if feed is not None:
        feed.write(held, context.now_ns)
    state.memory.compute(exit_segment(strategy), state.event | Group.POSITION | Group.CLOCK)
    for rule in rules:
        if rule.once and rule.key in held.fired:
            continue
        if _run(context, rule, held, state):
            return


def _run(context: Context, rule: Exit, held: Held, state: SymbolState) -> bool:
    """One exit; True when the position is being closed wholly."""
    strategy = held.position.strategy
    verdict = _verdict(context, rule, state, strategy)
    if rule.action.trail_by is not None:
        _start_trail(context, rule, held, state, verdict)
        if rule.key in held.trailing:
            _trail(context, rule, held, state)
    if verdict is Verdict.UNKNOWN and rule.unknown is UnknownPolicy.CLOSE:
        close_position(context, held, rule.key, "its condition is unknown, and the rule says close")
        return True
    if verdict is not Verdict.FIRED or (rule.once and rule.key in held.fired):
        return False
    return _act(context, rule, held, state)


def _verdict(context: Context, rule: Exit, state: SymbolState, strategy: str) -> Verdict:
    key = (rule.key, strategy, state.symbol)
    slots = context.exit_slots.get(key)
    if slots is None:
        slots = context.exit_slots[key] = tuple(state.memory.program.slot(t, strategy) for t in rule.when)
    verdict, v = Verdict.FIRED, state.v
    for slot in slots:
        value = v[slot]
        if value == 0.0:
            return Verdict.SILENT
        if value != value:
            verdict = Verdict.UNKNOWN
    return verdict


def _act(context: Context, rule: Exit, held: Held, state: SymbolState) -> bool:
    """Close and move the stop as the rule says."""
    action = rule.action
    if action.close_all:
        return close_position(context, held, rule.key, rule.name, rule)
    actions: list[Action] = []
    strategy = held.position.strategy
    closes = action.close is not None
    if closes and not held.exiting:
        part = _part(context, rule, held, state)
        if part is None:
            return False
        if part >= abs(held.position.quantity):
            return close_position(context, held, rule.key, rule.name, rule)
        actions += _reduce(context, rule, held, state, part)
        closes = not actions
    if action.stop is not None:
        price = context.value(state, action.stop, strategy)
        if price == price:
            actions += _move_stop(context, rule, held, state, price)
    if actions:
        if not closes:  # its part is still to be closed: another exit is under way, or a guard held it back
            held.fired.add(rule.key)
        _note(context, rule.key, held, state, tuple(actions), rule.name)
    return False


def _note(
    context: Context, rule: str, held: Held, state: SymbolState, actions: tuple[Action, ...], reason: str
) -> None:
    context.note(
        Decision(
            context.now_ns, rule, held.position.strategy, state.symbol, Verdict.FIRED, actions, reason=reason,
            trigger_symbol=state.symbol,
        ),
        state,
    )  # fmt: skip


def _part(context: Context, rule: Exit, held: Held, state: SymbolState) -> Decimal | None:
    """How much of the position to close, in whole lots; None when the rule's amount is unknown."""
    assert rule.action.close is not None
    amount = context.value(state, rule.action.close, held.position.strategy)
    if amount != amount:
        return None
    open_quantity = abs(held.quantity)
    wanted = amount * open_quantity if rule.action.close.type.kind is Kind.RATIO else amount
    part = lots(wanted, state.instrument)
    # Half of one lot rounds to nothing; then the whole lot goes, since an exit must be able to act.
    return part if part > 0 else lots(min(open_quantity, float(state.instrument.lot_size)), state.instrument)


def _exit_order(
    context: Context, rule_key: str, held: Held, state: SymbolState, quantity: Decimal, rule: Exit | None
) -> Order:
    side = held.position.side.opposite
    limit, expires = None, None
    if rule is not None and rule.action.limit is not None:
        price = context.value(state, rule.action.limit, held.position.strategy)
        limit = limit_price(price, side, state.instrument) if price == price else None
    if rule is not None and rule.action.within is not None:
        expires = context.now_ns + int(context.value(state, rule.action.within, held.position.strategy) * NANOS)
    name = rule_key.partition(".")[2]
    return Order(
        context.order_id(f"{rule_key}|{held.position.strategy}", state.symbol, Leg.EXIT), state.symbol, side, quantity,
        OrderType.MARKET if limit is None else OrderType.LIMIT, Leg.EXIT, held.position.strategy, rule_key,
        context.now_ns, limit=limit, expires_ns=expires,
        fallback_market=rule is not None and rule.action.fallback_market, reason=name,
    )  # fmt: skip


def close_position(
    context: Context, held: Held, rule_key: str, reason: str, rule: Exit | None = None, *, judged: bool = True
) -> bool:
    """Close everything; True when the position is on its way out.

    ``judged``: guards of exits are asked; a person's word and a guard's need nobody's leave to reduce.
    """
    state = context.states[held.position.symbol]
    order = _exit_order(context, rule_key, held, state, abs(held.position.quantity), rule)
    if held.exiting and not _takes_their_place(held, order, rule, judged):
        return True
    if judged and _blocked(context, order, held, state):
        return False
    actions: list[Action] = [Cancel(tuple(held.exiting))] if held.exiting else []
    context.portfolio.expect_exit(held, order)
    _note(context, rule_key, held, state, (*actions, Place((order,))), reason)
    return True


def _takes_their_place(held: Held, order: Order, rule: Exit | None, judged: bool) -> bool:
    """Whether the exits under way come off the market for one that closes everything. A person's word and a guard's
    wait for none but one at market for everything; a rule at market does not wait for other rules' better prices."""
    others = held.exiting.values()
    if not judged:
        whole = abs(held.position.quantity)
        return not any(other.type is OrderType.MARKET and other.quantity >= whole for other in others)
    if order.type is not OrderType.MARKET:
        return False
    return all(other.type is OrderType.LIMIT and (rule is None or other.rule != order.rule) for other in others)


def _reduce(context: Context, rule: Exit, held: Held, state: SymbolState, part: Decimal) -> list[Action]:
    """Close a part."""
    order = _exit_order(context, rule.key, held, state, part, rule)
    if _blocked(context, order, held, state):
        return []
    context.portfolio.expect_exit(held, order)
    return [Place((order,))]


def _blocked(context: Context, order: Order, held: Held, state: SymbolState) -> bool:
    """Guards that say ``exits`` may hold a reduction back; no other can. What they halt or flatten is carried out."""
    guards = context.plan.guards_of(held.position.strategy, state.symbol)
    judgement = judge(
        guards, order, state, context.order_feeds[state.symbol], held, state.last, None, context.plan.texts
    )
    if not judgement.blocked_by:
        return False
    context.note(
        Decision(
            context.now_ns, order.rule, held.position.strategy, state.symbol, Verdict.BLOCKED,
            guard=judgement.blocked_by, reason=judgement.reason, guards=judgement.verdicts,
            trigger_symbol=state.symbol,
        ),
        state,
    )  # fmt: skip
    for guard in judgement.effects:
        for other in context.carry_out(guard, state):
            close_position(context, other, guard.key, guard.action.reason, judged=False)
    return True


# -- stops -----------------------------------------------------------------------------------------------------------


def _start_trail(context: Context, rule: Exit, held: Held, state: SymbolState, verdict: Verdict) -> None:
    """A trail starts when the rule's conditions and ``after`` have both been true once, and then never stops."""
    if rule.key in held.trailing or verdict is not Verdict.FIRED:
        return
    after = rule.action.trail_after
    if after is None or context.value(state, after, held.position.strategy) == 1.0:
        held.trailing.add(rule.key)


def _trail(context: Context, rule: Exit, held: Held, state: SymbolState) -> None:
    """Let the stop follow the best price since the entry; it never moves back."""
    assert rule.action.trail_by is not None
    by = context.value(state, rule.action.trail_by, held.position.strategy)
    if by != by:
        return
    best = held.high if held.sign > 0 else held.low
    distance = best * by if rule.action.trail_by.type.kind is Kind.RATIO else by
    actions = _move_stop(context, rule, held, state, best - held.sign * distance)
    if actions:
        _note(context, rule.key, held, state, tuple(actions), "trailing stop")


def _move_stop(context: Context, rule: Exit, held: Held, state: SymbolState, price: float) -> list[Action]:
    """Move the protective stop to ``price`` if that is tighter; place one for what none rests for, as after an entry
    that went on filling."""
    on_grid = stop_price(price, state.instrument)
    current = held.stop_price()
    if held.exiting and not held.legs:
        return []
    actions: list[Action] = []
    if current is not None and (float(on_grid) - current) * held.sign > 0:
        actions += _replaced(held, on_grid)
    elif current is not None:
        on_grid = decimal(current)
    stops = [leg for leg in held.legs.values() if leg.leg is Leg.STOP]
    bare = abs(held.position.quantity) - _quantity(held.exiting.values()) - _quantity(stops)
    if bare > 0:
        # Beside another stop it stands for itself: what that one fills it must not lose.
        groups = [leg.group for leg in held.legs.values() if leg.group and not stops]
        actions.append(Place((_new_stop(context, rule, held, state, on_grid, bare, next(iter(groups), None)),)))
    return actions


def _replaced(held: Held, price: Decimal) -> list[Action]:
    """All stops that rest, at another price."""
    actions: list[Action] = []
    for leg in list(held.legs.values()):
        if leg.leg is Leg.STOP:
            actions.append(Replace(leg.client_id, stop=price))
            held.legs[leg.client_id] = leg._replace(stop=price)
    return actions


def _quantity(orders: Iterable[Order]) -> Decimal:
    return sum((order.quantity for order in orders), Decimal(0))


def _new_stop(
    context: Context, rule: Exit, held: Held, state: SymbolState, price: Decimal, quantity: Decimal, group: str | None
) -> Order:
    order = Order(
        context.order_id(f"{rule.key}|{held.position.strategy}", state.symbol, Leg.STOP), state.symbol,
        held.position.side.opposite, quantity, OrderType.STOP, Leg.STOP, held.position.strategy, rule.key,
        context.now_ns, stop=price, group=group, reason=rule.name,
    )  # fmt: skip
    held.legs[order.client_id] = order
    return order
