"""What has moved to the historical endpoints: markets and trades after 90 days, ended orders after 14."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.simulators.kalshi.call import Call
from connectors.simulators.kalshi.core.model import Market
from connectors.simulators.kalshi.core.units import NANOS, show_time
from connectors.simulators.kalshi.venue import Venue
from connectors.simulators.request import Reply

_DAY_NS = 86_400 * NANOS


@dataclass(frozen=True, slots=True)
class Cutoff:
    """Older than this is archived. UTC nanoseconds."""

    markets_ns: int
    trades_ns: int
    orders_ns: int

    def has_market(self, market: Market) -> bool:
        return market.settled_ns is not None and market.settled_ns < self.markets_ns


def cutoff(now: int) -> Cutoff:
    """The cutoffs move once a day."""
    today = now // _DAY_NS * _DAY_NS
    return Cutoff(today - 90 * _DAY_NS, today - 90 * _DAY_NS, today - 14 * _DAY_NS)


def historical_cutoff(venue: Venue, call: Call) -> Reply:
    archive = cutoff(call.now)
    body = {
        "market_settled_ts": show_time(archive.markets_ns),
        "trades_created_ts": show_time(archive.trades_ns),
        "orders_updated_ts": show_time(archive.orders_ns),
        "market_positions_last_updated_ts": show_time(archive.markets_ns),
    }
    return Reply(200, body)
