"""Balances, subaccounts, transfers. Balances lag behind like all portfolio reads; transfers are done at once."""

from __future__ import annotations

from typing import Any

from connectors.simulators.kalshi import render
from connectors.simulators.kalshi.call import Body, Call
from connectors.simulators.kalshi.core.accounts import Purse
from connectors.simulators.kalshi.core.errors import VenueError, not_found
from connectors.simulators.kalshi.core.units import CENT, NANOS, PRICE_ONE, show_balance
from connectors.simulators.kalshi.paging import page
from connectors.simulators.kalshi.venue import Transfer, Venue
from connectors.simulators.request import Reply

SUBACCOUNTS_MOST = 64
CENTICENT = CENT // 100


def balance(venue: Venue, call: Call) -> Reply:
    """What can be spent: cash less what resting orders hold back. Cents are cut off, not rounded."""
    number, shard = call.subaccount() or 0, call.shard()
    portfolio = venue.published.portfolio(call.user, call.now)
    shards = range(len(venue.floor.shards)) if shard in (None, -1) else [shard or 0]
    by_shard = {index: portfolio.balances.get((number, index), 0) for index in shards}
    total = sum(by_shard.values())
    value = sum(
        _worth(venue, p.ticker, p.count)
        for p in portfolio.positions.values()
        if p.subaccount == number and p.shard in by_shard
    )
    body: dict[str, Any] = {
        "balance": total // CENT,
        "balance_dollars": show_balance(total),
        "portfolio_value": value // CENT,
        "updated_ts": portfolio.balance_ns // NANOS,
    }
    assert call.key is not None
    if call.key.subaccount is None:
        body["balance_breakdown"] = [
            {"exchange_index": index, "balance": show_balance(money)} for index, money in by_shard.items()
        ]
    return Reply(200, body)


def _worth(venue: Venue, ticker: str, count: int) -> int:
    """A position at the last price."""
    price = venue.floor.markets[ticker].last_price
    return count * price if count > 0 else -count * (PRICE_ONE - price)


def resting_order_value(venue: Venue, call: Call) -> Reply:
    by_shard = dict.fromkeys(range(len(venue.floor.shards)), 0)
    for (user, _, _), (shard, held) in venue.exchange.accounts.reserves.items():
        if user == call.user:
            by_shard[shard] += held
    body = {
        "total_resting_order_value": sum(by_shard.values()) // CENT,
        "resting_order_value_breakdown": [
            {"exchange_index": index, "balance": show_balance(money)} for index, money in by_shard.items()
        ],
    }
    return Reply(200, body)


# Subaccounts


def create_subaccount(venue: Venue, call: Call) -> Reply:
    body = call.body() if call.raw.strip() else None
    if body is not None:
        body.integer("exchange_index", 0, len(venue.floor.shards) - 1)
    _unrestricted(call)
    user = venue.exchange.accounts.user(call.user)
    if user.subaccounts >= SUBACCOUNTS_MOST:
        raise VenueError(400, "invalid_parameters", "there are 63 numbered subaccounts already")
    user.subaccounts += 1
    return Reply(201, {"subaccount_number": user.subaccounts - 1})


def subaccount_balances(venue: Venue, call: Call) -> Reply:
    assert call.key is not None
    portfolio = venue.published.portfolio(call.user, call.now)
    numbers = range(venue.exchange.accounts.user(call.user).subaccounts)
    shown = [
        {
            "subaccount_number": number,
            "exchange_index": shard,
            "balance": show_balance(portfolio.balances.get((number, shard), 0)),
            "updated_ts": portfolio.balance_ns // NANOS,
        }
        for number in numbers
        if call.key.subaccount in (None, number)
        for shard in range(len(venue.floor.shards))
    ]
    return Reply(200, {"subaccount_balances": shown})


def subaccount_transfer(venue: Venue, call: Call) -> Reply:
    body = call.body()
    _unrestricted(call)
    client_id = body.required("client_transfer_id")
    source, target = (_needed(body, name) for name in ("from_subaccount", "to_subaccount"))
    amount, shard = _needed(body, "amount_cents"), body.integer("exchange_index", 0) or 0
    _move(venue, call, client_id, (source, shard), (target, shard), amount * CENT)
    return Reply(200, {})


def subaccount_transfers(venue: Venue, call: Call) -> Reply:
    found = [t for t in venue.transfers if t.user == call.user and t.source[1] == t.target[1]]
    shown, cursor = _transfer_page(call, found, 1000)
    listed = [
        {
            "transfer_id": t.transfer_id,
            "from_subaccount": t.source[0],
            "to_subaccount": t.target[0],
            "amount_cents": t.amount // CENT,
            "created_ts": t.created_ns // NANOS,
            "exchange_index": t.source[1],
        }
        for t in shown
    ]
    return Reply(200, {"transfers": listed, "cursor": cursor})


def netting(venue: Venue, call: Call) -> Reply:
    wanted = venue.exchange.accounts.netting.wanted
    shown = [
        {"subaccount_number": number, "enabled": (call.user, number) in wanted, "exchange_index": shard}
        for number in range(venue.exchange.accounts.user(call.user).subaccounts)
        for shard in range(len(venue.floor.shards))
    ]
    return Reply(200, {"netting_configs": shown})


