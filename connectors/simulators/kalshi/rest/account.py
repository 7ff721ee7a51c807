"""The caller's limits, costs of endpoints, and API keys."""

from __future__ import annotations

from typing import Any

from connectors.simulators.kalshi.call import Body, Call
from connectors.simulators.kalshi.core.errors import VenueError, not_found
from connectors.simulators.kalshi.core.units import NANOS
from connectors.simulators.kalshi.keys import ApiKey, known_scopes, make_private, private_pem, read_public
from connectors.simulators.kalshi.limits import DEFAULT_COST, TIERS, Bucket, Limits
from connectors.simulators.kalshi.rest.costs import COSTS
from connectors.simulators.kalshi.venue import Venue
from connectors.simulators.request import Reply

MAY_BRING_KEYS = ("premier", "paragon", "prime", "prestige")
_LANE = "event_contract"


def limits(venue: Venue, call: Call) -> Reply:
    mine = venue.limits[call.user]
    grants = []
    if mine.tier.name != "basic":
        grants.append({"exchange_instance": _LANE, "level": mine.tier.name, "source": "manual"})
    body = {
        "usage_tier": mine.tier.name,
        "read": _bucket(mine.read),
        "write": _bucket(mine.writes[0]),
        "grants": grants,
    }
    return Reply(200, body)


def _bucket(bucket: Bucket) -> dict[str, int]:
    return {"refill_rate": bucket.rate, "bucket_capacity": bucket.capacity}


def upgrade(venue: Venue, call: Call) -> Reply:
    """From Basic to Advanced, for those who have placed an order."""
    if not venue.published.portfolio(call.user, call.now).orders:
        raise VenueError(403, "forbidden", "no API-created order was found")
    if venue.limits[call.user].tier.name == "basic":
        venue.limits[call.user] = Limits(TIERS["advanced"], len(venue.floor.shards), call.now)
    return Reply(201, None)


def volume_progress(venue: Venue, call: Call) -> Reply:
    return Reply(200, {"volume_progress": []})


def endpoint_costs(venue: Venue, call: Call) -> Reply:
    listed = [{"method": method, "path": path, "cost": cost} for (method, path), cost in COSTS.items()]
    return Reply(200, {"default_cost": DEFAULT_COST, "endpoint_costs": listed})


def api_keys(venue: Venue, call: Call) -> Reply:
    shown = []
    for key in venue.keys.values():
        if key.user != call.user:
            continue
        entry: dict[str, Any] = {"api_key_id": key.key_id, "name": key.name, "scopes": list(key.scopes)}
        shown.append(entry if key.subaccount is None else {**entry, "subaccount": key.subaccount})
    return Reply(200, {"api_keys": shown, "api_key_region_expiration_ts": call.now // NANOS + 86_400})


def create_api_key(venue: Venue, call: Call) -> Reply:
    if venue.limits[call.user].tier.name not in MAY_BRING_KEYS:
        raise VenueError(403, "forbidden", "bringing a public key needs the Premier usage level")
    body = call.body()
    name, pem = body.required("name"), body.required("public_key")
    try:
        public = read_public(pem)
    except ValueError as error:
        raise VenueError(400, "invalid_parameters", f"public_key: {error}") from None
    key = ApiKey(venue.floor.ids(), call.user, public, name, _scopes(body), body.integer("subaccount", 0, 63))
    venue.add_key(key)
    return Reply(201, {"api_key_id": key.key_id})


def generate_api_key(venue: Venue, call: Call) -> Reply:
    body = call.body()
    name, kind = body.required("name"), body.text("key_type") or "rsa"
    if kind not in ("rsa", "ed25519"):
        raise body.bad("key_type", "oneof")
    private = make_private(kind)
    locked = body.integer("subaccount", 0, 63)
    key = ApiKey(venue.floor.ids(), call.user, private.public_key(), name, _scopes(body), locked)
    venue.add_key(key)
    return Reply(201, {"api_key_id": key.key_id, "key_type": kind, "private_key": private_pem(private)})


def delete_api_key(venue: Venue, call: Call) -> Reply:
    key = venue.keys.get(call.path["api_key"])
    if key is None or key.user != call.user:
        raise not_found()
    del venue.keys[key.key_id]
    return Reply(204, None)


def _scopes(body: Body) -> tuple[str, ...]:
    if body.values.get("scopes") is None:
        return ("read", "write")
    try:
        scopes = known_scopes(body.items("scopes"))
    except ValueError as error:
        raise VenueError(400, "invalid_parameters", str(error)) from None
    if "write" in scopes and "read" not in scopes:
        raise VenueError(400, "invalid_parameters", "the scope write needs read")
    return scopes
