"""Order groups: a fuse that blows when too many contracts of a group trade within fifteen seconds."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from connectors.simulators.kalshi.core.errors import VenueError
from connectors.simulators.kalshi.core.notices import GroupChanged, Notice
from connectors.simulators.kalshi.core.units import NANOS

WINDOW_NS = 15 * NANOS
GROUPS_OF_A_USER = 100_000


@dataclass(slots=True)
class Group:
    """``matched`` holds (time, contracts) of the last fifteen seconds; ``order_ids`` only what still rests."""

    group_id: str
    user: str
    subaccount: int
    shard: int
    limit: int
    triggered: bool = False
    matched: deque[tuple[int, int]] = field(default_factory=deque)
    order_ids: dict[str, None] = field(default_factory=dict)

    def matched_lately(self, now: int) -> int:
        while self.matched and self.matched[0][0] <= now - WINDOW_NS:
            self.matched.popleft()
        return sum(count for _, count in self.matched)


class Groups:
    """All groups by id. Cancelling the orders of a blown group is the exchange's part."""

    def __init__(self, notices: list[Notice]) -> None:
        self.notices = notices
        self.groups: dict[str, Group] = {}

    def create(self, group: Group, now: int) -> Group:
        if group.limit <= 0:
            raise VenueError(400, "invalid_parameters", "contracts_limit must be positive")
        if sum(g.user == group.user for g in self.groups.values()) >= GROUPS_OF_A_USER:
            raise VenueError(400, "invalid_parameters", "too many order groups")
        self.groups[group.group_id] = group
        self.tell(group, "created", now, group.limit)
        return group

    def find(self, user: str, group_id: str, subaccount: int | None = None, shard: int | None = None) -> Group:
        group = self.groups.get(group_id)
        if group is None or group.user != user:
            raise VenueError(404, "not_found")
        if subaccount is not None and group.subaccount != subaccount:
            raise VenueError(404, "not_found")
        if shard is not None and group.shard != shard:
            raise VenueError(404, "not_found")
        return group

    def of(self, user: str, subaccount: int | None) -> list[Group]:
        found = (g for g in self.groups.values() if g.user == user)
        return [g for g in found if subaccount is None or g.subaccount == subaccount]

    def for_order(self, user: str, group_id: str | None, subaccount: int, shard: int) -> Group | None:
        """The group that a new order joins. Raises VenueError when there is none such or it has blown."""
        if group_id is None:
            return None
        group = self.groups.get(group_id)
        if group is None or (group.user, group.subaccount, group.shard) != (user, subaccount, shard):
            raise VenueError(404, "order_group_not_found")
        if group.triggered:
            raise VenueError(409, "exceeded_order_group_risk_limit")
        return group

    def count(self, group: Group, contracts: int, now: int) -> bool:
        """Count a fill; whether that blows the fuse."""
        group.matched.append((now, contracts))
        return not group.triggered and group.matched_lately(now) >= group.limit

    def tell(self, group: Group, event_type: str, now: int, limit: int | None = None) -> None:
        self.notices.append(GroupChanged(group.user, group.group_id, event_type, limit, now))