def set_netting(venue: Venue, call: Call) -> Reply:
    """From the next fill on. Turning it off leaves what has been returned until those positions go."""
    body = call.body()
    number = _needed(body, "subaccount_number")
    user, number, _ = _purse(venue, call, (number, 0))
    if not isinstance(body.values.get("enabled"), bool):
        raise body.bad("enabled", "required")
    wanted = venue.exchange.accounts.netting.wanted
    if body.flag("enabled"):
        wanted.add((user, number))
    else:
        wanted.discard((user, number))
    return Reply(200, None)


# Transfers between shards


def transfer(venue: Venue, call: Call) -> Reply:
    body = call.body()
    for name in ("source", "destination"):
        if body.required(name) != "event_contract":
            raise VenueError(400, "invalid_parameters", "the practice exchange has event contracts only")
    source, target = (
        (body.integer(f"{name}_subaccount", 0) or 0, body.integer(f"{name}_exchange_shard", 0) or 0)
        for name in ("source", "destination")
    )
    assert call.key is not None
    if call.key.subaccount is not None and {source[0], target[0]} != {call.key.subaccount}:
        raise VenueError(403, "forbidden", "the API key is restricted to another subaccount")
    amount = _needed(body, "amount") * CENTICENT
    moved = _move(venue, call, body.text("client_transfer_id"), source, target, amount)
    return Reply(200, {"transfer_id": moved.transfer_id})


def transfers(venue: Venue, call: Call) -> Reply:
    shown, cursor = _transfer_page(call, [t for t in venue.transfers if t.user == call.user], 500)
    return Reply(200, {"transfers": [_shown_transfer(t) for t in shown], **({"cursor": cursor} if cursor else {})})


def one_transfer(venue: Venue, call: Call) -> Reply:
    wanted = call.path["transfer_id"]
    found = next((t for t in venue.transfers if t.user == call.user and t.transfer_id == wanted), None)
    if found is None:
        raise not_found()
    return Reply(200, {"transfer": _shown_transfer(found)})


def _shown_transfer(t: Transfer) -> render.Json:
    shown = {
        "transfer_id": t.transfer_id,
        "source": "event_contract",
        "destination": "event_contract",
        "source_exchange_shard": t.source[1],
        "destination_exchange_shard": t.target[1],
        "amount": show_balance(t.amount),
        "status": "complete",
        "created_ts": t.created_ns // NANOS,
    }
    return shown | ({"client_transfer_id": t.client_id} if t.client_id else {})


def _move(
    venue: Venue, call: Call, client_id: str | None, source: tuple[int, int], target: tuple[int, int], amount: int
) -> Transfer:
    if client_id and any(t.user == call.user and t.client_id == client_id for t in venue.transfers):
        raise VenueError(409, "transfer_already_applied")
    venue.exchange.advance(call.now)
    if not all(venue.floor.shards[shard].active for _, shard in (source, target) if shard < len(venue.floor.shards)):
        raise VenueError(503, "exchange_paused")
    purses = _purse(venue, call, source), _purse(venue, call, target)
    venue.exchange.accounts.transfer(*purses, amount, venue.floor.now)
    moved = Transfer(venue.floor.ids(), client_id, call.user, source, target, amount, venue.floor.now)
    venue.transfers.append(moved)
    return moved


def _purse(venue: Venue, call: Call, place: tuple[int, int]) -> Purse:
    number, shard = place
    user = venue.exchange.accounts.user(call.user)
    if not (0 <= number < user.subaccounts and 0 <= shard < len(venue.floor.shards)):
        raise VenueError(400, "invalid_parameters", f"there is no subaccount {number} on exchange_index {shard}")
    return call.user, number, shard


def _needed(body: Body, name: str) -> int:
    value = body.integer(name, 0)
    if value is None:
        raise body.bad(name, "required")
    return value


def _unrestricted(call: Call) -> None:
    assert call.key is not None
    if call.key.subaccount is not None:
        raise VenueError(403, "forbidden", "the API key is restricted to a subaccount")


def _transfer_page(call: Call, found: list[Transfer], most: int) -> tuple[list[Transfer], str]:
    return page(found, lambda t: (t.created_ns, t.transfer_id), call.limit(100, most), call.text("cursor"))


# What never happens here


def deposits(venue: Venue, call: Call) -> Reply:
    call.limit(100, 500)
    return Reply(200, {"deposits": [], "cursor": ""})


def withdrawals(venue: Venue, call: Call) -> Reply:
    call.limit(100, 500)
    return Reply(200, {"withdrawals": [], "cursor": ""})


def allocation(venue: Venue, call: Call) -> Reply:
    """No balance is moved by itself, so there is never an allocation."""
    return Reply(200, {"allocations": [], "resting_margin_reservation": "sum"})


def set_allocation(venue: Venue, call: Call) -> Reply:
    if call.body().items("allocations"):
        raise VenueError(400, "invalid_parameters", "the practice exchange does not rebalance; use a transfer")
    return Reply(200, {})
