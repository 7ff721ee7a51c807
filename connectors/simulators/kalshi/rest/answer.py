"""From a request to its answer: signature, scope, rate limit, handler, and the shape that errors take."""

from __future__ import annotations

from urllib.parse import parse_qs

from connectors.simulators.kalshi import auth
from connectors.simulators.kalshi.call import Call, DecodeError, ParameterError
from connectors.simulators.kalshi.core.errors import VenueError, not_found
from connectors.simulators.kalshi.core.units import NANOS
from connectors.simulators.kalshi.keys import ApiKey
from connectors.simulators.kalshi.rest.routes import PUBLIC, Route, find
from connectors.simulators.kalshi.venue import Venue
from connectors.simulators.request import Reply, Request

TOO_MANY = Reply(429, {"error": "too many requests"})
BATCHES = ("batch-create", "batch-cancel")


def answer(venue: Venue, request: Request) -> Reply:
    """Carry out one request. Never raises for anything that a client can send."""
    now = venue.now()
    venue.tick()
    try:
        return _answer(venue, request, now)
    except VenueError as error:
        return Reply(error.status, {"error": error.body()})
    except ParameterError as error:
        return Reply(400, {"msg": str(error)})
    except DecodeError as error:
        return Reply(400, {"code": "bad_request", "message": "bad request", "details": str(error)})
    finally:
        venue.settle_up()


def _answer(venue: Venue, request: Request, now: int) -> Reply:
    found = find(request.method, request.path)
    if found is None:
        raise not_found()
    route, parts = found
    key = _signer(venue, route, request)
    query = parse_qs(request.query, keep_blank_values=True)
    call = Call(route.operation, parts, query, request.body, now, key)
    if key is not None and not venue.options.unlimited and not _afford(venue, route, call, key):
        return TOO_MANY
    return route.handler(venue, call)


def _signer(venue: Venue, route: Route, request: Request) -> ApiKey | None:
    """Public endpoints take unsigned requests; a signature that is there is billed to its user."""
    if route.scope == PUBLIC:
        return venue.keys.get(request.headers.get(auth.KEY_HEADER, ""))
    key = auth.authenticate(
        venue.keys, request.method, request.path, request.headers, venue.signing_now(),
        int(venue.options.signature_seconds * NANOS),
    )  # fmt: skip
    auth.need_scope(key, route.scope)
    return key


def _afford(venue: Venue, route: Route, call: Call, key: ApiKey) -> bool:
    limits = venue.limits[key.user]
    if route.name == "balance":
        return limits.spend_balance(call.now)
    if route.kind == "read":
        return limits.spend_read(route.cost, call.now)
    if route.name in BATCHES:
        orders = call.body().items("orders")
        cost = route.cost * len(orders)
        if cost > limits.writes[0].capacity:
            raise VenueError(400, "invalid_parameters", "the batch is larger than the write budget")
        return limits.spend_write(cost, 0, call.now)
    return limits.spend_write(route.cost, _billed_shard(route, call), call.now)


def _billed_shard(route: Route, call: Call) -> int | None:
    """The shard named, none (all of them) for orders routed by their ticker, and shard 0 for everything else."""
    if route.name in ("create", "amend", "decrease"):
        shard = call.body().shard()
    elif route.name == "cancel":
        shard = call.shard()
    else:
        return 0
    return None if shard in (None, -1) else shard
