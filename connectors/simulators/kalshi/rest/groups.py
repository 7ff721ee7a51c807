"""Order group endpoints."""

from __future__ import annotations

from typing import Any

from connectors.simulators.kalshi.call import Body, Call
from connectors.simulators.kalshi.core.errors import VenueError
from connectors.simulators.kalshi.core.groups import Group
from connectors.simulators.kalshi.core.units import COUNT_ONE, show_count
from connectors.simulators.kalshi.venue import Venue
from connectors.simulators.request import Reply


def groups(venue: Venue, call: Call) -> Reply:
    found = venue.floor.groups.of(call.user, call.subaccount())
    return Reply(200, {"order_groups": [{"id": g.group_id, **_shown(g)} for g in found]})


def create(venue: Venue, call: Call) -> Reply:
    body = call.body()
    shard = body.integer("exchange_index", 0) or 0
    made = venue.exchange.create_group(call.user, _limit(body), call.now, body.subaccount(), shard)
    shown = {"order_group_id": made.group_id, "subaccount": made.subaccount, "exchange_index": made.shard}
    return Reply(201, shown)


def group(venue: Venue, call: Call) -> Reply:
    found = venue.floor.groups.find(call.user, call.path["order_group_id"], call.subaccount())
    return Reply(200, {**_shown(found), "orders": list(found.order_ids)})


def delete(venue: Venue, call: Call) -> Reply:
    venue.exchange.delete_group(_find(venue, call), call.now)
    return Reply(200, {})


def reset(venue: Venue, call: Call) -> Reply:
    venue.exchange.reset_group(_find(venue, call), call.now)
    return Reply(200, {})


def trigger(venue: Venue, call: Call) -> Reply:
    venue.exchange.trigger_group(_find(venue, call), call.now)
    return Reply(200, {})


def limit(venue: Venue, call: Call) -> Reply:
    venue.exchange.limit_group(_find(venue, call), _limit(call.body()), call.now)
    return Reply(200, {})


def _find(venue: Venue, call: Call) -> Group:
    """Changing a group needs its subaccount and shard: both are 0 unless said."""
    shard = call.shard()
    return venue.floor.groups.find(call.user, call.path["order_group_id"], call.subaccount() or 0, shard or 0)


def _limit(body: Body) -> int:
    whole, exact = body.integer("contracts_limit", 1), body.optional_count("contracts_limit_fp")
    if whole is None and exact is None:
        raise body.bad("contracts_limit", "required")
    if whole is not None and exact is not None and whole * COUNT_ONE != exact:
        raise VenueError(400, "invalid_parameters", "contracts_limit and contracts_limit_fp differ")
    return exact if exact is not None else (whole or 0) * COUNT_ONE


def _shown(found: Group) -> dict[str, Any]:
    return {
        "contracts_limit_fp": show_count(found.limit),
        "is_auto_cancel_enabled": True,
        "exchange_index": found.shard,
    }
