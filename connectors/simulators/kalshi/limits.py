"""Rate limits: token buckets by tier. Reads and writes apart, writes by shard, the balance in a bucket of its own."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.simulators.kalshi.core.units import NANOS

DEFAULT_COST = 10
CANCEL_COST = 2


@dataclass(frozen=True, slots=True)
class Tier:
    """Tokens per second, and for how many seconds unused ones gather."""

    name: str
    read: int
    write: int
    read_seconds: int
    write_seconds: int
    balance: int  # calls of GET balance per second


TIERS = {
    tier.name: tier
    for tier in (
        Tier("basic", 200, 100, 3, 1, 1),
        Tier("advanced", 300, 300, 3, 3, 1),
        Tier("expert", 600, 600, 1, 3, 5),
        Tier("premier", 1_200, 1_200, 1, 3, 5),
        Tier("paragon", 2_400, 2_400, 1, 3, 5),
        Tier("prime", 4_800, 4_800, 1, 3, 5),
        Tier("prestige", 12_000, 9_600, 1, 3, 5),
    )
}


class Bucket:
    """Tokens in billionths, so that refills by the nanosecond are exact."""

    __slots__ = ("_at", "_left", "capacity", "rate")

    def __init__(self, rate: int, capacity: int, now: int) -> None:
        self.rate = rate
        self.capacity = capacity
        self._left = capacity * NANOS
        self._at = now

    def has(self, cost: int, now: int) -> bool:
        if now > self._at:
            self._left = min(self.capacity * NANOS, self._left + (now - self._at) * self.rate)
            self._at = now
        return self._left >= cost * NANOS

    def take(self, cost: int) -> None:
        self._left -= cost * NANOS


class Limits:
    """The buckets of one user."""

    def __init__(self, tier: Tier, shards: int, now: int) -> None:
        self.tier = tier
        self.read = Bucket(tier.read, tier.read * tier.read_seconds, now)
        self.writes = [Bucket(tier.write, tier.write * tier.write_seconds, now) for _ in range(shards)]
        self.balance = Bucket(tier.balance, tier.balance, now)

    def spend_read(self, cost: int, now: int) -> bool:
        return _spend([self.read], cost, now)

    def spend_balance(self, now: int) -> bool:
        return _spend([self.balance], 1, now)

    def spend_write(self, cost: int, shard: int | None, now: int) -> bool:
        """``shard`` None bills every shard: what an order that is routed by its ticker does."""
        if shard is not None and not 0 <= shard < len(self.writes):
            shard = 0
        return _spend(self.writes if shard is None else [self.writes[shard]], cost, now)


def _spend(buckets: list[Bucket], cost: int, now: int) -> bool:
    if not all(bucket.has(cost, now) for bucket in buckets):
        return False
    for bucket in buckets:
        bucket.take(cost)
    return True
