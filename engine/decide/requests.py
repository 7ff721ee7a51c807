"""What a person asks for becomes decisions like any other: judged, written down, replayed.

An order that a person places belongs to nobody of the rules (``MANUAL``): its bracket looks after it, and every guard
that rules have in its symbol judges it. What is asked is done as asked or not at all: nothing is shrunk or rounded.
"""

from __future__ import annotations

from engine.decide.actions import Cancel, Decision, Place, Verdict, client_id
from engine.decide.context import Context
from engine.decide.entries import Refused, tradable, within_limits, within_pack_limits
from engine.decide.exits import close_position
from engine.decide.guards import judge
from engine.decide.portfolio import Held, Pending
from engine.decide.sizing import limit_price, stop_price
from engine.decide.symbol import SymbolState
from engine.market.inputs import MANUAL, Requested, Wish
from engine.market.orders import Leg, Order, OrderType
from engine.ruleset.linker import SHARED
from engine.ruleset.rules import Pack


def answer(context: Context, request: Requested) -> None:
    """Decide on one wish; its decisions carry its id."""
    before = len(context.decisions)
    if request.wish is Wish.ENTER:
        _enter(context, request)
    elif request.wish is Wish.CANCEL:
        _cancel(context, request)
    else:
        _flatten(context, request)
    for decision in context.decisions[before:]:
        decision.request = request.id


def order_id(request_id: str, symbol: str, leg: Leg) -> str:
    """The client id of a wish's order: the same whenever it is taken, so that it can never be placed twice."""
    return client_id("", f"{MANUAL}|{request_id}", symbol, 0, leg)


# -- entering ----------------------------------------------------------------------------------------------------------


def _enter(context: Context, request: Requested) -> None:
    decision = Decision(context.now_ns, MANUAL, MANUAL, request.symbol, Verdict.FIRED, trigger_symbol=request.symbol)
    try:
        state = tradable(context, request.symbol)
        packs = _may_enter(context, request, state)
        pending = _order(context, request, state, packs, decision)
    except Refused as refused:
        decision.verdict, decision.guard, decision.reason = refused.verdict, refused.guard, refused.reason
        _note(context, decision)
        return
    decision.wanted = (pending.order, *pending.legs)
    decision.reason = _words(request)
    if not request.dry:
        decision.actions = (Place(decision.wanted),)
        context.portfolio.expect_entry(pending)
        for pack in packs:
            context.count_entry(pack.name, request.symbol)
    _note(context, decision)


def _words(request: Requested) -> str:
    words = [f"asked for by {request.by}"]
    words += ["forced: guards and sessions were not obeyed"] if request.force else []
    words += ["a dry run: nothing is ordered"] if request.dry else []
    return "; ".join(words)


def _may_enter(context: Context, request: Requested, state: SymbolState) -> list[Pack]:
    """Halts, sessions and their limits; the packs whose strategies can hold the symbol."""
    key, symbol = (MANUAL, request.symbol), request.symbol
    if order_id(request.id, symbol, Leg.ENTRY) in context.portfolio.pending:
        raise Refused(Verdict.BLOCKED, "same order", "this request has been ordered before")
    held = context.portfolio.held.get(key)
    if held is not None and held.sign != request.side.sign:
        raise Refused(Verdict.BLOCKED, "position", "the other way is held; flatten it first")
    strategies = context.plan.symbols[symbol].held_by
    packs = list({s.key: context.plan.packs[s.key] for s in strategies}.values())
    packs = [pack for number, pack in enumerate(packs) if pack not in packs[:number]]
    for name in (SHARED, *(pack.name for pack in packs)):
        halt = context.halted(name)
        if halt is not None:
            raise Refused(Verdict.BLOCKED, halt.guard, f"halted: {halt.reason}")
    if not request.force:
        for pack in packs:
            windows = context.windows[pack.name]
            if pack.sessions and not windows.open:
                raise Refused(Verdict.BLOCKED, "session", f"outside every session window of {pack.name}")
            within_limits(context, pack.name, symbol)
    return packs


def _order(
    context: Context, request: Requested, state: SymbolState, packs: list[Pack], decision: Decision
) -> Pending:
    """Judge the order as it was asked for; the entry with its bracket."""
    instrument, quantity, limit = state.instrument, request.quantity, request.limit
    if quantity <= 0 or quantity % instrument.lot_size != 0:
        raise Refused(Verdict.BLOCKED, "size", f"{quantity} is no whole number of lots of {instrument.lot_size}")
    if limit is not None and (instrument.on_grid(limit) != limit or instrument.within(limit) != limit or limit <= 0):
        raise Refused(Verdict.BLOCKED, "price", f"{limit} is not on the grid of {instrument.tick_size}")
    order = Order(
        order_id(request.id, state.symbol, Leg.ENTRY), state.symbol, request.side, quantity,
        OrderType.MARKET if limit is None else OrderType.LIMIT, Leg.ENTRY, MANUAL, MANUAL, context.now_ns, limit,
        reason=f"asked for by {request.by}",
    )  # fmt: skip
    reference = float(limit or state.mid)
    legs = _legs(context, request, order, state, reference)
    for pack in packs:
        most = within_pack_limits(context, pack, order, state, reference)
        if most < quantity:
            raise Refused(Verdict.BLOCKED, f"limits of {pack.name}", f"they leave {most:f} of {quantity:f}")
    if not request.force:
        _judge(context, request, state, order, reference, legs, decision)
    return Pending(order, legs, (), state.symbol, price=reference)


