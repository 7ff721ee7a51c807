"""What has to go next to a venue that keeps stops and brackets itself, worked out anew each time. Pure.

As in ``engine.execute.steps``, nothing is remembered, and what can reduce a position at the venue is never more than
what is held. An entry goes out with its legs, which sleep there until it has filled; what is held beside that is
protected by a stop and a target of which one cancels the other. Quantities of such orders cannot be changed, so that a
pair for another quantity is cancelled and sent anew; a stop is moved in place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from engine.execute.steps import (
    CancelIt,
    Desk,
    MoveIt,
    Out,
    Send,
    SendTogether,
    Step,
    armed,
    entry_heads,
    may_send,
    urgency,
    wanted_of_exit,
    wire_of,
)
from engine.market.orders import Leg, OrderType
from engine.market.venue import ZERO, WireOrder, head_of, leg_id
from engine.market.wire import Attempt, Intent

LEGS = (Leg.STOP, Leg.TARGET)


def bracket_steps(desk: Desk) -> list[Step]:
    """What to ask of the venue now. Attempts that wait for an answer are left alone until it is there."""
    found: list[Step] = []
    heads, out = entry_heads(desk), Out.of(desk)
    groups = _groups(desk.intents)
    awake = {key: _awake(legs, heads) for key, legs in groups.items()}
    going = [i for i in desk.intents if i.reduces and (i.order.leg not in LEGS or i.triggered)]
    room = abs(desk.held) - sum((_left(pairs) for pairs in awake.values()), ZERO)
    room -= sum((a.left for i in going for a in i.working if i.order.leg not in LEGS or a.wire.immediate), ZERO)
    for intent in sorted(going, key=urgency):
        step, used = _outward(desk, intent, room)
        room -= used
        found += step
    units = _units(desk, groups, heads, out)
    for key, legs in groups.items():
        step, used = _protect(desk, legs, awake[key], units[key], room)
        room -= used
        found += step
    for intent in desk.intents:
        if not intent.reduces:
            found += _entry(desk, intent)
    return found


def _groups(intents: Sequence[Intent]) -> dict[str, list[Intent]]:
    """Legs that cancel one another."""
    found: dict[str, list[Intent]] = {}
    for intent in intents:
        if intent.order.leg in LEGS:
            found.setdefault(intent.order.group or intent.order.client_id, []).append(intent)
    return found


def _awake(legs: Iterable[Intent], heads: Mapping[str, Attempt]) -> dict[str, list[Attempt]]:
    """Attempts of legs that rest at the venue and can fill, by the request that they went out with."""
    found: dict[str, list[Attempt]] = {}
    for intent in legs:
        for attempt in intent.working:
            if not attempt.wire.immediate and head_of(attempt.wire.client_id) not in heads:
                name = attempt.wire.client_id
                head = head_of(name) if name == leg_id(head_of(name), intent.order.leg) else name
                found.setdefault(head, []).append(attempt)
    return found


def _left(pairs: dict[str, list[Attempt]]) -> Decimal:
    """Units that can still fill: of two that cancel one another only one does."""
    return sum((max(a.left for a in pair) for pair in pairs.values()), ZERO)


def _outward(desk: Desk, intent: Intent, room: Decimal) -> tuple[list[Step], Decimal]:
    """An exit, or a stop that was reached here; and how much of the room it takes."""
    stop = intent.order.leg in LEGS
    working = [a for a in intent.working if a.wire.immediate] if stop else intent.working
    wanted = wanted_of_exit(desk, intent) if not stop else ZERO if intent.withdrawn is not None else armed(desk, intent)
    left = sum((a.left for a in working), ZERO)
    stale = [a for a in working if a.stray or (a.wire.immediate and not a.sending) or _rests_at_market(intent, a)]
    if stale or left > wanted:
        return _cancel(stale or working, desk.now_ns), ZERO
    quantity = min(wanted - left, max(room, ZERO))
    if quantity <= 0 or not may_send(desk, intent):
        return [], ZERO
    wire = wire_of(desk, intent, quantity)
    return ([], ZERO) if wire is None else ([Send(intent, _closing(desk, wire))], quantity)


def _rests_at_market(intent: Intent, attempt: Attempt) -> bool:
    return intent.at_market and not attempt.wire.immediate


def _units(
    desk: Desk, groups: Mapping[str, Sequence[Intent]], heads: Mapping[str, Attempt], out: Out
) -> dict[str, dict[str, Decimal]]:
    """How much each leg is for, by its group and client id: together for what is held, less what exits are for, what
    was reached here and what sleeping legs are for. The stops that are reached first come first."""
    found: dict[str, dict[str, Decimal]] = {}
    asleep = {key: max(_asleep_units(leg, heads) for leg in legs) for key, legs in groups.items()}
    left = out.left - sum(asleep.values(), ZERO)
    for key in sorted(groups, key=lambda key: _nearness(groups[key])):
        most = max(left, ZERO)
        found[key] = {leg.order.client_id: min(_wanted(desk, leg, out) - asleep[key], most) for leg in groups[key]}
        left -= max([ZERO, *found[key].values()])
    return found


def _nearness(legs: Sequence[Intent]) -> tuple[bool, Decimal]:
    """By their stop; those without one come last."""
    prices = [leg.order.stop * leg.order.side.sign for leg in legs if leg.order.stop is not None]
    return (not prices, min(prices, default=ZERO))


def _protect(
    desk: Desk, legs: Sequence[Intent], pairs: dict[str, list[Attempt]], wants: Mapping[str, Decimal], room: Decimal
) -> tuple[list[Step], Decimal]:
    """Keep a stop and a target at the venue for what they are to be for; and how much of the room that takes."""
    there = [a for pair in pairs.values() for a in pair]
    if any(a.stray for a in there):
        return _cancel([a for a in there if a.stray], desk.now_ns), ZERO
    wanted = [leg for leg in legs if wants[leg.order.client_id] > 0]
    units = min((wants[leg.order.client_id] for leg in wanted), default=ZERO)
    if there and _as_wanted(pairs, wanted, units):
        return _moves(desk, wanted, there), ZERO
    if there:
        return _cancel(there, desk.now_ns), ZERO
    if not wanted or any(a.doubtful or a.look for leg in legs for a in leg.working):
        return [], ZERO
    quantity = min(units, max(room, ZERO))
    if quantity <= 0 or any(desk.now_ns < leg.retry_ns for leg in wanted):
        return [], ZERO
    return [_together(desk, wanted, quantity)], quantity


def _wanted(desk: Desk, leg: Intent, out: Out) -> Decimal:
    if leg.withdrawn is not None or leg.triggered or leg.order.group in out.stops:
        return ZERO
    return armed(desk, leg)


def _asleep_units(leg: Intent, heads: Mapping[str, Attempt]) -> Decimal:
    """What a part of its entry brought whose own legs still sleep: they will be for it."""
    names = {head_of(a.wire.client_id) for a in leg.working}
    return sum((heads[name].life.filled for name in sorted(names) if name in heads), ZERO)


def _as_wanted(pairs: dict[str, list[Attempt]], wanted: Sequence[Intent], units: Decimal) -> bool:
    """Whether what rests is what should. A pair that has begun to fill has lost its other half, and goes on."""
    if _left(pairs) != units:
        return False
    names = {leg.order.client_id for leg in wanted}
    for pair in pairs.values():
        owners = {a.intent for a in pair}
        if owners != names and not any(a.told or a.life.filled for a in pair):
            return False
    return True


def _moves(desk: Desk, wanted: Sequence[Intent], there: Sequence[Attempt]) -> list[Step]:
    """Stops that rest at another price than they should; one that the venue would not move is sent anew."""
    found: list[Step] = []
    for leg in wanted:
        stop = leg.order.stop
        for attempt in (a for a in there if a.intent == leg.order.client_id and stop not in (None, a.wire.limit)):
            if attempt.asking or attempt.over or attempt.doubtful or not attempt.life.venue_order_id:
                continue
            if attempt.refusals:
                return _cancel(there, desk.now_ns)
            assert stop is not None
            found.append(MoveIt(attempt, stop))
    return found


def _together(desk: Desk, legs: Sequence[Intent], quantity: Decimal) -> Step:
    """The legs as new orders: both in one request, or the only one by itself."""
    first = legs[0]
    if len(legs) == 1:
        return Send(first, _leg_wire(desk, first, quantity, first.next_id()))
    head = first.next_id()
    return SendTogether(tuple(
        Send(leg, _leg_wire(desk, leg, quantity, leg_id(head, leg.order.leg))) for leg in legs
    ))  # fmt: skip


def _leg_wire(desk: Desk, leg: Intent, quantity: Decimal, client_id: str, *, ahead: bool = False) -> WireOrder:
    """``ahead``: it goes out before there is anything to reduce."""
    order = leg.order
    stops = order.leg is Leg.STOP
    price = order.stop if stops else order.limit
    assert price is not None
    wire = WireOrder(
        client_id, order.symbol, order.side, quantity, price, type=OrderType.STOP if stops else OrderType.LIMIT
    )
    return wire._replace(reduce_only=True) if ahead else _closing(desk, wire)


def _closing(desk: Desk, wire: WireOrder) -> WireOrder:
    """Where strategies hold against one another, what reduces one position may not reduce the venue's."""
    return wire._replace(reduce_only=-desk.net * wire.side.sign >= wire.quantity)


