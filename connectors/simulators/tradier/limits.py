"""Rate windows: a minute from the first request, one for each group of endpoints, by the venue's clock."""

from __future__ import annotations

from collections.abc import Callable

WINDOW_MS = 60_000
MOST = {"market": 120, "standard": 120, "trade": 60}
SANDBOX_MOST = 60
UNLIMITED = 1_000_000


class Windows:
    """``now`` is UTC nanoseconds."""

    def __init__(self, sandbox: bool, unlimited: Callable[[], bool], now: Callable[[], int]) -> None:
        self._most = {group: SANDBOX_MOST if sandbox else most for group, most in MOST.items()}
        self._unlimited = unlimited
        self._now = now
        self._used: dict[str, tuple[int, int]] = {}  # group: end of its window (ms), requests in it

    def take(self, group: str) -> tuple[bool, dict[str, str]]:
        """Whether one more request is allowed, and the headers that say where the window stands."""
        now = self._now() // 1_000_000
        ends, used = self._used.get(group, (0, 0))
        if now >= ends:
            ends, used = now + WINDOW_MS, 0
        most = UNLIMITED if self._unlimited() else self._most[group]
        allowed = used < most
        used += allowed
        self._used[group] = ends, used
        return allowed, {
            "X-Ratelimit-Allowed": str(most), "X-Ratelimit-Used": str(used), "X-Ratelimit-Available": str(most - used),
            "X-Ratelimit-Expiry": str(ends),
        }  # fmt: skip

    def words(self, group: str) -> str:
        """What is said when there were too many."""
        return f"Quota Violation: too many requests. Quota will be reset at {self._used[group][0]}"


def group_of(method: str, path: str) -> str:
    """The group of a request; ``path`` is below the version."""
    if path.startswith("/markets"):
        return "market"
    return "trade" if method != "GET" and "/orders" in path else "standard"
