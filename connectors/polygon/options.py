"""Figures of an options chain, from one snapshot of it and the one before. Pure.

At the money means the strike nearest to the underlying's price, of the nearest expiration that has figures there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from connectors.polygon.models import ContractSnapshot

ZERO = Decimal(0)
NANOS = 1_000_000_000
NEW_YORK = ZoneInfo("America/New_York")
NEAR_SHARE = Decimal("0.02")  # a strike further from the price than this is not at the money


class Figure(NamedTuple):
    """A value, or None and why it is unknown."""

    value: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Volumes:
    """Contracts traded on ``day``, a date in New York."""

    day: date
    calls: Decimal
    puts: Decimal


def market_day(time_ns: int) -> date:
    """The date in New York."""
    return datetime.fromtimestamp(time_ns // NANOS, UTC).astimezone(NEW_YORK).date()


def expirations(time_ns: int, days: int) -> tuple[date, date]:
    """The first and last expiration that count as near."""
    today = market_day(time_ns)
    return today, today + timedelta(days=days)


def volumes_of(chain: Iterable[ContractSnapshot], now_ns: int) -> Volumes | None:
    """What traded today. A contract whose last trading day is an earlier one, or none, has not traded today.

    None where contracts have figures but none says of which day, which some plans leave out.
    """
    today, calls, puts, undated = market_day(now_ns), ZERO, ZERO, False
    for contract in chain:
        volume, updated = contract.day.volume, contract.day.last_updated
        if volume is None or volume == 0:
            continue
        if updated is None:
            undated = True
        elif market_day(updated) == today:
            if contract.details.contract_type == "call":
                calls += volume
            elif contract.details.contract_type == "put":
                puts += volume
    return None if undated else Volumes(today, calls, puts)


def figures(chain: Sequence[ContractSnapshot], now_ns: int, before: Volumes | None) -> dict[str, Figure]:
    """All facts ``options.*``; ``before``: the volumes of the snapshot before this one."""
    if not chain:
        nothing = Figure(None, "the chain has no contract near the price and date")
        return {f"options.{name}": nothing for name in _NAMES}
    volumes = volumes_of(chain, now_ns)
    found = {**_traded(volumes, before), "open_interest": _open_interest(chain)}
    price = next((p for c in chain if (p := c.underlying_asset.price or c.underlying_asset.value)), None)
    if price is None:
        no_price = Figure(None, "the snapshot does not say the price of the underlying")
        found |= {"implied_volatility": no_price, "spread_ratio": no_price}
    else:
        found |= {"implied_volatility": _volatility(chain, price), "spread_ratio": _spread(chain, price)}
    return {f"options.{name}": figure for name, figure in found.items()}


_NAMES = (
    "volume", "call_volume", "put_volume", "open_interest", "implied_volatility", "put_call_ratio",
    "flow_call_share", "spread_ratio",
)  # fmt: skip


def unknown(reason: str) -> dict[str, Figure]:
    """All facts, unknown for one reason."""
    return {f"options.{name}": Figure(None, reason) for name in _NAMES}


def _traded(volumes: Volumes | None, before: Volumes | None) -> dict[str, Figure]:
    if volumes is None:
        undated = Figure(None, "the snapshot does not say of which day its volumes are")
        return dict.fromkeys(("volume", "call_volume", "put_volume", "put_call_ratio", "flow_call_share"), undated)
    calls, puts = volumes.calls, volumes.puts
    ratio = Figure(float(puts / calls)) if calls else Figure(None, "no call has traded today")
    return {
        "volume": Figure(float(calls + puts)),
        "call_volume": Figure(float(calls)),
        "put_volume": Figure(float(puts)),
        "put_call_ratio": ratio,
        "flow_call_share": _flow(volumes, before),
    }


def _flow(now: Volumes, before: Volumes | None) -> Figure:
    if before is None or before.day != now.day:
        return Figure(None, "there is no earlier snapshot of today")
    calls, puts = now.calls - before.calls, now.puts - before.puts
    if calls < 0 or puts < 0:
        return Figure(None, "volumes have become smaller, by a correction or another choice of strikes")
    return Figure(float(calls / (calls + puts))) if calls + puts else Figure(None, "nothing traded since the last one")


def _open_interest(chain: Sequence[ContractSnapshot]) -> Figure:
    known = [contract.open_interest for contract in chain if contract.open_interest is not None]
    return Figure(float(sum(known, ZERO))) if known else Figure(None, "no contract says its open interest")


def _volatility(chain: Sequence[ContractSnapshot], price: Decimal) -> Figure:
    """The mean of call and put at the money, or the one of them that is known."""
    for group in _at_the_money(chain, price):
        known = [contract.implied_volatility for contract in group if contract.implied_volatility]
        if known:
            return Figure(float(sum(known, ZERO) / len(known)))
    return Figure(None, "no contract at the money says its implied volatility")


def _spread(chain: Sequence[ContractSnapshot], price: Decimal) -> Figure:
    """The narrower of call and put at the money."""
    for group in _at_the_money(chain, price):
        spreads = []
        for contract in group:
            quote = contract.last_quote
            if quote is not None and quote.bid and quote.ask and quote.ask >= quote.bid:
                spreads.append((quote.ask - quote.bid) / ((quote.ask + quote.bid) / 2))
        if spreads:
            return Figure(float(min(spreads)))
    return Figure(None, "no contract at the money has a quote; the plan may not include quotes")


def _at_the_money(chain: Sequence[ContractSnapshot], price: Decimal) -> list[list[ContractSnapshot]]:
    """Contracts near the price by expiration, then by how near their strike is."""
    groups: dict[tuple[date, Decimal, Decimal], list[ContractSnapshot]] = {}
    for contract in chain:
        away = abs(contract.details.strike_price - price)
        if away <= price * NEAR_SHARE and contract.details.contract_type != "other":
            key = (contract.details.expiration_date, away, contract.details.strike_price)
            groups.setdefault(key, []).append(contract)
    return [groups[key] for key in sorted(groups)]
