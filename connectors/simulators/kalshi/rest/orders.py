"""Order endpoints of the V2 interface: create, batches, amend, decrease, cancel, cancel all."""

from __future__ import annotations

from typing import Any

from connectors.simulators.kalshi.call import Body, Call, DecodeError, ParameterError
from connectors.simulators.kalshi.core.errors import VenueError
from connectors.simulators.kalshi.core.order import (
    SELF_TRADE_TYPES,
    SIDES,
    TIMES_IN_FORCE,
    Amendment,
    Executed,
    NewOrder,
)
from connectors.simulators.kalshi.core.units import MILLIS, NANOS, show_count, show_price
from connectors.simulators.kalshi.venue import Venue
from connectors.simulators.request import Reply

NO_FILL = {"fill_count": None, "remaining_count": None, "average_fill_price": None, "average_fee_paid": None}
_NEW_MOST = 64  # characters of a client order id


def _new_order(body: Body) -> NewOrder:
    ticker, side = body.required("ticker"), _one_of(body, "side", SIDES)
    count, price = body.count("count"), body.price("price")
    expiration = body.integer("expiration_time")
    return NewOrder(
        ticker,
        side,
        count,
        price,
        _one_of(body, "time_in_force", TIMES_IN_FORCE),
        _one_of(body, "self_trade_prevention_type", SELF_TRADE_TYPES),
        _client_id(body, "client_order_id") or "",
        expiration * NANOS if expiration is not None else None,
        body.flag("post_only"),
        body.flag("reduce_only"),
        body.flag("cancel_order_on_pause"),
        body.subaccount(),
        body.text("order_group_id") or None,
        body.shard(),
    )


def _one_of(body: Body, name: str, choices: tuple[str, ...]) -> str:
    value = body.required(name)
    if value not in choices:
        raise body.bad(name, "oneof")
    return value


def _client_id(body: Body, name: str) -> str | None:
    text = body.text(name)
    if text is not None and len(text) > _NEW_MOST:
        raise body.bad(name, "max")
    return text


def _placed(done: Executed, client_order_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = {"order_id": done.order.order_id}
    if client_order_id:
        shown["client_order_id"] = client_order_id
    shown |= {"fill_count": show_count(done.filled), "remaining_count": show_count(done.remaining)}
    return shown | _averages(done) | {"ts_ms": done.time_ns // MILLIS}


def _averages(done: Executed) -> dict[str, Any]:
    if not done.filled:
        return {}
    return {"average_fill_price": show_price(done.average_price), "average_fee_paid": show_price(done.average_fee)}


def create(venue: Venue, call: Call) -> Reply:
    wanted = _new_order(call.body())
    done = venue.exchange.place(call.user, wanted, call.now)
    return Reply(201, _placed(done, wanted.client_order_id))


def batch_create(venue: Venue, call: Call) -> Reply:
    """Each order by itself: one that is refused does not stop the others."""
    shown = []
    for body in call.body().objects("orders"):
        client_id = body.values.get("client_order_id")
        try:
            wanted = _new_order(body)
            shown.append(_placed(venue.exchange.place(call.user, wanted, call.now), wanted.client_order_id))
        except (VenueError, ParameterError, DecodeError) as error:
            shown.append({"client_order_id": client_id, **NO_FILL, "ts_ms": None, "error": _why(error)})
    return Reply(201, {"orders": shown})


def _why(error: VenueError | ParameterError | DecodeError) -> dict[str, str]:
    if isinstance(error, VenueError):
        return error.body()
    return {"code": "bad_request", "message": "bad request", "details": str(error)}


def cancel(venue: Venue, call: Call) -> Reply:
    done, reduced = venue.exchange.cancel(
        call.user, call.path["order_id"], call.now, call.subaccount() or 0, call.text("market_ticker"), call.shard()
    )
    shown = {"order_id": done.order_id, "reduced_by": show_count(reduced), "ts_ms": venue.floor.now // MILLIS}
    if done.client_order_id:
        shown["client_order_id"] = done.client_order_id
    return Reply(200, shown)


def batch_cancel(venue: Venue, call: Call) -> Reply:
    shown: list[dict[str, Any]] = []
    for body in call.body().objects("orders"):
        order_id = body.required("order_id")
        try:
            done, reduced = venue.exchange.cancel(
                call.user, order_id, call.now, body.subaccount(), body.text("market_ticker"), body.shard()
            )
            client_id = done.client_order_id or None
            ended = {"reduced_by": show_count(reduced), "ts_ms": venue.floor.now // MILLIS}
            shown.append({"order_id": order_id, "client_order_id": client_id, **ended})
        except VenueError as error:
            shown.append({"order_id": order_id, "reduced_by": show_count(0), "ts_ms": None, "error": error.body()})
    return Reply(200, {"orders": shown})


def cancel_all(venue: Venue, call: Call) -> Reply:
    reach = venue.faults.reach()
    again_ns = int(reach.value * NANOS) if reach is not None else None
    venue.exchange.cancel_all(call.user, call.now, call.subaccount(), again_ns)
    return Reply(204, None)


def amend(venue: Venue, call: Call) -> Reply:
    body = call.body()
    expiration = body.integer("expiration_time", 0)
    wanted = Amendment(
        call.path["order_id"],
        body.required("ticker"),
        _one_of(body, "side", SIDES),
        body.price("price"),
        body.count("count"),
        body.text("client_order_id"),
        _client_id(body, "updated_client_order_id"),
        expiration * NANOS if expiration is not None else None,
        call.subaccount() or 0,
        body.shard(),
    )
    done, resized = venue.exchange.amend(call.user, wanted, call.now)
    shown: dict[str, Any] = {"order_id": done.order.order_id}
    if done.order.client_order_id:
        shown["client_order_id"] = done.order.client_order_id
    if resized:
        shown |= {"remaining_count": show_count(done.remaining), "fill_count": show_count(done.filled)}
    return Reply(200, shown | _averages(done) | {"ts_ms": done.time_ns // MILLIS})


def decrease(venue: Venue, call: Call) -> Reply:
    body = call.body()
    by, to = body.optional_count("reduce_by"), body.optional_count("reduce_to")
    done = venue.exchange.decrease(
        call.user, call.path["order_id"], call.now, by, to, call.subaccount() or 0, body.text("market_ticker"),
        body.shard(),
    )  # fmt: skip
    shown: dict[str, Any] = {"order_id": done.order_id}
    if done.client_order_id:
        shown["client_order_id"] = done.client_order_id
    return Reply(200, shown | {"remaining_count": show_count(done.remaining), "ts_ms": venue.floor.now // MILLIS})


def gone(venue: Venue, call: Call) -> Reply:
    """The order endpoints of the first version."""
    raise VenueError(
        410, "deprecated_v1_order_endpoint", "https://docs.kalshi.com/api-reference/orders/create-order-v2",
        message="Please switch to the V2 endpoints",
    )  # fmt: skip
