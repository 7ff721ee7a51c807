"""Tradier's orders as the engine's: which of a bracket's orders is what, and forms from what the engine wants sent.

A bracket has one tag, on its parent. Its entry goes by the parent's id and tag; its stop and its target go by ids of
their own and are named after the tag. What the client ids of an engine are made of fits into a tag as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal

from connectors.tradier.orders import TAG, Action, Class, Duration, Listed, Part, Type, oco, oto, otoco, single
from engine.market.orders import Leg, OrderType, Side
from engine.market.venue import VenueOrder, WireOrder, head_of, leg_id
from engine.market.wire import EXPIRED

ADVANCED = frozenset({Class.OTO.value, Class.OCO.value, Class.OTOCO.value})
OPENING = frozenset({"buy", "sell_short", "buy_to_open", "sell_to_open"})
OPTION_LENGTH = 15  # of everything after the root of an OCC symbol
LONGEST_TAG = 255


def tag_of(client_id: str) -> str:
    """The tag of a client id: itself where it may be one, else what is left of it with a digest of the whole."""
    if TAG.fullmatch(client_id):
        return client_id
    digest = hashlib.blake2b(client_id.encode(), digest_size=10).hexdigest()
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in client_id)
    return f"{kept[: LONGEST_TAG - len(digest) - 1]}-{digest}"


def form_of(orders: Sequence[WireOrder]) -> dict[str, str]:
    """The request that sends ``orders`` (see ``BracketVenue.together``). ValueError for what Tradier cannot take."""
    first = orders[0]
    if len(orders) == 1:
        # What protects a position outlives the day; everything else does not.
        lasts = Duration.GTC if first.reduce_only and not first.immediate else Duration.DAY
        return single(_part(first, lasts), tag_of(first.client_id))
    if head_of(orders[1].client_id) != first.client_id:
        one, other = (_part(order, Duration.GTC) for order in orders)
        return oco(one, other, tag_of(head_of(first.client_id)))
    entry, legs = _part(first, Duration.DAY), [_part(order, Duration.GTC) for order in orders[1:]]
    tag = tag_of(first.client_id)
    return oto(entry, legs[0], tag) if len(legs) == 1 else otoco(entry, legs[0], legs[1], tag)


def _part(order: WireOrder, lasts: Duration) -> Part:
    if order.quantity != order.quantity.to_integral_value():
        raise ValueError(f"quantity {order.quantity}: Tradier takes whole shares and contracts only")
    option = order.symbol if is_option(order.symbol) else ""
    kind = Type.STOP if order.type is OrderType.STOP else Type.LIMIT
    return Part(
        underlying_of(order.symbol), _side(order, bool(option)), int(order.quantity), kind,
        None if kind is Type.STOP else order.limit, order.limit if kind is Type.STOP else None, lasts, option,
    )  # fmt: skip


def _side(order: WireOrder, option: bool) -> Action:
    buys, closes = order.side is Side.BUY, order.reduce_only
    if option:
        words = f"{'buy' if buys else 'sell'}_to_{'close' if closes else 'open'}"
        return Action(words)
    if buys:
        return Action.BUY_TO_COVER if closes else Action.BUY
    return Action.SELL if closes else Action.SELL_SHORT


def is_option(symbol: str) -> bool:
    """Whether it is an OCC symbol: a root of letters, six digits, C or P, eight digits."""
    body = symbol[-OPTION_LENGTH:]
    return len(symbol) > OPTION_LENGTH and body[6] in "CP" and (body[:6] + body[7:]).isdigit()


def underlying_of(symbol: str) -> str:
    """What an option is on; any other symbol as it is. BRK.B is BRK/B at Tradier."""
    if is_option(symbol):
        return symbol[:-OPTION_LENGTH]
    return symbol.replace(".", "/")


def symbol_of(listed: Listed) -> str:
    """The symbol of an order as the engine writes it."""
    return listed.option or listed.symbol.replace("/", ".")


def venue_orders(root: Listed) -> list[VenueOrder]:
    """Everything of one listed order that trades; of spreads nothing, which no engine sends."""
    if root.order_class not in ADVANCED:
        return [] if root.legs else [_order(root, root.id, root.tag)]
    nodes = [node for node in root.all() if node.side]
    entry = _entry_of(root, nodes)
    found = []
    for node in nodes:
        if node is entry:
            found.append(_order(node, root.id, root.tag))
        else:
            leg = Leg.STOP if node.type in (Type.STOP, Type.STOP_LIMIT) else Leg.TARGET
            found.append(_order(node, node.id, leg_id(root.tag, leg) if root.tag else ""))
    return found


def _entry_of(root: Listed, nodes: Sequence[Listed]) -> Listed | None:
    if root.order_class == Class.OCO:
        return None
    return next((node for node in nodes if node.side in OPENING), nodes[0] if nodes else None)


def _order(node: Listed, venue_id: str, client_id: str) -> VenueOrder:
    average = node.average if node.average > 0 else None
    why = "" if not node.over else EXPIRED if node.status == "expired" else node.reason or node.status
    return VenueOrder(
        venue_id, client_id, symbol_of(node), Side.BUY if node.side.startswith("buy") else Side.SELL, node.quantity,
        node.executed, node.price or node.stop or Decimal(0), not node.over, node.created_ns, why, average,
        node.changed_ns,
    )  # fmt: skip