def _judge(
    context: Context, request: Requested, state: SymbolState, order: Order, reference: float,
    legs: tuple[Order, ...], decision: Decision,
) -> None:  # fmt: skip
    stops = [float(leg.stop) for leg in legs if leg.stop is not None]
    judgement = judge(
        context.plan.guards_of(MANUAL, state.symbol), order, state, context.order_feeds[state.symbol],
        context.portfolio.held.get((MANUAL, state.symbol)), reference, stops[0] if stops else None,
        context.plan.texts,
    )  # fmt: skip
    decision.guards = judgement.verdicts
    if not request.dry:
        for guard in judgement.effects:
            for held in context.carry_out(guard, state):
                close_position(context, held, guard.key, guard.action.reason, judged=False)
    if judgement.blocked_by:
        raise Refused(Verdict.BLOCKED, judgement.blocked_by, judgement.reason)
    if judgement.quantity < order.quantity:
        raise Refused(Verdict.BLOCKED, "guards", f"they leave {judgement.quantity:f} of {order.quantity:f}")


def _legs(
    context: Context, request: Requested, order: Order, state: SymbolState, reference: float
) -> tuple[Order, ...]:
    """The bracket, on the grid; a side of it that would not stand away from the entry is refused."""
    found: list[Order] = []
    side, sign, grid = order.side.opposite, order.side.sign, state.instrument
    for leg, ratio, way in ((Leg.STOP, request.stop_ratio, -1), (Leg.TARGET, request.target_ratio, 1)):
        if ratio is None:
            continue
        wanted = reference * (1 + sign * way * float(ratio))
        price = stop_price(wanted, grid) if leg is Leg.STOP else limit_price(wanted, side, grid)
        if (float(price) - reference) * sign * way <= 0 or price <= 0 or grid.within(price) != price:
            raise Refused(Verdict.BLOCKED, "bracket", f"its {leg} {price} is on the wrong side of {reference:g}")
        found.append(Order(
            order_id(request.id, state.symbol, leg), state.symbol, side, order.quantity,
            OrderType.STOP if leg is Leg.STOP else OrderType.LIMIT, leg, MANUAL, MANUAL, context.now_ns,
            limit=price if leg is Leg.TARGET else None, stop=price if leg is Leg.STOP else None,
            parent=order.client_id, group=order.client_id, reason=order.reason,
        ))  # fmt: skip
    return tuple(found)


# -- reducing ----------------------------------------------------------------------------------------------------------


def _cancel(context: Context, request: Requested) -> None:
    """Entry orders come off. What closes or protects a position stays, here as at a venue."""
    chosen = [p for p in context.portfolio.pending.values() if _meant(request, p.order, context.now_ns)]
    decision = Decision(context.now_ns, MANUAL, MANUAL, request.symbol, Verdict.FIRED)
    decision.wanted = tuple(p.order for p in chosen)
    decision.reason = f"{len(chosen)} entry order(s) taken off; {_words(request)}"
    if chosen and not request.dry:
        decision.actions = (Cancel(tuple(_ids(chosen))),)
    _note(context, decision)


def _flatten(context: Context, request: Requested) -> None:
    """Entries come off and positions are closed; no guard, session or halt is asked."""
    _cancel(context, request)
    held: list[Held] = [
        h for (_, symbol), h in context.portfolio.held.items() if request.symbol in ("", symbol)
    ]
    if not request.dry:
        for position in held:
            close_position(context, position, MANUAL, _words(request), judged=False)


def _meant(request: Requested, order: Order, now_ns: int) -> bool:
    return (
        request.symbol in ("", order.symbol)
        and (not request.orders or order.client_id in request.orders)
        and (request.age_ns is None or now_ns - order.created_ns > request.age_ns)
    )


def _ids(chosen: list[Pending]) -> list[str]:
    """Legs of an entry that has filled in part protect what it has bought."""
    return [o.client_id for p in chosen for o in ((p.order,) if p.started else (p.order, *p.legs))]


def _note(context: Context, decision: Decision) -> None:
    state = context.states.get(decision.symbol)
    if state is None:
        context.decisions.append(decision)  # of every symbol, or of one that is not followed
    else:
        context.note(decision, state)
