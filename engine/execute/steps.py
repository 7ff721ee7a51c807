"""What has to go to the venue next, worked out anew each time from how things stand. Pure.

Nothing here remembers what was asked before, so a restart is no special case: stops and targets of what is held come
back to life by being looked at. One rule keeps positions safe: what can reduce a position at the venue is never more
than what is held.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

from engine.market.events import Quote
from engine.market.instrument import Instrument
from engine.market.orders import Leg, OrderState, OrderType, Side
from engine.market.venue import ZERO, WireOrder, head_of
from engine.market.wire import Attempt, Intent

VENUE_EXPIRY_SLACK_NS = 5_000_000_000  # the venue's own expiry is a fuse behind ours, not a second clock


class Send(NamedTuple):
    """A new attempt of an intent."""

    intent: Intent
    wire: WireOrder


class CancelIt(NamedTuple):
    """An attempt that must come off the market."""

    attempt: Attempt


class ShrinkIt(NamedTuple):
    """An attempt that wants too much, and by how much."""

    attempt: Attempt
    by: Decimal


class SendTogether(NamedTuple):
    """New attempts of several intents in one request: an entry with its legs, or two legs."""

    sends: tuple[Send, ...]


class MoveIt(NamedTuple):
    """A stop at the venue that needs another price."""

    attempt: Attempt
    price: Decimal


Step = Send | CancelIt | ShrinkIt | SendTogether | MoveIt


class Desk(NamedTuple):
    """One strategy's open intents in one symbol with what it holds there (signed units), and the market.

    ``collar``: how far beyond the other side's best price an order at market may go, money per unit.
    ``net``: what is held in the symbol by everybody together, which is all that the venue knows.
    ``filled``: how much of each order has filled, by client id, and of each group of legs together, also of those
    that are over. ``instrument``: None of a market that is not followed any more; then orders only come off there.
    """

    intents: Sequence[Intent]
    held: Decimal
    net: Decimal
    filled: Mapping[str, Decimal]
    quote: Quote | None
    instrument: Instrument | None
    collar: Decimal
    now_ns: int
    brackets: bool = False  # the venue keeps stops itself: see ``engine.execute.brackets``


def trigger(desk: Desk) -> list[Intent]:
    """Intents whose stop price is reached, or whose time is over; they are changed here, and must be kept."""
    changed: list[Intent] = []
    heads = entry_heads(desk) if desk.brackets else {}
    for intent in desk.intents:
        order = intent.order
        at_venue = desk.brackets and intent.waits and _kept_there(intent, heads)
        if intent.waits and not at_venue and armed(desk, intent) > 0 and _stop_reached(intent, desk.quote):
            intent.triggered = True
            intent.at_market = order.type is OrderType.STOP
            changed.append(intent)
            changed += _stop_entry(desk, order.parent) if desk.brackets else ()
        over = order.expires_ns is not None and desk.now_ns >= order.expires_ns
        if over and not intent.at_market and intent.withdrawn is None:
            if order.fallback_market:
                intent.at_market = True
            else:
                intent.withdraw(OrderState.EXPIRED, "its time is over")
            changed.append(intent)
    return changed


def _kept_there(intent: Intent, heads: Mapping[str, Attempt]) -> bool:
    """Whether the venue keeps a stop as it should be: awake, and with the right price."""
    return any(
        not a.doubtful and not a.wire.immediate and a.wire.limit == intent.order.stop
        and head_of(a.wire.client_id) not in heads
        for a in intent.working
    )  # fmt: skip


def entry_heads(desk: Desk) -> dict[str, Attempt]:
    """Attempts of entries that may still fill, by client id: legs that went out with them are asleep."""
    return {a.wire.client_id: a for i in desk.intents if not i.reduces for a in i.working}


def _stop_entry(desk: Desk, entry: str | None) -> list[Intent]:
    """The entry of a stop that was reached before all of it had filled: no more of it is wanted."""
    found = [i for i in desk.intents if i.order.client_id == entry and i.withdrawn is None]
    for intent in found:
        intent.withdraw(OrderState.CANCELLED, "its stop was reached")
    return found


def steps(desk: Desk) -> list[Step]:
    """What to ask of the venue now. Attempts that wait for an answer are left alone until it is there."""
    found: list[Step] = []
    targets = _targets(desk, Out.of(desk))
    # What must be out at once comes first: exits and stops that were reached, then targets.
    room = abs(desk.held) - sum((a.left for i in desk.intents if i.reduces for a in i.working), ZERO)
    for intent in sorted(desk.intents, key=urgency):
        wanted = _wanted(desk, intent, targets)
        working = intent.working
        excess = sum((a.left for a in working), ZERO) - wanted
        rests = intent.at_market and any(not a.wire.immediate for a in working)
        if excess > 0 or rests or any(a.stray for a in working):
            found += less(working, excess, intent, desk.now_ns)
        elif excess < 0 and may_send(desk, intent):
            quantity = min(-excess, max(room, ZERO)) if intent.reduces else -excess
            wire = wire_of(desk, intent, quantity) if quantity > 0 else None
            if wire is not None:
                room -= quantity if intent.reduces else ZERO
                found.append(Send(intent, wire))
    return found


def finished(desk: Desk) -> list[Intent]:
    """Intents of which nothing can fill any more, and nothing more is to be tried."""
    alive = {intent.order.client_id for intent in desk.intents}
    return [intent for intent in desk.intents if not intent.working and _is_over(desk, intent, alive)]


def _is_over(desk: Desk, intent: Intent, alive: Set[str]) -> bool:
    if intent.withdrawn is not None or intent.filled >= intent.order.quantity:
        return True
    if not intent.reduces:
        return bool(intent.attempts) and not (intent.at_market and not intent.attempts[-1].wire.immediate)
    # Nothing is left to reduce: of a leg its entry is over and nothing of it is held, of an exit nothing is held.
    if intent.order.parent is None:
        return _reducible(desk, intent.order.side) == 0
    return intent.order.parent not in alive and armed(desk, intent) == 0


class Out(NamedTuple):
    """What is on its way out of the position: groups whose stop was reached, and how much is neither for exits nor for
    such a stop. Resting legs share that: those of several entries together are for no more than is held."""

    stops: Set[str | None]
    left: Decimal

    @classmethod
    def of(cls, desk: Desk) -> Out:
        exits = sum((_on_its_way(desk, i) for i in desk.intents if i.order.leg is Leg.EXIT), ZERO)
        left = abs(desk.held) - exits - _for_stops(desk)
        return cls({i.order.group for i in _reached(desk)}, max(left, ZERO))


def _reached(desk: Desk) -> list[Intent]:
    """Protective stops whose price was reached."""
    return [i for i in desk.intents if i.triggered and i.order.leg is Leg.STOP and i.withdrawn is None]


def _for_stops(desk: Desk) -> Decimal:
    return sum((armed(desk, i) for i in _reached(desk)), ZERO)


def _on_its_way(desk: Desk, exit_: Intent) -> Decimal:
    """What an exit is for, also one that is over as long as the venue has it: legs take its place only after it, as
    those that rest would come off for nothing."""
    return max(wanted_of_exit(desk, exit_), sum((a.left for a in exit_.working), ZERO))


def wanted_of_exit(desk: Desk, exit_: Intent) -> Decimal:
    """How much of an exit should be able to fill now. One that waits for a better price gives way to stops that were
    reached, as it would keep them from selling for as long as it waits."""
    if exit_.withdrawn is not None:
        return ZERO
    wanted = armed(desk, exit_)
    if exit_.at_market or exit_.order.type is OrderType.MARKET:
        return wanted
    return min(wanted, max(abs(desk.held) - _for_stops(desk), ZERO))


def urgency(intent: Intent) -> int:
    if not intent.reduces:
        return 3
    return 0 if intent.order.leg is Leg.EXIT else 1 if intent.triggered else 2


def _targets(desk: Desk, out: Out) -> dict[str, Decimal]:
    """How much each target is for, by client id. Exits and stops that were reached come before them; what those leave
    is for the nearest first, as that would fill first."""
    found: dict[str, Decimal] = {}
    left = out.left
    targets = [
        i for i in desk.intents
        if i.order.leg is Leg.TARGET and i.withdrawn is None and not i.waits and i.order.group not in out.stops
    ]  # fmt: skip
    for intent in sorted(targets, key=_nearness):
        found[intent.order.client_id] = min(armed(desk, intent), left)
        left -= found[intent.order.client_id]
    return found


def _nearness(target: Intent) -> Decimal:
    assert target.order.limit is not None
    return -target.order.limit * target.order.side.sign


def _wanted(desk: Desk, intent: Intent, targets: Mapping[str, Decimal]) -> Decimal:
    """How much of an intent should be able to fill now."""
    if intent.withdrawn is not None or intent.waits:
        return ZERO
    if not intent.reduces:
        return intent.order.quantity - intent.filled
    if intent.order.leg is Leg.EXIT:
        return wanted_of_exit(desk, intent)
    if intent.order.leg is not Leg.TARGET:
        return armed(desk, intent)
    return targets.get(intent.order.client_id, ZERO)


def armed(desk: Desk, intent: Intent) -> Decimal:
    """How much a reducing intent is for now: no more than is held, of a leg no more than its entry brought."""
    if not intent.reduces:
        return intent.order.quantity - intent.filled
    order = intent.order
    most = _reducible(desk, order.side)
    if order.parent is None:
        return max(min(order.quantity - intent.filled, most), ZERO)
    closed = desk.filled.get(group_key(order.group), ZERO) if order.group else intent.filled
    brought = min(desk.filled.get(order.parent, ZERO), order.quantity)
    return max(min(brought - closed, most), ZERO)


def group_key(group: str) -> str:
    """Where ``Desk.filled`` has what the legs of a group have filled together: a group is named as its entry is."""
    return f"group {group}"


def _reducible(desk: Desk, side: Side) -> Decimal:
    return max(-desk.held * side.sign, ZERO)


def _stop_reached(intent: Intent, quote: Quote | None) -> bool:
    """A stop is reached by the price at which it could be filled; unknown is not reached."""
    price = _other_side(intent.order.side, quote)
    assert intent.order.stop is not None
    return price is not None and (price - intent.order.stop) * intent.order.side.sign >= 0


def _other_side(side: Side, quote: Quote | None) -> Decimal | None:
    price = None if quote is None else quote.ask if side is Side.BUY else quote.bid
    return None if price is None else Decimal(repr(price))


def less(working: Sequence[Attempt], excess: Decimal, intent: Intent, now_ns: int) -> list[Step]:
    """Take attempts off the market, the newest first, and make the last of them smaller. What should not be there at
    all comes before them."""
    found: list[Step] = []
    newest_first = working[::-1]
    for attempt in (*(a for a in newest_first if a.stray), *(a for a in newest_first if not a.stray)):
        if attempt.stray or (intent.at_market and not attempt.wire.immediate):
            excess = max(excess, attempt.left)
        if excess <= 0:
            break
        part = min(excess, attempt.left)
        excess -= part
        if attempt.asking or attempt.over or part == 0 or (attempt.wire.immediate and not attempt.stray):
            continue
        if attempt.doubtful or not attempt.life.venue_order_id or now_ns < attempt.again_ns:
            continue
        if attempt.look and part < attempt.left:
            continue  # a cancel may be asked twice, a shrink may not
        found.append(CancelIt(attempt) if part == attempt.left else ShrinkIt(attempt, part))
    return found


def may_send(desk: Desk, intent: Intent) -> bool:
    """One attempt at a time while it is not known what became of the last; an entry has one attempt, and one more
    when it falls back to the market."""
    if desk.now_ns < intent.retry_ns or any(a.doubtful or a.look or a.wire.immediate for a in intent.working):
        return False
    if intent.reduces:
        return True
    return not intent.attempts or (intent.at_market and not intent.attempts[-1].wire.immediate)


def wire_of(desk: Desk, intent: Intent, quantity: Decimal) -> WireOrder | None:
    """The next attempt; None while there is no price to send it at."""
    order, instrument = intent.order, desk.instrument
    if instrument is None:
        return None
    if not intent.at_market:
        assert order.limit is not None
        expires = None if order.expires_ns is None else order.expires_ns + VENUE_EXPIRY_SLACK_NS
        return WireOrder(
            intent.next_id(), order.symbol, order.side, quantity, order.limit, expires_ns=expires,
            guarded=not intent.reduces,
        )  # fmt: skip
    price = _other_side(order.side, desk.quote)
    if price is None:
        return None
    buys = order.side is Side.BUY
    # Where strategies hold against one another, what reduces one position may not reduce the venue's.
    reduces = intent.reduces and -desk.net * order.side.sign >= quantity
    limit = instrument.on_grid(price + desk.collar * order.side.sign, ROUND_CEILING if buys else ROUND_FLOOR)
    return WireOrder(
        intent.next_id(), order.symbol, order.side, quantity, instrument.within(limit), immediate=True,
        reduce_only=reduces, guarded=not intent.reduces,
    )  # fmt: skip