def _entry(desk: Desk, intent: Intent) -> list[Step]:
    """An entry goes out once, with its legs where it has any."""
    working = intent.working
    if intent.withdrawn is not None or any(a.stray for a in working):
        return _cancel(working, desk.now_ns)
    if any(_rests_at_market(intent, a) for a in working):
        return _cancel([a for a in working if _rests_at_market(intent, a)], desk.now_ns)
    stale = [a for a in working if a.wire.immediate and not a.sending]
    if stale:
        return _cancel(stale, desk.now_ns)
    quantity = intent.order.quantity - intent.filled - sum((a.left for a in working), ZERO)
    if quantity <= 0 or not may_send(desk, intent):
        return []
    wire = wire_of(desk, intent, quantity)
    if wire is None:
        return []
    legs = [
        i for i in desk.intents
        if i.order.leg in LEGS and i.order.parent == intent.order.client_id and i.withdrawn is None and not i.triggered
    ]  # fmt: skip
    if not legs:
        return [Send(intent, wire)]
    head = wire.client_id
    sends = (Send(i, _leg_wire(desk, i, quantity, leg_id(head, i.order.leg), ahead=True)) for i in legs)
    return [SendTogether((Send(intent, wire), *sends))]


def _cancel(attempts: Iterable[Attempt], now_ns: int) -> list[Step]:
    """Take attempts off, as far as they can be named and no answer is waited for."""
    return [
        CancelIt(a) for a in attempts
        if a.life.venue_order_id and not (a.asking or a.over or a.doubtful or a.sending) and now_ns >= a.again_ns
    ]  # fmt: skip
